"""How does time pass in a test without waiting?"""

import asyncio
import heapq
from itertools import count


class Hours:
    """A monotonic clock and its sleepers, which only `pass_` moves on."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = count()

    def monotonic(self) -> float:
        """Seconds, as far as they were passed."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have been passed."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._number), woken))
        await woken

    async def pass_(self, seconds: float) -> None:
        """Let time pass, waking each sleeper at its own moment and letting it do what it woke up for."""
        end = self._now + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
            await self._settle()
        self._now = end

    @staticmethod
    async def _settle() -> None:
        for _ in range(30):  # what runs in process needs some turns of the loop, never time
            await asyncio.sleep(0)
