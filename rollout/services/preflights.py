"""What do the preflight checks say to whoever asks over HTTP, however often he asks?

The checks list much of the cluster. So one look at a time is under way, and what it found is told for a moment.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollout.migration.preflight.catalogue import Verdict
from rollout.model.migration import MigrationSpec
from rollout.model.migration_marks import Acknowledged
from rollout.ports.clock import Clock
from rollout.services.migrate_observe import FleetObserver
from rollout.services.migration_plan import checked
from rollout.services.migration_reads import Moving

TOLD_FOR = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What was said, when, and of what."""

    at: datetime
    spec: MigrationSpec
    acknowledged: tuple[Acknowledged, ...]
    verdict: Verdict


@dataclass(slots=True, kw_only=True)
class Preflights:
    """Runs the checks. eyes: somebody who looks at the fleet, anew for each look."""

    eyes: Callable[[], FleetObserver]
    clock: Clock
    _told: dict[tuple[str, str], _Told] = field(default_factory=dict)
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def of(self, moving: Moving, names: Iterable[str]) -> Mapping[str, Verdict]:
        """What was found of these namespaces, at most `TOLD_FOR` ago; Rejected when the spec cannot be read."""
        spec, status, wanted = moving.wanted, moving.status, tuple(names)
        async with self._looking:
            self._forget()
            missing = [name for name in wanted if not self._is_told(moving, spec, name)]
            if missing:
                found = await checked(self.eyes(), spec, status, missing, self.clock.now())
                for name, one in found.items():
                    known = status.of(name).acknowledged
                    told = _Told(at=self.clock.now(), spec=spec, acknowledged=known, verdict=one)
                    self._told[moving.name, name] = told
            return {name: self._told[moving.name, name].verdict for name in wanted}

    def _is_told(self, moving: Moving, spec: MigrationSpec, name: str) -> bool:
        """Whether it is known already, of this spec and with what people have answered for."""
        told = self._told.get((moving.name, name))
        return told is not None and (told.spec, told.acknowledged) == (spec, moving.status.of(name).acknowledged)

    def _forget(self) -> None:
        now = self.clock.now()
        old = [at for at, told in self._told.items() if not timedelta(0) <= now - told.at < TOLD_FOR]
        for at in old:
            del self._told[at]
