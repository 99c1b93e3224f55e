"""How does a person's demand reach the controller, and what did it answer?

A RolloutCommand is written, bound to what the person saw, and its status is awaited.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from policies.approval import Identity, Realm
from rollout.manifest.parse import key_of
from rollout.manifest.rolloutcommand import command_to_dict
from rollout.model.commands import Command, Result, Verb
from rollout.model.names import Key
from rollout.model.status import RolloutStatus
from rollout.ports.errors import Forbidden
from rollout.ports.objects import Change, Obj, Objects, ObjectWrites

KIND = "RolloutCommand"
# What a verb is bound to (product.md, 3); the others take the Rollout as it is when the command is read.
_TO_STEP = frozenset({Verb.APPROVE, Verb.PROMOTE, Verb.PROMOTE_FULL})
_TO_RUN = _TO_STEP | {Verb.ABORT, Verb.REJECT, Verb.PAUSE, Verb.RESUME, Verb.OVERRIDE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a command was made for; None where it does not say. template: hash of the canary's pod template."""

    run: int | None = None
    step: int | None = None
    revision: str | None = None
    template: str | None = None

    def __str__(self) -> str:
        parts = [
            f"run {self.run}" if self.run is not None else "",
            f"step {self.step}" if self.step is not None else "",
        ]
        return ", ".join([*filter(None, parts), *([self.revision] if self.revision else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a person asks for. kind: of what has the key. backend: what `name-stable` names, "" for other verbs.

    subject and finding: of a command for a MeshMigration; its key has the controller's namespace.
    proven: what proved a user of the cluster to the dashboard. once: what proves that it is asked for, "" for nothing: a second command with the same is a Conflict, on whichever
    replica and after whatever restart.
    """

    key: Key
    verb: Verb
    kind: str = "Rollout"
    binding: Binding = Binding()
    channel: str = "cli"
    backend: str = ""
    subject: str = ""
    finding: str = ""
    reason: str = ""
    proven: str = ""
    once: str = ""

    @property
    def of_namespace(self) -> bool:
        """Whether its subject is a namespace, and not a wave."""
        return bool(self.subject) and self.verb not in (Verb.APPROVE, Verb.REJECT)

    @property
    def about(self) -> str:
        """For people: a Rollout by its key alone, a MeshMigration by its name and what of it is meant."""
        if self.kind == "MeshMigration":
            return f"{self.kind} {self.key.name}" + (f" {self.subject}" if self.subject else "")
        return str(self.key) if self.kind == "Rollout" else f"{self.kind} {self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The RolloutCommand as it is now. result: None when the controller has not answered in time."""

    obj: Obj
    result: Result | None
    message: str = ""


def binding(verb: Verb, status: RolloutStatus) -> Binding:
    """What `verb` binds to in the run in hand; nothing without a run."""
    run = status.run
    if run is None or verb not in _TO_RUN:
        return Binding()
    if verb not in _TO_STEP:
        return Binding(run=status.runs)
    return _present(status)


def _present(status: RolloutStatus) -> Binding:
    run = status.run
    if run is None:
        return Binding()
    return Binding(run=status.runs, step=run.step, revision=run.canary.name, template=run.canary.template or None)


def is_stale(made_for: Binding, status: RolloutStatus) -> bool:
    """Whether the run, step, revision or pod template that a command was made for is no longer the present one."""
    present = _present(status)
    pairs = (
        (made_for.run, present.run),
        (made_for.step, present.step),
        (made_for.revision, present.revision),
        (made_for.template, present.template),
    )
    return any(wanted is not None and wanted != now for wanted, now in pairs)


async def waiting_commit(objects: Objects, source: Key) -> str:
    """The commit of a GitSource that a person has to confirm, "" for none; NotFound when there is no such source."""
    return waiting_in(await objects.get("GitSource", source.namespace, source.name))


def waiting_in(source: Obj) -> str:
    """The commit that a GitSource's status says a person has to confirm, "" for none."""
    return str((source.get("status") or {}).get("waiting") or "")


async def record(objects: Objects, writes: ObjectWrites, demand: Demand, now: datetime) -> Obj:
    """The RolloutCommand as stored, given in the name of whoever our credentials say we are.

    Forbidden when they do not allow it, or when the cluster does not say who we are.
    """
    user, groups = await objects.whoami()
    if not user:
        raise Forbidden(f"{demand.key}: the cluster does not say who we are, so no command can carry an actor")
    named = tuple(filter(None, groups))  # an authenticator may answer a group without a name
    command = command_of(Identity(realm=Realm.CLUSTER, user=user, groups=named), demand, now)
    return await writes.create(command_to_dict(demand.key, command, kind=demand.kind))


def command_of(identity: Identity, demand: Demand, now: datetime) -> Command:
    """The command that records the demand of this identity; the server gives it uid and name."""
    return Command(
        uid="",
        name=_name(demand),
        verb=demand.verb,
        actor=identity.user,
        groups=identity.groups,
        realm=identity.realm,
        email=identity.email,
        vouched=identity.vouched,
        proven=demand.proven,
        channel=demand.channel,
        created=now,
        run=demand.binding.run,
        step=demand.binding.step,
        revision=demand.binding.revision,
        template=demand.binding.template,
        backend=demand.backend,
        subject=demand.subject,
        finding=demand.finding,
        reason=demand.reason,
    )


def _name(demand: Demand) -> str:
    """The name of a command that is to be there once; "" where the server may make one."""
    if not demand.once:
        return ""
    digest = hashlib.sha256(demand.once.encode()).hexdigest()[:24]
    return f"{demand.key.name[:40].rstrip('.-')}-{demand.verb.value}-{digest}"


async def answer(objects: Objects, command: Obj, within: timedelta) -> Answered:
    """What the controller answered to a stored RolloutCommand, as soon as it does, at most after `within`."""
    key = key_of(command)
    # A watch is a generator; only a closed one lets its connection go at once.
    changes = cast("AsyncGenerator[Change, None]", objects.watch(KIND, key.namespace, key.name))
    try:
        async with asyncio.timeout(within.total_seconds()), aclosing(changes):
            async for change in changes:
                command = change.obj
                answered = _answered(command)
                if answered.result is not None or change.type == "DELETED":
                    return answered
    except TimeoutError:
        pass
    return _answered(command)


def _answered(obj: Obj) -> Answered:
    status = obj.get("status") or {}
    result = status.get("result")
    return Answered(obj=obj, result=Result(result) if result else None, message=str(status.get("message", "")))
