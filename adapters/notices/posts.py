"""How is something posted to a receiver that nobody here controls?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

from rollout.ports.clock import Clock
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected, Unreachable

WITHIN = timedelta(seconds=10)  # one request with its answer
MOST_BYTES = 256 * 1024  # of an answer; more is not read
_LONGEST_WAIT = timedelta(hours=2)  # a Retry-After that says more is wrong, or its clock is
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_URL = re.compile(r"[\x21-\x7e]{1,2000}")
_BROKEN = (aiohttp.ClientError, TimeoutError, OSError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with a status below 300. who: scheme and host of the receiver, for messages."""

    who: str
    body: bytes


class Posts:
    """Posts to https URLs. Close it when done.

    http: whether http:// to this machine is let pass, too. Redirects are not followed and proxies of the environment not
    used: a message goes to the receiver or nowhere. Errors name scheme and host alone: paths and queries are secrets.
    """

    def __init__(self, clock: Clock, *, http: bool = False, within: timedelta = WITHIN) -> None:
        self.clock = clock
        self._http = http
        self._limits = aiohttp.ClientTimeout(total=within.total_seconds())
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def post(self, place: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer. place: where the URL stands, such as "Secret shop/hook". Raises what `Messenger` may."""
        who = self._checked(place, url)
        try:
            async with self._opened().post(url, data=body, headers=headers, allow_redirects=False) as response:
                text = await _start(response)
                if response.status < 300:
                    return Answer(who=who, body=text)
                raise failure(who, place, response.status, response.headers, self.clock.now())
        except _BROKEN as error:
            # The exception's own words may hold the URL.
            raise Unreachable(f"{who} does not answer ({type(error).__name__})") from None

    def _checked(self, place: str, url: str) -> str:
        """Scheme and host of a URL that may be posted to; Rejected otherwise, without the URL."""
        try:
            parts = urlsplit(url if _URL.fullmatch(url) else "")
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise Rejected(f"{place}: url is none; put an https:// URL there") from None
        if not host or parts.username is not None or parts.password is not None:
            raise Rejected(f"{place}: url is not https://HOST/... without a user; put the receiver's URL there")
        if parts.scheme != "https" and not (parts.scheme == "http" and self._http and host in _HERE):
            raise Rejected(f"{place}: url is not https; news and their signatures do not travel in the clear")
        return f"{parts.scheme}://{host}" + (f":{port}" if port else "")

    def _opened(self) -> aiohttp.ClientSession:
        """The session, opened at the first request: only then there is surely an event loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._limits,
                headers={"User-Agent": "rollout-notices", "Accept-Encoding": "identity"},
                # A kept connection that the receiver has just closed would look like a dead receiver.
                connector=aiohttp.TCPConnector(force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session


def failure(who: str, place: str, code: int, headers: Mapping[str, str], now: datetime) -> PortError:
    """The PortError for an answer that is no success."""
    match code:
        case 401 | 403:
            return Forbidden(f"{who} does not let us in ({code}); see what {place} holds")
        case 404 | 410:
            return NotFound(f"{who} has no such receiver ({code}); see the URL in {place}")
        case 429:
            return Unreachable(f"{who} asks us to come less often (429)", retry_after=_wait(headers, now))
        case _ if 300 <= code < 400:
            return Rejected(f"{who} sends us elsewhere ({code}), which is not followed; put the new URL into {place}")
        case _ if code in (408, 425) or code >= 500:
            return Unreachable(f"{who} is in trouble ({code})", retry_after=_wait(headers, now))
        case _:
            return Rejected(f"{who} refuses the message ({code})")


async def _start(response: aiohttp.ClientResponse) -> bytes:
    """The beginning of the body: what a receiver sends beyond it is not waited for."""
    text = bytearray()
    async for piece in response.content.iter_chunked(64 * 1024):
        text += piece
        if len(text) > MOST_BYTES:
            break
    return bytes(text[:MOST_BYTES])


def _wait(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long the receiver wants us to stay away; None where it does not say."""
    after = headers.get("Retry-After", "").strip()
    if after.isascii() and after.isdigit():
        return min(timedelta(seconds=int(after[:9])), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(after)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), _LONGEST_WAIT)
