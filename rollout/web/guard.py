"""What may a browser do with what we send, and which requests are not ours to answer?

Nothing of another origin is loaded or let in; a page elsewhere can send no request that changes something, because that
takes a header of our own, which a browser asks for first, and we never allow it; and a name that was made to point at
this machine (DNS rebinding) is not one of ours.
"""

from collections.abc import Collection, Mapping

from fastapi import HTTPException, Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OURS = "X-Rollout-Request"  # of every request that changes something
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
    """An ASGI app around another: the headers on every answer, and no answer for names that are not ours.

    hosts: names by which we are called, without port, () for any.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._hosts and host_of(Request(scope)) not in self._hosts:
            await _misdirected(send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded)


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


async def _misdirected(send: Send) -> None:
    body = b"this name is not one of ours; see --api-url\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 421, "headers": headers})
    await send({"type": "http.response.body", "body": body})
