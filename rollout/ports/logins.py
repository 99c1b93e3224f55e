"""Who is it, as an issuer of OpenID Connect says when somebody signs in?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What one way to the issuer and back is bound to. Only the browser that began it brings it back.

    state: comes back in the URL (RFC 6749, 10.12); nonce: in the token (OpenID Connect Core, 3.1.2.1); verifier: proves that
    the code is ours (RFC 7636).
    """

    state: str
    nonce: str
    verifier: str


class Logins(Protocol):
    """One issuer, at which we are a client. PortError when it cannot be asked."""

    async def place(self, ticket: Ticket, now: datetime) -> str:
        """Where a browser is sent to learn who somebody is."""

    async def claims(self, ticket: Ticket, answer: Mapping[str, str], now: datetime) -> Mapping[str, Any]:
        """What the issuer says of whoever came back. answer: the query that the browser came with.

        Forbidden when the issuer did not say it, to us, for this ticket; the message says for the log what is wrong.
        """

    async def farewell(self, now: datetime) -> str:
        """Where a browser is sent to sign out at the issuer too; "" where the issuer has no such place."""
