"""How does a test divide a fleet: objects with labels, a clock in its hand, and what was ticked?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rollout.controller.divided import Divided
from rollout.controller.loop import Worked
from rollout.model.names import Key
from rollout.model.shard import Shard

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(slots=True)
class Told:
    """A clock that goes on when it is told to."""

    at: datetime = NOON

    def now(self) -> datetime:
        """The time it was told."""
        return self.at

    def passes(self, by: timedelta) -> None:
        """Time passes."""
        self.at += by


@dataclass(slots=True, kw_only=True)
class Objects:
    """A kind with these objects and their labels; what is done with them is noted in `ticked`."""

    name: str
    labels: dict[Key, str]
    ticked: list[Key] = field(default_factory=list)

    def objects(self) -> tuple[Key, ...]:
        """All of them."""
        return tuple(sorted(self.labels))

    async def tick(self, key: Key) -> Worked:
        """Note it."""
        self.ticked.append(key)
        return Worked(gone=key not in self.labels)


def division(shard: Shard, kind: str, labels: Mapping[Key, str], clock: Told | None = None) -> Divided:
    """What this shard keeps of the objects with these labels, "" for none. `kept` of it are Objects."""
    kept = Objects(name=kind, labels=dict(labels))
    return Divided(kept=kept, shard=shard, label=lambda _, key: kept.labels.get(key), clock=clock or Told())
