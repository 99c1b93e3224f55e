"""What does the controller do with one MeshMigration?"""

from dataclasses import dataclass

import structlog

from rollout.controller.loop import Worked
from rollout.model.names import Key
from rollout.ports.clock import Clock
from rollout.ports.migrations import Migrations
from rollout.services.migrate import Migrator, Moved

log = structlog.get_logger("rollout")


@dataclass(slots=True)
class KeptMigrations:
    """MeshMigrations: one tick at a time, one log line for each tick that changed something."""

    migrations: Migrations
    migrator: Migrator
    clock: Clock
    name: str = "MeshMigration"

    def objects(self) -> tuple[Key, ...]:
        """All MeshMigrations."""
        return tuple(Key(namespace="", name=name) for name in self.migrations.names())

    async def tick(self, key: Key) -> Worked:
        """One tick."""
        started = self.clock.now()
        moved = await self.migrator.tick(key.name, started)
        if moved is None:
            return Worked(gone=True)
        if moved.wrote or moved.events:
            _log(moved, (self.clock.now() - started).total_seconds())
        if moved.errors:
            first = moved.errors[0]
            return Worked(failure=str(first), retry_after=first.retry_after, wake_at=moved.wake_at)
        return Worked(wake_at=moved.wake_at)


def _log(moved: Moved, seconds: float) -> None:
    log.info(
        "mesh_moved" if moved.events else "mesh_written",
        key=moved.name,
        wave=moved.after.wave,
        done=moved.after.done,
        did=[str(write) for write in moved.wrote],
        why=[f"{namespace}: {reason.message}" if namespace else reason.message for namespace, reason in moved.events],
        seconds=round(seconds, 3),
    )
