"""How many requests does the controller make of the API server, by the server's own audit log?

Known figures of the same release elsewhere: Flagger 175 requests, 28 of them writes; Argo Rollouts 60 without its lease.
"""

import sys
from collections import Counter

import pytest

from tests.servers.process import eventually
from tests.servers.shop import USER, Shop

pytestmark = pytest.mark.server

Calls = Counter[tuple[str, str]]
RENEWALS = 7  # one every 4 s: 28 s
# Not of the release: the lease, and git's password, read at each look into git.
STANDING = frozenset([("patch", "leases"), ("get", "secrets")])


def test_an_idle_controller_only_renews_its_lease(shop: Shop) -> None:
    server = shop.cluster.server
    path = f"/apis/rollout.dev/v1alpha1/namespaces/{shop.namespace}/gitsources/specs"
    shop.cluster.kube.patch(path, {"spec": {"interval": "1h"}})
    assert eventually(lambda: observed(shop, path))
    mark = server.audit_mark()

    assert eventually(lambda: server.audit_counts(USER, mark)["patch", "leases"] >= RENEWALS, 60.0, 0.5)

    assert server.audit_counts(USER, mark).keys() == {("patch", "leases")}


def test_a_release_costs_few_requests_and_reads_nothing(shop: Shop) -> None:
    server = shop.cluster.server
    shop.deploy("v2")
    mark = server.audit_mark()

    with shop.busy():
        shop.commit("v2")
        assert shop.reaches(phase="Idle", stableRevision="v2"), shop.told()
        assert shop.forgets("v1"), shop.told()
    found = {what: times for what, times in server.audit_counts(USER, mark).items() if what not in STANDING}
    sys.stdout.write(table(found))

    assert {what for what in found if what[0] in {"get", "list", "watch"}} == set()
    assert sum(found.values()) <= 30


def table(found: dict[tuple[str, str], int]) -> str:
    """One line for each verb and resource, and the sum."""
    lines = [f"{times:4} {verb:6} {resource}" for (verb, resource), times in sorted(found.items())]
    return "\n".join(["", "requests of one release, two steps:", *lines, f"{sum(found.values()):4} in all", ""])


def observed(shop: Shop, path: str) -> bool:
    """Whether the controller has seen the present generation of its GitSource."""
    found = shop.cluster.kube.get(path)
    return bool(found["status"].get("observedGeneration") == found["metadata"]["generation"])
