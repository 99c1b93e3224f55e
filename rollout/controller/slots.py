"""How many ticks act at the same time, while any number of them waits for answers of others?

A tick has a slot while it reads the cache, decides and writes; while it waits for a metrics server it stands aside, and
another may begin. So all that are due ask together, and the API server still gets no more writes at once than there are slots.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """So many slots, given in the order in which they were asked for."""

    def __init__(self, limit: int) -> None:
        self._free = asyncio.Semaphore(limit)
        self._aside: set[asyncio.Task[object]] = set()
        self._owed = 0

    async def take(self) -> None:
        """Return with a slot."""
        await self._free.acquire()

    def give(self) -> None:
        """Give a slot back; nothing happens where the tick ended before it got its own back from standing aside."""
        if self._owed:
            self._owed -= 1
        else:
            self._free.release()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """Leave the slot to others until the end of the block, and then wait for one."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can stand aside")
        self._aside.add(task)
        self._free.release()
        try:
            yield
        finally:
            try:
                await self._free.acquire()
            except asyncio.CancelledError:
                self._owed += 1
                raise
            finally:
                self._aside.discard(task)

    def drop(self) -> None:
        """End the ticks that stand aside: they have only looked so far."""
        for task in self._aside:
            task.cancel()
