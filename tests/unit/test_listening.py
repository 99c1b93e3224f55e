"""What becomes of connections when a server in our loop ends?"""

import asyncio
from contextlib import suppress
from datetime import timedelta

import aiohttp
import pytest
from fastapi import FastAPI

from rollout.listening import listener
from rollout.web.listen import served


def an_app(asked: asyncio.Event, go: asyncio.Event) -> FastAPI:
    """An app that answers once it may."""
    app = FastAPI(openapi_url=None)

    @app.get("/")
    async def answer() -> str:
        asked.set()
        await go.wait()
        return "done"

    return app


async def test_who_is_being_answered_when_the_server_ends_is_answered() -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async with (
        aiohttp.ClientSession() as session,
        asyncio.TaskGroup() as tasks,
        served(an_app(asked, go), "127.0.0.1:0") as url,
    ):
        answer = tasks.create_task(text(session, url))
        await asked.wait()
        asyncio.get_running_loop().call_later(0.1, go.set)

    assert answer.result() == '"done"'


async def test_an_idle_connection_is_closed_and_nobody_connects_any_more() -> None:
    go = asyncio.Event()
    go.set()

    async with aiohttp.ClientSession() as session:
        async with served(an_app(asyncio.Event(), go), "127.0.0.1:0") as url:
            assert await text(session, url) == '"done"'

        with pytest.raises(aiohttp.ClientConnectionError):
            await text(session, url)


async def test_a_port_that_is_taken_is_an_error_and_leaves_no_socket_behind() -> None:
    with listener("127.0.0.1", 0) as taken, pytest.raises(OSError, match="in use"):
        listener("127.0.0.1", taken.getsockname()[1])


async def text(session: aiohttp.ClientSession, url: str) -> str:
    """The body of an answer."""
    async with session.get(url) as answer:
        return await answer.text()


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost:",
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\nhalf",
        b"GET / HTTP/1.1\r\nHost: here\r\n\r\nGET / HTTP/1.1\r\nHo",  # the first one is answered
    ],
)
async def test_whoever_does_not_finish_a_request_is_not_waited_for(begun: bytes) -> None:
    go = asyncio.Event()
    go.set()

    async with served(an_app(asyncio.Event(), go), "127.0.0.1:0", patience=timedelta(milliseconds=50)) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(begun)
        dripping = asyncio.create_task(drip(writer))

        async with asyncio.timeout(3):
            await reader.read()  # to the end, which is the server's

        dripping.cancel()
        writer.close()


async def drip(writer: asyncio.StreamWriter) -> None:
    """One byte of a header or a body now and then, so that the connection is never idle."""
    with suppress(ConnectionError):
        while True:
            await asyncio.sleep(0.02)
            writer.write(b"a")
            await writer.drain()


async def test_whoever_waits_for_a_long_answer_is_left_alone() -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async with (
        served(an_app(asked, go), "127.0.0.1:0", patience=timedelta(milliseconds=20)) as url,
        aiohttp.ClientSession() as session,
        asyncio.TaskGroup() as tasks,
    ):
        answer = tasks.create_task(text(session, url))
        await asked.wait()
        asyncio.get_running_loop().call_later(0.1, go.set)

    assert answer.result() == '"done"'
