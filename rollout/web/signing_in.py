"""How does somebody sign in with a browser, and out?

With a token of the cluster that he pastes, or at an issuer of OpenID Connect. The way to the issuer and back is bound to the
browser that began it by a sealed cookie; whoever comes back without it, or with another one, is not signed in.
"""

import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address, ip_network

import structlog
from fastapi import HTTPException, Request

from rollout.ports.clock import Clock
from rollout.ports.errors import Forbidden, PortError
from rollout.ports.logins import Logins, Ticket
from rollout.services.rates import Rates
from rollout.web.callers import Callers
from rollout.web.claimed import Naming, UnnamedError
from rollout.web.cookies import Jar, TooLongError
from rollout.web.hosts import is_local
from rollout.web.places import HOME, local, quoted
from rollout.web.sessions import Session, Sessions, Way
from rollout.web.shapes import Ways

TICKETS = Jar(name="rollout-login")
COUNTS_FOR = timedelta(minutes=10)  # long enough for a second factor
MOST_PER_MINUTE = 30  # of one address; right ones are not counted
_PURPOSE = "login 1"  # with the number of its form: a ticket of another release is none
_MOST_USED = 10_000
_TOO_LONG = "%s; have the issuer send fewer groups"
_LOG = structlog.get_logger("rollout.web")


class Trouble(StrEnum):
    """Why somebody came back and is not signed in; static/login.js has the words."""

    STALE = "stale"  # no ticket, another browser's, or one that is over
    DECLINED = "declined"  # the issuer says that somebody did not want to
    REFUSED = "refused"  # what came back was not said by the issuer, to us, for this browser
    UNNAMED = "unnamed"
    TOO_LONG = "too-long"
    UNAVAILABLE = "unavailable"
    TOO_MANY = "too-many"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Where a browser goes next. cookies: values of Set-Cookie."""

    place: str
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuing:
    """An issuer, and which users of the cluster it tells of."""

    logins: Logins
    naming: Naming


@dataclass(slots=True, kw_only=True)
class Desk:
    """Where people sign in and out. issuing: None where there is no issuer. is_secure: people reach us over HTTPS."""

    callers: Callers
    sessions: Sessions
    clock: Clock
    issuing: Issuing | None = None
    is_secure: bool = False
    rates: Rates = field(default_factory=Rates)
    _used: OrderedDict[str, datetime] = field(default_factory=OrderedDict)

    def ways(self) -> Ways:
        """How one can sign in."""
        return Ways(
            open=self.callers.is_open,
            token=self.callers.tokens,
            issuer=self.sessions.issuer or None,
            proxy=self.callers.proxy is not None,
        )

    async def by_token(self, request: Request, token: str) -> tuple[str, ...]:
        """The cookies of a session by a token of the cluster; HTTPException for a token that the cluster does not know."""
        if not self.callers.tokens:
            raise HTTPException(404, "nobody signs in by a token here; switch on --api-tokens (docs/login.md)")
        self._must_keep_cookies(request)
        door, now = _door(request), self.clock.now()
        wait = self.rates.wait(door, MOST_PER_MINUTE, now)
        if wait:
            raise HTTPException(429, f"too many tries; wait {wait} s", headers={"Retry-After": str(wait)})
        identity = await self.callers.known_by(token)
        self.rates.forgive(door, MOST_PER_MINUTE, now)
        session = Session(way=Way.TOKEN, begun=now, seen=now, token=token)
        try:
            cookies = self.sessions.begun(request, session)
        except TooLongError as error:
            raise HTTPException(422, f"this token is too long for a browser to keep: {error}") from error
        _LOG.info("signed_in", user=identity.user, way=session.way.value)
        return cookies

    async def to_issuer(self, request: Request, after: str) -> Sent:
        """To the issuer, with a ticket; to the page with the reason where that cannot be. after: where he wants to be then."""
        if self.issuing is None:
            raise HTTPException(404, "there is no issuer here; set --login-issuer (docs/login.md)")
        self._must_keep_cookies(request)
        ticket, now = Ticket(state=_random(), nonce=_random(), verifier=_random()), self.clock.now()
        try:
            place = await self.issuing.logins.place(ticket, now)
        except PortError as error:
            return self._failed(request, Trouble.UNAVAILABLE, str(error), local(after))
        told = {"s": ticket.state, "n": ticket.nonce, "v": ticket.verifier, "x": local(after)}
        told |= {"b": str(int(now.timestamp())), "i": self.sessions.issuer}
        sealed = self.sessions.sealer.sealed(_PURPOSE, json.dumps(told).encode())
        return Sent(place=place, cookies=TICKETS.written(request, sealed, int(COUNTS_FOR.total_seconds())))

    async def from_issuer(self, request: Request) -> Sent:
        """Back from the issuer: signed in, or to the page with the reason."""
        if self.issuing is None:
            raise HTTPException(404, "there is no issuer here; set --login-issuer (docs/login.md)")
        now, found = self.clock.now(), self._ticket(request)
        if found is None:
            return self._failed(request, Trouble.STALE, "this browser has no ticket that counts")
        ticket, after = found
        door = _door(request)
        if self.rates.wait(door, MOST_PER_MINUTE, now):
            return self._failed(request, Trouble.TOO_MANY, "too many tries", after)
        try:
            claims = await self.issuing.logins.claims(ticket, dict(request.query_params), now)
            identity = self.issuing.naming.identity(claims)
            session = Session(way=Way.ISSUER, begun=now, seen=now, identity=identity, issuer=self.sessions.issuer)
            cookies = self.sessions.begun(request, session)
        except Forbidden as error:
            declined = request.query_params.get("error") == "access_denied"
            return self._failed(request, Trouble.DECLINED if declined else Trouble.REFUSED, str(error), after)
        except PortError as error:
            return self._failed(request, Trouble.UNAVAILABLE, str(error), after)
        except UnnamedError as error:
            return self._failed(request, Trouble.UNNAMED, str(error), after)
        except TooLongError as error:
            return self._failed(request, Trouble.TOO_LONG, _TOO_LONG % error, after)
        self.rates.forgive(door, MOST_PER_MINUTE, now)
        _LOG.info("signed_in", user=identity.user, way=session.way.value)
        return Sent(place=after, cookies=(*cookies, *TICKETS.ended(request)))

    async def out(self, request: Request) -> Sent:
        """Signed out here; the place is where he signs out at the issuer too, "" for none."""
        session = self.sessions.of(request)
        cookies, place = self.sessions.ended(request), ""
        if session is not None:
            _LOG.info("signed_out", way=session.way.value)
        if session is not None and session.way is Way.ISSUER and self.issuing is not None:
            try:
                place = await self.issuing.logins.farewell(self.clock.now())
            except PortError as error:
                _LOG.warning("issuer_not_left", why=str(error))
        return Sent(place=place, cookies=cookies)

    def _must_keep_cookies(self, request: Request) -> None:
        if not self.is_secure and not is_local(request):
            raise HTTPException(
                403, "sessions are for HTTPS, or this machine alone: put TLS in front and set --api-url https://..."
            )

    def _ticket(self, request: Request) -> tuple[Ticket, str] | None:
        """The ticket of this browser and where it wants to be then; None for none that counts. Each counts once."""
        opened = self.sessions.sealer.opened(_PURPOSE, TICKETS.read(request))
        if opened is None:
            return None
        said: Mapping[str, str] = json.loads(opened)
        age = self.clock.now() - datetime.fromtimestamp(int(said["b"]), UTC)
        ticket = Ticket(state=said["s"], nonce=said["n"], verifier=said["v"])
        is_over = not timedelta(minutes=-1) <= age < COUNTS_FOR or ticket.state in self._used
        if is_over or said["i"] != self.sessions.issuer:
            return None
        if secrets.compare_digest(request.query_params.get("state", "").encode(), ticket.state.encode()):
            self._used[ticket.state] = self.clock.now()
        while len(self._used) > _MOST_USED:
            self._used.popitem(last=False)
        return ticket, local(said["x"])

    def _failed(self, request: Request, trouble: Trouble, why: str, after: str = HOME) -> Sent:
        _LOG.warning("sign_in_refused", trouble=trouble.value, why=why, address=_door(request))
        more = "" if after == HOME else f"&next={quoted(after)}"
        return Sent(place=f"/login?error={trouble.value}{more}", cookies=TICKETS.ended(request))


def _random() -> str:
    """43 characters of base64url: as long as the shortest verifier may be (RFC 7636, 4.1)."""
    return secrets.token_urlsafe(32)


def _door(request: Request) -> str:
    """Whoever tries: an address; of IPv6 the network that one line of a provider has."""
    host = request.client.host if request.client is not None else ""
    try:
        found = ip_address(host)
    except ValueError:
        return host
    return host if found.version == 4 else str(ip_network((found, 64), strict=False))
