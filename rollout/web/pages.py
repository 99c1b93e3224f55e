"""Which pages does a browser find here, and from where do they come?

All of it lies in the package, beside this file: no build, nothing of another origin. One page answers for every route of
the dashboard and finds in the address what to show; it knows nothing by itself and reads all of it over the API.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response

ROUTES = ("/", "/rollouts/{namespace}/{name}", "/meshmigrations", "/meshmigrations/{name}", "/login")
PROGRAMS = ("/api/", "/static/")  # what is below is for programs: a page is no answer to them
PAGE = "index.html"
TYPES: Mapping[str, str] = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file as it is sent. tag: changes when its content does."""

    body: bytes
    type: str
    tag: str

    def answer(self, request: Request) -> Response:
        """The file, or 304 for a browser that has it: it asks each time, so after an upgrade no page is half old."""
        headers = {"Cache-Control": "no-cache", "ETag": self.tag}
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
        if self.tag in known:
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type=self.type, headers=headers)


def assets(folder: Traversable | None = None) -> Mapping[str, Asset]:
    """The files of the dashboard by name. folder: default the one in the package; other types than TYPES are left out."""
    folder = folder or files("rollout").joinpath("web", "static")
    kinds = {item: TYPES.get(item.name.rpartition(".")[2]) for item in folder.iterdir()}
    return {item.name: _asset(item.read_bytes(), kind) for item, kind in kinds.items() if kind is not None}


def add_pages(app: FastAPI, found: Mapping[str, Asset]) -> None:
    """Let `app` serve the dashboard's routes and `/static/NAME`; it belongs behind `guard.Guard`, which sends the CSP."""

    async def page(request: Request) -> Response:
        return found[PAGE].answer(request)

    async def static(request: Request, name: str) -> Response:
        if name not in found or name == PAGE:
            raise HTTPException(404, f"there is no file {name} here")
        return found[name].answer(request)

    async def lost(request: Request, error: Exception) -> Response:
        if _wants_a_page(request):
            return Response(found[PAGE].body, status_code=404, media_type=found[PAGE].type)
        return JSONResponse({"detail": getattr(error, "detail", "there is nothing here")}, status_code=404)

    app.add_exception_handler(404, lost)
    for route in ROUTES:
        app.add_api_route(route, page, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/static/{name}", static, methods=["GET", "HEAD"], include_in_schema=False)


def _wants_a_page(request: Request) -> bool:
    """Whether a person typed this address, or followed a link to it: the page says that there is none, and where others are."""
    is_ours = any(request.url.path.startswith(part) for part in PROGRAMS)
    return not is_ours and "text/html" in request.headers.get("accept", "")


def _asset(body: bytes, kind: str) -> Asset:
    return Asset(body=body, type=kind, tag=f'"{hashlib.sha256(body).hexdigest()[:32]}"')
