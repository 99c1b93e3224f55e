"""How is a person's tool wired to a cluster?

Imports are inside the functions: a command pays only for what it uses, and `--help` for nothing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout.ports.errors import NotFound, Rejected
from rollout.ports.objects import Objects, ObjectWrites

if TYPE_CHECKING:
    from datetime import datetime

    from adapters.kube.api import TextApi
    from adapters.kube.cache import Cache
    from adapters.kube.kinds import Kind
    from rollout.ports.metrics import Metrics
    from rollout.ports.migrations import Records
    from rollout.services.migrate_observe import FleetObserver
    from rollout.services.observe import Observer
    from rollout.services.queries import Standing


HOME = "rollout-system"  # where `rollout install` puts the controller


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The cluster that a kubeconfig's context means. namespace: the context's, where a command names none.

    home: the controller's namespace.
    """

    objects: Objects
    writes: ObjectWrites
    api: "TextApi"
    namespace: str
    home: str = HOME


@asynccontextmanager
async def connected(kubeconfig: str | None, context: str | None) -> AsyncIterator[Cluster]:
    """The cluster of `kubeconfig` (default: as kubectl finds it) and `context` (default: the current one).

    Sends no request by itself; Unreachable when the configuration cannot be used.
    """
    from adapters.kube.client import HttpApi
    from adapters.kube.contexts import default_namespace
    from adapters.kube.objects import KubeObjects

    api = await HttpApi.connect(kubeconfig, context)
    objects = KubeObjects(api)
    try:
        yield Cluster(objects=objects, writes=objects, api=api, namespace=default_namespace(kubeconfig, context))
    finally:
        await api.close()


@asynccontextmanager
async def observing(cluster: Cluster, namespace: str, metrics: "Metrics | None" = None) -> AsyncIterator["Observer"]:
    """One look at a namespace with the controller's own eyes: everything is listed once, nothing is followed.

    metrics: whom to ask for measurements, None for nobody. Policies of the controller's namespace count where they may be
    listed. Forbidden when a kind may not be listed in `namespace`.
    """
    from adapters.kube.cache import Cache

    cache = Cache(cluster.api, _looked_at(), namespace)
    await cache.refresh()
    yield _observer(cluster, cache, metrics, await _policies_of(cluster, cluster.home))


@asynccontextmanager
async def glancing(cluster: Cluster, standing: "Standing", now: "datetime") -> AsyncIterator["Observer"]:
    """As `observing`, for a look at this Rollout alone: nothing is listed but the Rollouts of its namespace and what is about all of them."""
    from adapters.kube.glance import Glance
    from rollout.services.looking import look_at

    cache, of_home = Glance(cluster.api, _looked_at(), cluster.objects), await _policies_of(cluster, cluster.home)
    misses = True
    while misses:
        with suppress(NotFound, Rejected):  # said by the look that counts, where they are true
            await look_at(_observer(cluster, cache, None, of_home), standing, now)
        misses = await cache.fulfil()
    yield _observer(cluster, cache, None, of_home)


def _looked_at() -> "list[Kind]":
    """What a look at one namespace needs; no more, so that its person needs no right to list more."""
    from adapters.kube.kinds import MESH_KINDS, WATCHED

    others = {"GitSource", "Receiver", "Notifier", *MESH_KINDS}
    return [kind for kind in WATCHED if kind.name not in others and not kind.only]


def _observer(cluster: Cluster, cache: "Cache", metrics: "Metrics | None", of_home: "Cache") -> "Observer":
    from adapters.clock import SystemClock
    from adapters.kube.commands import KubeCommands
    from adapters.kube.policies import KubePolicies
    from adapters.kube.store import KubeRollouts
    from adapters.kube.workloads import ClusterWorkloads
    from adapters.memory.authors import KnownAuthors
    from adapters.memory.metrics import MemoryMetrics
    from adapters.traffic.router import Router
    from rollout.services.observe import Observer

    clock = SystemClock()
    return Observer(
        rollouts=KubeRollouts(cluster.api, cache),
        commands=KubeCommands(cluster.api, cache, clock),
        routes=Router(cluster.api, cache),
        workloads=ClusterWorkloads(cache),
        metrics=metrics or MemoryMetrics(),
        clock=clock,
        actors_bound=lambda: True,  # a look obeys no command
        policies=KubePolicies(cache, cluster.home, of_home),
        authors=KnownAuthors(),
    )


@asynccontextmanager
async def measuring(url: str) -> AsyncIterator["Metrics | None"]:
    """The Prometheus at `url`, by the other settings of `rollout serve`; None for ""."""
    from adapters.metrics.prometheus import PrometheusMetrics
    from rollout.settings import Settings
    from rollout.wiring.metrics import access

    if not url:
        yield None
        return
    metrics = PrometheusMetrics(access(Settings(prometheus_url=url)))
    try:
        yield metrics
    finally:
        await metrics.close()


@asynccontextmanager
async def observing_fleet(cluster: Cluster, home: str, url: str = "") -> AsyncIterator["FleetObserver"]:
    """One look at the whole cluster with the eyes that the controller has for meshes: all is listed once.

    home: the controller's namespace. url: of a Prometheus; "" leaves every question unanswered, which the checks say.
    """
    from contextlib import AsyncExitStack

    from adapters.clock import SystemClock
    from adapters.kube.cache import Cache
    from adapters.kube.commands import KubeCommands
    from adapters.kube.kinds import KINDS, WORKLOAD_KINDS
    from adapters.kube.objects import KubeObjects
    from adapters.kube.policies import KubePolicies
    from adapters.mesh.budgets import CachedBudgets
    from adapters.mesh.caller_log import KubeCallerLog
    from adapters.mesh.cluster import CachedMesh
    from adapters.mesh.inventory import KubeInventory
    from adapters.mesh.kinds import LISTED
    from rollout.services.migrate_observe import FleetObserver
    from rollout.settings import Settings
    from rollout.wiring.metrics import mesh_metrics_by

    ours = ("Rollout", "MeshMigration")
    seen = ("Namespace", "Pod", *WORKLOAD_KINDS, "Service", "PeerAuthentication", "Telemetry", *ours)
    cache = Cache(cluster.api, [KINDS[name] for name in (*seen, "RolloutCommand")])
    await cache.refresh(seen)
    of_home = await _policies_of(cluster, home)
    async with AsyncExitStack() as stack:
        fleet = CachedMesh(cache)
        yield FleetObserver(
            cluster=fleet,
            log=KubeCallerLog(cluster.api, fleet.pods),
            commands=KubeCommands(cluster.api, cache, SystemClock(), "MeshMigration"),
            records=mesh_records(cluster, home),
            inventory=KubeInventory(KubeObjects(cluster.api, LISTED)),
            budgets=CachedBudgets(cache, home),
            metrics=mesh_metrics_by(Settings(prometheus_url=url), stack),
            home=home,
            actors_bound=lambda: True,  # a look obeys no command
            policies=KubePolicies(cache, home, of_home),
        )


async def _policies_of(cluster: Cluster, home: str) -> "Cache":
    """Approval policies and freezes of the controller's namespace; none where they may not be listed."""
    from adapters.kube.cache import Cache
    from adapters.kube.kinds import KINDS
    from rollout.ports.errors import Forbidden

    of_home = Cache(cluster.api, [KINDS[name] for name in ("ApprovalPolicy", "FreezeWindow")], home)
    with suppress(Forbidden):  # what is waited for is in the status all the same
        await of_home.refresh()
    return of_home


def mesh_records(cluster: Cluster, home: str) -> "Records":
    """Where snapshots and proofs are kept. home: the controller's namespace."""
    from adapters.mesh.records import KubeRecords

    return KubeRecords(cluster.api, home)
