"""Who did what to a Rollout, from which channel, proven how, when, and of which revision?

Two sources that complete each other: the status keeps what was obeyed in the last runs, and RolloutCommands are kept for 30
days with what was refused, too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollout.manifest.errors import SpecErrors
from rollout.manifest.parse import parse_command
from rollout.model.commands import Command, Result
from rollout.model.deeds import Deed
from rollout.model.status import RolloutStatus
from rollout.ports.errors import PortError
from rollout.ports.objects import Obj, Objects
from rollout.progression.audit import proof
from rollout.services.ordering import KIND
from rollout.services.queries import Standing

_CLOCKS = timedelta(seconds=5)  # a deed is never later than the controller's clock, the command has the API server's


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the audit. run and step: None where the command did not say; result: None while it is not answered.

    command: name of the RolloutCommand, "" where it is there no more. message: what was answered, "" unknown.
    """

    at: datetime
    verb: str
    by: str
    channel: str
    proof: str
    run: int | None = None
    step: int | None = None
    revision: str = ""
    reason: str = ""
    result: Result | None = None
    message: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """All lines, the newest first. unread: why the commands could not be read, "" when they could."""

    entries: tuple[Entry, ...]
    unread: str = ""


async def audit(objects: Objects, standing: Standing) -> Audit:
    """What the status and the commands that are still there say together, each deed once."""
    try:
        commands = await objects.list(KIND, standing.key.namespace)
    except PortError as error:
        return audited(standing, (), unread=str(error))
    return audited(standing, commands)


def audited(standing: Standing, commands: Iterable[Obj], *, unread: str = "") -> Audit:
    """The same of commands that were read. unread: why they were not, "" when they were."""
    given = tuple(_given(commands, standing))
    done = [entry for entry in _done(standing.status) if not any(_is_same(entry, one) for one in given)]
    known = [_placed(entry, standing.status) for entry in given]
    entries = sorted([*known, *done], key=lambda entry: (entry.at, entry.verb, entry.by, entry.command), reverse=True)
    return Audit(entries=tuple(entries), unread=unread)


def _given(commands: Iterable[Obj], standing: Standing) -> Iterator[Entry]:
    for obj in commands:
        target = obj["spec"].get("target") or {}
        if (target.get("kind"), target.get("name")) != ("Rollout", standing.key.name):
            continue
        try:
            command = parse_command(obj)
        except SpecErrors:
            continue
        status = obj.get("status") or {}
        result = Result(status["result"]) if status.get("result") else None
        yield _of_command(command, result, str(status.get("message", "")))


def _of_command(command: Command, result: Result | None, message: str) -> Entry:
    return Entry(
        at=command.created,
        verb=command.verb.value,
        by=str(command.identity),
        channel=command.channel,
        proof=proof(command),
        run=command.run,
        step=command.step,
        revision=command.revision or "",
        reason=command.reason,
        result=result,
        message=message,
        command=command.name,
    )


def _done(status: RolloutStatus) -> Iterator[Entry]:
    """What was obeyed in the run in hand and in those of the history."""
    if status.run is not None:
        yield from (_of_deed(deed, status.runs, status.run.canary.name) for deed in status.run.deeds)
    for past in status.history:
        yield from (_of_deed(deed, past.run, past.revision) for deed in past.deeds)


def _of_deed(deed: Deed, run: int, revision: str) -> Entry:
    return Entry(
        at=deed.at,
        verb=deed.verb,
        by=deed.by,
        channel=deed.channel,
        proof=deed.proof,
        run=run,
        step=deed.step,
        revision=revision,
        reason=deed.reason,
        result=Result.ACCEPTED,
    )


def _is_same(deed: Entry, command: Entry) -> bool:
    """Whether a command that is still there is what was obeyed."""
    same = (deed.verb, deed.by, deed.channel) == (command.verb, command.by, command.channel)
    return same and command.result is Result.ACCEPTED and abs(deed.at - command.at) <= _CLOCKS


def _placed(command: Entry, status: RolloutStatus) -> Entry:
    """The command with run, step and revision as the status knows them, where it does not say."""
    deed = next((one for one in _done(status) if _is_same(one, command)), None)
    if deed is None:
        return command
    step = deed.step if command.step is None else command.step
    return replace(command, run=deed.run, step=step, revision=deed.revision)
