"""What may a browser do with what we send, and which requests are not ours to answer?

Nothing of another origin is loaded or let in; a page elsewhere can send no request that changes something, because that
takes a header of our own, which a browser asks for first, and we never allow it; and a name that was made to point at
this machine (DNS rebinding) is not one of ours.
"""

from collections.abc import Collection, Mapping
from functools import partial

from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rollout.web.callers import Caller, Callers
from rollout.web.hosts import host_of, is_own_origin

OURS = "X-Rollout-Request"  # of every request that changes something
GUARDED = "/api/"
OPEN = frozenset({"/api/v1/login"})  # which ways there are to sign in
MOST_BYTES = 64 * 1024
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
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

    The name is one of ours, the body is bounded, nobody was made to change something by a page of somebody else, and whoever
    calls below /api/ has proven who he is (`request.state.caller`); and the headers are on every answer.
    callers: who knows them. hosts: names by which we are called, without port, () for any. url: how people reach us, "" unsaid.
    """

    def __init__(self, app: ASGIApp, callers: Callers, hosts: Collection[str] = (), url: str = "") -> None:
        self._app = app
        self._callers = callers
        self._hosts = frozenset(hosts)
        self._url = url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        request, cookies = Request(scope), list[str]()

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                for cookie in cookies:
                    headers.append("Set-Cookie", cookie)
            await send(message)

        try:
            await self._admit(request)
        except HTTPException as error:
            refusal = JSONResponse({"detail": error.detail}, error.status_code, error.headers)
            await refusal(scope, receive, guarded)
            return
        caller: Caller | None = getattr(request.state, "caller", None)
        cookies.extend(caller.cookies if caller is not None else ())
        await self._app(scope, receive, guarded)

    async def _admit(self, request: Request) -> None:
        if self._hosts and host_of(request) not in self._hosts:
            raise HTTPException(421, "this name is not one of ours; set --api-url to the one that people use")
        _must_be_bounded(request)
        must_be_ours(request, self._url)
        path = str(request.scope["path"])  # what routes are found by; request.url is made with what Host says
        if path.startswith(GUARDED) and path not in OPEN:
            request.state.caller = await self._callers.of(request)
            request.state.is_still = partial(self._callers.is_still, request)


def must_be_ours(request: Request, url: str = "") -> None:
    """HTTPException 403 for a request that changes something and may have been made by a page of somebody else.

    A browser says where a page comes from (Sec-Fetch-Site, Origin), and asks first before it sends a header of ours. This is
    asked of programs with a token too: what a browser cannot send costs them nothing.
    """
    if request.method in SAFE:
        return
    if any(site != "same-origin" for site in request.headers.getlist("sec-fetch-site")):
        raise HTTPException(403, "this request comes from a page of another origin")
    if not all(is_own_origin(origin, request, url) for origin in request.headers.getlist("origin")):
        raise HTTPException(
            403, "this request comes from a page of another origin; --api-url names the one that is ours"
        )
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
