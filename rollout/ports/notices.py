"""Who is told what happened?"""

from typing import Protocol

from rollout.model.status import Reason
from rollout.ports.rollouts import Stored


class Notices(Protocol):
    """News for people, at least once, de-duplicated by the receiver's rules; a failure here never stops a rollout."""

    async def tell(self, about: Stored, reason: Reason) -> None:
        """Announce `reason`; repeated ones within the de-duplication time are counted, not repeated."""
