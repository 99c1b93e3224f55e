"""Does a release go on when the controller, the API server or Prometheus fails in the middle of it?"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.servers.controller import Controller
from tests.servers.process import eventually
from tests.servers.shop import PATIENCE_S, USER, Place, Shop, opened, rights

pytestmark = pytest.mark.server

LEASE = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/rollout-controller"
WRITES = frozenset(["create", "update", "patch", "delete", "deletecollection"])
OTHER_USER = "ben"


@pytest.fixture
def idle(place: Place) -> Iterator[Shop]:
    """v1 serves and nothing looks after it; steps are long enough for something to fail in one of them."""
    with opened(place) as shop:
        shop.defaults = {"steps": [{"weight": 10, "soak": "4s"}, {"weight": 50, "soak": "8s"}]}
        shop.cluster.kube.apply(rights(shop.namespace, OTHER_USER))
        shop.commit("v1")
        yield shop


@contextmanager
def running(controller: Controller) -> Iterator[Controller]:
    """It runs meanwhile, if it was not ended before."""
    controller.start()
    try:
        yield controller
    finally:
        controller.kill()


@contextmanager
def in_mid_run(shop: Shop, controller: Controller) -> Iterator[dict[str, Any]]:
    """A release of v2 under load, at a weight of 50; its status then. It must lose no request until it is promoted."""
    with running(controller), shop.busy() as report:
        assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
        shop.release("v2")
        assert shop.gives("v2", 50), shop.told()
        assert shop.reaches(weight=50), shop.told()
        yield shop.status()
        assert shop.reaches(phase="Idle", stableRevision="v2"), shop.told()
    assert report.failed == 0


def test_a_killed_controller_goes_on_from_the_status_when_it_comes_back(idle: Shop) -> None:
    first = idle.controller("first")

    with in_mid_run(idle, first) as before:
        first.kill()
        left = idle.weight("v2")
        with running(idle.controller("second")):
            assert idle.reaches(phase="Idle", stableRevision="v2"), idle.told()

    assert left == 50
    assert idle.status()["run"] == before["run"]


def test_a_release_goes_on_after_the_api_server_restarted(idle: Shop) -> None:
    with in_mid_run(idle, idle.controller()) as before:
        idle.cluster.server.restart()

    assert idle.status()["run"] == before["run"]


def test_a_silent_prometheus_holds_a_release_and_does_not_fail_it(idle: Shop) -> None:
    prometheus = idle.place.prometheus

    with in_mid_run(idle, idle.controller()) as before:
        prometheus.freeze()
        try:
            # The deadline of one query is 10 s: so long it is frozen.
            assert eventually(lambda: code_of_verdict(idle) == "QueryFailed", PATIENCE_S), idle.told()
            held = idle.status()
        finally:
            prometheus.thaw()

    assert (held["phase"], held["weight"], held["verdict"]) == ("Progressing", 50, "INCONCLUSIVE")
    assert idle.status()["run"] == before["run"]


def test_of_two_controllers_only_the_one_with_the_lease_writes(idle: Shop) -> None:
    server = idle.cluster.server
    other = idle.controller("other", server.kubeconfig(OTHER_USER, idle.namespace), identity="other")

    with in_mid_run(idle, idle.controller("leader", identity="leader")):
        mark = server.audit_mark()
        with running(other):
            assert idle.reaches(phase="Idle", stableRevision="v2"), idle.told()

    leader, follower = (written(server.audit_counts(user, mark)) for user in (USER, OTHER_USER))
    assert leader["patch", "virtualservices"] > 0
    assert follower == {}


def test_a_leader_that_is_asked_to_end_hands_over_at_once(idle: Shop) -> None:
    leader = idle.controller("leader", identity="leader")
    other = idle.controller("other", idle.cluster.kubeconfig(OTHER_USER, idle.namespace), identity="other")

    with in_mid_run(idle, leader), running(other):
        code = leader.terminate()
        # Much sooner than the 10 s after which a lease that was not released may be taken.
        took_over = eventually(lambda: holder(idle) == "other", 7.0)
        assert idle.reaches(phase="Idle", stableRevision="v2"), idle.told()

    assert (code, took_over) == (0, True)


def code_of_verdict(shop: Shop) -> str:
    """Why the only objective has its verdict; empty before the first."""
    return next((str(one["code"]) for one in shop.status().get("verdicts", ())), "")


def written(requests: Counter[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Those requests that change something."""
    return {what: times for what, times in requests.items() if what[0] in WRITES}


def holder(shop: Shop) -> str:
    """Who has the lease."""
    return str(shop.cluster.kube.get(LEASE.format(shop.namespace))["spec"].get("holderIdentity", ""))
