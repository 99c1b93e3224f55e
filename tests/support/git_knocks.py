"""How does each git host knock, and what may be wrong with it? Signatures are written anew from the hosts' own pages."""

import base64
import hashlib
import hmac
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from structlog.testing import capture_logs

from tests.support.asgi import Answer
from tests.support.builders import NOON
from tests.support.hooked import Desk, a_callback, a_desk, a_git_receiver, signed
from tests.support.receivers import receiver_secret

SECRET = b"open sesame"
WHSEC = b"whsec_" + base64.b64encode(b"a key that GitLab made for its hook")
FAST: dict[str, Any] = {"mostPerMinute": 100_000}
PUSH: dict[str, Any] = {
    "ref": "refs/heads/main",
    "before": "0" * 40,
    "after": "4f1c2ab90d77" + "0" * 28,
    "repository": {
        "full_name": "shop/specs",
        "clone_url": "https://git.example.org/specs.git",
        "default_branch": "main",
    },
    "commits": [{"id": "4f1c2ab", "added": ["rollouts/checkout.yaml"], "author": {"email": "ana@shop.example"}}],
    "sender": {"login": "ana"},
}
_ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1e308, "", "refs/heads/evil", "https://evil.example/x.git", "../../etc/passwd",
    "specs; rm -rf", "\u0000", "\ud800", "é" * 300, [], [[[[]]]], {}, {"name": "other"}, "other",
)  # fmt: skip
Sign = Callable[[bytes, str, datetime, bytes], dict[str, str]]  # body, delivery, when, secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One way to sign. kind: of the Receiver. is_timed: the time is signed; is_whole: the body is."""

    kind: str
    sign: Sign
    proof: str
    secret: bytes = SECRET
    is_timed: bool = False
    is_whole: bool = True


def _mac(body: bytes, secret: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(secret, body, algorithm).hexdigest()


def _hexed(header: str, prefix: str, named: str, algorithm: str = "sha256") -> Sign:
    """The hex HMAC of the body in a header, and the delivery in another."""

    def sign(body: bytes, delivery: str, _: datetime, secret: bytes) -> dict[str, str]:
        return {header: prefix + _mac(body, secret, algorithm), named: delivery}

    return sign


def _by_token(body: bytes, delivery: str, _: datetime, secret: bytes) -> dict[str, str]:
    assert body is not None
    return {"x-gitlab-token": secret.decode(), "x-gitlab-event-uuid": delivery}


def _by_standard(body: bytes, delivery: str, at: datetime, secret: bytes) -> dict[str, str]:
    return signed(body, at, delivery, secret)


HOSTS: dict[str, Host] = {
    "github": Host(
        kind="github",
        sign=_hexed("x-hub-signature-256", "sha256=", "x-github-delivery"),
        proof="x-hub-signature-256",
    ),
    "gitlab-token": Host(kind="gitlab", sign=_by_token, proof="x-gitlab-token", is_whole=False),
    "gitlab-signed": Host(kind="gitlab", sign=_by_standard, proof="webhook-signature", secret=WHSEC, is_timed=True),
    "gitea": Host(kind="gitea", sign=_hexed("x-gitea-signature", "", "x-gitea-delivery"), proof="x-gitea-signature"),
    "forgejo": Host(
        kind="gitea", sign=_hexed("x-forgejo-signature", "", "x-forgejo-delivery"), proof="x-forgejo-signature"
    ),
    "generic": Host(
        kind="generic", sign=_hexed("x-signature", "sha512=", "x-request-id", "sha512"), proof="x-signature"
    ),
    "bitbucket": Host(
        kind="generic", sign=_hexed("x-hub-signature", "sha256=", "x-request-uuid"), proof="x-hub-signature"
    ),
}


def a_push(rng: random.Random) -> bytes:
    """What a host may send, or somebody who knows its secret: a push with something in it changed, or no JSON at all."""
    text = json.dumps(PUSH).encode()
    match rng.randrange(5):
        case 0:
            return json.dumps({**PUSH, rng.choice(sorted(PUSH)): rng.choice(_ODD)}).encode()
        case 1:
            repository = {**PUSH["repository"], rng.choice(("full_name", "clone_url", "secretRef")): rng.choice(_ODD)}
            return json.dumps({**PUSH, "repository": repository}).encode()
        case 2:
            at = rng.randrange(len(text))
            return text[:at] + rng.randbytes(rng.randint(0, 9)) + text[at + rng.randint(0, 9) :]
        case 3:
            return rng.randbytes(rng.randint(0, 400))
        case _:
            return rng.choice(
                (b"", b"{", b"null", b"payload=%7B", text.decode().encode("utf-16"), b"[" * 5000, text * 3)
            )


@dataclass(slots=True, kw_only=True)
class GitKnocks:
    """Knocks at a desk as one host does, each time with something new. refused: how often, by the reason in the log."""

    desk: Desk
    host: Host
    rng: random.Random
    sent: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def fresh(self) -> str:
        """An id that no delivery had yet."""
        self.sent += 1
        return f"delivery-{self.sent}"

    def headers(self, body: bytes, at: datetime = NOON, secret: bytes = b"") -> dict[str, str]:
        """Those of a new delivery of this body, all of them right."""
        return self.host.sign(body, self.fresh(), at, secret or self.host.secret)

    async def send(self, body: bytes | None = None, name: str = "ci", **how: Any) -> Answer:
        """A request with everything right but what is said otherwise."""
        body = a_push(self.rng) if body is None else body
        headers = how.pop("headers", None)
        headers = self.headers(body, how.pop("at", NOON), how.pop("secret", b"")) if headers is None else headers
        path = how.pop("path", None) or self.desk.path(how.pop("route", "git"), name)
        return await self.desk.post(path, how.pop("sent", body), headers, **how)


def _others(host: Host) -> Iterator[dict[str, Any]]:
    """Receivers besides shop/ci: each differs from it by one thing, and other tenants have one of the same kind."""
    receiver, _, source = a_git_receiver(host.kind, **FAST)
    yield source
    changes: dict[str, dict[str, Any]] = {
        "quiet": {"suspend": True},
        "narrow": {"mostPerMinute": 1},
        "lost": {"secretRef": {"name": "nowhere"}},
        "empty": {"sources": ["gone"]},
        "foreign": {"secretRef": {"name": "foreign"}},
    }
    for name, spec in changes.items():
        yield {**receiver, "metadata": {**receiver["metadata"], "name": name}, "spec": {**receiver["spec"], **spec}}
    yield receiver_secret("foreign", secret=another(host))
    callback, _ = a_callback(**FAST, secretRef={"name": "ci"})
    yield {**callback, "metadata": {**callback["metadata"], "name": "pipeline"}}


def another(host: Host) -> bytes:
    """The secret of another tenant's hook of the same host."""
    return b"whsec_" + base64.b64encode(b"somebody else's key") if host.secret is WHSEC else b"close sesame"


@asynccontextmanager
async def git_knocks(name: str, seed: int) -> AsyncIterator[GitKnocks]:
    """A desk with Receiver shop/ci of this host, and others."""
    host = HOSTS[name]
    receiver, _, _ = a_git_receiver(host.kind, **FAST)
    own = receiver_secret("ci", secret=host.secret, previous=b"before")
    async with a_desk(receiver, own, *_others(host)) as desk:
        desk.doors.read_within = timedelta(milliseconds=5)
        mixed = int.from_bytes(hashlib.sha256(f"{name} {seed}".encode()).digest()[:8])
        yield GitKnocks(desk=desk, host=host, rng=random.Random(mixed))


@contextmanager
def noted(counter: Counter[str]) -> Iterator[None]:
    """Count what the doors log of refusals meanwhile; an error of ours that was logged fails the test."""
    with capture_logs() as lines:
        yield
    assert [line for line in lines if line["log_level"] in ("error", "critical")] == []
    counter.update(line["refusal"] for line in lines if line["event"] == "webhook_refused")
