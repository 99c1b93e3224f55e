"""How is wired what is told of single Rollouts and of moves into a mesh?"""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from adapters.kube.api import KubeApi, Obj, TextApi
from adapters.kube.cache import Cache
from adapters.kube.commands import KubeCommands
from adapters.kube.kinds import ROUTE_KINDS
from adapters.kube.objects import KubeObjects
from adapters.kube.policies import KubePolicies
from adapters.kube.shelf import at_of
from adapters.kube.workloads import ClusterWorkloads
from adapters.memory.authors import KnownAuthors
from adapters.memory.mesh_metrics import MemoryMeshMetrics
from adapters.memory.metrics import MemoryMetrics
from adapters.mesh.budgets import CachedBudgets
from adapters.mesh.caller_log import KubeCallerLog
from adapters.mesh.cluster import CachedMesh
from adapters.mesh.inventory import KubeInventory
from adapters.mesh.kinds import LISTED
from adapters.mesh.records import KubeRecords
from adapters.mesh.store import KubeMigrations
from adapters.traffic.router import Router
from rollout.model.names import Key
from rollout.ports.clock import Clock
from rollout.ports.migrations import StoredMigration
from rollout.ports.rollouts import Rollouts
from rollout.services.accounts import Accounts
from rollout.services.feed import Feed
from rollout.services.migrate_observe import FleetObserver
from rollout.services.moves import Moves
from rollout.services.observe import Observer
from rollout.services.preflights import Preflights
from rollout.services.trace_watch import TraceWatch
from rollout.services.traces import Traces
from rollout.wiring.background import background


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the API shows. api: without the lease, which commands do not need; feed: what open pages hear of changes."""

    api: TextApi
    cache: Cache
    rollouts: Rollouts
    clock: Clock
    told: Accounts
    feed: Feed


def seen(api: TextApi, cache: Cache, rollouts: Rollouts, stack: AsyncExitStack, home: str, clock: Clock) -> Seen:
    """All of it; runs are remembered from now on, whether somebody looks or not. stack: ends that."""
    told = accounts(api, cache, rollouts, clock, home)
    background(stack, trace_watch(api, cache, rollouts, clock, told.traces).run(), name="traces")
    return Seen(api=api, cache=cache, rollouts=rollouts, clock=clock, told=told, feed=_feed_of(cache))


def accounts(api: KubeApi, cache: Cache, rollouts: Rollouts, clock: Clock, home: str) -> Accounts:
    """What tells of Rollouts by the caches. home: the controller's namespace. Whoever looks measures nothing and asks nobody."""
    commands, routes, policies = KubeCommands(api, cache, clock), Router(api, cache), KubePolicies(cache, home)

    def eyes() -> Observer:
        return Observer(
            rollouts=rollouts,
            commands=commands,
            routes=routes,
            workloads=ClusterWorkloads(cache),
            metrics=MemoryMetrics(),
            clock=clock,
            actors_bound=lambda: True,  # a look obeys no command
            policies=policies,
            authors=KnownAuthors(),
        )

    def given(key: Key) -> Iterable[Obj]:
        return cache.indexed("RolloutCommand", "target", f"Rollout/{key}")

    return Accounts(
        known=lambda key: cache.get("Rollout", key.namespace, key.name),
        commands=given,
        route=lambda namespace, ref: cache.get(ref.kind, namespace, ref.name),
        eyes=eyes,
        traces=Traces(since=clock.now()),
        clock=clock,
    )


def moves(api: TextApi, cache: Cache, clock: Clock, home: str) -> Moves:
    """What tells of moves into a mesh by the caches. home: the controller's namespace. Whoever looks asks no Prometheus."""
    migrations, fleet = KubeMigrations(api, cache), CachedMesh(cache)

    def eyes() -> FleetObserver:
        nobody = MemoryMeshMetrics()
        nobody.down("the API asks no metrics server")
        return FleetObserver(
            cluster=fleet,
            commands=KubeCommands(api, cache, clock, "MeshMigration"),
            records=KubeRecords(api, home),
            inventory=KubeInventory(KubeObjects(api, LISTED)),
            budgets=CachedBudgets(cache, home),
            metrics=nobody,
            log=KubeCallerLog(api, fleet.pods),
            home=home,
            actors_bound=lambda: True,  # a look obeys no command
            policies=KubePolicies(cache, home),
        )

    def stored() -> tuple[StoredMigration, ...]:
        return tuple(found for name in migrations.names() if (found := migrations.get(name)) is not None)

    return Moves(
        stored=stored,
        commands=lambda name: cache.indexed("RolloutCommand", "target", f"MeshMigration/{home}/{name}"),
        eyes=eyes,
        preflights=Preflights(eyes=eyes, clock=clock),
        clock=clock,
        home=home,
    )


def trace_watch(api: KubeApi, cache: Cache, rollouts: Rollouts, clock: Clock, traces: Traces) -> TraceWatch:
    """What feeds `traces` with all that the cache sees from now on, once it runs."""
    watch = TraceWatch(rollouts=rollouts, routes=Router(api, cache), clock=clock, traces=traces)

    def changed(kind: str, old: Obj | None, new: Obj | None) -> None:
        obj = new if new is not None else old
        if obj is None:
            return
        namespace, name = at_of(obj)
        if kind == "Rollout":
            watch.rollout(Key(namespace=namespace, name=name), new)
        elif kind in ROUTE_KINDS:
            watch.route(namespace, kind, name)

    cache.subscribe(changed)
    return watch


def _feed_of(cache: Cache) -> Feed:
    """What open pages hear of the cache's changes."""
    feed = Feed()

    def changed(kind: str, old: Obj | None, new: Obj | None) -> None:
        obj = new if new is not None else old
        if kind in ("Rollout", "MeshMigration") and obj is not None and len(feed):
            namespace, name = at_of(obj)
            feed.tell(kind, Key(namespace=namespace, name=name))

    cache.subscribe(changed)
    return feed
