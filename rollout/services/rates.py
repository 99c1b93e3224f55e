"""Is this one request too many, and for how long?"""

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

MOST_DOORS = 10_000  # remembered at once; the one that was used longest ago is forgotten first


@dataclass(slots=True)
class _Bucket:
    left: float
    at: datetime


@dataclass(slots=True)
class Rates:
    """Token buckets, one for each door: a minute's worth at once, then as many as drip in."""

    _buckets: "OrderedDict[str, _Bucket]" = field(default_factory=OrderedDict)

    def wait(self, door: str, most_per_minute: int, now: datetime) -> int:
        """0 for one request more that is let in, else the seconds until there is room for one."""
        bucket = self._filled(door, most_per_minute, now)
        if bucket.left < 1:
            return math.ceil((1 - bucket.left) * 60 / most_per_minute)
        bucket.left -= 1
        return 0

    def forgive(self, door: str, most_per_minute: int, now: datetime) -> None:
        """The last request does not count: it was a right one."""
        bucket = self._filled(door, most_per_minute, now)
        bucket.left = min(bucket.left + 1, most_per_minute)

    def _filled(self, door: str, most_per_minute: int, now: datetime) -> _Bucket:
        bucket = self._buckets.pop(door, None) or _Bucket(left=most_per_minute, at=now)
        passed = max((now - bucket.at).total_seconds(), 0.0)
        bucket.left, bucket.at = min(bucket.left + passed * most_per_minute / 60, most_per_minute), now
        self._buckets[door] = bucket
        if len(self._buckets) > MOST_DOORS:
            self._buckets.popitem(last=False)
        return bucket
