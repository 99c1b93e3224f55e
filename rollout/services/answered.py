"""What did somebody's command come to? Told in its own status, and in the log for whoever audits."""

import structlog

from rollout.model.actions import Answer
from rollout.model.names import Key
from rollout.ports.rollouts import Commands
from rollout.progression.audit import proof

log = structlog.get_logger("rollout.audit")


async def answer(commands: Commands, key: Key, given: Answer) -> None:
    """Answer a command that waits, and log who asked, by which channel, what proved it, and for what. Raises PortErrors.

    key: where the commands are, as `Commands.pending` has it. The line may come twice when the answer is given twice.
    """
    command = next((one for one in commands.pending(key) if one.uid == given.command), None)
    await commands.answer(key, given)
    if command is None:
        return
    log.info(
        "command_answered",
        key=str(key),
        command=command.name,
        verb=command.verb.value,
        who=str(command.identity),
        channel=command.channel,
        proof=proof(command),
        created=command.created.isoformat(),
        run=command.run,
        step=command.step,
        revision=command.revision,
        reason=command.reason,
        result=given.result.value,
        message=given.message,
    )
