"""How many ticks act at the same time, while any number of them waits for answers of others?

A tick has a slot while it reads the cache, decides and writes; while it waits for a metrics server it stands aside, and
another may begin. So all that are due ask together, and the API server still gets no more writes at once than there are slots.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """So many slots. Who begins comes before who has its answer, so that all that are due ask in the same moment."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._aside: set[asyncio.Task[object]] = set()
        self._owed = 0

    async def take(self) -> None:
        """Return with a slot, before all that come back from standing aside."""
        await self._taken(is_first=True)

    def give(self) -> None:
        """Give a slot back; nothing happens where the tick ended before it got its own back from standing aside."""
        if self._owed:
            self._owed -= 1
        else:
            self._left()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """Leave the slot to others until the end of the block, and then wait for one."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can stand aside")
        self._aside.add(task)
        self._left()
        try:
            yield
        finally:
            try:
                await self._taken(is_first=False)
            except asyncio.CancelledError:
                self._owed += 1
                raise
            finally:
                self._aside.discard(task)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a slot until the end of the block, which is no tick; whoever waited before has one first."""
        await self._taken(is_first=False)
        try:
            yield
        finally:
            self._left()

    def drop(self) -> None:
        """End the ticks that stand aside: they have only looked so far."""
        for task in self._aside:
            task.cancel()

    async def _taken(self, *, is_first: bool) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        (self._waiting.appendleft if is_first else self._waiting.append)(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._left()  # it had come in the same moment
            raise

    def _left(self) -> None:
        """Hand a slot to whoever waits first."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
