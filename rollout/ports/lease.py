"""May this replica write?"""

from datetime import timedelta
from typing import Protocol


class Lease(Protocol):
    """One replica is active at a time."""

    def may_write(self, within: timedelta) -> bool:
        """Whether a write that takes up to `within` would end before another replica may take over."""

    async def acquire(self) -> None:
        """Return once this replica holds the lease; go on renewing it in the background."""

    async def lost(self) -> None:
        """Return when the lease is not held any more."""

    async def release(self) -> None:
        """Give it up so that another replica need not wait."""
