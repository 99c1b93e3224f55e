"""Does the judge decide rightly from real scrapes of a real Envoy, also when counters or their server begin anew?

Stable fails 1 % of its requests all the time, unless a test says otherwise, so that there is something to be misled by.
"""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.servers.cluster import Cluster
from tests.servers.load import Report
from tests.servers.missing import obtained
from tests.servers.process import eventually
from tests.servers.prometheus import Prometheus
from tests.servers.shop import Place, Shop, opened, operated

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("judge")]

PATIENCE_S = 90.0
HISTORY = 2000  # requests to stable before a release: 10 s at the load's rate
PLAN: dict[str, Any] = {
    "steps": [{"weight": 10, "soak": "5s"}, {"weight": 50, "soak": "8s"}],
    "objectives": [{"name": "errors", "kind": "error-ratio", "max": "4%"}],
    "analysis": {"interval": "1s", "minRequests": 20},
}


@pytest.fixture(scope="module")
def own_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A server that a test may restart without taking it from others; it scrapes every second."""
    server = Prometheus(tmp_path_factory.mktemp("prometheus"))
    obtained(server.start)
    yield server
    server.stop()


@pytest.fixture
def here(cluster: Cluster, own_prometheus: Prometheus, tmp_path: Path) -> Place:
    """Where a shop opens."""
    return Place(cluster=cluster, prometheus=own_prometheus, directory=tmp_path)


@pytest.fixture
def judged(here: Place) -> Iterator[Shop]:
    """v1 serves and fails 1 % of its requests."""
    with serving(here, error_percent=1) as shop:
        yield shop


@contextmanager
def serving(place: Place, error_percent: int) -> Iterator[Shop]:
    """A shop whose v1 fails so many of its requests, and a controller."""
    with opened(place) as shop:
        shop.defaults = PLAN
        shop.deploy("v1", error_percent)
        with operated(shop):
            assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
            yield shop


@contextmanager
def busy(shop: Shop) -> Iterator[Report]:
    """Load, once there is a history to learn from."""
    with shop.busy() as report:
        assert eventually(lambda: report.total >= HISTORY, PATIENCE_S)
        yield report


def comes_to(shop: Shop, phase: str, stable: str) -> bool:
    """Whether the Rollout comes to rest so; a run that is over sooner in another way is not waited for."""

    def rests() -> bool:
        return bool(shop.status().get("history")) and shop.status()["phase"] in ("Idle", "Failed")

    eventually(rests, PATIENCE_S, 0.2)
    return (shop.status()["phase"], shop.status()["stableRevision"]) == (phase, stable)


def test_a_revision_as_good_as_stable_is_promoted(judged: Shop) -> None:
    with busy(judged) as report:
        judged.release("v2", error_percent=1)

        assert comes_to(judged, "Idle", "v2"), judged.told()

    assert report.broken == []
    assert report.by_version.keys() == {"v1", "v2"}


def test_a_revision_that_fails_much_more_is_rolled_back_and_costs_few_requests(judged: Shop) -> None:
    with busy(judged) as report:
        judged.release("v2", error_percent=15)

        assert comes_to(judged, "Failed", "v1"), judged.told()
        assert judged.gives("v2", 0)

    (verdict,) = judged.status()["verdicts"]
    assert (verdict["verdict"], verdict["code"] in {"WorseThanStable", "AboveLimit"}) == ("FAIL", True)
    assert report.by_version["v2"] < report.by_version["v1"] / 5
    assert judged.count(200).by_version == {"v1": 200}


def test_2_percent_of_errors_are_caught_where_stable_has_none(here: Place) -> None:
    objectives = [{"name": "errors", "kind": "error-ratio", "max": "1%"}]

    with serving(here, error_percent=0) as shop, busy(shop):
        shop.release("v2", error_percent=2, objectives=objectives)

        assert comes_to(shop, "Failed", "v1"), shop.told()


def test_prometheus_restarted_in_mid_run_does_not_turn_a_healthy_revision_back(
    judged: Shop, own_prometheus: Prometheus
) -> None:
    with busy(judged):
        judged.release("v2", error_percent=1)
        assert judged.gives("v2", 10), judged.told()
        own_prometheus.stop()
        own_prometheus.start()

        assert comes_to(judged, "Idle", "v2"), judged.told()


def test_a_bad_revision_is_caught_although_prometheus_was_restarted_in_mid_run(
    judged: Shop, own_prometheus: Prometheus
) -> None:
    with busy(judged):
        judged.release("v2", error_percent=15)
        assert judged.gives("v2", 10), judged.told()
        own_prometheus.stop()
        own_prometheus.start()

        assert comes_to(judged, "Failed", "v1"), judged.told()


def test_counters_that_begin_anew_in_mid_run_do_not_turn_a_healthy_revision_back(judged: Shop) -> None:
    with busy(judged):
        judged.release("v2", error_percent=1)
        assert judged.gives("v2", 50), judged.told()
        begin_anew(judged)

        assert comes_to(judged, "Idle", "v2"), judged.told()


def begin_anew(shop: Shop) -> None:
    """Every counter of the proxy goes back to 0, as when it was restarted."""
    admin = shop.envoy.metrics_url.removesuffix("/stats/prometheus")
    with urllib.request.urlopen(urllib.request.Request(f"{admin}/reset_counters", method="POST"), timeout=10) as answer:
        assert answer.status == 200
