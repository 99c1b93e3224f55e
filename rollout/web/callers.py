"""Who sends this request?

A bearer token is the cluster's to know, pasted into a session or sent along; a proxy's header counts only from the addresses
that were named; an issuer's word is in a session of ours; and where nothing of this is set, nobody is anybody, and the address
is this machine's alone (`rollout.settings`).
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address

from fastapi import HTTPException, Request

from policies.approval import Identity, Realm
from rollout.ports.clock import Clock
from rollout.ports.errors import PortError
from rollout.ports.reviews import Reviews
from rollout.web.sessions import Session, Sessions, Way

KNOWN_FOR = timedelta(seconds=10)  # a token that was taken back is not believed for longer
MOST_KNOWN = 1000
MOST_TOKEN = 16 * 1024
_BEARER = "bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy in front that says who somebody is. user and groups: names of its headers."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    user: str
    groups: str

    def is_at(self, address: str) -> bool:
        """Whether a connection from this address is the proxy's."""
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever sent a request. proven: by what, for the audit. until: when that ends, None where somebody else says so.

    cookies: values of Set-Cookie that keep his session.
    """

    identity: Identity
    way: Way
    proven: str = ""
    until: datetime | None = None
    cookies: tuple[str, ...] = ()

    @property
    def is_ambient(self) -> bool:
        """Whether a browser sends along what proves it, whoever wrote the page."""
        return self.way is not Way.BEARER


@dataclass(slots=True, kw_only=True)
class Callers:
    """Knows callers. tokens: whether the cluster's bearer tokens are taken; proxy: None where none is trusted.

    sessions: of browsers that have signed in, None where there is no way to sign in.
    """

    reviews: Reviews
    clock: Clock
    tokens: bool = False
    proxy: Proxy | None = None
    sessions: Sessions | None = None
    _known: OrderedDict[bytes, tuple[Identity, datetime]] = field(default_factory=OrderedDict)

    @property
    def is_open(self) -> bool:
        """Whether nobody is asked who he is: everybody on this machine reads, and nobody changes anything."""
        return not self.tokens and self.proxy is None and not self.has_issuer

    @property
    def has_issuer(self) -> bool:
        """Whether people sign in by an issuer of OpenID Connect."""
        return self.sessions is not None and bool(self.sessions.issuer)

    async def of(self, request: Request) -> Caller | None:
        """The caller; None where nobody is asked. HTTPException 401 for whoever proves nothing, 503 without an answer.

        What a program says of itself counts first, then the proxy, then the browser's session.
        """
        if self.is_open:
            return None
        header = request.headers.get("authorization", "")
        if self.tokens and header[: len(_BEARER)].lower() == _BEARER:
            identity = await self.known_by(header[len(_BEARER) :].strip())
            return Caller(identity=identity, way=Way.BEARER, proven="token")
        if self.proxy is not None and request.client is not None and self.proxy.is_at(request.client.host):
            found = self._by_proxy(request, self.proxy)
            if found is not None:
                return Caller(identity=found, way=Way.PROXY, proven="proxy")
        session = self.sessions.of(request) if self.sessions is not None else None
        if session is not None and self.sessions is not None:
            identity = await self._in(session)
            cookies = self.sessions.renewed(request, session)
            return Caller(
                identity=identity,
                way=session.way,
                proven=f"issuer {session.issuer}" if session.way is Way.ISSUER else "token",
                until=self.sessions.until(session),
                cookies=cookies,
            )
        raise _unproven("say who you are: " + " or ".join(self._ways()))

    async def is_still(self, request: Request) -> bool:
        """Whether whoever sent the request would be let in with it now; a cluster that does not answer changes nothing."""
        try:
            await self.of(request)
        except HTTPException as error:
            return error.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        return True

    def _ways(self) -> list[str]:
        issuer = ["sign in at /login"] if self.has_issuer else []
        token = ["send a bearer token of the cluster (kubectl create token NAME)"] if self.tokens else []
        return [*issuer, *token, *(["come by the proxy"] if self.proxy is not None else [])]

    async def _in(self, session: Session) -> Identity:
        """Who has signed in; a token is asked for again, so that one that was taken back ends its session."""
        if session.way is Way.TOKEN and self.tokens:
            return await self.known_by(session.token)
        if session.way is Way.ISSUER and session.identity is not None:
            return session.identity
        raise _unproven("your session is of a way to sign in that is switched off; sign in again")

    async def known_by(self, token: str) -> Identity:
        """The user whose bearer token it is; HTTPException 401 for one that the cluster does not know."""
        if not token or len(token) > MOST_TOKEN:
            raise _unproven("the bearer token is empty or too long")
        digest, now = hashlib.sha256(token.encode(errors="surrogateescape")).digest(), self.clock.now()
        known = self._known.get(digest)
        if known is not None and timedelta(0) <= now - known[1] < KNOWN_FOR:
            return known[0]
        try:
            found = await self.reviews.who(token)
        except PortError as error:
            raise HTTPException(503, "the cluster cannot be asked who you are; try again") from error
        if found is None:
            raise _unproven("the cluster does not know this bearer token; get a new one")
        self._known[digest] = found, now
        self._known.move_to_end(digest)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return found

    def _by_proxy(self, request: Request, proxy: Proxy) -> Identity | None:
        """None where the proxy names nobody; a header that is there twice names nobody either."""
        users = [user.strip() for user in request.headers.getlist(proxy.user)]
        if len(users) != 1 or not users[0]:
            return None
        groups = [group.strip() for line in request.headers.getlist(proxy.groups) for group in line.split(",")]
        return Identity(realm=Realm.CLUSTER, user=users[0], groups=tuple(group for group in groups if group))


def _unproven(why: str) -> HTTPException:
    return HTTPException(401, why, headers={"WWW-Authenticate": "Bearer"})


def caller_of(request: Request) -> Caller | None:
    """Whom `guard.Guard` has let in; None where nobody is asked who he is."""
    found: Caller | None = request.state.caller
    return found
