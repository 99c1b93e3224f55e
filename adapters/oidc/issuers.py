"""Which keys does an issuer sign with now, and where are its endpoints?

Read from its discovery document (OpenID Connect Discovery 1.0, section 4) and kept, so that a flood of tokens asks it once.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from rollout.ports.errors import Rejected, Unreachable

Jwk = Mapping[str, Any]
FRESH_FOR = timedelta(minutes=10)
USABLE_FOR = timedelta(hours=1)  # while the issuer cannot be asked; then a key that it took back counts no longer
RENEWED_AT_MOST_EVERY = timedelta(minutes=1)  # for a key that we do not know: anybody can write one into a token
_FIRST_BACKOFF = timedelta(seconds=2)
_LONGEST_BACKOFF = timedelta(minutes=1)
_WITHIN = timedelta(seconds=5)
_MOST_BYTES = 512 * 1024
_MOST_KEYS = 100
_MOST_ISSUERS = 1000
_DISCOVERY = "/.well-known/openid-configuration"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_BROKEN = (aiohttp.ClientError, OSError, TimeoutError, ValueError)


@dataclass(slots=True)
class _Known:
    """One issuer. read: when its keys were read; asked: when it was asked last; failures: since then."""

    keys: tuple[Jwk, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict)
    read: datetime | None = None
    asked: datetime | None = None
    failures: int = 0
    problem: str = ""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Issuers:
    """Keys of issuers over HTTPS; plain HTTP only for this machine. Close it when done.

    authorities: who may vouch for issuers, None for whom this machine believes. Redirects are not followed and proxies of the
    environment not used.
    """

    def __init__(self, authorities: ssl.SSLContext | None = None) -> None:
        self._authorities = authorities
        self._known: dict[str, _Known] = {}
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def keys(self, issuer: str, now: datetime, *, renew: bool = False) -> tuple[Jwk, ...]:
        """The issuer's keys; renew: a token names one that is not among them. Unreachable when there are none to be had."""
        return (await self._fresh(issuer, now, renew=renew)).keys

    async def document(self, issuer: str, now: datetime) -> Mapping[str, Any]:
        """What its discovery document says. Unreachable when it cannot be had."""
        return (await self._fresh(issuer, now)).document

    async def posted(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """The status and the JSON of the answer to a form; Unreachable when there is none, or one that cannot be read."""
        try:
            async with self._opened().post(url, data=form, headers=headers, allow_redirects=False) as answer:
                return answer.status, await _object(answer, f"POST {url}")
        except (*_BROKEN, Rejected) as error:
            raise Unreachable(f"POST {url}: {error or type(error).__name__}") from error

    async def _fresh(self, issuer: str, now: datetime, *, renew: bool = False) -> _Known:
        _check(issuer)
        if len(self._known) > _MOST_ISSUERS:
            self._known.clear()
        known = self._known.setdefault(issuer, _Known())
        async with known.asking:
            if _is_due(known, now, renew=renew):
                await self._ask(known, issuer, now)
        if known.read is None or now - known.read > USABLE_FOR:
            raise Unreachable(f"{issuer}: its keys cannot be had: {known.problem}", retry_after=_backoff(known))
        return known

    async def _ask(self, known: _Known, issuer: str, now: datetime) -> None:
        known.asked = now
        try:
            known.document, known.keys = await self._read(issuer)
        except (*_BROKEN, Rejected) as error:
            known.failures += 1
            known.problem = str(error) or type(error).__name__
        else:
            known.read, known.failures, known.problem = now, 0, ""

    async def _read(self, issuer: str) -> tuple[Mapping[str, Any], tuple[Jwk, ...]]:
        document = await self._json(issuer.rstrip("/") + _DISCOVERY)
        if document.get("issuer") != issuer:
            raise Rejected(f"its discovery document is that of {str(document.get('issuer'))[:200]!r}")
        place = str(document.get("jwks_uri") or "")
        _check(place)
        if urlsplit(issuer).scheme == "https" and urlsplit(place).scheme != "https":
            raise Rejected("its keys are behind http://")
        found = (await self._json(place)).get("keys")
        if not isinstance(found, list):
            raise Rejected(f"{place} has no keys")
        return document, _usable(found)

    async def _json(self, url: str) -> dict[str, Any]:
        async with self._opened().get(url, allow_redirects=False) as answer:
            if answer.status != 200:
                raise Rejected(f"GET {url}: {answer.status}")
            return await _object(answer, f"GET {url}")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._authorities or True),
                timeout=aiohttp.ClientTimeout(total=_WITHIN.total_seconds()),
                headers={"Accept": "application/json"},
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session


async def _object(answer: aiohttp.ClientResponse, about: str) -> dict[str, Any]:
    """The JSON object of an answer, read no further than _MOST_BYTES."""
    text = bytearray()
    async for piece in answer.content.iter_chunked(64 * 1024):
        text += piece
        if len(text) > _MOST_BYTES:
            raise Rejected(f"{about}: more than {_MOST_BYTES} bytes")
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise Rejected(f"{about}: nested too deep") from error
    if not isinstance(found, dict):
        raise Rejected(f"{about}: not an object")
    return found


def _is_due(known: _Known, now: datetime, *, renew: bool) -> bool:
    if known.asked is None:
        return True
    since = now - known.asked
    if known.failures:
        return since >= _backoff(known)
    return since >= FRESH_FOR or (renew and since >= RENEWED_AT_MOST_EVERY)


def _backoff(known: _Known) -> timedelta:
    doublings = max(min(known.failures, 10) - 1, 0)
    return min(_FIRST_BACKOFF * float(2**doublings), _LONGEST_BACKOFF)


def _check(url: str) -> None:
    """Rejected unless it is https, or http of this machine."""
    parts = urlsplit(url)
    if parts.username is not None or parts.query or parts.fragment:
        raise Rejected(f"{url[:200]}: an issuer's URL has neither a user nor a query")
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
        raise Rejected(f"{url[:200]}: an issuer's URL begins with https://")


def _usable(found: Sequence[Any]) -> tuple[Jwk, ...]:
    """Public keys that are for signatures."""
    keys = [one for one in found[:_MOST_KEYS] if isinstance(one, dict) and one.get("use", "sig") == "sig"]
    public = [one for one in keys if one.get("kty") in ("RSA", "EC", "OKP") and "d" not in one]
    return tuple(one for one in public if isinstance(one.get("kid", ""), str))
