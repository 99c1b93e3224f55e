"""How are stable and its history asked for beside the canary?"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.prometheus import PrometheusMetrics
from rollout.model.measurement import Arm, Counters, Failed, NoData, NotANumber, Partial, Question, Value
from rollout.model.rollout import Query
from tests.support.builders import NOON
from tests.support.metrics_server import MetricsServer, matrix, metrics_server
from tests.support.questions import a_question, a_window

HOUR = 3600
REFUSED = {
    "status": "error",
    "errorType": "execution",
    "error": "query processing would load too many samples into memory in query execution",
}
LOOKED = Query(name="orders", query="orders # all", above=3, looks=3)


@pytest.fixture
async def server() -> AsyncIterator[MetricsServer]:
    async with metrics_server() as server:
        server.answer = matrix()
        yield server


@pytest.fixture
async def metrics(server: MetricsServer) -> AsyncIterator[PrometheusMetrics]:
    metrics = PrometheusMetrics(PrometheusAccess(url=server.url, mesh="envoy", most_bytes=4000))
    yield metrics
    await metrics.close()


def a_history(**changes: Any) -> Question:
    return a_question(arm=Arm.HISTORY, window=a_window(seconds=HOUR), **changes)


def series(*points: tuple[float, str], **labels: str) -> dict[str, Any]:
    """One series; points are at seconds before noon."""
    own = {"envoy_response_code_class": "2", **labels}
    return {"metric": own, "values": [[NOON.timestamp() - seconds, value] for seconds, value in points]}


async def test_history_is_read_as_it_was_scraped(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    server.answer = matrix(series((HOUR + 1, "1"), (1, "9")))

    found = await metrics.measure(a_history())

    assert isinstance(found, Counters)
    assert [one.query.rpartition("}")[2] for one in server.heard] == ["[3720s]"]


async def test_a_history_that_the_server_refuses_is_read_coarser(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    server.answers = {"[3720s]": (422, REFUSED), "[3720s:60s]": matrix(series((HOUR + 1, "1"), (1, "9")))}

    found = await metrics.measure(a_history())

    assert isinstance(found, Counters)
    assert [len(one.points) for one in found.total] == [2]
    assert len(server.heard) == 2


async def test_a_short_history_that_the_server_refuses_is_read_coarser_too(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    server.answers = {"[720s]": (422, REFUSED), "[720s:60s]": matrix(series((601, "1"), (1, "9")))}

    assert isinstance(await metrics.measure(a_question(arm=Arm.HISTORY, window=a_window(seconds=600))), Counters)


async def test_a_history_too_large_to_take_is_read_coarser(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    long = series(*((HOUR - second, str(second)) for second in range(600)))
    server.answers = {"[3720s]": matrix(long), "[3720s:60s]": matrix(series((HOUR + 1, "1"), (1, "9")))}

    assert isinstance(await metrics.measure(a_history()), Counters)


@pytest.mark.parametrize("arm", [Arm.CANARY, Arm.STABLE])
async def test_an_arm_that_the_server_refuses_fails_at_once(
    server: MetricsServer, metrics: PrometheusMetrics, arm: Arm
) -> None:
    server.answers = {"[": (422, REFUSED)}

    found = await metrics.measure(a_question(arm=arm))

    assert isinstance(found, Failed)
    assert "too many samples" in found.error
    assert len(server.heard) == 1


async def test_a_history_that_fails_for_another_reason_is_not_asked_for_again(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    server.answers = {"[": (503, {"errorType": "unavailable", "error": "starting up"})}

    assert isinstance(await metrics.measure(a_history()), Failed)
    assert len(server.heard) == 1


async def test_the_mesh_of_one_arm_is_asked_for_the_other(server: MetricsServer) -> None:
    metrics = PrometheusMetrics(PrometheusAccess(url=server.url))
    server.answers = {"envoy_cluster": matrix(series((HOUR + 1, "1"), (1, "9")))}
    await metrics.measure(a_history(revision="v1"))
    server.heard.clear()

    await metrics.measure(a_question(arm=Arm.STABLE, revision="v1"))
    await metrics.measure(a_question(arm=Arm.CANARY, revision="v2"))
    await metrics.close()

    assert [one.query.partition("{")[0] for one in server.heard if not one.query.startswith("up")] == [
        "envoy_cluster_upstream_rq_xx",
        "envoy_cluster_upstream_rq_xx",
    ]


async def test_a_pod_that_vanished_keeps_what_it_counted(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    server.answer = matrix(
        series((75, "0"), (60, "10"), (45, "40"), pod="gone"), series((75, "0"), (60, "1"), (0, "5"), pod="here")
    )

    found = await metrics.measure(a_question(arm=Arm.STABLE))

    assert isinstance(found, Counters)
    assert [one.points[-1][1] for one in found.total] == [40, 5]


async def looked(metrics: PrometheusMetrics, seconds: float = 60, late: float = 0) -> object:
    end = NOON + timedelta(seconds=late)
    return await metrics.measure(a_question(LOOKED, window=a_window(end, seconds=seconds)))


async def test_the_looks_of_a_query_come_in_one_request(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    server.answer = matrix(series((30, "1"), (15, "2"), (0, "3")))

    found = await looked(metrics)

    assert found == Value(query=LOOKED.query, value=3, earlier=(1, 2))
    assert [one.query for one in server.heard] == ["(orders # all\n)[37500ms:15000ms]"]


async def test_a_look_before_the_window_is_left_out(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    server.answer = matrix(series((30, "1"), (15, "2"), (0, "3")))

    assert await looked(metrics, seconds=20) == Value(query=LOOKED.query, value=3, earlier=(2,))


async def test_looks_between_two_steps_see_the_same(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    server.answer = matrix(series((30, "1"), (15, "2"), (0, "3")))

    assert await looked(metrics, late=14) == await looked(metrics)


async def test_a_window_without_a_look_has_no_data(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    assert await looked(metrics, seconds=3, late=7) == NoData(query=LOOKED.query)
    assert not server.heard


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (matrix(series((30, "1"), (15, "2"))), NoData(query=LOOKED.query)),
        (matrix(series((30, "1"), (0, "NaN"))), NotANumber(query=LOOKED.query)),
        (matrix(series((30, "1"), (15, "NaN"), (0, "3"))), Value(query=LOOKED.query, value=3, earlier=(1,))),
        (
            matrix(series((0, "1")), series((0, "2"), pod="b")),
            Partial(query=LOOKED.query, warning="2 series, one is needed: aggregate them, as with sum()"),
        ),
        (matrix(series((0, "1"))) | {"warnings": ["store down"]}, Partial(query=LOOKED.query, warning="store down")),
    ],
)
async def test_the_newest_look_is_told_for_what_it_is(
    server: MetricsServer, metrics: PrometheusMetrics, answer: dict[str, Any], wanted: object
) -> None:
    server.answer = answer

    assert await looked(metrics) == wanted


async def test_one_look_is_an_instant_query(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    await metrics.measure(a_question(replace(LOOKED, looks=1)))

    assert [one.query for one in server.heard] == ["orders # all"]
