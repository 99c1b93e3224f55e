"""Who is due so soon that it may ask the metrics server along with whoever asks now?

Rollouts that look at the same moment cost one query for each kind of series, however many they are. So who is due within the
second half of its interval is called when another asks: after a few looks all of one interval look at one moment or two.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollout.model.names import Key

EARLY = 0.5  # of its interval that a look may come early; a judge that looks more often only knows earlier
EACH = timedelta(milliseconds=10)  # that a look may take: no more are called than are done before they would be due


@dataclass(slots=True)
class Along:
    """Remembers when each asked last, by its interval and oldest first, and who was called since."""

    _asked: dict[timedelta, dict[Key, datetime]] = field(default_factory=dict)
    _called: set[Key] = field(default_factory=set)

    def asks(self, key: Key, interval: timedelta, now: datetime) -> tuple[Key, ...]:
        """Those that may ask along with `key`, which asks now."""
        known = self._asked.setdefault(interval, {})
        known.pop(key, None)
        self._called.discard(key)
        most = interval * EARLY // EACH
        found: list[Key] = []
        for other, at in known.items():
            if now - at < _least_age(interval) or len(found) == most:
                break
            found.append(other)
        for other in found:
            del known[other]
        self._called.update(found)
        known[key] = now
        return tuple(found)

    def is_due(self, key: Key, interval: timedelta, age: timedelta) -> bool:
        """Whether what was measured so long ago is to be measured again."""
        return age >= (_least_age(interval) if key in self._called else interval)

    def forget(self, key: Key) -> None:
        """Drop what is remembered of one that does not ask any more."""
        self._called.discard(key)
        for known in self._asked.values():
            known.pop(key, None)


def _least_age(interval: timedelta) -> timedelta:
    """How old a measurement is at least when it is replaced."""
    return interval * (1 - EARLY)
