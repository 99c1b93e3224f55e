"""What was told to whom, when nobody but this process listens?"""

from collections import deque

from rollout.model.names import Key
from rollout.model.status import Reason
from rollout.ports.notices import About

_KEPT = 10_000  # a demo that runs for days must not grow


class KeptNotices:
    """`Notices` that keeps the news, oldest first."""

    def __init__(self) -> None:
        self.told: deque[tuple[Key, Reason]] = deque(maxlen=_KEPT)

    async def tell(self, about: About, reason: Reason) -> None:
        """Keep it, repeated or not."""
        self.told.append((about.key, reason))

    def codes(self, key: Key) -> tuple[str, ...]:
        """The codes of all that was told about one Rollout, oldest first."""
        return tuple(reason.code for about, reason in self.told if about == key)
