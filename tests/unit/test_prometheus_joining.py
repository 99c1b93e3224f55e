"""Are questions of the same time asked together, and does none of them suffer from another?"""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.prometheus import PrometheusMetrics
from rollout.model.measurement import Answer, Arm, Counters, Failed, Question
from tests.support.builders import ERRORS, NOON
from tests.support.metrics_server import MetricsServer, metrics_server
from tests.support.questions import a_question, a_window
from tests.support.scraped import Scraped

pytestmark = pytest.mark.slow  # answers over HTTP
HOUR_S = 3600
MANY = 60


@pytest.fixture
async def server() -> AsyncIterator[MetricsServer]:
    async with metrics_server() as server:
        yield server


@pytest.fixture
async def metrics(server: MetricsServer) -> AsyncIterator[PrometheusMetrics]:
    metrics = reading_at_most(server, 1_000_000)
    yield metrics
    await metrics.close()


def reading_at_most(server: MetricsServer, size: int, within: timedelta = timedelta(seconds=5)) -> PrometheusMetrics:
    """An adapter with one connection, which reads answers of so many bytes."""
    return PrometheusMetrics(
        PrometheusAccess(url=server.url, mesh="linkerd", connections=1, most_bytes=size, deadline=within)
    )


def question(number: int, **changes: Any) -> Question:
    """Of a Rollout of its own: half of them in each of two namespaces, with a subset, so that nobody asks its callers."""
    name = f"app{number:03}"
    backend = replace(a_question().backend, subset="v2")
    own: dict[str, Any] = {
        "namespace": f"team-{number % 2}",
        "rollout": name,
        "workload": f"{name}-v2",
        "backend": backend,
    }
    return a_question(**(own | changes))


def served(one: Question, *values: int) -> Scraped:
    """What its only pod counted, scraped every 10 s until noon."""
    labels = {
        "direction": "inbound",
        "namespace": one.namespace,
        "deployment": one.workload,
        "pod": f"{one.workload}-a",
    }
    noon = round(NOON.timestamp() * 1000)
    points = [(noon - 10_000 * (len(values) - 1 - place), str(value)) for place, value in enumerate(values)]
    return Scraped(labels={"__name__": "response_total", "classification": "success", **labels}, points=points)


async def together(metrics: PrometheusMetrics, questions: Sequence[Question]) -> list[Answer]:
    return await asyncio.gather(*(metrics.measure(one) for one in questions))


def counted(answer: Answer) -> list[float]:
    """The values of its only counter."""
    assert isinstance(answer, Counters)
    (counter,) = answer.total
    return [value for _, value in counter.points]


async def test_many_ask_with_one_query_and_each_gets_its_own(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    questions = [question(number) for number in range(MANY)]
    server.scraped = [served(one, *range(place, place + 20)) for place, one in enumerate(questions)]

    answers = await together(metrics, questions)

    assert [counted(answer)[0] for answer in answers] == [place + 2 for place in range(MANY)]
    assert len(server.heard) == 1


async def test_the_answer_names_the_query_of_its_own_rollout(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    questions = [question(1), question(2)]
    server.scraped = [served(one, *range(20)) for one in questions]

    answers = await together(metrics, questions)

    alone = 'response_total{direction="inbound",namespace="team-1",deployment="app001-v2"}'
    assert [answer.query for answer in answers][:1] == [alone]


async def test_each_gets_only_what_its_own_window_holds(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    early = question(1, window=a_window(NOON - timedelta(seconds=30)))
    server.scraped = [served(early, *range(20))]

    answers = await together(metrics, [early, question(1)])

    assert [counted(answer)[-1] for answer in answers] == [16, 19]


async def test_equal_questions_are_asked_once(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    objective = replace(ERRORS, selector='app="all",version="{revision}"')

    await together(metrics, [question(number, objective=objective) for number in range(5)])

    assert [one.query for one in server.heard] == ['response_total{app="all",version="v2"}[180s]']


async def test_a_page_that_is_too_large_is_asked_in_halves(server: MetricsServer) -> None:
    questions, metrics = [question(number) for number in range(12)], reading_at_most(server, 150_000)
    server.scraped = [served(one, *range(20)) for one in questions]
    server.scraped += [replace(one, labels={**one.labels, "pod": f"b{n}"}) for n in range(30) for one in server.scraped]

    answers = await together(metrics, questions)
    await metrics.close()

    assert all(isinstance(answer, Counters) and len(answer.total) == 31 for answer in answers)
    assert len(server.heard) == 3


async def test_one_that_the_server_refuses_spoils_no_other(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    questions = [question(number) for number in range(8)]
    server.scraped = [served(one, *range(20)) for one in questions]
    server.answers = {questions[3].workload: (400, {"status": "error", "errorType": "bad_data", "error": "no"})}

    answers = await together(metrics, questions)

    failed = [answer for answer in answers if isinstance(answer, Failed)]
    assert [answers.index(answer) for answer in failed] == [3]
    assert failed[0].error.endswith("bad_data: no (HTTP 400)")


async def test_an_outage_is_told_to_each_and_is_asked_about_once(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    server.status, server.answer = 503, "away"

    answers = await together(metrics, [question(number) for number in range(8)])

    assert [isinstance(answer, Failed) and answer.error.endswith("HTTP 503: away") for answer in answers] == [True] * 8
    assert len(server.heard) == 1


async def test_what_comes_while_the_server_is_busy_is_asked_together_afterwards(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    questions = [question(number) for number in range(10)]
    server.scraped, server.hold = [served(one, *range(20)) for one in questions], True
    first = asyncio.create_task(metrics.measure(questions[0]))
    await server.was_asked.wait()
    others = [asyncio.create_task(metrics.measure(one)) for one in questions[1:]]
    await asyncio.sleep(0)

    first.cancel()
    server.hold = False
    answers = await asyncio.gather(*others)

    assert all(isinstance(answer, Counters) for answer in answers)
    assert len(server.heard) == 2


async def test_the_deadline_runs_while_others_have_all_connections(server: MetricsServer) -> None:
    metrics = reading_at_most(server, 1_000_000, within=timedelta(seconds=0.3))
    server.hold = True
    first = asyncio.create_task(metrics.measure(question(0)))
    await server.was_asked.wait()
    second = asyncio.create_task(metrics.measure(question(1)))

    answers = [await first, await second]
    await metrics.close()

    assert all(isinstance(answer, Failed) and "no answer within 0.3 s" in answer.error for answer in answers)


async def test_a_short_question_does_not_read_the_hour_of_a_long_one(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    history = question(1, arm=Arm.HISTORY, window=a_window(seconds=HOUR_S))

    await together(metrics, [history, question(2)])

    assert sorted(one.query.rpartition("}")[2] for one in server.heard) == ["[180s]", "[3720s]"]


async def test_answers_are_not_kept_by_those_who_asked_together(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    questions = [question(number) for number in range(8)]
    server.scraped = [served(one, *range(20)) for one in questions]
    gc.collect()
    gc.disable()
    try:
        await together(metrics, questions)
        await asyncio.sleep(0)
        left = [one for one in gc.get_objects() if type(one) is dict and "metric" in one and "values" in one]
    finally:
        gc.enable()

    assert left == []
