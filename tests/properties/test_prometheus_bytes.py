"""Can any bytes that call themselves an answer of Prometheus do more than be answered for what they are?"""

import asyncio
import json
import tracemalloc
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.prometheus import PrometheusMetrics
from policies.verdict import Verdict
from rollout.model.measurement import Answer, Counters, Failed, Measurement, Partial
from rollout.model.rollout import Analysis, ErrorRatio, Method, Objective, Query, SlowRatio
from rollout.progression.judging import judge
from tests.support.builders import ERRORS, NOON, SEQUENTIAL
from tests.support.examples import examples
from tests.support.questions import a_question

pytestmark = pytest.mark.slow  # each example is asked for over HTTP

SLOW = SlowRatio(name="slow", threshold=timedelta(milliseconds=500), max_ratio=0.05)
OBJECTIVES: tuple[Objective, ...] = (
    Query(name="one", query="one", below=2),
    Query(name="looks", query="one", below=2, looks=3),
    ERRORS,
    SEQUENTIAL,
    SLOW,
    SlowRatio(name="slow", threshold=timedelta(milliseconds=500), max_ratio=0.05, method=Method.THRESHOLD),
    ErrorRatio(name="errors", max_ratio=0.01, selector='app="a"'),
)
LIMIT = 200_000
kinds = st.sampled_from(("vector", "matrix", "scalar", "string", "", "strange"))
numbers = st.sampled_from(("0", "1", "NaN", "+Inf", "-Inf", "-5", "1e308", "9" * 400, "", "x", "0x1", "1_0"))
atoms = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | numbers
values = st.recursive(
    atoms,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
times = (
    st.integers(-400, 100).map(lambda seconds: NOON.timestamp() + seconds)
    | st.sampled_from((0, -1, 1e30, "1"))
    | values
)
points = st.lists(st.tuples(times, numbers) | values, max_size=5)
buckets = st.lists(st.tuples(st.just(0), numbers, numbers, numbers) | values, max_size=3)
histograms = st.lists(
    st.tuples(times, st.fixed_dictionaries({}, optional={"buckets": buckets | values}) | values), max_size=3
)
labels = st.dictionaries(
    st.sampled_from(("__name__", "le", "pod", "instance", "job", "response_code", "reporter", "destination_workload")),
    st.sampled_from(("a", "b", "0.5", "500", "+Inf", "NaN", "source")) | values,
    max_size=5,
)
series = st.fixed_dictionaries(
    {},
    optional={
        "metric": labels | values,
        "value": st.tuples(times, numbers) | values,
        "values": points | values,
        "histograms": histograms | values,
    },
)
data = st.fixed_dictionaries(
    {}, optional={"resultType": kinds | values, "result": st.lists(series | values, max_size=4) | values}
)
answers = st.fixed_dictionaries(
    {"data": data | values},
    optional={
        "status": values,
        "warnings": values,
        "infos": values,
        "isPartial": values,
        "error": values,
        "errorType": values,
    },
)
# Right but for one place: what is wrong in several is refused for the first of them.
good = st.fixed_dictionaries(
    {"metric": st.fixed_dictionaries({"pod": st.sampled_from("ab"), "le": st.sampled_from(("0.5", "500", "+Inf"))})},
    optional={
        "values": st.lists(st.tuples(st.integers(-100, 0).map(lambda at: NOON.timestamp() + at), numbers), max_size=4),
        "histograms": histograms,
    },
)
nearly = st.fixed_dictionaries(
    {
        "data": st.fixed_dictionaries(
            {"resultType": st.sampled_from(("matrix", "vector")), "result": st.lists(good | good | series, max_size=3)}
        )
    },
    optional={"warnings": values, "isPartial": values},
)
bodies = (nearly | answers | values).map(lambda body: json.dumps(body).encode()) | st.binary(max_size=40)


async def _measured(body: bytes, objective: Objective, cut: int) -> Answer:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body) + cut}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    access = PrometheusAccess(url=url, deadline=timedelta(seconds=5), mesh="istio", most_bytes=LIMIT)
    metrics = PrometheusMetrics(access)
    try:
        return await metrics.measure(a_question(objective))
    finally:
        await metrics.close()
        server.close()


def measured(body: bytes, objective: Objective, cut: int = 0) -> Answer:
    """What is made of these bytes; cut: so many more were promised and do not come."""
    return asyncio.run(_measured(body, objective, cut))


def verdict(answer: Answer, objective: Objective) -> Verdict:
    """What a judge that looks at one window makes of the answer."""
    measurement = Measurement(question=a_question(objective), answer=answer, at=NOON)
    return judge(measurement, Analysis()).verdict


@examples(400)
@given(bodies, st.sampled_from(OBJECTIVES))
def test_any_bytes_are_one_of_the_answers_that_there_are(body: bytes, objective: Objective) -> None:
    answer = measured(body, objective)

    assert isinstance(answer, get_args(Answer))
    assert verdict(answer, objective) in Verdict


@examples(60)
@given(answers, st.sampled_from(OBJECTIVES), st.integers(1, 50))
def test_an_answer_that_breaks_off_is_a_failed_query(body: Any, objective: Objective, cut: int) -> None:
    assert isinstance(measured(json.dumps(body).encode(), objective, cut), Failed)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"data":{"result":['], ids=["lists", "objects", "results"])
def test_an_answer_that_nests_for_ever_is_a_failed_query(objective: Objective, opening: bytes) -> None:
    assert isinstance(measured(opening * (LIMIT // len(opening) - 1), objective), Failed)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("body", [b'{"data": 5}', b'{"data": "the result"}', b'{"data": ["result"]}'])
def test_data_that_is_no_object_is_a_failed_query(body: bytes, objective: Objective) -> None:
    assert isinstance(measured(body, objective), Failed)


@pytest.mark.parametrize("objective", OBJECTIVES[1:], ids=lambda one: type(one).__name__)
def test_warnings_that_are_no_list_are_one_warning(objective: Objective) -> None:
    body = {"data": {"resultType": "matrix", "result": []}, "warnings": True}

    answer = measured(json.dumps(body).encode(), objective)

    assert isinstance(answer, Partial)
    assert answer.warning == "True"


def test_an_answer_as_large_as_may_be_takes_a_bounded_part_of_the_memory() -> None:
    row = {"metric": {"pod": "a"}, "values": [[NOON.timestamp() - number, "1"] for number in range(60)]}
    most = LIMIT // len(json.dumps(row)) - 1
    rows = [{**row, "metric": {"pod": str(number)}} for number in range(most)]
    body = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": rows}}).encode()

    tracemalloc.start()
    try:
        answer = measured(body, ERRORS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert isinstance(answer, Counters)
    assert peak < 60 * LIMIT  # three answers at once, each as bytes, as JSON and as points


def test_an_answer_larger_than_may_be_is_not_read() -> None:
    assert "larger than" in str(measured(b" " * (LIMIT + 1), ERRORS))
