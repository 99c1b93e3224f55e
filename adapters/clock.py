"""What time is it, by this machine's clock?"""

from datetime import UTC, datetime


class SystemClock:
    """The `Clock` of the product."""

    def now(self) -> datetime:
        """The present time in UTC."""
        return datetime.now(UTC)
