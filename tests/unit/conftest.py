"""How do the tests of one file speak with their apps over one real server, which takes 0.2 s to end?"""

from collections.abc import AsyncIterator

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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front() -> AsyncIterator[Front]:
    """One server for a file's tests; they share its event loop (`loop_scope="module"`)."""
    front, behind = Front(), FastAPI(openapi_url=None)
    behind.mount("", front)
    async with served(behind, "127.0.0.1:0") as url:
        front.url = url
        yield front
