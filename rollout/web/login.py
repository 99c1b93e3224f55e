"""By which requests does a browser sign in and out?

GET leads to the issuer and back and changes nothing of the cluster; what signs in by a token, or out, is a POST that only a
page of ours can send (`guard.must_be_ours`).
"""

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import RedirectResponse

from rollout.web.shapes import Left, Pasted, Ways
from rollout.web.signing_in import Desk, Sent

BACK = "/login/callback"
_SIGN_IN: dict[int | str, dict[str, Any]] = {
    400: {"description": "no JSON"},
    401: {"description": "the cluster does not know this token"},
    403: {"description": "not asked by a page of ours, or not over HTTPS"},
    404: {"description": "there is no such way to sign in here"},
    411: {"description": "no Content-Length"},
    413: {"description": "too long"},
    421: {"description": "not a name of ours"},
    429: {"description": "too many tries"},
    503: {"description": "the cluster does not answer"},
}


def add_login(app: FastAPI, desk: Desk) -> None:
    """Let people sign in and out at this app."""

    @app.get("/api/v1/login", responses={421: _SIGN_IN[421]})
    async def ways() -> Ways:
        """How one can sign in; for everybody."""
        return desk.ways()

    @app.post("/login/token", status_code=204, responses=_SIGN_IN)
    async def by_token(request: Request, pasted: Pasted) -> Response:
        """Sign in by a token of the cluster."""
        return _with(Response(status_code=204), await desk.by_token(request, pasted.token))

    @app.get("/login/issuer", include_in_schema=False)
    async def to_issuer(request: Request, after: Annotated[str, Query(alias="next")] = "/") -> Response:
        """To the issuer."""
        return _redirected(await desk.to_issuer(request, after))

    @app.get(BACK, include_in_schema=False)
    async def from_issuer(request: Request) -> Response:
        """Back from the issuer."""
        return _redirected(await desk.from_issuer(request))

    @app.post("/logout", responses={code: _SIGN_IN[code] for code in (403, 411, 413, 421)})
    async def out(request: Request, response: Response) -> Left:
        """Sign out."""
        sent = await desk.out(request)
        _with(response, sent.cookies)
        return Left(end=sent.place)


def _redirected(sent: Sent) -> Response:
    return _with(RedirectResponse(sent.place, status_code=303), sent.cookies)


def _with(response: Response, cookies: tuple[str, ...]) -> Response:
    for cookie in cookies:
        response.headers.append("Set-Cookie", cookie)
    return response
