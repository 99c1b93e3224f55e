"""Is nothing promoted on a guess while Prometheus is in trouble, and does the release go on by itself after it?"""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.servers.faults import Fault, everything
from tests.servers.meddler import Meddler
from tests.servers.process import eventually
from tests.servers.trouble import Trouble

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("faults of Prometheus")]

HELD_S = 3.5  # longer than a soak and a look: who guessed would be at 50 % by then
OBEYED_S = 1.9  # less than the deadline of one query, 2 s there; some tenths of a second on a quiet machine


def answered(kind: str, result: object, **more: Any) -> dict[str, Any]:
    """What Prometheus' API answers."""
    return {"status": "success", "data": {"resultType": kind, "result": result}, **more}


def series(*values: str) -> list[dict[str, Any]]:
    """A series whose newest points are these, a second apart."""
    points = [[time.time() - age, value] for age, value in enumerate(reversed(values))]
    return [{"metric": {"__name__": "envoy_cluster_upstream_rq_xx"}, "values": points[::-1]}]


SICK: dict[str, tuple[Callable[[Meddler], Fault], str]] = {
    "down": (lambda metrics: metrics.reset(everything), "QueryFailed"),
    "slow": (lambda metrics: metrics.delay(everything, 30.0), "QueryFailed"),
    "empty": (lambda metrics: metrics.tell(everything, answered("matrix", [])), "NoData"),
    "NaN": (lambda metrics: metrics.tell(everything, answered("matrix", series("NaN", "NaN"))), "NoRequests"),
    "partial": (
        lambda metrics: metrics.tell(everything, answered("matrix", [], warnings=["a store is away"])),
        "Partial",
    ),
    "of the wrong type": (lambda metrics: metrics.tell(everything, answered("string", [1e9, "1"])), "QueryFailed"),
}


@pytest.mark.parametrize("how", SICK)
def test_a_step_waits_while_prometheus_is(how: str, trouble: Trouble) -> None:
    spoil, code = SICK[how]
    before = trouble.begins()

    fault = spoil(trouble.metrics)
    said = eventually(lambda: code_of_verdict(trouble) == code, 20.0)
    first = fault.met[0].at
    eventually(lambda: fault.met[-1].at > first + HELD_S, 20.0)
    held = trouble.shop.status()
    fault.end()

    assert said, trouble.shop.told()
    assert (held["phase"], held["weight"], held["verdict"]) == ("Progressing", 10, "INCONCLUSIVE")
    assert trouble.shop.reaches(weight=50), trouble.shop.told()
    assert trouble.shop.status()["run"] == before["run"]


def test_git_is_obeyed_at_once_while_prometheus_hangs(trouble: Trouble) -> None:
    trouble.begins(50)
    fault = trouble.metrics.hang(everything)
    assert eventually(lambda: len(fault.met) > 0)

    trouble.name("v1")

    assert eventually(lambda: trouble.shop.weight("v2") == 0, OBEYED_S), trouble.shop.told()


def test_who_aborts_is_obeyed_at_once_while_prometheus_hangs(trouble: Trouble) -> None:
    trouble.begins(50)
    fault = trouble.metrics.hang(everything)
    assert eventually(lambda: len(fault.met) > 0)

    trouble.abort()

    assert eventually(lambda: trouble.shop.weight("v2") == 0, OBEYED_S), trouble.shop.told()
    assert trouble.shop.reaches(phase="Failed")


def test_a_release_goes_on_after_prometheus_was_restarted(trouble: Trouble) -> None:
    before = trouble.begins()
    prometheus = trouble.shop.place.prometheus

    prometheus.stop()
    said = eventually(lambda: code_of_verdict(trouble) == "QueryFailed")
    prometheus.start()

    assert said, trouble.shop.told()
    assert trouble.shop.reaches(weight=50), trouble.shop.told()
    assert trouble.shop.status()["run"] == before["run"]


def test_a_canary_that_failed_unseen_goes_back_when_prometheus_is_there_again(trouble: Trouble) -> None:
    trouble.begins()
    fault = trouble.metrics.reset(everything)
    trouble.ail(50)
    assert eventually(lambda: code_of_verdict(trouble) == "QueryFailed"), trouble.shop.told()

    fault.end()

    assert trouble.shop.reaches(phase="Failed"), trouble.shop.told()
    assert trouble.shop.gives("v2", 0)


def code_of_verdict(trouble: Trouble) -> str:
    """Why the only objective has its verdict; empty before the first."""
    return next((str(one["code"]) for one in trouble.shop.status().get("verdicts", ())), "")
