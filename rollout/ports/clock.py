"""What time is it?"""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The one source of time outside the core."""

    def now(self) -> datetime:
        """The present time, aware, in UTC."""
