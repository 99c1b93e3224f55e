"""What becomes of connections when a server in our loop ends?"""

import asyncio

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
