"""What is told of moves into a mesh by what this replica's caches hold?

The same as the CLI's without a Prometheus: whoever opens a page makes nobody ask it a heavy question, so a plan says that
it does not know who calls whom.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rollout.migration.preflight.catalogue import Verdict
from rollout.ports.clock import Clock
from rollout.ports.errors import NotFound
from rollout.ports.migrations import StoredMigration
from rollout.ports.objects import Obj
from rollout.services.migrate_observe import FleetObserver
from rollout.services.migration_evidence import Evidence, recorded
from rollout.services.migration_plan import MigrationPlan, plan_now
from rollout.services.migration_reads import Explained, Moving, explained
from rollout.services.preflights import Preflights


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Tells of MeshMigrations. stored: all of them; eyes: somebody who looks at the fleet, anew for each look.

    commands: the RolloutCommands for the one of this name, which are in `home`.
    """

    stored: Callable[[], tuple[StoredMigration, ...]]
    commands: Callable[[str], Iterable[Obj]]
    eyes: Callable[[], FleetObserver]
    preflights: Preflights
    clock: Clock
    home: str

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

    async def preflight(self, moving: Moving, namespace: str = "") -> Mapping[str, Verdict]:
        """What all checks find, of one namespace where it is named; NotFound when no wave names it.

        Rejected when its spec cannot be read.
        """
        names = moving.wanted.namespaces
        if namespace and namespace not in names:
            raise NotFound(f"no wave of {moving.name} names {namespace}; it has {', '.join(names[:5])}")
        return await self.preflights.of(moving, (namespace,) if namespace else names)

    async def evidence(self, moving: Moving, namespace: str, *, unread: str = "") -> Evidence:
        """What was proven of a namespace. unread: why the commands may not be told, "" when they may.

        NotFound when the migration has nothing to do with it.
        """
        stored = () if unread else self.commands(moving.name)
        return await recorded(self.eyes().records, moving, namespace, (stored, unread), self.clock.now())
