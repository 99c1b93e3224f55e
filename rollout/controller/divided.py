"""Which objects of a kind does this process keep, when several share the fleet?

Every process sees everything, and ticks what is of its shard. A label hands one object over to another shard: whose it
was stops when it sees the label, whose it is waits until a tick of the other must be over.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from rollout.controller.loop import Kept, Worked
from rollout.model.names import Key
from rollout.model.shard import SHARD, Shard, home_of, labelled, stays_together
from rollout.ports.clock import Clock

HANDOVER = timedelta(seconds=15)  # a tick's last write is answered or given up by then, and its watch is not silent

_ANY = Key(namespace="", name="")

log = structlog.get_logger("rollout.shards")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """Whose an object with a label was at the last look, since when, and whether others may still write to it."""

    home: int
    since: datetime
    is_new: bool


@dataclass(slots=True, kw_only=True)
class Divided:
    """A kind of which only one shard's part is kept. label: an object's, "" for none; None where the object is gone."""

    kept: Kept
    shard: Shard
    label: Callable[[str, Key], str | None]
    clock: Clock
    name: str = ""
    _seen: dict[Key, _Seen] = field(default_factory=dict)
    _told: dict[Key, str] = field(default_factory=dict)
    _began: bool = False

    def __post_init__(self) -> None:
        self.name = self.kept.name

    def objects(self) -> tuple[Key, ...]:
        """Those of this shard."""
        if stays_together(self.name) and home_of(self.name, _ANY, "", self.shard.count) != self.shard.number:
            return ()  # nor is a round of theirs begun
        found = tuple(key for key in self.kept.objects() if self._is_mine(key))
        self._began = True
        return found

    async def tick(self, key: Key) -> Worked:
        """As of the kind itself; of an object of another shard nothing is left to do."""
        if not self._is_mine(key):
            return Worked(gone=True)
        seen, now = self._seen.get(key), self.clock.now()
        if seen is not None and seen.is_new and seen.since <= now < seen.since + HANDOVER:
            return Worked(wake_at=seen.since + HANDOVER)
        return await self.kept.tick(key)

    def _is_mine(self, key: Key) -> bool:
        """Whether the object is of this shard now; that it became so is noted."""
        label = "" if stays_together(self.name) else self.label(self.name, key)
        home = home_of(self.name, key, label or "", self.shard.count)
        if label is None:
            self._seen.pop(key, None)
            self._told.pop(key, None)
        elif label or key in self._seen:
            self._noted(key, label, home)
        return home == self.shard.number

    def _noted(self, key: Key, label: str, home: int) -> None:
        before = self._seen.get(key)
        if before is None or before.home != home:
            was = before.home if before is not None else home_of(self.name, key, "", self.shard.count)
            self._seen[key] = _Seen(home=home, since=self.clock.now(), is_new=was != home and self._began)
        if label and labelled(label, self.shard.count) is None and self._told.get(key) != label:
            self._told[key] = label
            log.warning(
                "shard_unknown",
                kind=self.name,
                key=str(key),
                label=f"{SHARD}={label}",
                shard=home,
                error=f"there are shards 1 to {self.shard.count}: the object stays with that of its name",
            )
