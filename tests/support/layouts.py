"""How do processes of several layouts of shards meet in a test: one API server, one time, and what happens in between?"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from adapters.kube.api import KubeApi, Patch
from adapters.kube.layout import ShardLease
from adapters.kube.lease import Timing
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.model.shard import SHARDS, shard_from
from rollout.ports.errors import NotFound
from tests.support.hours import Hours
from tests.support.lease_stand import NOON, NOW, Wall, Wire

LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
NAME = "rollout-controller"


@dataclass(slots=True)
class Stand:
    """One API server, and processes of shards that want to lead."""

    hours: Hours = field(default_factory=Hours)
    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    lives: list[tuple[ShardLease, asyncio.Task[None]]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def process(self, shard: str, api: KubeApi | None = None) -> ShardLease:
        """One more, which wants to lead from now on."""
        number = len(self.lives)
        lease = ShardLease(
            api=Wire(api or DirectApi(self.cluster)),
            clock=Wall(self.hours.monotonic, NOON),
            namespace="default",
            name=NAME,
            identity=f"process-{number}",
            shard=shard_from(shard, ""),
            timing=Timing(monotonic=self.hours.monotonic, sleep=self.hours.sleep),
            tell=self.told.append,
        )
        self.lives.append((lease, asyncio.create_task(_lives(lease))))
        return lease

    def leading(self) -> list[str]:
        """The shards that are led now, sorted."""
        return sorted(str(lease.shard) for lease, _ in self.lives if lease.may_write(NOW))

    async def ends(self, *leases: ShardLease) -> None:
        """These end in order."""
        for lease, life in self.lives:
            if lease in leases:
                life.cancel()
                with suppress(asyncio.CancelledError):
                    await life
                await lease.release()

    async def lease(self, name: str = NAME) -> dict[str, Any]:
        """A Lease as the server has it; empty when it is not there."""
        try:
            return await DirectApi(self.cluster).get(f"{LEASES}/{name}")
        except NotFound:
            return {}


async def _lives(lease: ShardLease) -> None:
    while True:
        await lease.acquire()
        await lease.lost()


@asynccontextmanager
async def a_stand() -> AsyncIterator[Stand]:
    """Ends all that began."""
    stand = Stand()
    try:
        yield stand
    finally:
        await stand.ends(*(lease for lease, _ in stand.lives))


class Interrupted(DirectApi):
    """An API server at which something happens just before a request."""

    def __init__(self, cluster: MemoryCluster, verb: str, path: str, happens: Callable[[], Awaitable[None]]) -> None:
        super().__init__(cluster)
        self._at, self._wanted, self._happens = (verb, path), (verb, path), happens

    def again(self) -> None:
        """It happens before the next such request, too."""
        self._at = self._wanted

    async def get(self, path: str, query: Any = None) -> dict[str, Any]:
        await self._before("get", path)
        return await super().get(path, query)

    async def patch(self, path: str, kind: Any, body: Any, query: Any = None) -> dict[str, Any]:
        await self._before("patch", path)
        return await super().patch(path, kind, body, query)

    async def _before(self, verb: str, path: str) -> None:
        if (verb, path) == self._at:
            self._at = ("", "")
            await self._happens()


def a_lease(name: str) -> dict[str, Any]:
    """One that was given up."""
    spec = {"holderIdentity": "", "leaseDurationSeconds": 1}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": spec}


async def says(on: Stand, shards: str, **spec: Any) -> None:
    """Somebody brings another layout into force, as only whoever holds all Leases may."""
    body = {"metadata": {"annotations": {SHARDS: shards}}, "spec": spec}
    await DirectApi(on.cluster).patch(f"{LEASES}/{NAME}", Patch.MERGE, body)


def cut(lease: ShardLease) -> None:
    """Its way to the API server is cut."""
    assert isinstance(lease.api, Wire)
    lease.api.is_cut = True
