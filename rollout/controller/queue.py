"""Which object is ticked next, and when again?"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

FIRST_BACKOFF = timedelta(seconds=1)
LONGEST_BACKOFF = timedelta(minutes=2)


@dataclass(slots=True)
class Queue(Generic[K]):
    """Keys to work on, first in first out; one worker per key, and a key added while worked on comes again after.

    jitter: a number from 0.0 to 1.0 for each call; spreads back-offs so that failing keys do not come back together.
    stirs: told of a key that is added while it is worked on: who works on it may be waiting for what matters no more.
    """

    jitter: Callable[[], float]
    stirs: Callable[[K], None] = lambda _: None
    _ready: deque[K] = field(default_factory=deque)
    _queued: set[K] = field(default_factory=set)
    _working: set[K] = field(default_factory=set)
    _again: set[K] = field(default_factory=set)
    _failures: dict[K, int] = field(default_factory=dict)
    _wakes: asyncio.Event = field(default_factory=asyncio.Event)
    _freed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, key: K) -> None:
        """Have `key` worked on as soon as its turn comes; adding it twice is adding it once."""
        if key in self._working:
            self._again.add(key)
            self.stirs(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.append(key)
            self._wakes.set()

    async def take(self) -> K:
        """The next key, which nobody else gets until `done`."""
        while not self._ready:
            self._wakes.clear()
            await self._wakes.wait()
        key = self._ready.popleft()
        self._queued.discard(key)
        self._working.add(key)
        return key

    def done(self, key: K) -> None:
        """Give `key` back; it comes again at once if it was added meanwhile."""
        self._working.discard(key)
        self._freed.set()
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def succeeded(self, key: K) -> None:
        """Forget earlier failures of `key`."""
        self._failures.pop(key, None)

    def failed(self, key: K) -> timedelta:
        """How long to wait before `key` is tried again: doubles from 1 s to 2 min, each with up to half as much jitter."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        base = min(FIRST_BACKOFF * (1 << min(count, 16)), LONGEST_BACKOFF)
        return base * (1 + 0.5 * self.jitter())

    async def idle(self) -> None:
        """Return once no key is being worked on."""
        while self._working:
            self._freed.clear()
            await self._freed.wait()

    def forget(self, key: K) -> None:
        """Drop what is remembered of a key that is gone."""
        self._failures.pop(key, None)

    def __len__(self) -> int:
        """Keys that wait for a worker."""
        return len(self._ready)

    @property
    def working(self) -> int:
        """Keys that are being worked on."""
        return len(self._working)
