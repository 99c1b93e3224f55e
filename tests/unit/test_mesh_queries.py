"""Is a Prometheus asked what was meant of a namespace, and is each of its answers told for what it is?"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.mesh import PrometheusMeshMetrics
from adapters.metrics.mesh_queries import QUERIES, duration, query
from rollout.model.migration import MeshKind
from rollout.model.telemetry import Asked, MeshAnswer, MeshQuestion
from tests.support.builders import NOON
from tests.support.metrics_server import MetricsServer, matrix, metrics_server, vector

SIDECAR = MeshKind.ISTIO_SIDECAR


@pytest.fixture
async def server() -> AsyncIterator[MetricsServer]:
    async with metrics_server() as server:
        yield server


async def answer(server: MetricsServer, about: Asked = Asked.MTLS, **access: Any) -> MeshAnswer:
    metrics = PrometheusMeshMetrics(PrometheusAccess(url=server.url, **access))
    try:
        return await metrics.ask(MeshQuestion(asked=about, namespace="shop"), NOON)
    finally:
        await metrics.close()


def test_every_question_has_a_query_for_a_sidecar_mesh() -> None:
    assert [about for about in Asked if SIDECAR not in QUERIES[about]] == []


OF_THE_CLUSTER = (Asked.PASSTHROUGH, Asked.WEBHOOKS, Asked.API_SERVERS)


@pytest.mark.parametrize("about", [about for about in Asked if about not in OF_THE_CLUSTER])
def test_a_namespace_stays_inside_its_quotes(about: Asked) -> None:
    asked = query(MeshQuestion(asked=about, namespace='a"} or up{b="$window\\'), SIDECAR)

    assert 'namespace="a\\"} or up{b=\\"$window\\\\"' in asked


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (timedelta(minutes=5), "300s"),
        (timedelta(days=7), "604800s"),
        (timedelta(seconds=1.2), "2s"),
        (timedelta(microseconds=1), "1s"),
    ],
)
def test_a_window_is_written_in_seconds_and_never_shortened(window: timedelta, text: str) -> None:
    assert duration(window) == text


@pytest.mark.parametrize(
    "about",
    [
        *(Asked.PLAINTEXT, Asked.PLAINTEXT_OPEN, Asked.PROXIES, Asked.REFUSALS_EXIST, Asked.DRAINING),
        *(Asked.CERTIFICATES, Asked.API_SERVERS),
    ],
)
def test_the_window_does_not_matter_for_what_is_asked_of_now(about: Asked) -> None:
    short, long = (MeshQuestion(asked=about, namespace="shop", window=timedelta(hours=hours)) for hours in (1, 24))

    assert query(short, SIDECAR) == query(long, SIDECAR)


def test_listeners_may_be_called_otherwise_than_in_a_pod() -> None:
    question = MeshQuestion(asked=Asked.REFUSED, namespace="shop")

    asked = query(question, SIDECAR, inbound=r"127\.0\.0\.9_.*")

    assert asked.count(r'listener_address=~"127\\.0\\.0\\.9_.*"') == asked.count("listener_address")


@pytest.mark.parametrize("mesh", [MeshKind.LINKERD, MeshKind.ISTIO_AMBIENT])
def test_a_mesh_without_a_column_is_refused_before_anything_is_asked(mesh: MeshKind) -> None:
    with pytest.raises(ValueError, match=mesh.value):
        PrometheusMeshMetrics(PrometheusAccess(url="http://prometheus:9090"), mesh)


async def test_an_answer_holds_the_query_that_was_sent_and_when(server: MetricsServer) -> None:
    server.answer = vector()

    found = await answer(server)

    assert (found.query, found.at, found.series) == (server.heard[0].query, NOON, ())


async def test_of_a_raw_series_the_last_scrape_is_told(server: MetricsServer) -> None:
    labels = {"__name__": "istio_requests_total", "pod": "a"}
    server.answer = matrix({"metric": labels, "values": [[0, "3"], [15, "4"]]})

    (one,) = (await answer(server, Asked.PLAINTEXT)).series or ()

    assert (one.labels, one.value, one.at.timestamp()) == (labels, 4, 15)


async def test_the_counter_has_its_usual_name_again(server: MetricsServer) -> None:
    row = {"metric": {"pod": "a", "counter": "envoy_listener_no_filter_chain_match"}, "value": [0, "3"]}
    server.answer = {"data": {"resultType": "vector", "result": [row]}}

    (one,) = (await answer(server, Asked.REFUSED)).series or ()

    assert one.labels == {"pod": "a", "__name__": "envoy_listener_no_filter_chain_match"}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (vector("1") | {"warnings": ["store down"]}, "store down"),
        (vector() | {"warnings": ["store down"]}, "store down"),
        (vector() | {"isPartial": True}, "some of its storage nodes"),
        ({"data": {"resultType": "scalar", "result": [0, "7"]}}, "scalar"),
        ({"data": {"resultType": "vector", "result": [{"metric": {}, "value": [0, "x"]}]}}, "cannot be read"),
        ({"data": {"resultType": "vector", "result": [7]}}, "cannot be read"),
        ({"data": {"resultType": "vector", "result": [{"metric": "a", "value": [0, "1"]}]}}, "cannot be read"),
        ({"data": {"resultType": "vector", "result": [{"metric": {}, "value": [1e300, "1"]}]}}, "cannot be read"),
        ("<html>", "no JSON"),
        ((503, "starting"), "HTTP 503: starting"),
        (vector("1", "2", "3"), "3 series, at most 2 are read"),
    ],
)
async def test_what_is_no_whole_answer_is_a_problem_and_no_series(
    server: MetricsServer, body: Any, problem: str
) -> None:
    server.answers = {"istio": body}

    found = await answer(server, most_series=2)

    assert found.series is None
    assert problem in found.problem


async def test_no_server_is_a_problem_too() -> None:
    found = await answer(MetricsServer(url="http://127.0.0.1:1"))

    assert (found.series, found.problem) == (None, "http://127.0.0.1:1: connection refused")


async def test_a_proxy_that_was_scraped_at_no_time_is_a_problem(server: MetricsServer) -> None:
    server.answer = vector("1e300")

    found = await answer(server, Asked.PROXIES)

    assert (found.series, found.problem) == (None, "1e+300 is no time of a scrape")
