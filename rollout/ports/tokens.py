"""Does an issuer of OpenID Connect stand behind this token, and what does it say?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol


class Tokens(Protocol):
    """Signed tokens (JWT) and the issuers' keys, which are fetched and kept."""

    async def claims(self, token: str, issuer: str, audience: str, now: datetime) -> Mapping[str, Any] | None:
        """What it says; None unless the issuer signed it for this audience and it counts now.

        `iss`, `aud`, `sub`, `exp` and `iat` are there and right; `nbf` is, where it is there. Unreachable when the issuer's
        keys cannot be had, Rejected for an issuer whose URL nobody may name.
        """
