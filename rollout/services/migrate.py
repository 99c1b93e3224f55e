"""What happens in one tick of a MeshMigration?

open what must open, by the cache alone -> load -> observe -> decide (pure) -> keep proofs and snapshots -> save -> tell of
cuts -> write. A namespace is made STRICT only after the status that says so was saved; what opens is written even when it
could not be.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from rollout.migration.decide import decide
from rollout.migration.opening import any_root, is_urgent, opening
from rollout.migration.telling import WRITTEN
from rollout.model.actions import Answer
from rollout.model.commands import Result
from rollout.model.mesh_writes import MeshWrite
from rollout.model.migration import MigrationSpec, MigrationStatus, Proven
from rollout.model.migration_seen import FleetSeen, MigrationDecision, NamespaceActions
from rollout.model.names import Key
from rollout.model.status import Condition, Reason
from rollout.ports.errors import PortError
from rollout.ports.migrations import MeshCluster, MeshWrites, Migrations, Record, Records, StoredMigration
from rollout.ports.notices import About, Notices
from rollout.ports.probe import PlainProbe
from rollout.ports.rollouts import Commands
from rollout.services.answered import answer
from rollout.services.migrate_observe import FleetObserver

CUT = "ConnectionsCut"  # told before the write that does it


@dataclass(slots=True, kw_only=True)
class Moved:
    """One tick in numbers and words, as `services.reconcile.Told`. wrote: what was written, in order."""

    name: str
    before: MigrationStatus
    after: MigrationStatus
    events: tuple[tuple[str, Reason], ...] = ()
    wrote: list[MeshWrite] = field(default_factory=list)
    errors: list[PortError] = field(default_factory=list)
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrator:
    """Ticks one MeshMigration at a time."""

    migrations: Migrations
    observer: FleetObserver
    cluster: MeshCluster
    writes: MeshWrites
    records: Records
    commands: Commands
    notices: Notices
    probe: PlainProbe
    home: str

    async def tick(self, name: str, now: datetime) -> Moved | None:
        """What one look led to; None when the MeshMigration is gone or going: that leaves every mode as it is."""
        stored = self.migrations.get(name)
        if stored is None or stored.deleting:
            self.observer.forget(name)
            return None
        told = Moved(name=name, before=stored.status, after=stored.status)
        if stored.is_status_readable:
            stored = await self._open_first(stored, told, now)
        if stored.spec is None:
            await self._refused(stored, told, now)
            return told
        seen = await self.observer.observe(stored.spec, stored.status, now)
        seen = replace(seen, taken=self._taken(stored))
        seen, decision = await self._decided(stored, stored.spec, seen, now)
        status = replace(decision.status, observed_generation=stored.generation)
        saved = await self._saved(stored, status, told)
        if saved is None:
            await self._write(stored, seen, (one for one in decision.actions if one.opens), told)
            told.wake_at = now + WRITTEN
            return told
        self.observer.listener.kept(name)
        await self._tell(saved, decision.events, cuts=True)
        await self._write(saved, seen, decision.actions, told)
        await self._probe(name, decision.actions)
        told.after, told.wake_at = status, decision.wake_at
        await self._announce(saved, decision, told)
        return told

    async def _open_first(self, stored: StoredMigration, told: Moved, now: datetime) -> StoredMigration:
        """What must open is written before anything is waited for; the MigrationStatus that says so is saved if it can be."""
        if not is_urgent(stored.status, self.commands.pending(Key(namespace=self.home, name=stored.name))):
            return stored
        spec = stored.spec or MigrationSpec(name=stored.name, waves=())
        root = self.cluster.root(spec.root) if stored.spec is not None else any_root(now)
        seen = self.observer.glance(spec, stored.status, root)
        decision = opening(spec, stored.status, seen, now)
        if decision is None:
            return stored
        saved = await self._saved(stored, decision.status, told)
        await self._write(stored, seen, decision.actions, told)
        if saved is None:
            told.wake_at = now + WRITTEN
            return stored
        told.after, told.wake_at = decision.status, decision.wake_at
        await self._announce(saved, decision, told)
        return saved

    async def _decided(
        self, stored: StoredMigration, spec: MigrationSpec, seen: FleetSeen, now: datetime
    ) -> tuple[FleetSeen, MigrationDecision]:
        """The decision whose proofs and snapshots are durable: where one cannot be, it is decided without that move."""
        kept: dict[str, Proven | None] = {}
        while True:
            decision = decide(spec, stored.status, seen, now)
            failed: dict[str, str] = {}
            for one in decision.actions:
                if (one.snapshot is None and one.proof is None) or (
                    one.namespace in kept and one.namespace not in seen.unkept
                ):
                    continue
                try:
                    await self._keep(spec, one)
                    kept[one.namespace] = one.proof
                except PortError as error:
                    failed[one.namespace] = str(error)
            if not failed.keys() - seen.unkept.keys():
                return seen, decision
            seen = replace(seen, unkept={**seen.unkept, **failed})

    async def _keep(self, spec: MigrationSpec, one: NamespaceActions) -> None:
        """Snapshots and proofs are durable before the status that rests on them."""
        record = await self.records.read(spec.name, one.namespace)
        proofs = (*record.proofs, one.proof) if one.proof is not None else record.proofs
        kept = Record(snapshot=one.snapshot or record.snapshot, proofs=proofs, version=record.version)
        await self.records.keep(spec.name, one.namespace, kept)

    async def _saved(self, stored: StoredMigration, status: MigrationStatus, told: Moved) -> StoredMigration | None:
        """The MeshMigration with this status; None when that failed."""
        if status == stored.status:
            return stored
        try:
            return await self.migrations.save(stored, status)
        except PortError as error:
            told.errors.append(error)
            return None

    async def _write(
        self, stored: StoredMigration, seen: FleetSeen, actions: Iterable[NamespaceActions], told: Moved
    ) -> None:
        """Each namespace on its own: one that fails stops no other, and no part of a fallback stops the rest of it."""
        for one in actions:
            if not one.opens and not self._is_still_so(stored, seen, one.namespace):
                continue  # never act on the past; what opens does not wait
            for write in one.writes:
                try:
                    await self.writes.write(write, stored.name, stored.uid)
                    told.wrote.append(write)
                except PortError as error:
                    told.errors.append(error)

    async def _probe(self, name: str, actions: Iterable[NamespaceActions]) -> None:
        """The marked requests, all at once; the status knows of them already."""
        due = [(one.namespace, one.probe) for one in actions if one.probe is not None]
        sent = await asyncio.gather(*(self.probe.send(probe.address, probe.port, probe.mark) for _, probe in due))
        for (namespace, _), was_sent in zip(due, sent, strict=True):
            self.observer.probed(name, namespace, was_sent=was_sent)

    def _is_still_so(self, stored: StoredMigration, seen: FleetSeen, namespace: str) -> bool:
        root = stored.spec.root if stored.spec is not None else ""
        return self.cluster.is_caught_up(namespace) and self.observer.is_as_decided(seen, namespace, root)

    def _taken(self, stored: StoredMigration) -> dict[str, str]:
        """Namespaces that another MeshMigration moves: the one that has begun, else the one whose name sorts first."""
        taken: dict[str, str] = {}
        for name in self.migrations.names():
            other = self.migrations.get(name)
            if other is None or other.spec is None or other.deleting or name == stored.name:
                continue
            for namespace in other.spec.namespaces:
                theirs, ours = other.status.of(namespace).recorded, stored.status.of(namespace).recorded
                if theirs > ours or (theirs == ours and name < stored.name):
                    taken.setdefault(namespace, name)
        return taken

    async def _announce(self, saved: StoredMigration, decision: MigrationDecision, told: Moved) -> None:
        """Commands are answered and people are told, once the status that says so is saved."""
        told.events = (*told.events, *decision.events)
        key = Key(namespace=self.home, name=saved.name)
        known = {one.uid: one for one in decision.status.handled}
        for command in self.commands.pending(key):
            done = known.get(command.uid)
            if done is not None:
                await self._answer(key, Answer(command=command.uid, result=done.result, message=done.message), told)
        await self._tell(saved, decision.events, cuts=False)

    async def _answer(self, key: Key, given: Answer, told: Moved) -> None:
        try:
            await answer(self.commands, key, given)
        except PortError as error:
            told.errors.append(error)

    async def _refused(self, stored: StoredMigration, told: Moved, now: datetime) -> None:
        """A spec or status that cannot be read moves nothing; a person must mend it, and commands are told so."""
        key = Key(namespace=self.home, name=stored.name)
        message = f"only abort and fallback are obeyed until this is mended: {stored.error}"
        handled = {one.uid for one in stored.status.handled}
        for command in self.commands.pending(key):
            if command.uid not in handled:
                await self._answer(key, Answer(command=command.uid, result=Result.REFUSED, message=message), told)
        reason = Reason(code="InvalidSpec", message=stored.error, warning=True)
        status = stored.status
        if not stored.is_status_readable or status.reasons[:1] == (reason,):
            return
        condition = Condition(type="Ready", status="False", reason=reason.code, message=reason.message, since=now)
        conditions = (condition, replace(condition, type="Stalled", status="True"))
        status = replace(
            status, reasons=(reason,), conditions=conditions, next="mend the spec; nothing moves until then"
        )
        saved = await self._saved(stored, status, told)
        if saved is not None:
            told.after = status
            await self._tell(saved, (("", reason),), cuts=False)

    async def _tell(self, stored: StoredMigration, events: Iterable[tuple[str, Reason]], *, cuts: bool) -> None:
        for namespace, reason in events:
            if (reason.code == CUT) is not cuts:
                continue
            stage = stored.status.of(namespace).stage.value if namespace else ""
            about = About(
                kind="MeshMigration",
                key=Key(namespace="", name=stored.name),
                uid=stored.uid,
                version=stored.version,
                state=stage or "Moving",
                details={"namespace": namespace} if namespace else {},
            )
            message = f"{namespace}: {reason.message}" if namespace else reason.message
            await self.notices.tell(about, replace(reason, message=message))
