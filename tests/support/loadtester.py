"""What would a tester that was written for Flagger say? A stand-in with the gates and the task endpoint of its load tester.

Its gates are closed until opened, one for each name.namespace of a payload; it knows no more of the payload than Flagger's
testers do, and refuses one that lacks a field they read.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

_FIELDS = {"name": str, "namespace": str, "phase": str, "checksum": str, "metadata": dict}


@dataclass(slots=True)
class LoadTester:
    """url: where it listens. tasks: the metadata of every task that it took. seen: every payload. calls: headers and body of each call. paths: where to."""

    url: str = ""
    tasks: list[dict[str, str]] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    _open: set[str] = field(default_factory=set)
    _heard: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def called(self, path: str, times: int = 1) -> None:
        """Wait until it was called there so often."""
        async with self._heard:
            await self._heard.wait_for(lambda: self.paths.count(path) >= times)

    def admit(self, gate: str) -> None:
        """Open a gate, called as `gate.NAME.NAMESPACE`."""
        self._open.add(gate)

    async def check(self, request: web.Request) -> web.Response:
        """/gate/check and /rollback/check."""
        if self._gate(request, await self._payload(request)) in self._open:
            return web.Response(text="Approved")
        return web.Response(status=403, text="Forbidden")

    async def open(self, request: web.Request) -> web.Response:
        """/gate/open and /rollback/open."""
        self._open.add(self._gate(request, await self._payload(request)))
        return web.Response(status=202)

    async def close(self, request: web.Request) -> web.Response:
        """/gate/close and /rollback/close."""
        self._open.discard(self._gate(request, await self._payload(request)))
        return web.Response(status=202)

    async def task(self, request: web.Request) -> web.Response:
        """/, where tasks are given."""
        payload = await self._payload(request)
        if not payload["metadata"].get("cmd"):
            return web.Response(status=400, text="metadata not found in payload")
        self.tasks.append(payload["metadata"])
        return web.Response(status=202)

    async def _payload(self, request: web.Request) -> dict[str, Any]:
        payload: dict[str, Any] = await request.json()
        wrong = [name for name, kind in _FIELDS.items() if not isinstance(payload.get(name), kind)]
        if wrong or any(not isinstance(text, str) for text in payload["metadata"].values()):
            raise web.HTTPBadRequest(text=f"{wrong} cannot be read")
        self.seen.append(payload)
        self.calls.append((dict(request.headers), await request.read()))
        self.paths.append(request.path)
        async with self._heard:
            self._heard.notify_all()
        return payload

    def _gate(self, request: web.Request, payload: dict[str, Any]) -> str:
        return f"{request.path.split('/')[1]}.{payload['name']}.{payload['namespace']}"


@asynccontextmanager
async def a_load_tester() -> AsyncIterator[LoadTester]:
    """One that listens on this machine."""
    tester, app = LoadTester(), web.Application()
    for kind in ("gate", "rollback"):
        app.router.add_post(f"/{kind}/check", tester.check)
        app.router.add_post(f"/{kind}/open", tester.open)
        app.router.add_post(f"/{kind}/close", tester.close)
    app.router.add_post("/", tester.task)
    async with TestServer(app, host="127.0.0.1") as server:
        tester.url = str(server.make_url("")).rstrip("/")
        yield tester
