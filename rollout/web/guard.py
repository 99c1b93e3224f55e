"""What may a browser do with what we send, and which requests are not ours to answer?

Nothing of another origin is loaded or let in; a page elsewhere can send no request that changes something, because that
takes a header of our own, which a browser asks for first, and we never allow it; and a name that was made to point at
this machine (DNS rebinding) is not one of ours.
"""

from collections.abc import Collection, Mapping

from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rollout.web.callers import Callers

OURS = "X-Rollout-Request"  # of every request that changes something
GUARDED = "/api/"
MOST_BYTES = 64 * 1024
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """An ASGI app around another: what must be true before anything of a request is read.

    The name is one of ours, the body is bounded, whoever calls below /api/ has proven who he is (`request.state.caller`) and
    was not made to call by a page of somebody else; and the headers are on every answer.
    callers: who knows them. hosts: names by which we are called, without port, () for any.
    """

    def __init__(self, app: ASGIApp, callers: Callers, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._callers = callers
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._admit(Request(scope))
        except HTTPException as error:
            refusal = JSONResponse({"detail": error.detail}, error.status_code, error.headers)
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)

    async def _admit(self, request: Request) -> None:
        if self._hosts and host_of(request) not in self._hosts:
            raise HTTPException(421, "this name is not one of ours; set --api-url to the one that people use")
        _must_be_bounded(request)
        if request.url.path.startswith(GUARDED):
            must_be_ours(request)
            request.state.caller = await self._callers.of(request)


def host_of(request: Request) -> str:
    """The name by which the request calls us, without port, in lower case; "" where it says none or several."""
    named = request.headers.getlist("host")
    if len(named) != 1:
        return ""
    host = named[0].strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def must_be_ours(request: Request) -> None:
    """HTTPException 403 for a request that changes something and may have been made by a page of somebody else."""
    if request.method in SAFE:
        return
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "this request comes from a page of another origin")
    if OURS not in request.headers:
        raise HTTPException(403, f"a request that changes something has the header {OURS}: 1")


def _must_be_bounded(request: Request) -> None:
    """HTTPException 411 or 413 for a body of unknown or too great length; the server holds senders to what they say."""
    if request.method in SAFE:
        return
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise HTTPException(411, "say how long the body is (Content-Length)")
    if int(length) > MOST_BYTES:
        raise HTTPException(413, f"the body is longer than {MOST_BYTES} bytes")
