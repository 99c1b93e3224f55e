"""Who may open or refuse the present step's gate, what is it waiting for, and until when?"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from policies.approval import Given, Open, Unproven, Waiting, is_approver, lasting, refusal, who
from rollout.model.approval import OnTimeout
from rollout.model.commands import Command
from rollout.model.deeds import Approval
from rollout.model.status import Phase, Reason, Run
from rollout.progression.gates import ASK_AGAIN, Gate, authors_of, gates_of, given_for
from rollout.progression.view import View, clock, plan_step

UNBOUND = (
    "nothing in this cluster sees to it that a command's actor is who sent it; `rollout install` brings the "
    "ValidatingAdmissionPolicy rollout-command-actor, `rollout check` says what is wrong"
)


def present_gates(view: View) -> tuple[Gate, ...]:
    """The gates of the present step; () where it needs no approval."""
    step = plan_step(view.run)
    return gates_of(view.run.step, step, view.run, view.seen, view.now) if step is not None else ()


def gate_closed(view: View) -> Reason | None:
    """A step with approvals ends only once all its policies say so for this run, step and revision."""
    run, shut = view.run, [gate for gate in present_gates(view) if not gate.is_open]
    if not shut:
        return None
    missing = [gate.name for gate in shut if gate.policy is None]
    if missing:
        return Reason(code="PolicyMissing", message=missing_words(view, run.step, missing), warning=True)
    for gate in shut:
        if isinstance(gate.stands, Unproven):
            message = (
                f"step {run.step} needs four eyes ({gate.name}), and nobody can tell whose change {run.canary.name} is"
            )
            return Reason(code="AuthorUnproven", message=f"{message}: {gate.stands.why}", warning=True)
    return Reason(code="AwaitingApproval", message=_waiting_words(view, shut))


def can_be_approved(view: View) -> bool:
    """Whether an approval of the right person would count now."""
    closed = gate_closed(view)
    return closed is not None and closed.code == "AwaitingApproval"


def missing_words(view: View, step: int, names: list[str]) -> str:
    """What is to be done where a step names policies that nobody can read."""
    return (
        f"step {step} needs ApprovalPolicy {', '.join(names)}, which does not exist or cannot be read: create it in "
        f"namespace {view.spec.key.namespace}, or in the controller's namespace for all"
    )


def _waiting_words(view: View, shut: list[Gate]) -> str:
    due = rolls_back_at(view)
    then = f"; back to stable at {clock(due)}" if due is not None else ""
    return f"waiting for {_lacking_words(view.run, shut)}{then}"


def _lacking_words(run: Run, shut: list[Gate]) -> str:
    """What is missing, and what is there: "1 more approval of v2 by leads (step 1): 1 of 2, ana"."""
    wanted: list[str] = []
    have: list[str] = []
    for gate in shut:
        stands = gate.stands
        if not isinstance(stands, Waiting):
            continue
        number = f"{stands.missing}{' more' if stands.by else ''} approval{'s' if stands.missing > 1 else ''}"
        wanted.append(f"{number}{'' if wanted else f' of {run.canary.name}'} by {gate.name}")
        if stands.by:
            names = ", ".join(str(one.by) for one in stands.by)
            have.append(f"{len(stands.by)} of {stands.needed}, given by {names}")
        if stands.lapsed:
            have.append(f"{stands.lapsed} expired")
    words = f"{' and '.join(wanted)} (step {run.step})"
    return f"{words}: {'; '.join(have)}" if have else words


def unapproved(view: View, command: Command) -> str:
    """Why an approval does not count; "" when it does for at least one policy of the present step."""
    run, found = view.run, present_gates(view)
    if not found:
        return f"step {run.step} needs no approval"
    if all(gate.is_open for gate in found):
        return f"step {run.step} is approved already"
    if not view.seen.actors_bound:
        return f"no approval counts here: {UNBOUND}"
    missing = [gate.name for gate in found if gate.policy is None]
    if missing:
        return missing_words(view, run.step, missing)
    new, before, authors = _given(view, command), given_for(run, run.step), authors_of(run, view.seen)
    shut = [gate for gate in found if not gate.is_open]
    why = [(gate.name, refusal(gate.quorum, before, new, authors, view.now)) for gate in shut]
    return "" if any(not words for _, words in why) else "; ".join(f"{name}: {words}" for name, words in why)


def approved(view: View, command: Command) -> tuple[Run, str]:
    """The run with the approval, and what it led to."""
    run, given = view.run, _given(view, command)
    new = Approval(step=run.step, by=str(given.by), at=given.at, channel=command.channel, identity=command.identity)
    # Of one person and one identity the newest counts: what it replaces says nothing more.
    kept = tuple(one for one in run.approvals if (one.step, one.identity) != (new.step, new.identity))
    run = replace(run, approvals=(*kept, new))
    left = gate_closed(view.of(replace(view.status, run=run)))
    done = f"step {run.step} of {run.canary.name} approved"
    return run, done if left is None else f"counted; {left.message}"


def unrejected(view: View, command: Command) -> str:
    """Why this is no veto; "" when an approver of the present step gave it."""
    found = present_gates(view)
    if not found:
        return f"step {view.run.step} needs no approval; `abort` ends the run"
    if not view.seen.actors_bound:
        return f"no veto counts here: {UNBOUND}; `abort` ends the run"
    if any(gate.policy is not None and is_approver(gate.quorum, command.identity) for gate in found):
        return ""
    may = "; ".join(f"{gate.name}: {who(gate.quorum) if gate.policy else 'does not exist'}" for gate in found)
    return f"only an approver may reject ({may}); `abort` ends the run, for whom the cluster's RBAC lets"


def _given(view: View, command: Command) -> Given:
    """The approval as of when it was given, which is never later than now: clocks differ."""
    return Given(by=command.identity, at=min(command.created, view.now))


def gate_since(view: View, holds: tuple[Reason, ...]) -> datetime | None:
    """Since when the approval alone is missing; None while something else is, too, or nothing is.

    holds: all that keeps the present step.
    """
    closed = gate_closed(view)
    return (view.run.gate_since or view.now) if closed is not None and holds == (closed,) else None


def rolls_back_at(view: View) -> datetime | None:
    """When the run goes back because nobody opened the gate; None where a policy lets it wait, or its time does not run."""
    since = view.run.gate_since
    if since is None:
        return None
    limits = [
        gate.quorum.expires_after
        for gate in present_gates(view)
        if not gate.is_open and gate.policy is not None and gate.policy.on_timeout is OnTimeout.ROLLBACK
    ]
    return min((since + limit for limit in limits if limit is not None), default=None)


def overdue(view: View) -> str:
    """Why the run goes back now; "" while it need not."""
    due = rolls_back_at(view)
    if due is None or view.now < due or view.run.gate_since is None:
        return ""
    shut = [gate for gate in present_gates(view) if not gate.is_open]
    waited = f"the gate of step {view.run.step} was not opened within {lasting(due - view.run.gate_since)} (onTimeout: rollback)"
    lacking = [gate for gate in shut if isinstance(gate.stands, Waiting)]
    still = _lacking_words(view.run, lacking) if lacking else ", ".join(gate.name for gate in shut)
    return f"{waited}, still missing: {still}"


def gate_moments(view: View) -> Iterator[datetime]:
    """When time alone changes a gate: an approval lapses, the run goes back, or git is asked for authors once more."""
    if view.status.phase is not Phase.PROGRESSING:
        return
    due = rolls_back_at(view)
    if due is not None:
        yield due
    for gate in present_gates(view):
        if isinstance(gate.stands, Unproven):
            yield view.now + ASK_AGAIN
        stands, lasts = gate.stands, gate.quorum.expires_after
        if lasts is not None and isinstance(stands, Open | Waiting):
            yield from (one.at + lasts for one in stands.by)
