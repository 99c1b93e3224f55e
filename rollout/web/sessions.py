"""Who has signed in with this browser, how, and until when?

All that a session is stands in its cookie, sealed: any replica opens it, and a restart ends none. So a copy of a cookie counts
as long as the cookie would; where somebody signs out, this replica remembers that until then.
"""

import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from fastapi import Request

from policies.approval import Identity, Realm
from rollout.ports.clock import Clock
from rollout.web.cookies import Jar
from rollout.web.sealing import Sealer

JAR = Jar(name="rollout-session")
_PURPOSE = "session 1"  # with the number of its form: a session of another release is none
_LEEWAY = timedelta(minutes=1)  # clocks of replicas differ
_RENEWED_AFTER = 12  # the twelfth part of the idle life; not with each request
_MOST_ENDED = 10_000


class Way(StrEnum):
    """How a caller proves who he is."""

    BEARER = "bearer"  # the cluster's token in the header: no browser sends it by itself
    PROXY = "proxy"
    TOKEN = "token"  # a session, by a token of the cluster that was pasted
    ISSUER = "issuer"  # a session, by an issuer of OpenID Connect


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who has signed in. begun: when; seen: when he was here last, more or less.

    identity: of an issuer's session, None where the token says it. token: the cluster's, "" for an issuer's session.
    issuer: the one that said who it is.
    """

    way: Way
    begun: datetime
    seen: datetime
    name: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    identity: Identity | None = None
    token: str = field(default="", repr=False)
    issuer: str = ""


@dataclass(slots=True, kw_only=True)
class Sessions:
    """Sessions of browsers. life: of one from its begin; idle: without a request. issuer: whose sessions count."""

    sealer: Sealer
    clock: Clock
    life: timedelta
    idle: timedelta
    issuer: str = ""
    _ended: OrderedDict[str, datetime] = field(default_factory=OrderedDict)

    def begun(self, request: Request, session: Session) -> tuple[str, ...]:
        """Values of Set-Cookie that begin a session; TooLongError when it does not fit into cookies."""
        return self._written(request, session)

    def of(self, request: Request) -> Session | None:
        """The session of this browser; None where there is none that counts."""
        sealed = JAR.read(request)
        opened = self.sealer.opened(_PURPOSE, sealed) if sealed else None
        session = _session(opened) if opened is not None else None
        now = self.clock.now()
        if session is None or session.name in self._ended or now >= self.until(session):
            return None
        if max(session.begun, session.seen) > now + _LEEWAY:
            return None
        is_other = session.way is Way.ISSUER and session.issuer != self.issuer
        return None if is_other else session

    def until(self, session: Session) -> datetime:
        """When it ends if nothing more is asked."""
        return min(session.begun + self.life, session.seen + self.idle)

    def renewed(self, request: Request, session: Session) -> tuple[str, ...]:
        """Values of Set-Cookie that say that he was here now; none while that was said a moment ago."""
        now = self.clock.now()
        if now - session.seen < self.idle / _RENEWED_AFTER:
            return ()
        return self._written(request, replace(session, seen=now))

    def ended(self, request: Request) -> tuple[str, ...]:
        """Values of Set-Cookie that end the session of this browser."""
        session = self.of(request)
        if session is not None:
            self._ended[session.name] = session.begun + self.life
        while len(self._ended) > _MOST_ENDED:
            self._ended.popitem(last=False)
        return JAR.ended(request)

    def _written(self, request: Request, session: Session) -> tuple[str, ...]:
        left = self.until(session) - self.clock.now()
        text = json.dumps(_told(session), separators=(",", ":"), ensure_ascii=False).encode()
        return JAR.written(request, self.sealer.sealed(_PURPOSE, text), max(int(left.total_seconds()), 1))


def _told(session: Session) -> dict[str, Any]:
    said: dict[str, Any] = {
        "n": session.name,
        "w": session.way.value,
        "b": int(session.begun.timestamp()),
        "s": int(session.seen.timestamp()),
        "t": session.token,
        "i": session.issuer,
    }
    who = session.identity
    if who is not None:
        said |= {"u": who.user, "g": list(who.groups), "e": who.email}
    return {name: value for name, value in said.items() if value}


def _session(text: bytes) -> Session:
    """What we have sealed."""
    said: Mapping[str, Any] = json.loads(text)
    who = Identity(
        realm=Realm.CLUSTER, user=said.get("u", ""), groups=tuple(said.get("g", ())), email=said.get("e", "")
    )
    return Session(
        name=said["n"],
        way=Way(said["w"]),
        begun=datetime.fromtimestamp(said["b"], UTC),
        seen=datetime.fromtimestamp(said["s"], UTC),
        token=said.get("t", ""),
        issuer=said.get("i", ""),
        identity=who if who.user else None,
    )
