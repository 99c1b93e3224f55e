"""What comes of a call to a webhook, whatever its server does?"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from adapters.clock import SystemClock
from adapters.hooks.http import MOST_BYTES, HttpHooks
from rollout.model.hooks import Hook, HookAnswer, HookQuestion, HookType
from rollout.ports.errors import NotFound
from tests.support.builders import CHECKOUT, NOON

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Server:
    """A webhook's server. answers: one for each call, the last one again and again. never: set when it ends."""

    url: str = ""
    answers: list[Any] = field(default_factory=lambda: [200])
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    never: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, int):
            return web.Response(status=answer, text=f"said {answer}\nand more", headers={"Location": "/elsewhere"})
        found: web.StreamResponse = await answer(self, request)
        return found


async def silent(server: Server, request: web.Request) -> web.StreamResponse:
    """Never answers."""
    await server.never.wait()
    return web.Response()


async def endless(server: Server, request: web.Request) -> web.StreamResponse:
    """Answers without end."""
    response = web.StreamResponse()
    await response.prepare(request)
    while not server.never.is_set():
        try:
            await response.write(b"x" * 65536)
        except ConnectionError:
            return response
    return response


async def stalled(server: Server, request: web.Request) -> web.StreamResponse:
    """Begins to answer and stops."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"wait")
    await server.never.wait()
    return response


async def binary(server: Server, request: web.Request) -> web.StreamResponse:
    """Says nothing that could be printed."""
    return web.Response(body=b"\n\x00\x1b[31mred\xff\r\n", status=403)


@asynccontextmanager
async def a_server(*answers: Any) -> AsyncIterator[Server]:
    """One that listens on this machine."""
    server, app = Server(answers=list(answers) or [200]), web.Application()
    app.router.add_route("*", "/{any:.*}", server.handle)
    async with TestServer(app, host="127.0.0.1") as listening:
        server.url = str(listening.make_url("/hook"))
        yield server
        server.never.set()


def a_question(url: str, **hook: Any) -> HookQuestion:
    """A rollout hook's, asked at noon."""
    return HookQuestion(
        key=CHECKOUT,
        hook=replace(Hook(name="load", type=HookType.ROLLOUT, url=url, retries=0), **hook),
        phase="Progressing",
        checksum="abc",
        run=3,
        step=2,
        metadata=(("cmd", "hey"), ("type", "cmd")),
        asked=NOON,
    )


async def called(question: HookQuestion, *secrets: str) -> HookAnswer:
    """What came of it."""

    async def found(namespace: str, name: str) -> tuple[str, ...]:
        if not secrets:
            raise NotFound(f"Secret {namespace}/{name} is not there")
        return secrets

    hooks = HttpHooks(SystemClock(), found, jitter=lambda: 1.0, pause=timedelta(0))
    try:
        return await hooks.call(question)
    finally:
        await hooks.close()


@pytest.mark.parametrize(
    ("code", "passed"),
    [(200, True), (201, True), (202, True), (204, False), (206, False), (400, False), (403, False), (404, False)],
)
async def test_200_to_202_pass_and_nothing_else_does(code: int, passed: bool) -> None:
    async with a_server(code) as server:
        answer = await called(a_question(server.url))

    assert (answer.passed, answer.run, answer.step) == (passed, 3, 2)
    assert answer.message == (str(code) if code == 204 else f"{code}: said {code}")


async def test_it_is_sent_what_flagger_sends() -> None:
    async with a_server() as server:
        await called(a_question(server.url))

    assert json.loads(server.bodies[0]) == {
        "name": "checkout",
        "namespace": "shop",
        "phase": "Progressing",
        "checksum": "abc",
        "metadata": {"cmd": "hey", "type": "cmd"},
    }
    assert server.headers[0]["Content-Type"] == "application/json"
    assert "webhook-signature" not in server.headers[0]


@pytest.mark.parametrize("code", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_and_no_pass(code: int) -> None:
    async with a_server(code, 200) as server:
        answer = await called(a_question(server.url, retries=2))

    assert (answer.passed, len(server.bodies)) == (False, 1)
    assert answer.message == f"{code}: redirects are not followed; write where it leads to"


async def test_a_5xx_is_tried_again_and_a_4xx_is_an_answer() -> None:
    async with a_server(503, 500, 200) as server:
        recovered = await called(a_question(server.url, retries=2))
    async with a_server(403, 200) as refusing:
        refused = await called(a_question(refusing.url, retries=2))

    assert (recovered.passed, len(server.bodies)) == (True, 3)
    assert (refused.passed, len(refusing.bodies)) == (False, 1)


async def test_retries_end() -> None:
    async with a_server(503) as server:
        answer = await called(a_question(server.url, retries=1))

    assert (answer.passed, answer.message, len(server.bodies)) == (False, "503: said 503", 2)


@pytest.mark.parametrize("behaviour", [silent, stalled])
async def test_no_end_of_an_answer_is_waited_for_longer_than_the_time_out(behaviour: Handler) -> None:
    async with a_server(behaviour) as server, asyncio.timeout(10):
        answer = await called(a_question(server.url, timeout=timedelta(seconds=0.2), retries=1))

    assert (answer.passed, answer.message, len(server.bodies)) == (False, "no answer within 0.2 s", 2)


async def test_a_huge_answer_is_read_no_further_than_its_beginning() -> None:
    async with a_server(endless) as server, asyncio.timeout(10):
        answer = await called(a_question(server.url))

    assert answer.passed
    assert len(answer.message) < 220 < MOST_BYTES
    assert answer.message.endswith("xxx...")


async def test_what_cannot_be_printed_is_not_told() -> None:
    async with a_server(binary) as server:
        answer = await called(a_question(server.url))

    assert answer.message == "403: [31mred�"


async def test_nobody_there_is_a_failed_call_and_no_error() -> None:
    answer = await called(a_question(f"http://127.0.0.1:{unused_port()}/"))

    assert not answer.passed
    assert answer.message.startswith("cannot be reached: ")


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:99999/"])
async def test_a_url_that_leads_nowhere_is_a_failed_call_and_no_error(url: str) -> None:
    answer = await called(a_question(url, timeout=timedelta(seconds=5)))

    assert not answer.passed


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    async with a_server() as server:
        answer = await called(a_question(server.url))

    assert answer.passed


async def test_a_signed_call_is_verified_by_an_implementation_of_standard_webhooks() -> None:
    async with a_server() as server:
        await called(a_question(server.url, secret="hook"), SECRET)

    payload = Webhook(SECRET).verify(server.bodies[0], server.headers[0])
    assert payload["checksum"] == "abc"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(server.bodies[0].replace(b"abc", b"abd"), server.headers[0])


async def test_while_a_secret_is_changed_both_verify() -> None:
    async with a_server() as server:
        await called(a_question(server.url, secret="hook"), SECRET, OLD)

    for secret in (SECRET, OLD):
        assert Webhook(secret).verify(server.bodies[0], server.headers[0])


async def test_a_retry_has_the_id_of_the_call_and_another_call_has_not() -> None:
    async with a_server(503, 200) as server:
        await called(a_question(server.url, secret="hook", retries=1), SECRET)
        await called(a_question(server.url + "/2", secret="hook", name="other"), SECRET)

    first, again, other = [headers["webhook-id"] for headers in server.headers]
    assert first == again
    assert other != first


@pytest.mark.parametrize(
    ("secrets", "why"),
    [
        ((), "it cannot be signed: Secret shop/hook is not there"),
        (("not base64!",), "it cannot be signed: Secret shop/hook is not base64, with or without whsec_ before it"),
        (("whsec_",), "it cannot be signed: Secret shop/hook is empty"),
    ],
)
async def test_what_cannot_be_signed_is_not_sent(secrets: tuple[str, ...], why: str) -> None:
    async with a_server() as server:
        answer = await called(a_question(server.url, secret="hook"), *secrets)

    assert (answer.passed, answer.message, server.bodies) == (False, why, [])
