"""What do tokens say that were given out in this process?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rollout.ports.errors import Unreachable


class MemoryTokens:
    """`Tokens` without signatures: only what `issue` gave out is known."""

    def __init__(self) -> None:
        self._issued: dict[str, Mapping[str, Any]] = {}
        self._failing = ""

    def issue(self, claims: Mapping[str, Any]) -> str:
        """A token that says this."""
        token = f"token.{len(self._issued)}.x"
        self._issued[token] = dict(claims)
        return token

    def fail(self, problem: str) -> None:
        """No issuer's keys can be had from now on; "" ends that."""
        self._failing = problem

    async def claims(self, token: str, issuer: str, audience: str, now: datetime) -> Mapping[str, Any] | None:
        """What it says; None unless it was given out by this issuer for this audience and counts now."""
        if self._failing:
            raise Unreachable(f"{issuer}: its keys cannot be had: {self._failing}")
        found = self._issued.get(token)
        if found is None or found["iss"] != issuer or found["aud"] != audience or found["exp"] <= now.timestamp():
            return None
        return found
