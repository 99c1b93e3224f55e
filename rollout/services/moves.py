"""What is told of moves into a mesh by what this replica's caches hold?

The same as the CLI's without a Prometheus: whoever opens a page makes nobody ask it a heavy question, so a plan says that
it does not know who calls whom.
"""

from collections.abc import Callable
from dataclasses import dataclass

from rollout.ports.clock import Clock
from rollout.ports.migrations import StoredMigration
from rollout.services.migrate_observe import FleetObserver
from rollout.services.migration_plan import MigrationPlan, plan_now
from rollout.services.migration_reads import Explained, Moving, explained


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Tells of MeshMigrations. stored: all of them; eyes: somebody who looks at the fleet, anew for each look."""

    stored: Callable[[], tuple[StoredMigration, ...]]
    eyes: Callable[[], FleetObserver]
    clock: Clock

    def named(self, name: str) -> Moving | None:
        """How it stands; None when there is none."""
        found = next((one for one in self.stored() if one.name == name), None)
        return Moving(name=name, spec=found.spec, status=found.status, error=found.error, obj={}) if found else None

    def why(self, moving: Moving, namespace: str) -> Explained:
        """The account of a namespace; NotFound when the migration has nothing to do with it."""
        return explained(moving, namespace, self.clock.now())

    async def plan(self, moving: Moving) -> MigrationPlan:
        """What it will write, wave by wave; Rejected when its spec cannot be read."""
        return await plan_now(self.eyes(), moving.wanted, moving.status, self.clock.now())
