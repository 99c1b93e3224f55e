"""How is the part of the controller wired that moves namespaces into a mesh?"""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from adapters.clock import SystemClock
from adapters.kube.api import TextApi
from adapters.kube.cache import Cache
from adapters.kube.commands import KubeCommands
from adapters.kube.objects import KubeObjects
from adapters.kube.policies import KubePolicies
from adapters.mesh.budgets import CachedBudgets
from adapters.mesh.caller_log import KubeCallerLog
from adapters.mesh.cluster import CachedMesh
from adapters.mesh.inventory import KubeInventory
from adapters.mesh.kinds import LISTED
from adapters.mesh.probe import HttpProbe
from adapters.mesh.records import KubeRecords
from adapters.mesh.store import KubeMigrations
from adapters.mesh.writes import KubeMeshWrites
from rollout.controller.kept_migrations import KeptMigrations
from rollout.ports.clock import Clock
from rollout.ports.mesh_metrics import MeshMetrics
from rollout.ports.notices import Notices
from rollout.ports.probe import PlainProbe
from rollout.services.migrate import Migrator
from rollout.services.migrate_observe import FleetObserver
from rollout.settings import Settings
from rollout.wiring.metrics import mesh_metrics_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """What moves into a mesh need besides the cluster. home: the controller's namespace."""

    metrics: MeshMetrics
    notices: Notices
    clock: Clock
    home: str
    actors_bound: Callable[[], bool]
    probe: PlainProbe


def kept_migrations(api: TextApi, cache: Cache, moving: Moving) -> KeptMigrations:
    """What keeps MeshMigrations."""
    home, clock = moving.home, moving.clock
    migrations, cluster = KubeMigrations(api, cache), CachedMesh(cache)
    commands, records = KubeCommands(api, cache, clock, "MeshMigration"), KubeRecords(api, home)
    observer = FleetObserver(
        cluster=cluster,
        commands=commands,
        records=records,
        inventory=KubeInventory(KubeObjects(api, LISTED)),
        budgets=CachedBudgets(cache, home),
        metrics=moving.metrics,
        log=KubeCallerLog(api, cluster.pods),
        home=home,
        actors_bound=moving.actors_bound,
        policies=KubePolicies(cache, home),
    )
    migrator = Migrator(
        migrations=migrations,
        observer=observer,
        cluster=cluster,
        writes=KubeMeshWrites(api, cache),
        records=records,
        commands=commands,
        notices=moving.notices,
        probe=moving.probe,
        home=home,
    )
    return KeptMigrations(migrations=migrations, migrator=migrator, clock=clock)


def moving_by(settings: Settings, stack: AsyncExitStack, notices: Notices, actors_bound: Callable[[], bool]) -> Moving:
    """What these settings say."""
    return Moving(
        metrics=mesh_metrics_by(settings, stack),
        notices=notices,
        clock=SystemClock(),
        home=settings.own_namespace,
        actors_bound=actors_bound,
        probe=HttpProbe(),
    )
