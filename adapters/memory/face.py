"""How do kubectl and other HTTP clients reach the memory cluster?

A loopback face without TLS, for one machine: kubectl sends no token over plain HTTP, so who sends none is the
administrator. A token from the table is that user; anything that smells of a browser is refused.
"""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from adapters.memory import discovery
from adapters.memory.access import User
from adapters.memory.bodies import parsed
from adapters.memory.cluster import ADMIN, Call, MemoryCluster
from adapters.memory.logs import LOG
from adapters.memory.schemas import undecodable
from adapters.memory.statuses import RefusalError, refusal_of
from adapters.memory.tables import table
from rollout.listening import Server, listener
from rollout.ports.errors import PortError

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_HEALTH = frozenset({"/healthz", "/livez", "/readyz"})


class Face:
    """A running face; `url` is where, `close` ends it together with its open watches."""

    def __init__(self, cluster: MemoryCluster, tokens: Mapping[str, User], url: str) -> None:
        self.url = url
        self._cluster = cluster
        self._tokens = tokens
        self._closing = asyncio.Event()
        self._server: Server | None = None
        self._serving: asyncio.Task[None] | None = None

    def kubeconfig(self, path: Path, token: str = "") -> Path:
        """Write a kubeconfig for this face, for the administrator or for a token's user; the path."""
        user = {"token": token} if token else {}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "memory", "cluster": {"server": self.url}}],
            "users": [{"name": "memory", "user": user}],
            "contexts": [{"name": "memory", "context": {"cluster": "memory", "user": "memory"}}],
            "current-context": "memory",
        }
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        return path

    def start(self, heard: socket.socket) -> None:
        """Serve on a listening socket; who connects from now on is answered."""
        route = Route("/{path:path}", self._answer, methods=_METHODS)
        hosts = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
        app = Starlette(routes=[route], middleware=[hosts])
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2)
        self._server = Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[heard]))

    async def close(self) -> None:
        """End open watches and stop serving."""
        self._closing.set()
        if self._server is not None and self._serving is not None:
            self._server.end()
            await self._serving

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._answered(request)
        except RefusalError as refusal:
            return _refused(refusal)
        except PortError as error:
            return _refused(refusal_of(error))

    async def _answered(self, request: Request) -> Response:
        path, query = request.url.path, dict(request.query_params)
        agent = request.headers.get("user-agent", "unknown").partition("/")[0]
        call = Call(path=path, query=query, user=self._user(request), agent=agent)
        if path in _HEALTH:
            return PlainTextResponse("ok")
        if request.method == "GET":
            self._cluster.faults.check()
            document = discovery.answer(path, self._cluster.kinds)
            if document is not None:
                return JSONResponse(document)
            if path.endswith(LOG):
                return PlainTextResponse(self._cluster.log(call))
            return self._watched(request, call) if query.get("watch") in {"true", "1"} else self._read(request, call)
        content_type = request.headers.get("content-type", "application/json").partition(";")[0]
        found = parsed(content_type, await request.body())
        if found.repeated and call.is_strict:
            told = ", ".join(f'duplicate field "{name}"' for name in found.repeated)
            raise undecodable(self._cluster.kinds.target(path), f"strict decoding error: {told}")
        body = found.value
        if request.method == "PATCH":
            return JSONResponse(self._cluster.patch(call, content_type, body))
        if not isinstance(body, dict):
            raise RefusalError(400, "the body of the request is not an object")
        if request.method == "POST":
            return JSONResponse(self._cluster.create(call, body), status_code=201)
        if request.method == "PUT":
            return JSONResponse(self._cluster.replace(call, body))
        return JSONResponse(self._cluster.delete(call, body))

    def _user(self, request: Request) -> User:
        if "origin" in request.headers:
            raise RefusalError(403, "browsers may not call the memory cluster")
        user, (scheme, _, token) = ADMIN, request.headers.get("authorization", "").partition(" ")
        if scheme:
            if scheme.lower() != "bearer" or token not in self._tokens:
                raise RefusalError(401, "Unauthorized")
            user = self._tokens[token]
        if name := request.headers.get("impersonate-user"):
            if "system:masters" not in user.groups:
                raise RefusalError(403, f'User "{user.name}" cannot impersonate users')
            return User(name=name, groups=tuple(request.headers.getlist("impersonate-group")))
        return user

    def _read(self, request: Request, call: Call) -> Response:
        found = self._cluster.read(call)
        if not _wants_table(request):
            return JSONResponse(found)
        kind = self._cluster.kinds.target(call.path).kind
        objects = found.get("items", [found])
        meta = found["metadata"] if "items" in found else {"resourceVersion": found["metadata"]["resourceVersion"]}
        return JSONResponse(table(kind, objects, meta, self._cluster.now()))

    def _watched(self, request: Request, call: Call) -> Response:
        events = self._cluster.watch(call)  # what is wrong with the request is an HTTP error, not an event
        lines = self._lines(events, call, as_table=_wants_table(request))
        return StreamingResponse(lines, media_type="application/json")

    async def _lines(
        self, events: AsyncGenerator[dict[str, Any], None], call: Call, *, as_table: bool
    ) -> AsyncIterator[str]:
        kind = self._cluster.kinds.target(call.path).kind
        async with aclosing(_until(self._closing, events)) as told:
            try:
                async for event in told:
                    shown = event["object"]
                    if as_table and event["type"] != "BOOKMARK":
                        meta = {"resourceVersion": shown["metadata"]["resourceVersion"]}
                        shown = table(kind, [shown], meta, self._cluster.now())
                    yield _line(event["type"], shown)
            except RefusalError as refusal:
                yield _line("ERROR", refusal.status())
            except PortError:
                return  # an outage cuts the connection


async def start_face(
    cluster: MemoryCluster, host: str = "127.0.0.1", port: int = 0, tokens: Mapping[str, User] | None = None
) -> Face:
    """The cluster over HTTP, once it answers; port 0 is any free one, `tokens` maps bearer tokens to users."""
    heard = listener(host, port)
    cluster.tokens.update(tokens or {})
    face = Face(cluster, tokens or {}, f"http://{host}:{heard.getsockname()[1]}")
    face.start(heard)
    return face


async def _until(
    closing: asyncio.Event, events: AsyncGenerator[dict[str, Any], None]
) -> AsyncGenerator[dict[str, Any], None]:
    closed = asyncio.create_task(closing.wait())
    try:
        async with aclosing(events):
            while True:
                upcoming = asyncio.ensure_future(anext(events, None))
                try:
                    await asyncio.wait({upcoming, closed}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not upcoming.done():
                        upcoming.cancel()
                        with suppress(asyncio.CancelledError):
                            await upcoming
                event = None if upcoming.cancelled() else upcoming.result()
                if event is None:
                    return
                yield event
    finally:
        closed.cancel()


def _wants_table(request: Request) -> bool:
    return "as=Table" in request.headers.get("accept", "")


def _line(kind: str, shown: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "object": shown}, separators=(",", ":")) + "\n"


def _refused(refusal: RefusalError) -> Response:
    if refusal.is_page_not_found:
        return PlainTextResponse("404 page not found\n", status_code=404)
    return JSONResponse(refusal.status(), status_code=refusal.code)
