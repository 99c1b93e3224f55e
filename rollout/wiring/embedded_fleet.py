"""How is a fleet that moves into a mesh wired on this machine: the memory cluster, pods and callers in it, the controller?"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.clock import SystemClock
from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS, WATCHED
from adapters.kube.watch import WorkWatch
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.face import start_face
from adapters.memory.lease import HeldLease
from adapters.memory.mesh_fleet import MemoryFleet
from adapters.memory.mesh_installed import installed
from adapters.memory.mesh_metrics import MemoryMeshMetrics
from adapters.memory.mesh_traffic import Caller, Workload
from rollout.controller.jobs import Jobs
from rollout.controller.loop import Controller
from rollout.controller.queue import Queue
from rollout.crds import definitions
from rollout.manifest.migration_status import migration_status_from_dict
from rollout.model.migration import MigrationStatus
from rollout.model.status import Reason
from rollout.ports.errors import NotFound
from rollout.ports.notices import About
from rollout.wiring.background import background
from rollout.wiring.migrating import Moving, kept_migrations
from rollout.wiring.shipped import NAMESPACE, actor_policy

MESH = ("VirtualService", "DestinationRule", "PeerAuthentication", "Telemetry")
BEAT_S = 0.25
SYNCED_WITHIN = timedelta(seconds=10)
CONTROLLER = f"system:serviceaccount:{NAMESPACE}:rollout-controller"

Tell = Callable[[str, Reason], None]


@dataclass(slots=True)
class EmbeddedFleet:
    """A living fleet and the controller that moves it."""

    _fleet: MemoryFleet
    _clock: SystemClock

    async def deploy(self, namespace: str, name: str) -> None:
        """A workload with its Service, in a namespace of its own."""
        await self._fleet.api.create(KINDS["Namespace"].path("v1"), _namespace(namespace))
        await self._fleet.deploy(Workload(namespace=namespace, name=name), self._clock.now())

    async def move(self, migration: Mapping[str, Any]) -> None:
        """From now on the controller moves what this MeshMigration names."""
        await self._fleet.api.create(KINDS["MeshMigration"].path("v1alpha1"), migration)

    def call(self, name: str, source: str, target: str, rate: float) -> None:
        """From now on `source` calls `target` so often a second; a source "" never gets a proxy."""
        self._fleet.call(Caller(name=name, source=source, target=target, rate=rate))

    def silence(self, name: str) -> None:
        """This caller calls no more."""
        self._fleet.callers[name].silent = True

    def calls(self, name: str) -> tuple[int, int]:
        """How many requests of a caller were served, and how many refused."""
        caller = self._fleet.callers[name]
        return caller.served, caller.refused

    async def status(self, migration: str) -> MigrationStatus:
        """What the controller wrote about a migration."""
        stored = await self._fleet.api.get(KINDS["MeshMigration"].path("v1alpha1", "", migration))
        return migration_status_from_dict(stored.get("status") or {})

    async def mode(self, namespace: str) -> str:
        """The mTLS mode that the namespace's own PeerAuthentication asks for; "" while it has none."""
        try:
            peer = await self._fleet.api.get(KINDS["PeerAuthentication"].path("v1", namespace, "default"))
        except NotFound:
            return ""
        return str(peer["spec"].get("mtls", {}).get("mode", ""))

    async def live(self) -> None:
        """Its pods, its callers and its metrics, without end."""
        while True:
            await self._fleet.beat(self._clock.now())
            await asyncio.sleep(BEAT_S)


class _Said:
    """The port `Notices` for who watches in this process."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    async def tell(self, about: About, reason: Reason) -> None:
        """Say it; an object that news are about once more is no matter here."""
        self._tell(about.details.get("namespace", ""), reason)


@asynccontextmanager
async def embedded_fleet(kubeconfig: Path, tell: Tell) -> AsyncIterator[EmbeddedFleet]:
    """An empty fleet below an installed mesh, and a controller that leads.

    kubeconfig: where the administrator's is written. tell: called with namespace and reason of each event.
    """
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        cluster = MemoryCluster.with_kinds(*MESH)
        cluster.seed(*definitions().values())
        cluster.seed(*map(_namespace, ("istio-system", NAMESPACE)))
        cluster.seed(*actor_policy(), *installed())
        face = await start_face(cluster)
        stack.push_async_callback(face.close)
        face.kubeconfig(kubeconfig)
        metrics = MemoryMeshMetrics()
        played = MemoryFleet(DirectApi(cluster), metrics, cluster.logs)
        fleet = EmbeddedFleet(played, clock)
        background(stack, fleet.live())
        moving = Moving(
            metrics=metrics,
            notices=_Said(tell),
            clock=clock,
            home=NAMESPACE,
            actors_bound=lambda: True,
            probe=played,
        )
        await _controller(stack, cluster, moving)
        yield fleet


async def _controller(stack: AsyncExitStack, cluster: MemoryCluster, moving: Moving) -> None:
    """The loop of `rollout serve`, with MeshMigrations as its only work."""
    api = DirectApi(cluster, user=CONTROLLER)
    cache = Cache(api, WATCHED)
    controller = Controller(
        kept=(kept_migrations(api, cache, moving),),
        watch=WorkWatch(cache, moving.home),
        lease=HeldLease(),
        clock=moving.clock,
        jobs=Jobs(),
        queue=Queue(jitter=random.random),
    )
    background(stack, cache.run())
    await cache.wait_synced(SYNCED_WITHIN)
    stop = asyncio.Event()
    working = asyncio.create_task(controller.run(stop))

    async def end() -> None:
        stop.set()
        await asyncio.gather(working, return_exceptions=True)

    stack.push_async_callback(end)


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
