"""May this replica write when it is the only one?"""

import asyncio
from datetime import timedelta


class HeldLease:
    """The `Lease` of one process: held from `acquire` (or from the start) until `release`."""

    def __init__(self, *, held: bool = True) -> None:
        self._is_held = held
        self._gone = asyncio.Event()

    def may_write(self, within: timedelta) -> bool:
        """Whether it is held."""
        del within  # no other replica waits: there is always time
        return self._is_held

    async def acquire(self) -> None:
        """Return at once: nobody else wants it."""
        self._is_held = True
        self._gone.clear()

    async def lost(self) -> None:
        """Return once it was released."""
        await self._gone.wait()

    async def release(self) -> None:
        """Give it up: nothing may be written any more."""
        self._is_held = False
        self._gone.set()
