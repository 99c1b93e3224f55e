"""What does a metrics server on loopback answer that a real one can hardly be brought to?"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from aiohttp import web

from tests.support.scraped import Scraped, rows


def vector(*values: str) -> dict[str, Any]:
    """An answer with one sample for each value."""
    result = [{"metric": {"pod": str(index)}, "value": [0, value]} for index, value in enumerate(values)]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def matrix(*series: Mapping[str, Any]) -> dict[str, Any]:
    """An answer to a range selector; each series has `metric` and `values`."""
    return {"status": "success", "data": {"resultType": "matrix", "result": list(series)}}


@dataclass(slots=True)
class Heard:
    """One request, as the server saw it."""

    method: str
    headers: Mapping[str, str]
    query: str


@dataclass(slots=True)
class MetricsServer:
    """Gives each query the answer whose key it contains, else `answer`; keeps what it heard.

    answers: alone, or with a status of their own before them. build: what it says of itself, if anything.
    scraped: what ranges of selectors are answered from, where there is any. hold: while set, no answer is given.
    was_asked: set by the first request.
    """

    url: str = ""
    status: int = 200
    answer: Any = field(default_factory=lambda: vector("1"))
    answers: dict[str, Any] = field(default_factory=dict)
    build: Any = None
    scraped: list[Scraped] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    hold: bool = False
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def respond(self, request: web.Request) -> web.Response:
        """/api/v1/query."""
        form = await request.post() if request.method == "POST" else request.query
        query = str(form["query"])
        self.heard.append(Heard(method=request.method, headers=dict(request.headers), query=query))
        self.was_asked.set()
        if self.hold:
            await asyncio.Event().wait()
        body = next((answer for key, answer in self.answers.items() if key in query), self.answer)
        if self.scraped and body is self.answer:
            body = matrix(*rows(self.scraped, query, round(float(str(form["time"])) * 1000)))
        status, body = body if isinstance(body, tuple) else (self.status, body)
        if isinstance(body, str):
            return web.Response(status=status, text=body)
        return web.json_response(body, status=status)

    async def describe(self, request: web.Request) -> web.Response:
        """/api/v1/status/buildinfo."""
        self.heard.append(Heard(method=request.method, headers=dict(request.headers), query=""))
        return web.Response(status=404) if self.build is None else web.json_response(self.build)


@asynccontextmanager
async def metrics_server(tls: SSLContext | None = None) -> AsyncIterator[MetricsServer]:
    """The server on a free port, until the end of the block; speaks TLS when told how."""
    server = MetricsServer()
    app = web.Application()
    app.add_routes([web.get("/api/v1/query", server.respond), web.post("/api/v1/query", server.respond)])
    app.add_routes([web.get("/api/v1/status/buildinfo", server.describe)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        server.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def dripping(first: bytes, piece: bytes = b" ") -> AsyncIterator[str]:
    """The URL of a server that sends `first` and then `piece` again and again, for ever."""
    writers: list[asyncio.Task[None]] = []

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(first)
        try:
            while True:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            writer.close()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(asyncio.ensure_future(drip(reader, writer)))

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in writers:
            task.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
