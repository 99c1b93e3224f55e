"""May one more message be sent now, and if not, when?"""

from collections import deque
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)


class Allowance:
    """At most so many messages in any 60 s."""

    def __init__(self) -> None:
        self._sent: deque[datetime] = deque()

    def free_at(self, cost: int, most: int, now: datetime) -> datetime | None:
        """When `cost` more may be sent; None for now. More than `most` at once counts as `most`."""
        # What lies in the future was sent before the clock was set back.
        while self._sent and not timedelta(0) <= now - self._sent[0] < MINUTE:
            self._sent.popleft()
        short = len(self._sent) + min(cost, most) - most
        return self._sent[short - 1] + MINUTE if short > 0 else None

    def spend(self, cost: int, now: datetime) -> None:
        """So many were sent."""
        self._sent.extend([now] * cost)
