"""How does a test see every write and every save of a migration, and what really happened meanwhile?"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from adapters.memory.mesh_fleet import MemoryFleet
from rollout.manifest.parse import parse_mesh_migration
from rollout.manifest.records import record_from_data
from rollout.migration.read import mesh_pod, peer_auth
from rollout.migration.stages import MUTATING
from rollout.model.mesh import MeshNamespace, PeerAuth
from rollout.model.migration import MigrationSpec, MigrationStatus, Stage
from rollout.ports.errors import NotFound, PortError
from tests.support.fate import Blow, Fate, KilledError
from tests.support.fleet_world import BEAT, HOME, NAME, FleetWorld, a_fleet
from tests.support.invariants import Saved, Ticked, Truth, Write, broken

FLEET = ("tools", "shop", "pay")
ROOT = "istio-system"
_PLACE = re.compile(r"/namespaces/([^/]+)(?:/(\w+))?")


@dataclass(slots=True)
class WatchedFate(Fate):
    """Fate, and somebody who looks at each write before and after it. broken: the promises that were not kept."""

    watch: "Watch | None" = None

    async def write(self, verb: str, path: str, send: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """As fate wants it, watched."""
        if self.watch is None:
            return await Fate.write(self, verb, path, send)
        before = await self.watch.before(path)
        try:
            return await Fate.write(self, verb, path, send)
        finally:
            await self.watch.after(verb, path, before)


@dataclass(slots=True)
class Watch:
    """What was seen. truth: by namespace. dark: for how many beats no metrics came. steps: ticks so far.

    frozen: from when until when a FreezeWindow holds, and whether what is in hand as well; None without one.
    """

    world: FleetWorld
    truth: dict[str, Truth] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    dark: int = 0
    is_dark: bool = False
    steps: int = 0
    frozen: tuple[datetime, datetime, bool] | None = None
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)
    _written: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    async def begin(self) -> None:
        """Remember how all is before the first tick."""
        for name in FLEET:
            ns = await self.namespace(name)
            self.truth[name] = Truth(
                heard=[],
                refused=[],
                made=set(),
                callees={},
                labels=ns.labels,
                touched=set(),
                policies={peer.uid: peer.spec for peer in ns.peers},
            )

    async def freeze(self, length: timedelta, overrun: str) -> None:
        """A FreezeWindow for everybody begins now, in place of the former one."""
        await self.thaw()
        now = self.world.clock.now()
        window = {"from": now.isoformat(), "to": (now + length).isoformat()}
        await self.world.freeze("closing", windows=[window], overrun=overrun)
        self.frozen = (now, now + length, overrun == "hold")

    async def thaw(self) -> None:
        """The window is taken away, if there is one."""
        if self.frozen is not None:
            await self.world.delete("FreezeWindow", HOME, "closing")
        self.frozen = None

    def _in_a_freeze(self, saved: Saved) -> list[str]:
        """Moves that a freeze should have held."""
        if self.frozen is None or not self.frozen[0] <= saved.now < self.frozen[1]:
            return []
        return [
            f"{name} begins to be {new} in a freeze"
            for name, old, new in saved.moves()
            if new in MUTATING and (old not in MUTATING or self.frozen[2])
        ]

    async def before(self, path: str) -> Any:
        """What a write is about to change."""
        name = _namespace_of(path)
        if path.endswith("/status") and "/meshmigrations/" in path:
            return await self.world.status()
        return await self.namespace(name) if name in (*FLEET, ROOT) else None

    async def after(self, verb: str, path: str, before: Any) -> None:
        """Whether the write broke a promise."""
        if isinstance(before, MigrationStatus):
            await self._saved(before)
        elif before is not None:
            await self._wrote(verb, path, before)

    async def _saved(self, before: MigrationStatus) -> None:
        after = await self.world.status()
        proofs = {one.name: (await self.record(one.name))[1] for one in after.namespaces}
        saved = Saved(
            now=self.world.clock.now(),
            spec=await self.spec(),
            before=before,
            after=after,
            proofs=proofs,
            truth=self.truth,
            dark=self.dark > 1,
        )
        self.failures += [*broken(Saved, saved), *self._in_a_freeze(saved)]

    async def _wrote(self, verb: str, path: str, before: MeshNamespace) -> None:
        after, status = await self.namespace(before.name), await self.world.status()
        if after == before and "/deployments/" not in path:
            return
        self.truth[before.name].made.update({one.uid for one in after.peers} - {one.uid for one in before.peers})
        one = status.of(before.name)
        key = (path, str(one.stage), str(one.since))
        self._written[key] += one.stage is not Stage.FALLING_BACK
        write = Write(
            verb=verb,
            path=path,
            now=self.world.clock.now(),
            spec=await self.spec(),
            status=status,
            name=before.name,
            before=before,
            after=after,
            root=await self.peers(ROOT),
            truth=self.truth,
            snapshot=(await self.record(before.name))[0],
            repeats=self._written[key],
        )
        self.failures += [f"{verb} {path}: {why}" for why in broken(Write, write)]
        if self.frozen and self.frozen[2] and self.frozen[0] <= write.now < self.frozen[1] and write.raised():
            self.failures.append(f"{verb} {path}: made STRICT in a freeze")

    async def beat(self) -> None:
        """Five seconds of the fleet, and one tick that fate may disturb."""
        world = self.world
        world.clock.advance(BEAT)
        await world.fleet.beat(world.clock.now())
        await self._listen(world.fleet)
        self.dark = self.dark + 1 if self.is_dark else 0
        for _ in range(4):
            before = await world.status()
            self.steps += 1
            try:
                moved = await world.tick()
            except KilledError:
                await world.restart()
                return
            except PortError:
                return
            if moved is None:
                return
            if not moved.errors:
                await self._ticked(before)
            if moved.wake_at is None or moved.wake_at > world.clock.now():
                return

    async def _ticked(self, before: MigrationStatus) -> None:
        ticked = Ticked(
            now=self.world.clock.now(),
            spec=await self.spec(),
            before=before,
            after=await self.world.status(),
            seen={name: await self.namespace(name) for name in FLEET},
            root=await self.peers(ROOT),
            truth=self.truth,
            dark=self.dark > 0,
        )
        self.failures += broken(Ticked, ticked)

    async def _listen(self, fleet: MemoryFleet) -> None:
        """What callers without a proxy got from targets with one, and who was seen calling whom."""
        now = self.world.clock.now()
        for caller in fleet.callers.values():
            target, source = caller.target.partition("/")[0], caller.source.partition("/")[0]
            served = caller.served - self._counts.get((caller.name, "served"), 0)
            refused = caller.refused - self._counts.get((caller.name, "refused"), 0)
            self._counts[caller.name, "served"], self._counts[caller.name, "refused"] = caller.served, caller.refused
            meshed = any(pod.meshed for pod in (await self.namespace(target)).pods)
            calls = bool(source) and any(pod.meshed for pod in (await self.namespace(source)).pods)
            if served and meshed and not calls:
                self.truth[target].heard.append(now)
            if refused:
                self.truth[target].refused.append(now)
            if served and meshed and calls and source != target:
                self.truth[source].callees.setdefault(target, now)

    async def namespace(self, name: str) -> MeshNamespace:
        """The namespace as it is stored."""
        try:
            obj = await self.world.read("Namespace", "", name)
        except NotFound:
            return MeshNamespace(name=name, exists=False, labels={}, annotations={})
        listed = await self.world.api.get(f"/api/v1/namespaces/{name}/pods")
        return MeshNamespace(
            name=name,
            labels=dict(obj["metadata"].get("labels") or {}),
            annotations={},
            peers=await self.peers(name),
            pods=tuple(mesh_pod(one, {}) for one in listed["items"]),
        )

    async def peers(self, name: str) -> tuple[PeerAuth, ...]:
        """The policies of a namespace."""
        listed = await self.world.api.get(f"/apis/security.istio.io/v1/namespaces/{name}/peerauthentications")
        return tuple(sorted((peer_auth(one) for one in listed["items"]), key=lambda one: one.name))

    async def spec(self) -> MigrationSpec:
        """What is wanted."""
        return parse_mesh_migration(await self.world.read("MeshMigration", "", NAME))

    async def record(self, name: str) -> Any:
        """The snapshot and the proofs of a namespace."""
        try:
            found = await self.world.api.get(f"/api/v1/namespaces/{HOME}/configmaps/mesh-{NAME}.{name}")
        except NotFound:
            return None, ()
        return record_from_data(found.get("data") or {})


def _namespace_of(path: str) -> str:
    found = _PLACE.search(path)
    return found.group(1) if found else ""


@asynccontextmanager
async def a_watched_fleet(blow: Blow | None = None, at: int = -1, **spec: Any) -> AsyncIterator[Watch]:
    """A fleet whose every write is watched."""
    fate = WatchedFate(blow=blow, at=at)
    async with a_fleet(fate=fate, **spec) as world:
        watch = Watch(world)
        await watch.begin()
        fate.watch = watch
        yield watch


async def lived(watch: Watch, span: timedelta, until: str = "") -> None:
    """Beats for so long, or until a namespace stands as "shop Done"."""
    end = watch.world.clock.now() + span
    while watch.world.clock.now() < end:
        await watch.beat()
        if until and until in watch.world.stages():
            return
