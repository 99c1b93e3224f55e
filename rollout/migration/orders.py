"""What does a person's command do to a migration, and if nothing, what is allowed now?

Each command is answered once: its uid and answer go into the status with what it caused, in one write.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from rollout.migration.approving import approval_hold, approval_of, unapproved, unrejected
from rollout.migration.stages import AT_LEAST_CANARY, TRANSITIONS, Trigger
from rollout.migration.triggers import Fired
from rollout.model.approval import ApprovalPolicy
from rollout.model.commands import Command, Handled, Result, Verb
from rollout.model.migration import MigrationSpec, MigrationStatus, NamespaceStatus, Stage, Wave
from rollout.model.migration_marks import Acknowledged
from rollout.model.status import HANDLED_KEPT, Reason

MOST_ACKNOWLEDGED = 100  # a status must fit into one object


class RefusalError(Exception):
    """A command that is not possible now; the message says what is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the new commands did together. fires: triggers by namespace. told: by namespace, "" for the fleet.

    news: the commands' answers, in the order in which they were obeyed.
    """

    status: MigrationStatus
    fires: Mapping[str, Fired]
    told: tuple[tuple[str, Reason], ...]
    news: tuple[Handled, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    status: MigrationStatus
    message: str
    fires: Mapping[str, Fired]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a command is judged by besides the status. approvals: the policies that waves name, by name.

    actors_bound: whether the cluster binds a command's actor to its sender; without it only what lowers risk is obeyed.
    """

    spec: MigrationSpec
    approvals: Mapping[str, ApprovalPolicy] = field(default_factory=dict)
    actors_bound: bool
    now: datetime


def obeyed(desk: Desk, status: MigrationStatus, commands: tuple[Command, ...]) -> Orders:
    """What all new commands do: abort first, then fallbacks, then by age and uid."""
    known = {one.uid for one in status.handled}
    fresh = [command for command in commands if command.uid not in known]
    fresh.sort(key=lambda one: (_SAFETY.get(one.verb, len(_SAFETY)), one.created, one.uid))
    fires: dict[str, Fired] = {}
    told: list[tuple[str, Reason]] = []
    news: list[Handled] = []
    for command in fresh[:HANDLED_KEPT]:
        try:
            done = _obey(desk, status, command)
            status, message, result = done.status, done.message, Result.ACCEPTED
            fires |= {name: fire for name, fire in done.fires.items() if name not in fires}
        except RefusalError as refusal:
            message, result = str(refusal), Result.REFUSED
        news.append(Handled(uid=command.uid, result=result, message=message))
        code = "CommandAccepted" if result is Result.ACCEPTED else "CommandRefused"
        told.append((command.subject, Reason(code=code, message=f"{command.verb} by {command.identity}: {message}")))
    handled = (*status.handled, *news)[-HANDLED_KEPT:]
    return Orders(status=replace(status, handled=handled), fires=fires, told=tuple(told), news=tuple(news))


def possible(stage: Stage) -> tuple[str, ...]:
    """The verbs that a namespace in this stage obeys, in the table's order."""
    verbs = [verb.value for verb, trigger in _FIRES.items() if trigger in TRANSITIONS.get(stage, {})]
    return (*verbs, Verb.ACKNOWLEDGE.value)


def _obey(desk: Desk, status: MigrationStatus, command: Command) -> _Done:
    order = _ORDERS.get(command.verb)
    if order is None:
        possible = ", ".join(_ORDERS)
        raise RefusalError(f"{command.verb} is nothing for a MeshMigration; possible: {possible}")
    if not desk.actors_bound and command.verb not in _SAFETY:
        raise RefusalError(
            "the cluster does not bind a command's actor to its sender, so only abort, pause and fallback are "
            "obeyed: install deploy/base/actor-policy.yaml"
        )
    return order(desk, status, command)


def _approve(desk: Desk, status: MigrationStatus, command: Command) -> _Done:
    wave = _wave(desk.spec, command)
    why = unapproved(wave, status.approved, desk.approvals, command, desk.now)
    if why:
        raise RefusalError(why)
    known = tuple(one for one in status.approved if any(one.wave == other.name for other in desk.spec.waves))
    new = approval_of(wave, command, desk.now)
    # Of one person and one identity the newest counts: what it replaces says nothing more.
    approved = (*(one for one in known if (one.wave, one.identity) != (new.wave, new.identity)), new)
    left = approval_hold(wave, approved, desk.approvals, desk.now, has_begun=False)
    message = f"wave {wave.name} may begin" if left is None else f"counted; {left.message}"
    return _Done(status=replace(status, approved=approved), message=message, fires={})


def _reject(desk: Desk, status: MigrationStatus, command: Command) -> _Done:
    wave = _wave(desk.spec, command)
    why = unrejected(wave, desk.approvals, command)
    if why:
        raise RefusalError(why)
    begun = [one.name for one in status.namespaces if one.stage is not Stage.PENDING and one.name in wave.namespaces]
    if begun:
        raise RefusalError(f"wave {wave.name} has begun with {begun[0]}; use pause, fallback or rollback")
    approved = tuple(one for one in status.approved if one.wave != wave.name)
    paused = f"{command.identity} rejected wave {wave.name}: {command.reason}"
    return _Done(
        status=replace(status, approved=approved, paused=paused),
        message=f"wave {wave.name} does not begin, and the migration is paused",
        fires={},
    )


def _pause(_desk: Desk, status: MigrationStatus, command: Command) -> _Done:
    if status.paused:
        raise RefusalError(f"it is paused already: {status.paused}")
    why = f"{command.identity}: {command.reason}" if command.reason else str(command.identity)
    return _Done(status=replace(status, paused=why), message="nothing goes forward until resume", fires={})


def _resume(_desk: Desk, status: MigrationStatus, _command: Command) -> _Done:
    spent = [one.name for one in status.namespaces if one.fallbacks]
    if not status.paused and not spent:
        raise RefusalError("it is not paused")
    namespaces = tuple(replace(one, fallbacks=0) for one in status.namespaces)
    return _Done(status=replace(status, paused="", namespaces=namespaces), message="it goes on", fires={})


def _abort(_desk: Desk, status: MigrationStatus, command: Command) -> _Done:
    """Everything that is being made STRICT opens again, and nothing goes forward."""
    why = f"aborted by {command.identity}" + (f": {command.reason}" if command.reason else "")
    fires = {
        one.name: Fired(trigger=Trigger.FALLBACK_ASKED, why=why)
        for one in status.namespaces
        if one.stage in AT_LEAST_CANARY and one.stage is not Stage.DONE
    }
    names = ", ".join(sorted(fires)) or "none had to"
    return _Done(status=replace(status, paused=why), message=f"paused; open again: {names}", fires=fires)


def _acknowledge(_desk: Desk, status: MigrationStatus, command: Command) -> _Done:
    one = _namespace(status, command)
    if not command.reason:
        raise RefusalError("acknowledge needs a reason")
    if len(one.acknowledged) >= MOST_ACKNOWLEDGED:
        raise RefusalError(
            f"{one.name} has {MOST_ACKNOWLEDGED} acknowledgements: name a check, such as PA-01, for all of it"
        )
    entry = Acknowledged(key=command.finding, by=str(command.identity), reason=command.reason)
    if any(known.key == entry.key for known in one.acknowledged):
        raise RefusalError(f"{entry.key} is acknowledged already")
    # the checks run again at once, and count without it
    changed = replace(one, acknowledged=tuple(sorted((*one.acknowledged, entry))), looked=None)
    return _Done(status=changed_in(status, changed), message=f"{command.identity} answers for {entry.key}", fires={})


def _skip(_desk: Desk, status: MigrationStatus, command: Command) -> _Done:
    """A person says that it was quiet for long enough; the next event makes that void."""
    one = _namespace(status, command)
    if one.stage is not Stage.OBSERVING or one.soak.clock is None:
        raise RefusalError(f"{one.name} is in {one.stage}: only a soak that has begun in Observing can be skipped")
    if not command.reason:
        raise RefusalError("skipping a soak needs a reason")
    soak = replace(one.soak, skipped_by=str(command.identity), skipped_why=command.reason)
    return _Done(
        status=changed_in(status, replace(one, soak=soak)), message="the rest of the soak is skipped", fires={}
    )


def _fire(trigger: Trigger, words: str) -> "Order":
    def order(_desk: Desk, status: MigrationStatus, command: Command) -> _Done:
        one = _namespace(status, command)
        if trigger not in TRANSITIONS.get(one.stage, {}):
            raise RefusalError(f"{one.name} is in {one.stage}; possible there: {', '.join(possible(one.stage))}")
        why = f"{command.verb} by {command.identity}" + (f": {command.reason}" if command.reason else "")
        return _Done(status=status, message=words, fires={one.name: Fired(trigger=trigger, why=why)})

    return order


def _namespace(status: MigrationStatus, command: Command) -> NamespaceStatus:
    for one in status.namespaces:
        if one.name == command.subject:
            return one
    known = ", ".join(one.name for one in status.namespaces[:5])
    raise RefusalError(f"{command.verb} needs a namespace of this migration, such as {known}")


def _wave(spec: MigrationSpec, command: Command) -> Wave:
    gated = {wave.name: wave for wave in spec.waves if wave.approval}
    if command.subject not in gated:
        raise RefusalError(
            f"{command.verb} needs a wave that waits for approval: {', '.join(gated) or 'there is none'}"
        )
    return gated[command.subject]


def changed_in(status: MigrationStatus, changed: NamespaceStatus) -> MigrationStatus:
    """The status with another memory of one namespace."""
    return replace(status, namespaces=tuple(changed if one.name == changed.name else one for one in status.namespaces))


Order = Callable[[Desk, MigrationStatus, Command], _Done]
_SAFETY: Mapping[Verb, int] = {Verb.ABORT: 0, Verb.FALLBACK: 1, Verb.PAUSE: 2}  # they lower risk, whoever asks
_FIRES: Mapping[Verb, Trigger] = {
    Verb.FALLBACK: Trigger.FALLBACK_ASKED,
    Verb.ROLLBACK: Trigger.ROLLBACK_ASKED,
    Verb.RETRY: Trigger.RETRIED,
}
_ORDERS: Mapping[Verb, Order] = {
    Verb.APPROVE: _approve,
    Verb.REJECT: _reject,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.ABORT: _abort,
    Verb.ACKNOWLEDGE: _acknowledge,
    Verb.PROMOTE: _skip,
    Verb.FALLBACK: _fire(Trigger.FALLBACK_ASKED, "it is opened in the same tick"),
    Verb.ROLLBACK: _fire(Trigger.ROLLBACK_ASKED, "it is put back as it was, step by step"),
    Verb.RETRY: _fire(Trigger.RETRIED, "it is tried again"),
}
