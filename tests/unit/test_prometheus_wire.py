"""Does a query end in time and in bounds, whatever the server does?"""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.prometheus import PrometheusMetrics
from rollout.model.measurement import Answer, Failed, Value
from rollout.model.rollout import Query
from tests.support.metrics_server import MetricsServer, dripping, matrix, metrics_server, vector
from tests.support.questions import a_question

pytestmark = pytest.mark.slow  # real processes or HTTP

ONE = Query(name="one", query="one", below=2)
PATIENCE = 5.0  # seconds after which a test gives up on an adapter that does not end


@pytest.fixture
async def server() -> AsyncIterator[MetricsServer]:
    async with metrics_server() as server:
        yield server


async def asked(url: str, objective: Query = ONE, **access: Any) -> Answer:
    """The answer of a fresh adapter with a deadline of half a second."""
    metrics = PrometheusMetrics(PrometheusAccess(url=url, **({"deadline": timedelta(seconds=0.5)} | access)))
    try:
        return await asyncio.wait_for(metrics.measure(a_question(objective)), PATIENCE)
    finally:
        await metrics.close()


async def test_a_port_where_nobody_listens_is_a_failed_query_that_names_the_server() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

        answer = await asked(url)

    assert answer == Failed(query="one", error=f"{url}: connection refused")


async def test_a_server_that_does_not_answer_fails_at_the_deadline(server: MetricsServer) -> None:
    server.hold = True

    answer = await asked(server.url)

    assert isinstance(answer, Failed)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nx-slow: ", id="in the headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", id="in the body"),
    ],
)
async def test_a_server_that_drips_bytes_fails_at_the_deadline(first: bytes) -> None:
    async with dripping(first) as url:
        answer = await asked(url)

    assert isinstance(answer, Failed)


async def test_after_a_dripping_answer_the_thread_is_free_again() -> None:
    async with dripping(b"HTTP/1.1 200 OK\r\nx-slow: ") as url:
        metrics = PrometheusMetrics(PrometheusAccess(url=url, deadline=timedelta(seconds=0.3), connections=1))
        await metrics.measure(a_question(ONE))

        second = await metrics.measure(a_question(ONE))

        await metrics.close()
    assert second == Failed(query="one", error=f"{url}: no answer within 0.3 s")


async def test_waiting_for_a_free_connection_counts_against_the_deadline(server: MetricsServer) -> None:
    server.hold = True
    access = PrometheusAccess(url=server.url, deadline=timedelta(seconds=0.3), connections=1)
    metrics = PrometheusMetrics(access)

    answers = await asyncio.gather(*(metrics.measure(a_question(ONE)) for _ in range(3)))

    await metrics.close()
    late = f"{server.url}: no answer within 0.3 s"
    waited = f"{late}, most of it spent waiting for one of 1 connections"
    assert sorted(answer.error for answer in answers if isinstance(answer, Failed)) == [late, waited, waited]


async def test_a_query_on_a_closed_adapter_fails(server: MetricsServer) -> None:
    metrics = PrometheusMetrics(PrometheusAccess(url=server.url))
    await metrics.close()

    answer = await metrics.measure(a_question(ONE))

    assert answer == Failed(query="one", error=f"{server.url}: closed")


async def test_closing_breaks_off_what_runs_and_what_waits(server: MetricsServer) -> None:
    server.hold = True
    access = PrometheusAccess(url=server.url, deadline=timedelta(seconds=60), connections=1)
    metrics = PrometheusMetrics(access)
    running = asyncio.gather(*(metrics.measure(a_question(ONE)) for _ in range(3)))
    await asyncio.wait_for(server.was_asked.wait(), PATIENCE)

    await metrics.close()

    answers = await asyncio.wait_for(running, PATIENCE)
    assert [type(answer) for answer in answers] == [Failed] * 3


async def test_an_answer_above_the_limit_of_bytes_is_refused(server: MetricsServer) -> None:
    server.answer = vector(*["1"] * 1000)

    answer = await asked(server.url, most_bytes=1000)

    assert answer == Failed(
        query="one", error=f"{server.url}: the answer is larger than 1000 bytes: narrow the query or its selector"
    )


async def test_a_bad_query_fails_with_the_servers_own_words(server: MetricsServer) -> None:
    server.status, server.answer = 400, {"status": "error", "errorType": "bad_data", "error": "parse error"}

    answer = await asked(server.url)

    assert answer == Failed(query="one", error=f"{server.url}: bad_data: parse error (HTTP 400)")


async def test_a_page_that_is_no_prometheus_fails(server: MetricsServer) -> None:
    server.answer = "<html>Welcome</html>"

    answer = await asked(server.url)

    assert isinstance(answer, Failed)


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {"resultType": "vector", "result": [{}]}}, matrix()])
async def test_an_answer_of_another_shape_fails(server: MetricsServer, body: Any) -> None:
    server.answer = body

    answer = await asked(server.url)

    assert isinstance(answer, Failed)


async def test_a_redirect_is_not_followed_because_it_would_carry_the_tenant_header_away(server: MetricsServer) -> None:
    server.status = 302

    answer = await asked(server.url)

    assert isinstance(answer, Failed)


async def test_a_short_query_is_a_get_and_a_long_one_a_post(server: MetricsServer) -> None:
    long = Query(name="long", query="+".join(["one"] * 1000), below=2)

    await asked(server.url)
    await asked(server.url, long)

    assert [(heard.method, heard.query) for heard in server.heard] == [("GET", "one"), ("POST", long.query)]


async def test_a_failed_query_is_not_sent_again(server: MetricsServer) -> None:
    server.status = 503

    await asked(server.url)

    assert len(server.heard) == 1


async def test_the_bearer_token_is_read_again_when_its_file_has_changed(server: MetricsServer, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    metrics = PrometheusMetrics(PrometheusAccess(url=server.url, bearer_file=token))
    await metrics.measure(a_question(ONE))

    token.write_text("second\n")
    await metrics.measure(a_question(ONE))

    await metrics.close()
    assert [heard.headers["Authorization"] for heard in server.heard] == ["Bearer first", "Bearer second"]


async def test_basic_authentication_and_tenant_headers_are_sent(server: MetricsServer) -> None:
    await asked(server.url, username="ana", password="secret", headers=(("X-Scope-OrgID", "shop"),))

    headers = server.heard[0].headers
    assert (headers["Authorization"], headers["X-Scope-OrgID"]) == ("Basic YW5hOnNlY3JldA==", "shop")


async def test_a_missing_token_file_fails_and_names_the_file(server: MetricsServer, tmp_path: Path) -> None:
    answer = await asked(server.url, bearer_file=tmp_path / "token")

    assert answer == Failed(
        query="one",
        error=f"the bearer token file {tmp_path / 'token'} cannot be read: no such file or directory",
    )


async def test_secrets_never_get_into_a_message(server: MetricsServer, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t0ps3cret")
    server.status, server.answer = 401, "who is Bearer t0ps3cret?"

    answer = await asked(server.url, bearer_file=token)

    assert answer == Failed(query="one", error=f"{server.url}: HTTP 401: who is Bearer ***?")


def test_a_url_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match=r"^the Prometheus URL of http://prometheus:9090 holds credentials") as caught:
        PrometheusAccess(url="http://ana:secret@prometheus:9090")

    assert "secret" not in str(caught.value)


async def test_one_connection_serves_many_queries(server: MetricsServer) -> None:
    metrics = PrometheusMetrics(PrometheusAccess(url=server.url, connections=2))

    answers = await asyncio.gather(*(metrics.measure(a_question(ONE)) for _ in range(20)))

    await metrics.close()
    assert answers == [Value(query="one", value=1.0)] * 20
