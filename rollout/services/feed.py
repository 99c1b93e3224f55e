"""Who hears that something changed, without being waited for?"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rollout.model.names import Key

MOST_WAITING = 1000  # of one listener; whoever is slower has to look at everything again


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """An object that changed. key: None where so much did that the listener has to look at everything again."""

    kind: str = ""
    key: Key | None = None


@dataclass(slots=True)
class Listener:
    """One who listens: what changed and was not told yet, each object once."""

    _waiting: dict[Changed, None] = field(default_factory=dict)
    _any: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, changed: Changed) -> None:
        """Remember it; a listener who is too slow forgets what it was and only knows that it was much."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting = {Changed(): None}
        else:
            self._waiting[changed] = None
        self._any.set()

    async def changes(self) -> AsyncIterator[Changed]:
        """What changes, without end."""
        while True:
            await self._any.wait()
            while self._waiting:
                first = next(iter(self._waiting))
                del self._waiting[first]
                yield first
            self._any.clear()


@dataclass(slots=True)
class Feed:
    """Passes on what changes; told by the cache, heard by open pages."""

    _listeners: list[Listener] = field(default_factory=list)

    def tell(self, kind: str, key: Key) -> None:
        """An object of this kind changed. Waits for nobody."""
        for listener in self._listeners:
            listener.hear(Changed(kind=kind, key=key))

    def __len__(self) -> int:
        return len(self._listeners)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """A listener who hears everything from now on, until it leaves."""
        listener = Listener()
        self._listeners.append(listener)
        try:
            yield listener
        finally:
            self._listeners.remove(listener)
