"""What did a person do, from where, and what proved it? Written into the run for whoever asks later."""

from dataclasses import replace

from policies.approval import Realm
from rollout.model.commands import Command
from rollout.model.deeds import Deed
from rollout.model.status import DEEDS_KEPT, RolloutStatus
from rollout.progression.view import View


def who(command: Command) -> str:
    """The actor and the channel, for people: "ana (cli)"."""
    return f"{command.identity} ({command.channel})"


def proof(command: Command) -> str:
    """What proved the actor: "cluster", with what proved it at the dashboard, or "slack of NAMESPACE", the Receiver's."""
    realm = command.realm.value
    if command.realm is not Realm.CLUSTER:
        return f"{realm} of {command.vouched or '?'}"
    return f"{realm} by {command.proven}" if command.proven else realm


def recorded(status: RolloutStatus, before: View, command: Command) -> RolloutStatus:
    """The status with what an accepted command did written down; one that leaves no run is in events and log alone."""
    run = status.run
    if run is None:
        return status
    same = before.status.run is not None and before.status.runs == status.runs
    deed = Deed(
        verb=command.verb.value,
        by=str(command.identity),
        at=min(command.created, before.now),
        channel=command.channel,
        proof=proof(command),
        step=before.run.step if same else run.step,
        reason=command.reason,
    )
    return replace(status, run=replace(run, deeds=(*run.deeds, deed)[-DEEDS_KEPT:]))
