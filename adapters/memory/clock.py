"""What time is it where somebody else turns the hands?"""

from datetime import datetime, timedelta


class ManualClock:
    """The `Clock` of simulations and tests: it stands until it is advanced."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError(f"{start}: a clock needs an aware datetime, such as datetime(2026, 3, 2, 9, tzinfo=UTC)")
        self._now = start

    def now(self) -> datetime:
        """The time that was set."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Let time pass; a negative span turns the clock back, as an administrator might."""
        self._now += by
