"""Did this issuer sign this token, for us, and does it count now?"""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt
from jwt import PyJWK

from adapters.oidc.issuers import Issuers, Jwk

# Signatures by a private key only: with HS256 the issuer's public key would be the secret, and `none` is no signature.
_ALGORITHMS = {"RS256": ("RSA", ""), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
_LEEWAY = timedelta(seconds=30)  # clocks differ
_MOST_CHARACTERS = 16 * 1024


class OidcTokens:
    """The port `Tokens` on issuers that are asked for their keys."""

    def __init__(self, issuers: Issuers) -> None:
        self._issuers = issuers

    async def claims(self, token: str, issuer: str, audience: str, now: datetime) -> Mapping[str, Any] | None:
        """What it says; None unless the issuer signed it for this audience and it counts now."""
        header = _header(token)
        if header is None:
            return None
        keys = _fitting(await self._issuers.keys(issuer, now), header)
        if not keys:
            keys = _fitting(await self._issuers.keys(issuer, now, renew=True), header)
        for key in keys:
            found = _verified(token, key, str(header["alg"]), issuer, audience)
            if found is not None:
                return found if _counts(found, now) else None
        return None


def _header(token: str) -> Mapping[str, Any] | None:
    """The header of a token that could count; what it says of where keys are is never followed."""
    if len(token) > _MOST_CHARACTERS or not token.isascii():
        return None
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    if header.get("alg") not in _ALGORITHMS or "crit" in header or not isinstance(header.get("kid", ""), str):
        return None
    return header


def _fitting(keys: tuple[Jwk, ...], header: Mapping[str, Any]) -> list[Jwk]:
    """Keys that can have made such a signature; without a name in the token only if there is no choice."""
    algorithm = str(header["alg"])
    kind, curve = _ALGORITHMS[algorithm]
    able = [
        key
        for key in keys
        if key.get("kty") == kind and key.get("alg", algorithm) == algorithm and key.get("crv", "") == curve
    ]
    if "kid" in header:
        return [key for key in able if key.get("kid") == header["kid"]]
    return able if len(able) == 1 else []


def _verified(token: str, key: Jwk, algorithm: str, issuer: str, audience: str) -> Mapping[str, Any] | None:
    try:
        found: dict[str, Any] = jwt.decode(
            token,
            PyJWK(dict(key), algorithm=algorithm),
            algorithms=[algorithm],
            issuer=issuer,
            audience=audience,
            options={
                "require": ["iss", "aud", "sub", "exp", "iat"],
                "verify_exp": False,  # by our own clock, below
                "verify_nbf": False,
                "verify_iat": False,
                "enforce_minimum_key_length": True,  # RSA from 2048 bits
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    return found


def _counts(claims: Mapping[str, Any], now: datetime) -> bool:
    """Whether it is neither over nor yet to come; RFC 7519 has seconds, with a fraction if need be."""
    times = [claims["exp"], claims["iat"], claims.get("nbf", claims["iat"])]
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in times):
        return False
    ends, *begins = times
    at, leeway = now.timestamp(), _LEEWAY.total_seconds()
    return bool(at < ends + leeway and all(at >= one - leeway for one in begins))
