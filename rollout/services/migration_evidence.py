"""What was proven of a namespace's move, by whom was it let on, and is the record as it was written?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollout.manifest.errors import SpecErrors
from rollout.manifest.parse import parse_command
from rollout.migration.proving import digest
from rollout.model.commands import Command, Verb
from rollout.model.mesh_writes import Snapshot
from rollout.model.migration import NamespaceStatus, Proven
from rollout.model.migration_marks import Acknowledged, WaveApproval
from rollout.ports.errors import PortError
from rollout.ports.migrations import Records
from rollout.ports.objects import Obj, Objects
from rollout.services.account_data import API_VERSION
from rollout.services.migration_reads import Moving, line_of, silence

_OF_A_WAVE = (Verb.APPROVE, Verb.REJECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A gate that was passed. is_intact: whether the record still has the digest that it was written with."""

    proof: Proven
    is_intact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A command that a person gave. result: "" while it is not answered."""

    command: Command
    result: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that an auditor asks for. unread: why the commands could not be read, "" when they could; they are kept 30 days."""

    migration: str
    wave: str
    one: NamespaceStatus
    gates: tuple[Gate, ...]
    snapshot: Snapshot | None
    approved: tuple[WaveApproval, ...]
    given: tuple[Given, ...]
    unread: str
    confidence: str
    taken: datetime

    @property
    def acknowledged(self) -> tuple[Acknowledged, ...]:
        """Warnings that somebody took responsibility for."""
        return self.one.acknowledged

    @property
    def altered(self) -> tuple[Gate, ...]:
        """Gates whose record is not as it was written."""
        return tuple(gate for gate in self.gates if not gate.is_intact)


async def evidence(
    objects: Objects, records: Records, moving: Moving, namespace: str, place: tuple[str, datetime]
) -> Evidence:
    """All that is kept of a namespace's move. place: the controller's namespace, and now."""
    home, now = place
    try:
        stored, unread = await objects.list("RolloutCommand", home), ""
    except PortError as error:
        stored, unread = (), str(error)
    return await recorded(records, moving, namespace, (stored, unread), now)


async def recorded(
    records: Records, moving: Moving, namespace: str, commands: tuple[Iterable[Obj], str], now: datetime
) -> Evidence:
    """The same by commands that were read already. commands: with why they could not be, "" when they could."""
    line = line_of(moving, namespace)
    record = await records.read(moving.name, namespace)
    stored, unread = commands
    return Evidence(
        migration=moving.name,
        wave=line.wave,
        one=line.one,
        gates=tuple(Gate(proof=proof, is_intact=digest(proof) == proof.digest) for proof in record.proofs),
        snapshot=record.snapshot,
        approved=tuple(one for one in moving.status.approved if one.wave == line.wave),
        given=given(stored, moving.name, namespace, line.wave),
        unread=unread,
        confidence=silence(line.one.soak, now),
        taken=now,
    )


def given(stored: Iterable[Obj], migration: str, namespace: str, wave: str) -> tuple[Given, ...]:
    """The commands for the namespace, for its wave and for the whole migration, by their age."""
    found = []
    for obj in stored:
        if (obj.get("spec") or {}).get("target") != {"kind": "MeshMigration", "name": migration}:
            continue
        try:
            command = parse_command(obj)
        except SpecErrors:
            continue  # no controller obeys it
        meant = wave if command.verb in _OF_A_WAVE else namespace
        if command.subject in ("", meant):
            status = obj.get("status") or {}
            answer = str(status.get("result", "")), str(status.get("message", ""))
            found.append(Given(command=command, result=answer[0], message=answer[1]))
    return tuple(sorted(found, key=lambda one: (one.command.created, one.command.uid)))


def as_data(found: Evidence) -> dict[str, Any]:
    """The evidence for machines."""
    return {
        "apiVersion": API_VERSION,
        "kind": "MeshEvidence",
        "migration": found.migration,
        "namespace": found.one.name,
        "wave": found.wave,
        "stage": found.one.stage.value,
        "taken": found.taken.isoformat(),
        "intact": not found.altered,
        "confidence": found.confidence,
        "gates": [_gate(gate) for gate in found.gates],
        "acknowledged": [{"finding": one.key, "by": one.by, "reason": one.reason} for one in found.acknowledged],
        "approvals": [{"wave": one.wave, "by": one.by} for one in found.approved],
        "commands": [_given(one) for one in found.given],
        "commandsUnread": found.unread,
        "soakSkipped": {"by": found.one.soak.skipped_by, "reason": found.one.soak.skipped_why},
        "snapshot": None if found.snapshot is None else _snapshot(found.snapshot),
    }


def _gate(gate: Gate) -> dict[str, Any]:
    proof = gate.proof
    return {
        "stage": proof.stage.value,
        "to": proof.to.value,
        "at": proof.at.isoformat(),
        "by": proof.by,
        "digest": proof.digest,
        "record": "intact" if gate.is_intact else "altered",
        "facts": [{"what": what, "asked": asked, "answer": answer} for what, asked, answer in proof.facts],
    }


def _given(one: Given) -> dict[str, Any]:
    command = one.command
    return {
        "verb": command.verb.value,
        "subject": command.subject,
        "finding": command.finding,
        "actor": command.actor,
        "channel": command.channel,
        "at": command.created.isoformat(),
        "reason": command.reason,
        "result": one.result,
        "message": one.message,
    }


def _snapshot(kept: Snapshot) -> dict[str, Any]:
    objects = [
        {
            "kind": one.kind,
            "name": one.name,
            "uid": one.uid,
            "spec": one.spec,
            "labels": dict(one.labels),
            "annotations": dict(one.annotations),
        }
        for one in kept.objects
    ]
    return {"taken": kept.taken.isoformat(), "objects": objects}
