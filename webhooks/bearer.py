"""Whose token is this, and who is it?"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policies.approval import Identity, Realm
from rollout.model.receiver import Oidc
from rollout.ports.errors import PortError
from rollout.ports.tokens import Tokens
from webhooks.knock import Knock, Refusal, RefusedError

_MOST_NAME = 512  # what a RolloutCommand takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Who sent a token. delivery: the same when the token comes again; until: when it counts no longer, in seconds since 1970."""

    identity: Identity
    delivery: str
    until: float


async def from_token(knock: Knock, tokens: Tokens) -> Bearer:
    """Who the bearer token of a request names; RefusedError when the Receiver does not believe it."""
    scheme, _, token = knock.header("authorization").partition(" ")
    oidc = knock.receiver.oidc
    if scheme.lower() != "bearer" or not token or oidc is None:
        raise RefusedError(Refusal.UNSIGNED)
    try:
        claims = await tokens.claims(token, oidc.issuer, oidc.audience, knock.now)
    except PortError as error:
        raise RefusedError(Refusal.UNAVAILABLE, "the issuer cannot be asked now", retry_after=5) from error
    if claims is None or not all(_said(claims.get(name)) == text for name, text in oidc.claims):
        raise RefusedError(Refusal.FORGED)
    user = claims["sub"]
    if not isinstance(user, str) or not 0 < len(user) <= _MOST_NAME or not user.isprintable():
        raise RefusedError(Refusal.FORGED)
    return Bearer(
        identity=Identity(
            realm=Realm.OIDC,
            user=user,
            groups=_groups(claims, oidc),
            email=_email(claims),
            vouched=knock.receiver.key.namespace,
        ),
        delivery=_delivery(claims, token),
        until=float(claims["exp"]),
    )


def _said(value: object) -> str | None:
    """A claim as a Receiver writes it; None for lists and objects, which equal no text."""
    match value:
        case bool():
            return str(value).lower()
        case str() | int():
            return str(value)
        case _:
            return None


def _groups(claims: Mapping[str, Any], oidc: Oidc) -> tuple[str, ...]:
    found = claims.get(oidc.groups_claim)
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return tuple(sorted({one for one in listed if isinstance(one, str) and 0 < len(one) <= _MOST_NAME}))


def _email(claims: Mapping[str, Any]) -> str:
    """The address that the issuer says it has verified, in lower case; "" for every other."""
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str) or len(email) > _MOST_NAME:
        return ""
    return email.lower()


def _delivery(claims: Mapping[str, Any], token: str) -> str:
    """By the token's own name; without one by what was signed: of one content there can be several signatures."""
    if isinstance(claims.get("jti"), str) and claims["jti"]:
        return f"jti {claims['jti']}"
    return f"token {hashlib.sha256(token.rpartition('.')[0].encode()).hexdigest()}"
