"""What would GitHub, GitLab and Gitea answer to a request about commit statuses, and what would they refuse?

Small servers on loopback that take only what the forges document: method, path and its encoding, headers, fields and
their values. Anything else gets the forge's own error, and stands in `complaints`.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from rollout.model.source import ForgeKind

COMMIT = "c0ffee00" * 5
OTHER = "deadbeef" * 5
TOKEN = "forge-token-1234"
FINISHED = ("success", "failed", "canceled", "skipped")
GITLAB_EVENTS = {"running": "run", "pending": "enqueue", "success": "success", "failed": "drop", "canceled": "cancel"}


@dataclass(slots=True, kw_only=True)
class ForgeServer:
    """One forge with one repository. shown: its statuses, oldest first, as the forge lists them.

    answers: given instead of the usual answer, once each, as (status, headers, body). page_cap: the most entries of one
    page, whatever is asked for. heard: method and raw path with query of each request. came: set by the first status.
    """

    kind: ForgeKind
    repository: str
    url: str = ""
    commits: set[str] = field(default_factory=lambda: {COMMIT})
    shown: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], str]] = field(default_factory=list)
    page_cap: int = 100
    heard: list[tuple[str, str]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Every request."""
        self.heard.append((request.method, request.rel_url.raw_path_qs))
        if self.answers:
            status, headers, body = self.answers.pop(0)
            return web.Response(status=status, headers=headers, text=body)
        if not request.headers.get("User-Agent", "").startswith("rollout/"):
            return self.refused(
                403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent"
            )
        answer = {ForgeKind.GITHUB: github, ForgeKind.GITLAB: gitlab, ForgeKind.GITEA: gitea}[self.kind]
        return await answer(self, request)

    def refused(self, status: int, message: str, **more: Any) -> web.Response:
        """An error as all three write it, noted."""
        self.complaints.append(f"{status} {message}")
        return web.json_response({"message": message, **more}, status=status)

    def add(self, entry: dict[str, Any], commit: str) -> dict[str, Any]:
        """The entry, stored as the newest one."""
        whole = {**entry, "id": len(self.shown) + 1, "sha": commit}
        self.shown.append(whole)
        self.came.set()
        return whole

    def page(self, request: web.Request, name: str, most: int, found: list[dict[str, Any]]) -> "Page":
        """What of `found` the query asks for."""
        unknown = set(request.query) - {name, "page"}
        size, number = int(request.query.get(name, "30")), int(request.query.get("page", "1"))
        if unknown or not 1 <= size <= most or number < 1:
            self.complaints.append(f"query {dict(request.query)}")
        size = min(size, self.page_cap)
        return Page(number=number, entries=found[(number - 1) * size : number * size], more=len(found) > number * size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list. more: whether another one follows."""

    number: int
    entries: list[dict[str, Any]]
    more: bool

    def link(self, request: web.Request) -> dict[str, str]:
        """The Link header. Its URLs name another host, where no token may go."""
        base = f"http://elsewhere.invalid{request.path}?page="
        links = [f'<{base}1>; rel="first"'] + ([f'<{base}{self.number + 1}>; rel="next"'] if self.more else [])
        return {"Link": ", ".join(links)}


async def body_of(server: ForgeServer, request: web.Request, fields: set[str]) -> dict[str, Any] | None:
    """The JSON object of a POST; None when it is none, or has fields that the API does not know."""
    try:
        body = json.loads(await request.text())
    except ValueError:
        body = None
    if request.content_type != "application/json" or not isinstance(body, dict) or set(body) - fields:
        server.complaints.append(f"body {body!r} as {request.content_type}")
        return None
    return body


async def github(server: ForgeServer, request: web.Request) -> web.Response:
    """GitHub Enterprise Server: https://docs.github.com/rest/commits/statuses."""
    if request.headers.get("Authorization") not in (f"Bearer {TOKEN}", f"token {TOKEN}"):
        return server.refused(401, "Bad credentials", documentation_url="https://docs.github.com/rest")
    if request.headers.get("X-GitHub-Api-Version") != "2022-11-28":
        return server.refused(400, "The version of the API is not supported")
    if request.headers.get("Accept") != "application/vnd.github+json":
        return server.refused(415, "Unsupported 'Accept' header")
    place = re.fullmatch(
        rf"/api/v3/repos/{server.repository}/(?:(commits)/(\w+)/status|(statuses)/(\w+))", request.rel_url.raw_path
    )
    if place is None or (request.method, place[1] or place[3]) not in (("GET", "commits"), ("POST", "statuses")):
        return server.refused(404, "Not Found")
    commit = place[2] or place[4]
    if commit not in server.commits:
        return server.refused(422, f"No commit found for SHA: {commit}")
    if request.method == "GET":
        latest = {entry["context"].lower(): entry for entry in server.shown if entry["sha"] == commit}
        page = server.page(request, "per_page", 100, list(latest.values()))
        whole = {"state": "pending", "statuses": page.entries, "sha": commit, "total_count": len(latest)}
        return web.json_response(whole, headers=page.link(request))
    body = await body_of(server, request, {"state", "target_url", "description", "context"})
    if body is None:
        return server.refused(400, "Problems parsing JSON")
    if body.get("state") not in ("error", "failure", "pending", "success"):
        return invalid(server, "state is not included in the list")
    if len(body.get("description", "")) > 140:
        return invalid(server, "description is too long (maximum is 140 characters)")
    same = [one for one in server.shown if (one["sha"], one["context"]) == (commit, body.get("context", "default"))]
    if len(same) >= 1000:
        return invalid(server, "This SHA and context has reached the maximum number of statuses.")
    return web.json_response(server.add({"context": "default", "description": None, **body}, commit), status=201)


def invalid(server: ForgeServer, message: str) -> web.Response:
    """How GitHub refuses the content of a status."""
    return server.refused(
        422, "Validation Failed", errors=[{"resource": "Status", "code": "custom", "message": message}]
    )


async def gitlab(server: ForgeServer, request: web.Request) -> web.Response:
    """GitLab before 18.3, which refuses a state that is there already: https://docs.gitlab.com/api/commits/."""
    if request.headers.get("PRIVATE-TOKEN") != TOKEN and request.headers.get("Authorization") != f"Bearer {TOKEN}":
        return server.refused(401, "401 Unauthorized")
    path = request.rel_url.raw_path
    project = re.match(r"/api/v4/projects/([^/]+)/", path)
    if project is None or project[1] != server.repository.replace("/", "%2F"):
        return server.refused(404, "404 Project Not Found")
    shown = re.fullmatch(r".*/repository/commits/(\w+)/statuses", path)
    said = re.fullmatch(r"/api/v4/projects/[^/]+/statuses/(\w+)", path)
    place = shown if request.method == "GET" else said if request.method == "POST" else None
    if place is None:
        return server.refused(404, "404 Not Found")
    if place[1] not in server.commits:
        return server.refused(404, "404 Commit Not Found")
    if request.method == "GET":
        latest = {entry["name"]: entry for entry in server.shown if entry["sha"] == place[1]}
        page = server.page(request, "per_page", 100, list(latest.values()))
        numbers = {"X-Page": str(page.number), "X-Next-Page": str(page.number + 1) if page.more else ""}
        return web.json_response(page.entries, headers={**page.link(request), **numbers})
    fields = {"state", "ref", "name", "context", "target_url", "description", "coverage", "pipeline_id"}
    body = await body_of(server, request, fields)
    if body is None or body.get("state") not in {*FINISHED, "pending", "running"}:
        return server.refused(400, "state does not have a valid value")
    if len(body.get("description", "")) > 255 or len(body.get("name", "")) > 255:
        return web.json_response({"message": {"description": ["is too long (maximum is 255 characters)"]}}, status=400)
    return gitlab_job(server, place[1], body)


def gitlab_job(server: ForgeServer, commit: str, body: Mapping[str, Any]) -> web.Response:
    """A status is a job: the running one of its name is moved on, a finished one is followed by a new one."""
    state, name = body["state"], body.get("name") or body.get("context") or "default"
    jobs = [entry for entry in server.shown if (entry["sha"], entry["name"]) == (commit, name)]
    running = next((job for job in jobs if job["status"] not in FINISHED), None)
    if running is not None and (state == running["status"] or state == "pending"):
        event = GITLAB_EVENTS[state]
        return server.refused(
            400,
            f"Cannot transition status via :{event} from :{running['status']} "
            f'(Reason(s): Status cannot transition via "{event}")',
        )
    entry = {"name": name, "status": state, "description": body.get("description"), "ref": "main"}
    if running is not None:
        running.update(entry)
        return web.json_response(running, status=201)
    return web.json_response(server.add(entry, commit), status=201)


async def gitea(server: ForgeServer, request: web.Request) -> web.Response:
    """Gitea and Forgejo: https://docs.gitea.com/api, repoCreateStatus and repoListStatuses."""
    if request.headers.get("Authorization") not in (f"token {TOKEN}", f"Bearer {TOKEN}"):
        return server.refused(401, "invalid username, password or token")
    base = f"/api/v1/repos/{server.repository}"
    place = re.fullmatch(rf"{base}/(git/commits|statuses)/(\w+)", request.rel_url.raw_path)
    if place is None or (place[1] == "git/commits" and place[2] not in server.commits):
        return server.refused(404, "The target couldn't be found.", errors=[])
    if place[1] == "git/commits":
        return web.json_response({"sha": place[2]})
    if request.method == "GET":
        ours = [entry for entry in server.shown if entry["sha"] == place[2]]
        page = server.page(request, "limit", 50, ours[::-1])
        return web.json_response(page.entries, headers={**page.link(request), "X-Total-Count": str(len(ours))})
    body = await body_of(server, request, {"context", "description", "state", "target_url"})
    if request.method != "POST" or body is None:
        return server.refused(405, "Method Not Allowed")
    if place[2] not in server.commits:
        return server.refused(500, "")  # what an administrator reads in the log is not in the answer
    state = body.pop("state", None)
    if state not in ("pending", "success", "error", "failure", "warning"):
        return server.refused(422, "invalid state")
    return web.json_response(server.add({"context": "default", **body, "status": state}, place[2]), status=201)


@asynccontextmanager
async def forge_server(kind: ForgeKind) -> AsyncIterator[ForgeServer]:
    """The forge on a free port of this machine, until the end of the block."""
    server = ForgeServer(kind=kind, repository="tools/shop/specs" if kind is ForgeKind.GITLAB else "shop/specs")
    app = web.Application(client_max_size=64 * 1024)
    app.router.add_route("*", "/{path:.*}", server.respond)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
