"""What happens in one tick of a MeshMigration?

load -> observe -> decide (pure) -> keep proofs and snapshots -> save -> write. A namespace is made STRICT only after the
status that says so was saved; what opens is written even when it could not be.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from rollout.migration.decide import decide
from rollout.model.actions import Answer
from rollout.model.mesh_writes import MeshWrite
from rollout.model.migration import MigrationSpec, MigrationStatus
from rollout.model.migration_seen import MigrationDecision, NamespaceActions
from rollout.model.names import Key
from rollout.model.status import Condition, Reason
from rollout.ports.errors import PortError
from rollout.ports.migrations import MeshCluster, MeshWrites, Migrations, Record, Records, StoredMigration
from rollout.ports.notices import About, Notices
from rollout.ports.probe import PlainProbe
from rollout.ports.rollouts import Commands
from rollout.services.migrate_observe import FleetObserver


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One tick in numbers and words, as `services.reconcile.Told`. wrote: what was written, in order."""

    name: str
    before: MigrationStatus
    after: MigrationStatus
    events: tuple[tuple[str, Reason], ...] = ()
    wrote: tuple[MeshWrite, ...] = ()
    errors: tuple[PortError, ...] = ()
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
        if stored.spec is None:
            return await self._refused(stored, now)
        seen = await self.observer.observe(stored.spec, stored.status, now)
        decision = decide(stored.spec, stored.status, seen, now)
        status = replace(decision.status, observed_generation=stored.generation)
        decision = replace(decision, status=status)
        wrote: list[MeshWrite] = []
        errors: list[PortError] = []
        try:
            await self._keep(stored.spec, decision.actions)
            saved = await self.migrations.save(stored, status) if status != stored.status else stored
        except PortError as error:
            opening = [one for one in decision.actions if one.opens]
            await self._write(stored, opening, wrote, errors)
            return Moved(
                name=name,
                before=stored.status,
                after=stored.status,
                wrote=tuple(wrote),
                errors=(error, *errors),
            )
        await self._write(saved, decision.actions, wrote, errors)
        await self._probe(name, decision.actions)
        await self._answer(name, decision)
        await self._tell(saved, decision.events)
        return Moved(
            name=name,
            before=stored.status,
            after=status,
            events=decision.events,
            wrote=tuple(wrote),
            errors=tuple(errors),
            wake_at=decision.wake_at,
        )

    async def _keep(self, spec: MigrationSpec, actions: Iterable[NamespaceActions]) -> None:
        """Snapshots and proofs are durable before the status that rests on them."""
        for one in actions:
            if one.snapshot is None and one.proof is None:
                continue
            record = await self.records.read(spec.name, one.namespace)
            proofs = (*record.proofs, one.proof) if one.proof is not None else record.proofs
            snapshot = one.snapshot or record.snapshot
            kept = Record(snapshot=snapshot, proofs=proofs, version=record.version)
            await self.records.keep(spec.name, one.namespace, kept)

    async def _write(
        self,
        stored: StoredMigration,
        actions: Iterable[NamespaceActions],
        wrote: list[MeshWrite],
        errors: list[PortError],
    ) -> None:
        """Each namespace on its own: one that fails stops no other, and no part of a fallback stops the rest of it."""
        for one in actions:
            if not one.opens and not self.cluster.is_caught_up(one.namespace):
                continue  # never act on the past; what opens does not wait
            for write in one.writes:
                try:
                    await self.writes.write(write, stored.name, stored.uid)
                    wrote.append(write)
                except PortError as error:
                    errors.append(error)

    async def _probe(self, name: str, actions: Iterable[NamespaceActions]) -> None:
        """The marked requests, all at once; the status knows of them already."""
        due = [(one.namespace, one.probe) for one in actions if one.probe is not None]
        sent = await asyncio.gather(*(self.probe.send(probe.address, probe.port, probe.mark) for _, probe in due))
        for (namespace, _), was_sent in zip(due, sent, strict=True):
            self.observer.probed(name, namespace, was_sent=was_sent)

    async def _answer(self, name: str, decision: MigrationDecision) -> None:
        key = Key(namespace=self.home, name=name)
        known = {one.uid: one for one in decision.status.handled}
        for command in self.commands.pending(key):
            done = known.get(command.uid)
            if done is not None:
                answer = Answer(command=command.uid, result=done.result, message=done.message)
                await self.commands.answer(key, answer)

    async def _refused(self, stored: StoredMigration, now: datetime) -> Moved:
        """A spec that cannot be read moves nothing; a person must mend it."""
        reason = Reason(code="InvalidSpec", message=stored.error, warning=True)
        status = stored.status
        if stored.is_status_readable and status.reasons[:1] != (reason,):
            condition = Condition(type="Ready", status="False", reason=reason.code, message=reason.message, since=now)
            conditions = (condition, replace(condition, type="Stalled", status="True"))
            status = replace(
                status, reasons=(reason,), conditions=conditions, next="mend the spec; nothing moves until then"
            )
            stored = await self.migrations.save(stored, status)
            await self._tell(stored, (("", reason),))
        return Moved(name=stored.name, before=stored.status, after=status)

    async def _tell(self, stored: StoredMigration, events: Iterable[tuple[str, Reason]]) -> None:
        for namespace, reason in events:
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
