"""Does the controller have the rights that it needs, and no others?

The least set is derived from the API server's audit log of a controller's whole life (`lifetime.py`); the shipped one is
the same, right for right. In that life no fleet moves into a mesh: what is only followed for that comes by a role of its
own, whose rights are derived from a fleet's life in the same way (`test_migration_served.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from rollout.wiring.shipped import CONTROLLER, NAMESPACE
from tests.servers.actors import a_command, is_refused
from tests.servers.apiserver import ApiServer
from tests.servers.client import path_of
from tests.servers.cluster import Cluster
from tests.servers.controller import rollout
from tests.servers.lifetime import lived
from tests.servers.process import ServerFailedError, eventually, free_port
from tests.servers.prometheus import Prometheus
from tests.servers.rights import Recorded, Request, Right, account_config, granted, granted_for_moves, may, recorded
from tests.servers.shop import Place, Shop, opened, operated

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("rights")]

GRANTED = granted()
# Kinds of moves that are followed though nothing moves here. What preflight checks only list, this life does not ask for.
FOLLOWED = {(verb, *right[1:]) for right in granted_for_moves() if right[0] == "watch" for verb in ("list", "watch")}
OF_THE_CLUSTER = ("admissionregistration.k8s.io", "authentication.k8s.io", "authorization.k8s.io")
ROLES = (
    f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{CONTROLLER}-mesh",
    f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{CONTROLLER}",
    f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{CONTROLLER}-cluster",
    f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/roles/{CONTROLLER}",
)


@pytest.fixture(scope="module")
def place(cluster: Cluster, prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(cluster=cluster, prometheus=prometheus, directory=tmp_path_factory.mktemp("rights"))


@pytest.fixture(scope="module")
def shop(place: Place) -> Iterator[Shop]:
    """v1 serves; no controller yet."""
    with opened(place) as shop:
        yield shop


@pytest.fixture(scope="module")
def account(place: Place) -> Iterator[Path]:
    """`rollout install` ran as administrator; the file holds a token of the controller's service account."""
    server = place.cluster.server
    answer = rollout("install", kubeconfig=server.kubeconfig(), namespace=NAMESPACE)
    assert answer.returncode == 0, answer.stderr
    server.client().patch(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{CONTROLLER}", {"spec": {"replicas": 0}})
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{CONTROLLER}"
    if server.client().exists(lease):
        server.client().delete(lease)
    yield account_config(server, place.directory)
    rollout("uninstall", "--force", kubeconfig=server.kubeconfig(), namespace=NAMESPACE)
    # Other tests on this server give commands in other people's names.
    assert eventually(lambda: not is_refused(server, "admin", a_command("nobody")), 30.0)


@pytest.fixture(scope="module")
def life(shop: Shop, account: Path) -> Recorded:
    """What a controller asked for in its life."""
    server, hooks, api = shop.cluster.server, f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    mark = server.audit_mark()

    def seen(verb: str, resource: str) -> bool:
        return any((one.verb, one.resource) == (verb, resource) for one in recorded(server, mark).requests)

    with operated(shop, account, namespace="", own_namespace=NAMESPACE):  # no Lease says whether there were shards
        assert eventually(lambda: seen("create", "leases"), 30.0)
    server.client().delete(path_of(held_by_another()))
    lease = server.client().create(held_by_another())
    listens = {"webhooks_listen": hooks, "api_listen": api, "api_tokens": "yes"}
    with operated(shop, account, namespace="", own_namespace=NAMESPACE, **listens):
        assert eventually(lambda: seen("watch", "leases"), 30.0)
        server.client().delete(path_of(lease))
        lived(shop, f"http://{hooks}", f"http://{api}", seen)
    return recorded(server, mark)


def held_by_another() -> dict[str, Any]:
    """The controller's Lease in the hands of a replica that is not there any more: this one follows it for 10 s."""
    spec = {"holderIdentity": "another", "leaseDurationSeconds": 10}
    meta = {"name": CONTROLLER, "namespace": NAMESPACE}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}


def test_nothing_that_the_controller_asked_for_was_refused(life: Recorded) -> None:
    assert life.refused == ()


def test_the_shipped_rights_are_those_that_the_audit_log_tells(life: Recorded) -> None:
    needed = life.needed(set(GRANTED))

    assert sorted(needed - FOLLOWED) == GRANTED


@pytest.mark.parametrize("right", GRANTED, ids=" ".join)
def test_without_a_right_a_request_of_that_life_would_be_refused(life: Recorded, right: Right) -> None:
    assert life.refused_without({*GRANTED, *FOLLOWED} - {right}) != []


@pytest.mark.parametrize("right", GRANTED, ids=" ".join)
def test_the_api_server_refuses_what_a_missing_right_allowed(life: Recorded, shop: Shop, right: Right) -> None:
    kube, namespace = shop.cluster.kube, _scope(right, shop)
    request = next(one for one in sorted(life.requests) if right in one.rights)

    with without(shop.cluster.server, right):
        is_refused_now = eventually(lambda: not may(kube, request, namespace), 30.0)

    assert is_refused_now
    assert eventually(lambda: may(kube, request, namespace), 30.0)


def _scope(right: Right, shop: Shop) -> str:
    """Where a request for this right is made."""
    if right[1] == "coordination.k8s.io":
        return NAMESPACE
    return "" if right[1] in OF_THE_CLUSTER else shop.namespace


@contextmanager
def without(server: ApiServer, right: Right) -> Iterator[None]:
    """The roles lack one right for a while."""
    kube = server.client()
    before = {path: kube.get(path)["rules"] for path in ROLES}
    for path, rules in before.items():
        kube.patch(path, {"rules": [one for rule in rules for one in _single(rule, right)]})
    try:
        yield
    finally:
        for path, rules in before.items():
            kube.patch(path, {"rules": rules})


def _single(rule: dict[str, Any], missing: Right) -> Iterator[dict[str, Any]]:
    """The rule as rules of one right each, but for the one that is missing, and the wider one that would allow it too."""
    verb, group, resource = missing
    plural, _, name = resource.partition(":")
    narrow = {"resourceNames": rule["resourceNames"]} if "resourceNames" in rule else {}
    for one_group, one, one_verb in product(rule["apiGroups"], rule["resources"], rule["verbs"]):
        if (one_verb, one_group, one) != (verb, group, plural) or (narrow and not name):
            yield {"apiGroups": [one_group], "resources": [one], "verbs": [one_verb], **narrow}


def test_a_controller_that_may_not_list_pods_does_not_become_ready(life: Recorded, shop: Shop, account: Path) -> None:
    unlucky = shop.controller("unlucky", account, namespace="", own_namespace=NAMESPACE)

    with without(shop.cluster.server, ("list", "", "pods")):
        in_force = eventually(lambda: not may(shop.cluster.kube, Request("list", "", "pods"), ""), 30.0)
        with pytest.raises(ServerFailedError, match=r"is not ready|pods is forbidden"):
            unlucky.start()

    assert in_force


def test_a_controller_that_may_not_patch_a_route_moves_nothing_and_says_why(
    life: Recorded, shop: Shop, account: Path
) -> None:
    route, right = "httproute", ("patch", "gateway.networking.k8s.io", "httproutes")
    path = shop.path.removesuffix("checkout") + route
    with without(shop.cluster.server, right), operated(shop, account, namespace="", own_namespace=NAMESPACE) as one:
        request = Request("patch", "gateway.networking.k8s.io", "httproutes", route)
        in_force = eventually(lambda: not may(shop.cluster.kube, request, shop.namespace), 30.0)
        assert shop.order("retry", route).returncode == 0
        refused = eventually(lambda: "cannot patch resource" in one.last_words(), 60.0, 0.2)
        weights = shop.cluster.kube.get(
            f"/apis/gateway.networking.k8s.io/v1/namespaces/{shop.namespace}/httproutes/{route}"
        )

    assert in_force
    assert refused, one.last_words()
    assert [entry["name"] for entry in weights["spec"]["rules"][0]["backendRefs"] if entry["weight"]] == ["checkout-v1"]
    assert shop.cluster.kube.exists(path)


def test_a_request_for_one_object_is_allowed_by_the_right_for_it_alone() -> None:
    request = Request("list", "g", "things", "mine")

    assert Recorded(requests=frozenset({request}), refused=()).refused_without({("list", "g", "things:mine")}) == []
    assert Recorded(requests=frozenset({request}), refused=()).refused_without({("list", "g", "things:other")}) == [
        request
    ]
