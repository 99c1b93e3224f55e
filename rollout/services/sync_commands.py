"""What may a person ask of a GitSource, and what is answered?"""

from dataclasses import replace

from rollout.model.actions import Answer
from rollout.model.commands import Command, Result, Verb
from rollout.model.status import Reason
from rollout.ports.rollouts import Commands
from rollout.ports.specs import Sources, StoredSource
from rollout.services.answered import answer


class Confirmations:
    """Obeys `confirm` of the commit that waits. The status remembers it first, then the command is answered: a crash in
    between only answers again."""

    def __init__(self, sources: Sources, commands: Commands) -> None:
        self._sources = sources
        self._commands = commands

    async def handled(self, stored: StoredSource) -> tuple[StoredSource, tuple[Reason, ...]]:
        """The source once every command for it is answered, and what is told of that."""
        news: list[Reason] = []
        for command in self._commands.pending(stored.key):
            given = _answer(stored, command)
            if given.result is Result.ACCEPTED and stored.status.confirmed != command.revision:
                status = replace(stored.status, confirmed=command.revision or "")
                await self._sources.report(stored.key, status)
                stored = self._sources.get(stored.key) or stored
            await answer(self._commands, stored.key, given)
            news.append(_told(command, given))
        return stored, tuple(news)


def _answer(stored: StoredSource, command: Command) -> Answer:
    """Accepted for the commit that waits, or was confirmed before; otherwise what is possible instead."""
    waiting = stored.status.waiting
    if command.verb is not Verb.CONFIRM:
        return _refused(command, "a GitSource takes only confirm, of the commit that waits")
    if stored.deleting:
        return _refused(command, "the GitSource is being deleted; there is nothing to confirm")
    if command.revision and command.revision == (waiting or stored.status.confirmed):
        message = f"commit {command.revision[:12]} may delete, or rewrite history, as it likes"
        return Answer(command=command.uid, result=Result.ACCEPTED, message=message)
    if not waiting:
        return _refused(command, "no commit waits; a commit can only be confirmed once the controller has held it")
    asked = f"commit {command.revision[:12]} does not wait" if command.revision else "it names no commit"
    return _refused(command, f"{asked}; commit {waiting[:12]} does")


def _refused(command: Command, message: str) -> Answer:
    return Answer(command=command.uid, result=Result.REFUSED, message=message)


def _told(command: Command, answer: Answer) -> Reason:
    message = f"{command.verb.value} by {command.actor}: {answer.message}"
    if answer.result is Result.ACCEPTED:
        return Reason(code="CommandAccepted", message=message)
    return Reason(code="CommandRefused", message=message, warning=True)
