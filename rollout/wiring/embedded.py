"""How is the embedded default wired: a cluster in this process, with a face that every tool can talk to?"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.memory.cluster import MemoryCluster
from adapters.memory.face import start_face
from rollout.crds import definitions
from rollout.ports.objects import Obj
from rollout.wiring.shipped import NAMESPACE, actor_policy

MESH = ("VirtualService", "DestinationRule", "HTTPRoute", "GRPCRoute", "TrafficSplit")


class Embedded:
    """A memory cluster with our kinds and the mesh kinds. url: of its HTTP face."""

    def __init__(self, cluster: MemoryCluster, url: str) -> None:
        self.url = url
        self._cluster = cluster

    def seed(self, *objects: Obj) -> None:
        """Store new objects as they are, status included."""
        self._cluster.seed(*objects)


@asynccontextmanager
async def embedded(kubeconfig: Path) -> AsyncIterator[Embedded]:
    """A memory cluster whose administrator's kubeconfig is written to `kubeconfig`."""
    cluster = MemoryCluster.with_kinds(*MESH)
    cluster.seed(*definitions().values())
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    # Nothing enforces it here; there is one user on one machine, and nobody else to speak for.
    cluster.seed(*actor_policy())
    face = await start_face(cluster)
    try:
        face.kubeconfig(kubeconfig)
        yield Embedded(cluster, face.url)
    finally:
        await face.close()
