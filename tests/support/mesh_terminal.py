"""How does a test type `rollout mesh` commands at a memory fleet, with the controller ticking or standing still?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.kube.objects import KubeObjects
from adapters.memory.cluster import DirectApi
from adapters.memory.face import start_face
from rollout.services.migrate_observe import FleetObserver
from rollout.services.migration_reads import Moving, migration
from rollout.wiring.tools import Cluster, observing_fleet
from tests.support.cli import TOKENS, Shown, type_words
from tests.support.fleet_world import HOME, NAME, FleetWorld


@dataclass(slots=True, kw_only=True)
class MeshTerminal:
    """Commands against the fleet's cluster, in the context's namespace shop."""

    kubeconfig: Path
    world: FleetWorld

    async def type(self, *words: str) -> Shown:
        """Run `rollout WORDS`."""
        return await type_words(self.kubeconfig, words)

    async def mesh(self, *words: str) -> Shown:
        """Run `rollout mesh WORDS`."""
        return await self.type("mesh", *words)


@asynccontextmanager
async def a_mesh_terminal(directory: Path, world: FleetWorld) -> AsyncIterator[MeshTerminal]:
    """A terminal at the cluster of the fleet; the user is ana."""
    face = await start_face(world.cluster, tokens=TOKENS)
    try:
        path = face.kubeconfig(directory / "kubeconfig", "ana-token")
        path.write_text(path.read_text().replace("user: memory\n", "user: memory\n    namespace: shop\n"))
        yield MeshTerminal(kubeconfig=path, world=world)
    finally:
        await face.close()


@asynccontextmanager
async def a_ticking_controller(world: FleetWorld) -> AsyncIterator[None]:
    """The controller looks again and again while time stands still."""

    async def tick() -> None:
        while True:
            await world.tick()
            await asyncio.sleep(0.02)

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)


def cluster_of(world: FleetWorld) -> Cluster:
    """The fleet's cluster as a command sees it, without HTTP."""
    api = DirectApi(world.cluster)
    objects = KubeObjects(api)
    return Cluster(objects=objects, writes=objects, api=api, namespace="shop")


@asynccontextmanager
async def a_look(world: FleetWorld, *, with_metrics: bool = True) -> AsyncIterator[tuple[Moving, FleetObserver]]:
    """The stored migration, and what looks at its fleet once; the fleet's own metrics stand for a Prometheus."""
    moving = await migration(cluster_of(world).objects, NAME)
    async with observing_fleet(cluster_of(world), HOME) as observer:
        if with_metrics:
            observer.metrics = world.metrics
        yield moving, observer
