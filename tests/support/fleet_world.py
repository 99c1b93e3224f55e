"""How does a test live through a whole migration in no time: a memory fleet, a clock set by hand, the real services on it?

`story` is the transcript: one line per event.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS, WATCHED
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.mesh_fleet import MemoryFleet
from adapters.memory.mesh_installed import installed
from adapters.memory.mesh_metrics import MemoryMeshMetrics
from adapters.memory.mesh_traffic import Caller, Workload
from adapters.memory.notices import KeptNotices
from rollout.controller.kept_migrations import KeptMigrations
from rollout.crds import definitions
from rollout.manifest.migration_status import migration_status_from_dict
from rollout.manifest.rolloutcommand import command_to_dict
from rollout.model.commands import Command, Verb
from rollout.model.migration import MigrationStatus, NamespaceStatus
from rollout.model.names import Key
from rollout.services.migrate import Moved
from rollout.wiring.migrating import Moving, kept_migrations
from tests.support.builders import a_freeze_manifest, an_approval_manifest
from tests.support.controllers import USER, show
from tests.support.fate import Fate, MortalApi

START = datetime.fromisoformat("2026-11-21T09:00:00+00:00")
HOME = "rollout-system"
NAME = "to-strict"
MESH = ("VirtualService", "DestinationRule", "PeerAuthentication", "Telemetry")
BEAT = timedelta(seconds=5)


@dataclass(slots=True)
class FleetWorld:
    """tools, shop and pay with a workload each, callers between them, and what moves them. story: one line per event."""

    cluster: MemoryCluster
    clock: ManualClock
    metrics: MemoryMeshMetrics
    fleet: MemoryFleet
    notices: KeptNotices
    fate: Fate
    cache: Cache
    kept: KeptMigrations
    following: asyncio.Task[None]
    story: list[str] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    shown: int = 0

    @property
    def api(self) -> KubeApi:
        """A person with all rights."""
        return self.fleet.api

    async def tick(self) -> Moved | None:
        """One look of the controller, at what the cluster holds now."""
        await show(self.cache, self.cluster.store, self.shown)
        self.shown = self.cluster.store.revision
        moved = await self.kept.migrator.tick(NAME, self.clock.now())
        if moved is not None:
            self.moved.append(moved)
            self._tell(moved)
        return moved

    async def pass_time(self, span: timedelta, until: str = "") -> None:
        """Beats of the fleet and ticks of the controller, for so long, or until a namespace stands as "shop Done"."""
        end = self.clock.now() + span
        while self.clock.now() < end:
            self.clock.advance(BEAT)
            await self.fleet.beat(self.clock.now())
            for _ in range(6):  # moves that follow from one another need no time
                moved = await self.tick()
                if moved is None or moved.wake_at is None or moved.wake_at > self.clock.now():
                    break
            if until and until in self.stages():
                return
        if until:
            raise AssertionError(f"{until} was not reached: {self.stages()}\n" + "\n".join(self.story[-12:]))

    async def restart(self) -> None:
        """The controller is killed, and a fresh one starts on the same cluster."""
        self.following.cancel()
        await asyncio.gather(self.following, return_exceptions=True)
        self.cache, self.kept, self.following = await _services(
            self.cluster, self.clock, self.fleet, self.notices, self.fate
        )
        self.shown = 0

    async def say(self, verb: Verb, subject: str = "", *, reason: str = "", finding: str = "", by: str = "ana") -> None:
        """A person gives a command."""
        command = Command(
            uid="",
            name="",
            verb=verb,
            actor=by,
            channel="cli",
            created=START,
            subject=subject,
            finding=finding,
            reason=reason,
        )
        body = command_to_dict(Key(namespace=HOME, name=NAME), command, kind="MeshMigration")
        await self.api.create(KINDS["RolloutCommand"].path("v1alpha1", HOME), body)

    async def put(self, body: Obj) -> None:
        """A person creates an object."""
        kind = KINDS[body["kind"]]
        await self.api.create(kind.path(kind.versions[0], body["metadata"].get("namespace", "")), body)

    async def policy(self, name: str, **spec: Any) -> None:
        """An ApprovalPolicy of the controller's namespace, for one person unless told otherwise."""
        await self.put(an_approval_manifest(name, HOME, **spec))

    async def freeze(self, name: str, **spec: Any) -> None:
        """A FreezeWindow of the controller's namespace that reaches all others."""
        await self.put(a_freeze_manifest(name, HOME, **spec))

    async def edit(self, kind: str, namespace: str, name: str, change: Mapping[str, Any]) -> None:
        """A person merges a change into an object."""
        known = KINDS[kind]
        await self.api.patch(known.path(known.versions[0], namespace, name), Patch.MERGE, change)

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        """A person deletes an object."""
        known = KINDS[kind]
        await self.api.delete(known.path(known.versions[0], namespace, name))

    async def commands(self) -> list[Obj]:
        """All commands as they are stored."""
        listed = await self.api.get(KINDS["RolloutCommand"].path("v1alpha1", HOME))
        return list(listed["items"])

    async def read(self, kind: str, namespace: str, name: str) -> Obj:
        """An object as it is stored."""
        known = KINDS[kind]
        return await self.api.get(known.path(known.versions[0], namespace, name))

    async def policies(self, namespace: str) -> dict[str, tuple[str, Any]]:
        """Uid and spec of each PeerAuthentication, by name."""
        kind = KINDS["PeerAuthentication"]
        listed = await self.api.get(kind.path(kind.versions[0], namespace))
        return {one["metadata"]["name"]: (one["metadata"]["uid"], one["spec"]) for one in listed["items"]}

    async def status(self) -> MigrationStatus:
        """The stored status."""
        stored = await self.read("MeshMigration", "", NAME)
        return migration_status_from_dict(stored.get("status") or {})

    async def of(self, namespace: str) -> NamespaceStatus:
        """What the status says of a namespace."""
        return (await self.status()).of(namespace)

    def stages(self) -> tuple[str, ...]:
        """ "shop Observing" for each namespace, as of the last tick."""
        last = self.moved[-1].after if self.moved else MigrationStatus()
        return tuple(f"{one.name} {one.stage}" for one in last.namespaces)

    def _tell(self, moved: Moved) -> None:
        at = f"{self.clock.now():%H:%M:%S}"
        for namespace, reason in moved.events:
            self.story.append(f"{at}  {namespace or '-':6}  {reason.code}: {reason.message}")
        self.story += [f"{at}  {'':6}  {write}" for write in moved.wrote]


def migration(**spec: Any) -> dict[str, Any]:
    """A MeshMigration of tools, then shop and pay, with short times."""
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "MeshMigration",
        "metadata": {"name": NAME},
        "spec": {
            "mesh": {"kind": "istio-sidecar", "drain": "5s"},
            "waves": [{"name": "pilot", "namespaces": ["tools"]}, {"name": "core", "namespaces": ["shop", "pay"]}],
            "soak": "2m",
            "baseline": "1m",
            "verify": "30s",
            "interval": "5s",
            **spec,
        },
    }


@asynccontextmanager
async def a_fleet(fate: Fate | None = None, **spec: Any) -> AsyncIterator[FleetWorld]:
    """A fleet of three namespaces, each with one workload, and a migration of it; nothing has ticked yet."""
    clock = ManualClock(START)
    cluster = MemoryCluster.with_kinds(*MESH, now=clock.now)
    cluster.seed(*definitions().values())
    names = ("istio-system", HOME, "tools", "shop", "pay")
    cluster.seed(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names))
    cluster.seed(*installed())
    metrics, notices, fate = MemoryMeshMetrics(), KeptNotices(), fate or Fate()
    fleet = MemoryFleet(DirectApi(cluster), metrics, cluster.logs)
    for namespace, name in (("tools", "ci"), ("shop", "web"), ("pay", "bank")):
        await fleet.deploy(Workload(namespace=namespace, name=name), START)
    fleet.call(Caller(name="web", source="shop/web", target="pay/bank"))
    fleet.call(Caller(name="ci", source="tools/ci", target="shop/web"))
    fleet.call(Caller(name="bank", source="pay/bank", target="tools/ci"))
    await fleet.beat(START)
    cache, kept, following = await _services(cluster, clock, fleet, notices, fate)
    world = FleetWorld(cluster, clock, metrics, fleet, notices, fate, cache, kept, following)
    await world.put(migration(**spec))
    try:
        yield world
    finally:
        world.following.cancel()
        await asyncio.gather(world.following, return_exceptions=True)


async def _services(
    cluster: MemoryCluster, clock: ManualClock, fleet: MemoryFleet, notices: KeptNotices, fate: Fate
) -> tuple[Cache, KeptMigrations, "asyncio.Task[None]"]:
    """One life of the controller, without the loop."""
    api = MortalApi(DirectApi(cluster, user=USER), fate)
    cache = Cache(api, WATCHED)
    moving = Moving(
        metrics=fleet.metrics, notices=notices, clock=clock, home=HOME, actors_bound=lambda: True, probe=fleet
    )
    kept = kept_migrations(api, cache, moving)
    following = asyncio.create_task(cache.run())
    await cache.wait_synced(timedelta(seconds=10))
    return cache, kept, following
