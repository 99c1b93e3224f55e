"""How are commit statuses read and written over HTTP, the same way on every forge?"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import aiohttp

from adapters.forges.answers import Answer, entries, failure, is_repeated, newest, next_page
from adapters.forges.places import Allowed, Place, place_of
from adapters.forges.table import FORGES, Row
from rollout.model.source import Forge, GitSource
from rollout.ports.clock import Clock
from rollout.ports.errors import Rejected, Unreachable
from rollout.ports.forges import CommitStatus, fitted

MIB = 1024 * 1024
_MOST_PAGES = 100
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_TOKEN = re.compile(r"[!-~]{1,4096}")  # what may stand in a header, on one line
_BROKEN = (aiohttp.ClientError, OSError, TimeoutError, ValueError)
_DISTRIBUTION = "rollout-controller"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """One repository on one forge, and what proves who we are. The token is in no message."""

    row: Row
    place: Place
    forge: Forge
    token: str

    def url(self, path: str, commit: str) -> str:
        """The URL of an endpoint."""
        return self.place.api + path.format(repository=self.place.repository, commit=commit)

    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        name, before = self.row.token
        return {**self.row.headers, name: f"{before}{self.token}"}


class HttpForges:
    """`Forges` over HTTP. Close it when done.

    allowed: raises Rejected for a URL that no GitSource may name; the API must pass it, too. within: for one request.
    most_bytes: of one answer. Redirects are not followed and proxies of the environment not used: a token goes to the
    forge or nowhere.
    """

    def __init__(self, clock: Clock, allowed: Allowed, *, within: timedelta, most_bytes: int = 4 * MIB) -> None:
        self._clock = clock
        self._allowed = allowed
        self._limits = aiohttp.ClientTimeout(total=within.total_seconds())
        self._most_bytes = most_bytes
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def statuses(self, source: GitSource, token: str, commit: str) -> Mapping[str, CommitStatus]:
        """The newest status of each context that the commit has, by context; all pages are read."""
        visit = self._visit(source, token, commit)
        url, (size, most) = visit.url(visit.row.shown, commit), visit.row.page_size
        found: list[Mapping[str, Any]] = []
        page: int | None = 1
        for _ in range(_MOST_PAGES):
            answer = await self._asked(visit, "GET", f"{url}?{size}={most}&page={page}")
            if answer.code != 200:
                raise failure(visit.row, answer, visit.forge.secret, self._clock.now())
            found += entries(visit.row, answer)
            page = next_page(visit.row, answer, page or 1)
            if page is None:
                return newest(visit.row, found)
        raise Rejected(f"GET {url}: {visit.row.name} has more than {_MOST_PAGES} pages of statuses of this commit")

    async def say(self, source: GitSource, token: str, commit: str, status: CommitStatus) -> None:
        """Set one status; texts are cut to what the forge takes. Saying what is said already is no error."""
        visit = self._visit(source, token, commit)
        word = visit.row.words[status.state]
        body = {
            "state": word,
            visit.row.context: status.context,
            "description": fitted(status.text, visit.forge.kind),
        }
        answer = await self._asked(visit, "POST", visit.url(visit.row.said, commit), body)
        if answer.code in (200, 201) or is_repeated(visit.row, answer, word):
            return
        if answer.code >= 500 and visit.row.probe:
            commits = await self._asked(visit, "GET", visit.url(visit.row.probe, commit))
            answer = commits if commits.code == 404 else answer
        raise failure(visit.row, answer, visit.forge.secret, self._clock.now())

    def _visit(self, source: GitSource, token: str, commit: str) -> _Visit:
        if source.forge is None:
            raise Rejected(f"GitSource {source.key} has no spec.commitStatus")
        if not _COMMIT.fullmatch(commit):
            raise Rejected(f"{commit[:80]!r} is not the id of a commit")
        token = token.strip()
        if not _TOKEN.fullmatch(token):
            place = f"Secret {source.key.namespace}/{source.forge.secret}"
            raise Rejected(f"{place}: the token is empty or has characters that no token has; write it anew")
        row = FORGES[source.forge.kind]
        return _Visit(row=row, place=place_of(source, row, self._allowed), forge=source.forge, token=token)

    async def _asked(self, visit: _Visit, method: str, url: str, body: Mapping[str, str] | None = None) -> Answer:
        """One request and its answer, whatever its status; Unreachable where there is none."""
        session, what = self._opened(), f"{method} {url}"
        data = None if body is None else json.dumps(body).encode()
        headers = visit.headers() | ({} if body is None else {"Content-Type": "application/json"})
        try:
            async with session.request(method, url, data=data, headers=headers, allow_redirects=False) as response:
                text = await self._text(what, response)
                shown = text.replace(visit.token.encode(), b"***")
                return Answer(what=what, code=response.status, headers=response.headers, body=shown)
        except _BROKEN as error:
            said = (str(error) or type(error).__name__).replace(visit.token, "***")
            raise Unreachable(f"{what}: {visit.row.name} does not answer: {said}") from error

    async def _text(self, what: str, response: aiohttp.ClientResponse) -> bytes:
        text = bytearray()
        async for piece in response.content.iter_chunked(64 * 1024):
            text += piece
            if len(text) > self._most_bytes:
                raise Rejected(f"{what}: the answer is larger than {self._most_bytes // MIB} MiB")
        return bytes(text)

    def _opened(self) -> aiohttp.ClientSession:
        """The session, opened at the first request: only then there is surely an event loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._limits,
                headers={"User-Agent": f"rollout/{_version()}", "Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
                requote_redirect_url=False,
                trust_env=False,
            )
        return self._session


def _version() -> str:
    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return "0"
