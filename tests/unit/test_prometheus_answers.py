"""Is each answer of a metrics server told for what it is?"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.metrics import answers
from adapters.metrics.access import PrometheusAccess
from adapters.metrics.line import QueryError
from adapters.metrics.prometheus import PrometheusMetrics
from rollout.model.measurement import Answer, Counter, Counters, Failed, NoData, NotANumber, Partial, Value
from rollout.model.rollout import Objective, Query, SlowRatio
from tests.support.builders import ERRORS, NOON
from tests.support.metrics_server import MetricsServer, matrix, metrics_server, vector
from tests.support.points import scraped
from tests.support.questions import a_question, a_window

ORDERS = Query(name="orders", query='orders{v="{revision}"}', above=3)
SLOW = SlowRatio(name="slow", threshold=timedelta(milliseconds=500), max_ratio=0.05)
ASKED = 'orders{v="v2"}'


@pytest.fixture
async def server() -> AsyncIterator[MetricsServer]:
    async with metrics_server() as server:
        yield server


async def answer(server: MetricsServer, objective: Objective = ORDERS, mesh: str = "istio", **access: Any) -> Answer:
    metrics = PrometheusMetrics(PrometheusAccess(url=server.url, mesh=mesh, **access))
    try:
        return await metrics.measure(a_question(objective))
    finally:
        await metrics.close()


def at(seconds: int) -> datetime:
    """Seconds after the window's start, a minute before noon."""
    return NOON + timedelta(seconds=seconds - 60)


def series(*points: tuple[int, str], **labels: str) -> dict[str, Any]:
    """One series of pod a, scraped through instance a:15020."""
    own = {"__name__": "n", "instance": "a:15020", "job": "pods", **labels}
    return {"metric": own, "values": [[at(seconds).timestamp(), value] for seconds, value in points]}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (vector("2.5"), Value(query=ASKED, value=2.5)),
        ({"data": {"resultType": "scalar", "result": [0, "7"]}}, Value(query=ASKED, value=7)),
        (vector(), NoData(query=ASKED)),
        (vector("NaN"), NotANumber(query=ASKED)),
        (vector("+Inf"), NotANumber(query=ASKED)),
        (vector("1") | {"warnings": ["store down"]}, Partial(query=ASKED, warning="store down")),
        (vector() | {"warnings": ["store down"]}, Partial(query=ASKED, warning="store down")),
        (vector("1") | {"infos": ["not a counter"]}, Value(query=ASKED, value=1)),
        (vector("1") | {"isPartial": False}, Value(query=ASKED, value=1)),
        (
            vector("1", "2"),
            Partial(query=ASKED, warning="2 series, one is needed: aggregate them, as with sum()"),
        ),
        (matrix(), Failed(query=ASKED, error="the query gives a matrix, one number is needed: aggregate it")),
    ],
)
async def test_an_answer_to_a_free_query(server: MetricsServer, body: dict[str, Any], wanted: Answer) -> None:
    server.answer = body

    assert await answer(server) == wanted


async def test_victoria_metrics_partial_answers_are_partial(server: MetricsServer) -> None:
    server.answer = vector("1") | {"isPartial": True}

    assert isinstance(await answer(server), Partial)


async def test_a_query_that_cannot_be_filled_safely_is_not_sent(server: MetricsServer) -> None:
    metrics = PrometheusMetrics(PrometheusAccess(url=server.url))
    question = a_question(Query(name="q", query="orders_{revision}", above=1), revision="v 2")

    failed = await metrics.measure(question)

    await metrics.close()
    assert (type(failed), server.heard) == (Failed, [])


async def test_counters_are_read_from_before_the_window_to_its_end(server: MetricsServer) -> None:
    server.answer = matrix()

    await answer(server, ERRORS, "envoy")

    assert server.heard[0].query.endswith("}[180s]")


async def test_a_long_window_is_thinned_out_by_the_server_but_for_its_end(server: MetricsServer) -> None:
    server.answer = matrix()
    metrics = PrometheusMetrics(PrometheusAccess(url=server.url, mesh="envoy"))

    await metrics.measure(a_question(ERRORS, window=a_window(seconds=7080)))

    await metrics.close()
    assert sorted(heard.query.partition("}")[2] for heard in server.heard) == ["[600s]", "[7200s:30s]"]


async def test_thinned_points_go_before_those_of_the_windows_end(server: MetricsServer) -> None:
    server.answers = {
        ":30s]": matrix(series((-7100, "1"), (30, "8"), envoy_response_code_class="2")),
        "[600s]": matrix(series((0, "7"), (15, "8"), envoy_response_code_class="2")),
    }
    metrics = PrometheusMetrics(PrometheusAccess(url=server.url, mesh="envoy"))

    found = await metrics.measure(a_question(ERRORS, window=a_window(seconds=7080)))

    await metrics.close()
    assert isinstance(found, Counters)
    assert [value for _, value in found.total[0].points] == [1, 7, 8]


async def test_errors_are_the_series_whose_labels_say_so(server: MetricsServer) -> None:
    good = series((-5, "100"), (55, "190"), response_code="200")
    bad = series((-5, "1"), (55, "4"), response_code="500")
    server.answers = {'reporter="destination"': matrix(good, bad)}
    server.answer = matrix()

    found = await answer(server, ERRORS)

    assert isinstance(found, Counters)
    assert found.bad == (
        Counter(
            labels=(("instance", "a:15020"), ("job", "pods"), ("response_code", "500")),
            points=scraped((at(-5), 1.0), (at(55), 4.0)),
        ),
    )


async def test_what_only_callers_saw_adds_to_total_and_errors(server: MetricsServer) -> None:
    refused = series((-5, "0"), (55, "9"), response_flags="UF,URX", response_code="503", reporter="source")
    lost = series((-5, "0"), (55, "2"), response_flags="UC", response_code="503", reporter="source")
    good = series((-5, "100"), (55, "190"), response_code="200")
    server.answers = {'reporter="source"': matrix(refused, lost), 'reporter="destination"': matrix(good)}

    found = await answer(server, ERRORS)

    assert isinstance(found, Counters)
    assert (len(found.total), len(found.bad)) == (2, 2)


async def test_a_counter_that_an_earlier_scrape_did_not_show_starts_from_nothing(server: MetricsServer) -> None:
    born = series((25, "40"), (40, "60"), envoy_response_code_class="5")
    server.answers = {"up{": matrix(series((-5, "1"), (10, "1"), (25, "1"), (40, "1"))), "rq_xx": matrix(born)}

    found = await answer(server, ERRORS, "envoy")

    assert isinstance(found, Counters)
    assert found.bad[0].points == scraped((at(10), 0.0), (at(25), 40.0), (at(40), 60.0))


async def test_a_counter_seen_after_a_failed_scrape_may_be_as_old_as_its_value(server: MetricsServer) -> None:
    born = series((25, "40"), envoy_response_code_class="5")
    server.answers = {"up{": matrix(series((10, "0"), (25, "1"))), "rq_xx": matrix(born)}

    found = await answer(server, ERRORS, "envoy")

    assert isinstance(found, Counters)
    assert found.bad[0].points == scraped((at(0), 40.0), (at(25), 40.0))


async def test_scrapes_are_not_asked_for_when_all_series_are_old(server: MetricsServer) -> None:
    server.answer = matrix(series((-5, "1"), (55, "4"), envoy_response_code_class="2"))

    await answer(server, ERRORS, "envoy")

    assert len(server.heard) == 1


async def test_slow_requests_are_all_less_those_within_the_threshold(server: MetricsServer) -> None:
    every = series((-5, "100"), (55, "200"), le="+Inf")
    fast = series((-5, "90"), (55, "150"), le="500")
    server.answer = matrix(every, fast)

    found = await answer(server, SLOW, "envoy")

    assert isinstance(found, Counters)
    assert (found.total[0].points, found.bad[0].points) == (
        scraped((at(-5), 100.0), (at(55), 200.0)),
        scraped((at(-5), 10.0), (at(55), 50.0)),
    )


async def test_a_threshold_between_two_bounds_fails_and_lists_the_bounds(server: MetricsServer) -> None:
    every, low, high = (series((-5, "1"), le=bound) for bound in ("+Inf", "250", "1000"))
    server.answers = {"le=~": matrix(every)}
    server.answer = matrix(every, low, high)

    found = await answer(server, SLOW, "envoy")

    assert isinstance(found, Failed)
    assert found.error == ("no bucket ends at 500 ms; set the objective's threshold to one of these, in ms: 250, 1000")


async def test_a_warning_on_counters_makes_them_partial(server: MetricsServer) -> None:
    server.answer = matrix() | {"warnings": ["store down"]}

    found = await answer(server, ERRORS, "envoy")

    assert isinstance(found, Partial)


async def test_too_many_series_are_refused(server: MetricsServer) -> None:
    server.answer = matrix(*(series((-5, "1"), pod=str(number)) for number in range(3)))

    found = await answer(server, ERRORS, "envoy", most_series=2)

    assert isinstance(found, Failed)
    assert found.error == "3 series, at most 2 are read: narrow them with the objective's selector"


async def test_a_ratio_without_any_series_is_no_data(server: MetricsServer) -> None:
    server.answer = matrix()

    assert isinstance(await answer(server, ERRORS, "auto"), NoData)


async def test_auto_takes_the_first_mesh_that_has_series_and_then_asks_it_alone(server: MetricsServer) -> None:
    server.answers = {"response_total": matrix(series((-5, "1"), (55, "2"), classification="success"))}
    server.answer = matrix()
    metrics = PrometheusMetrics(PrometheusAccess(url=server.url))
    await metrics.measure(a_question())
    server.heard.clear()

    await metrics.measure(a_question())

    await metrics.close()
    assert not [heard.query for heard in server.heard if "istio" in heard.query or "envoy" in heard.query]


async def test_auto_does_not_pass_over_a_mesh_whose_query_failed(server: MetricsServer) -> None:
    server.answers = {"istio": {"data": {"resultType": "vector", "result": []}}}
    server.answer = matrix(series((-5, "1"), (55, "2")))

    assert isinstance(await answer(server, ERRORS, "auto"), Failed)


async def test_an_unsafe_selector_is_a_failed_query(server: MetricsServer) -> None:
    found = await answer(server, replace(ERRORS, selector="a{b}"))

    assert isinstance(found, Failed)


def test_an_unknown_mesh_is_refused() -> None:
    with pytest.raises(ValueError, match="mesh 'consul' must be one of: auto, istio, linkerd, envoy"):
        PrometheusMetrics(PrometheusAccess(url="http://prometheus:9090", mesh="consul"))


def test_the_buckets_of_a_page_keep_each_scrape_only_once() -> None:
    bounds = ("100.0", "500.0", "1000.0", "+Inf")
    body = matrix(*(series(*((second, "7") for second in range(0, 50, 5)), le=bound) for bound in bounds))

    found = answers.series(body, most=4)

    kept = [one.points.times for one in found]
    assert (sum(map(len, kept)), len({id(times) for times in kept})) == (40, 1)


def test_points_that_are_null_are_unreadable_and_not_none() -> None:
    with pytest.raises(QueryError, match="the server's series cannot be read"):
        answers.series(matrix({"metric": {}, "values": None}), most=1)
