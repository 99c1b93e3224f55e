"""How do the tests of one file speak with their apps over one real server?"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import pytest_asyncio
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from rollout.web.listen import served


class Front:
    """Whichever app is to answer now, at one URL."""

    def __init__(self) -> None:
        self.url = ""
        self._app: ASGIApp = FastAPI()

    def show(self, app: ASGIApp) -> None:
        """Let `app` answer from now on."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI."""
        await self._app(scope, receive, send)

    async def ask(
        self, app: ASGIApp, path: str, method: str = "GET", body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Status code and body of one request to `app`."""
        self._app = app
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, data=body, headers=headers) as answer,
        ):
            return answer.status, await answer.text()

    async def headers(self, app: ASGIApp, path: str, headers: dict[str, str]) -> Mapping[str, str]:
        """The headers of the answer to one GET."""
        self._app = app
        async with aiohttp.ClientSession() as session, session.get(self.url + path, headers=headers) as answer:
            return answer.headers

    @asynccontextmanager
    async def stream(self, app: ASGIApp, path: str, headers: dict[str, str]) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of an answer without end, as they come."""
        self._app = app
        async with aiohttp.ClientSession() as session, session.get(self.url + path, headers=headers) as answer:
            yield (line.decode().rstrip("\n") async for line in answer.content)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front() -> AsyncIterator[Front]:
    """One server for a file's tests; they share its event loop (`loop_scope="module"`)."""
    front, behind = Front(), FastAPI(openapi_url=None)
    behind.mount("", front)
    async with served(behind, "127.0.0.1:0") as url:
        front.url = url
        yield front
