"""Who has signed this, and when?

On the raw bytes, before anything is parsed. Every secret that counts is tried, none left out once one has fitted, and
everything is compared in constant time, so that the time of an answer says nothing.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from rollout.model.receiver import Sender
from webhooks.knock import Knock, Refusal, RefusedError

# Headers in which git hosts put the hex HMAC-SHA256 of the body. GitHub, Gitea and Forgejo; Bitbucket uses GitHub's older
# name, but with SHA-256: GitHub's own SHA-1 under that name lacks the prefix and fits nothing.
_GIT_HEADERS = {
    Sender.GITHUB: (("x-hub-signature-256", "sha256="),),
    Sender.GITEA: (("x-forgejo-signature", ""), ("x-gitea-signature", ""), ("x-hub-signature-256", "sha256=")),
    Sender.GENERIC: (("x-hub-signature-256", "sha256="), ("x-hub-signature", "sha256=")),
}
# Where each git host names the delivery. None of these headers is signed but Standard Webhooks' own.
_DELIVERIES = (
    "x-github-delivery",
    "x-forgejo-delivery",
    "x-gitea-delivery",
    "x-gitlab-event-uuid",
    "x-request-uuid",
    "x-request-id",
)
_ALGORITHMS = ("sha256", "sha512")  # no SHA-1
_SECONDS = re.compile(r"[0-9]{1,11}")
_ID = re.compile(r"[!-~]{1,256}")  # a delivery id: printable, without spaces
_SIGNED_ID = re.compile(r"[!-\-/-~]{1,256}")  # nor full stops, where those divide what is signed
_MOST_SIGNATURES = 16  # in one webhook-signature header: a rotation has two
_PREFIX = b"whsec_"  # how Standard Webhooks writes secrets: then they are base64


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A request that came from whoever knows a secret. delivery: what is the same when it comes again, "" unknown."""

    delivery: str


def from_git(knock: Knock) -> Proven:
    """Proof of a git host's webhook; RefusedError when there is none."""
    if knock.receiver.sender is Sender.GITLAB:
        return _from_gitlab(knock)
    if knock.header("webhook-signature"):
        return standard(knock)
    given = [(value, prefix) for name, prefix in _GIT_HEADERS[knock.receiver.sender] if (value := knock.header(name))]
    if knock.receiver.sender is Sender.GENERIC and knock.header("x-signature"):
        return _proven(knock, _fits_generic(knock, knock.body))
    if not given:
        raise RefusedError(Refusal.UNSIGNED)
    wanted = _macs(knock, knock.body, "sha256")
    fits = (_is_one_of(value.removeprefix(prefix), wanted) and value.startswith(prefix) for value, prefix in given)
    return _proven(knock, sum(fits) > 0)


def standard(knock: Knock) -> Proven:
    """Proof by Standard Webhooks (standardwebhooks.com): id, time and body signed together; RefusedError without."""
    identity, seconds = knock.header("webhook-id"), knock.header("webhook-timestamp")
    if not _SIGNED_ID.fullmatch(identity):
        raise RefusedError(Refusal.UNSIGNED)
    sent = _moment(seconds)
    signed = b".".join((identity.encode(), seconds.encode(), knock.body))
    wanted = [hmac.new(key, signed, "sha256").digest() for secret in knock.secrets if (key := _key(secret))]
    given = [one.partition(",") for one in knock.header("webhook-signature").split(" ")]
    signatures = [_unbase64(text) for version, _, text in given if version == "v1"]
    if not signatures or len(given) > _MOST_SIGNATURES:
        raise RefusedError(Refusal.UNSIGNED)
    _check(sum(hmac.compare_digest(one, mac) for one in signatures for mac in wanted) > 0)
    _check_time(sent, knock)
    return Proven(delivery=f"id {identity}")


def stamped(knock: Knock) -> Proven:
    """Proof by `X-Signature: sha256=HEX` (or sha512) over `X-Timestamp`, a full stop and the body.

    A signature of the body alone could be sent again for ever: it is refused.
    """
    seconds = knock.header("x-timestamp")
    sent = _moment(seconds)
    signed = seconds.encode() + b"." + knock.body
    _check(_fits_generic(knock, signed))
    _check_time(sent, knock)
    return Proven(delivery=f"digest {hashlib.sha256(signed).hexdigest()}")


def _from_gitlab(knock: Knock) -> Proven:
    """A signature where there is one; else the token, which is the secret itself."""
    if knock.header("webhook-signature"):
        return standard(knock)
    token = knock.header("x-gitlab-token")
    if not token:
        raise RefusedError(Refusal.UNSIGNED)
    digest = _digest(token.encode("latin-1"))
    return _proven(knock, sum(hmac.compare_digest(digest, _digest(secret)) for secret in knock.secrets) > 0)


def _fits_generic(knock: Knock, signed: bytes) -> bool:
    algorithm, _, value = knock.header("x-signature").partition("=")
    if algorithm not in _ALGORITHMS or not value:
        raise RefusedError(Refusal.UNSIGNED)
    return _is_one_of(value, _macs(knock, signed, algorithm))


def _proven(knock: Knock, fits: bool) -> Proven:
    _check(fits)
    named = next((value for name in _DELIVERIES if (value := knock.header(name))), "")
    return Proven(delivery=f"id {named}" if _ID.fullmatch(named) else "")


def _check(fits: bool) -> None:
    if not fits:
        raise RefusedError(Refusal.FORGED)


def _check_time(sent: datetime, knock: Knock) -> None:
    if abs(knock.now - sent) > knock.receiver.replay_window:
        raise RefusedError(Refusal.STALE)


def _moment(seconds: str) -> datetime:
    if not _SECONDS.fullmatch(seconds):
        raise RefusedError(Refusal.UNSIGNED)
    return datetime.fromtimestamp(int(seconds), UTC)


def _macs(knock: Knock, signed: bytes, algorithm: str) -> list[str]:
    return [hmac.new(secret, signed, algorithm).hexdigest() for secret in knock.secrets if secret]


def _is_one_of(value: str, wanted: Iterable[str]) -> bool:
    given = value.encode("latin-1", errors="replace")
    return sum(hmac.compare_digest(given, one.encode()) for one in wanted) > 0


def _key(secret: bytes) -> bytes:
    """The key that a secret means: base64 behind `whsec_`, the secret as it is without; empty when it cannot be read."""
    if not secret.startswith(_PREFIX):
        return secret
    return _unbase64(secret.removeprefix(_PREFIX).decode("latin-1"))


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
