"""How much, how often, and how many times the same?

What is remembered here is bounded and of this process alone: what must be once and never again over all replicas is
named by what proves it (`callbacks.py`), so that the API server refuses the second one.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.requests import ClientDisconnect

from rollout.services.rates import Rates as Buckets
from webhooks.knock import Refusal, RefusedError

READ_WITHIN = timedelta(seconds=10)  # as Flux gives a header; git hosts give up after 10 s themselves
_MOST_DOORS = 10_000  # Receivers remembered at once
_MOST_DELIVERIES = 20_000  # of one Receiver


async def read(
    stream: AsyncIterator[bytes], most: int, declared: str = "", *, within: timedelta = READ_WITHIN
) -> bytes:
    """The raw body; RefusedError when it is longer than `most`, takes longer than `within` or breaks off.

    declared: what Content-Length says, so that a body that is too long is not read at all.
    """
    if declared.isascii() and declared.isdigit() and (len(declared) > 10 or int(declared) > most):
        raise RefusedError(Refusal.TOO_LARGE)
    body = bytearray()
    try:
        async with asyncio.timeout(within.total_seconds()):
            async for chunk in stream:
                body += chunk
                if len(body) > most:
                    raise RefusedError(Refusal.TOO_LARGE)
    except TimeoutError as error:
        raise RefusedError(Refusal.TOO_SLOW) from error
    except ClientDisconnect as error:
        raise RefusedError(Refusal.BROKEN_OFF) from error
    return bytes(body)


@dataclass(slots=True)
class Rates:
    """How often each Receiver may be called."""

    _doors: Buckets = field(default_factory=Buckets)

    def take(self, door: str, most_per_minute: int, now: datetime) -> None:
        """One request more; RefusedError with the seconds to wait when it is one too many."""
        wait = self._doors.wait(door, most_per_minute, now)
        if wait:
            raise RefusedError(Refusal.TOO_MANY, retry_after=wait)


@dataclass(slots=True)
class Deliveries:
    """What has come already, for each Receiver. Only what was proven is remembered, so nobody else fills it."""

    most: int = _MOST_DELIVERIES
    _doors: "OrderedDict[str, OrderedDict[str, datetime]]" = field(default_factory=OrderedDict)

    def is_new(self, door: str, delivery: str, until: datetime, now: datetime) -> bool:
        """Whether it comes for the first time; remembered until then. The oldest are forgotten when there are too many."""
        seen = self._doors.setdefault(door, OrderedDict())
        self._doors.move_to_end(door)
        if len(self._doors) > _MOST_DOORS:
            self._doors.popitem(last=False)
        while seen and next(iter(seen.values())) <= now:
            seen.popitem(last=False)
        if seen.get(delivery, now) > now:
            return False
        seen.pop(delivery, None)
        seen[delivery] = until
        if len(seen) > self.most:
            seen.popitem(last=False)
        return True

    def forget(self, door: str, delivery: str) -> None:
        """It led to nothing, so it may come again."""
        self._doors.get(door, OrderedDict()).pop(delivery, None)
