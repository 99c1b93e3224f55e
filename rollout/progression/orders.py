"""What does a person's command do in this phase, and if nothing, what is allowed now?

Every command is answered once: its uid and answer go into the status with what it caused, in one write.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from rollout.model.commands import Command, Handled, Result, Verb
from rollout.model.deeds import Pause
from rollout.model.names import backend_named
from rollout.model.status import HANDLED_KEPT, Outcome, Phase, Reason, RolloutStatus
from rollout.progression.approving import approved, can_be_approved, gate_closed, present_gates, unapproved, unrejected
from rollout.progression.audit import recorded, who
from rollout.progression.fights import forgiven, is_disputed
from rollout.progression.freezing import frozen, overridden, override_refusal
from rollout.progression.holds import raise_held, stable_changed
from rollout.progression.moves import moved
from rollout.progression.sight import revision_at
from rollout.progression.transitions import Trigger
from rollout.progression.triggers import Fired
from rollout.progression.view import View, available_for, shut_gates, stable_is_down

RUNNING = (Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING)
_BINDS_TO_STEP = (Verb.APPROVE, Verb.PROMOTE, Verb.PROMOTE_FULL)
_BINDS_TO_RUN = (*_BINDS_TO_STEP, Verb.ABORT, Verb.REJECT, Verb.PAUSE, Verb.RESUME, Verb.OVERRIDE)
_IN_ANY_RUN = (Verb.ABORT, Verb.CONFIRM, Verb.OVERRIDE)

_ALLOWED: dict[Phase, tuple[Verb, ...]] = {
    Phase.IDLE: (),
    Phase.PROGRESSING: (Verb.PROMOTE, Verb.PROMOTE_FULL, Verb.APPROVE, Verb.REJECT, Verb.PAUSE, *_IN_ANY_RUN),
    Phase.PAUSED: (Verb.RESUME, Verb.APPROVE, Verb.REJECT, *_IN_ANY_RUN),
    Phase.PROMOTING: (Verb.PROMOTE, Verb.PROMOTE_FULL, Verb.PAUSE, *_IN_ANY_RUN),
    Phase.ROLLING_BACK: (),
    Phase.FAILED: (Verb.RETRY,),
}


class Refusal(Exception):
    """A command that this phase does not allow; the message says what it does allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an accepted command did: the new status, the answer, and the trigger it fired, if any."""

    status: RolloutStatus
    message: str
    fired: Fired | None = None


Order = Callable[[View, Command], Done]


def allowed(view: View) -> tuple[Verb, ...]:
    """The verbs that may be accepted now, whatever run they are made for."""
    verbs = _ALLOWED[view.status.phase]
    if _may_name_stable(view):
        verbs = (*verbs, Verb.NAME_STABLE)
    if _may_forgive(view):
        verbs = (*verbs, Verb.RESUME)
    if view.status.run is not None and not can_be_approved(view):
        verbs = tuple(verb for verb in verbs if verb is not Verb.APPROVE)
    if view.status.run is not None and not present_gates(view):
        verbs = tuple(verb for verb in verbs if verb is not Verb.REJECT)
    if view.status.run is not None and stable_changed(view) is None:
        verbs = tuple(verb for verb in verbs if verb is not Verb.CONFIRM)
    if view.status.run is not None and frozen(view) is None:
        verbs = tuple(verb for verb in verbs if verb is not Verb.OVERRIDE)
    return verbs


@dataclass(frozen=True, slots=True, kw_only=True)
class Obeyed:
    """What the new commands did together: the status, the triggers they fired, and what else is to be told.

    more: some are left for the next tick, so that no flood of commands makes the status forget one before its answer.
    """

    status: RolloutStatus
    fires: tuple[Fired, ...]
    told: tuple[Reason, ...]
    more: bool


def obeyed(view: View) -> Obeyed:
    """What all new commands do, abort first, then by age and uid."""
    done = {handled.uid for handled in view.status.handled}
    fires: list[Fired] = []
    told: list[Reason] = []
    new = [command for command in view.seen.commands if command.uid not in done]
    new.sort(key=lambda item: (item.verb is not Verb.ABORT, item.created, item.uid))
    room = max(HANDLED_KEPT - (len(view.seen.commands) - len(new)), 0)  # what was answered and not yet told stays
    for command in new[:room]:
        try:
            outcome = _obey(view, command)
            handled = Handled(uid=command.uid, result=Result.ACCEPTED, message=outcome.message)
            status = recorded(outcome.status, view, command)
            if outcome.fired:
                fires.append(outcome.fired)
            else:
                told.append(
                    Reason(code="CommandAccepted", message=f"{command.verb} by {who(command)}: {outcome.message}")
                )
        except Refusal as refusal:
            handled = Handled(uid=command.uid, result=Result.REFUSED, message=str(refusal))
            told.append(Reason(code="CommandRefused", message=f"{command.verb} by {who(command)}: {refusal}"))
            status = view.status
        view = view.of(replace(status, handled=(*status.handled, handled)[-HANDLED_KEPT:]))
    return Obeyed(status=view.status, fires=tuple(fires), told=tuple(told), more=len(new) > room)


def _obey(view: View, command: Command) -> Done:
    verbs = allowed(view)
    if command.verb not in verbs and command.verb not in _ALLOWED[view.status.phase]:
        now = ", ".join(verbs) if verbs else "nothing"
        raise Refusal(f"{command.verb} is not possible in phase {view.status.phase}; possible now: {now}")
    _check_binding(view, command)
    return ORDERS[command.verb](view, command)


def _check_binding(view: View, command: Command) -> None:
    run = view.status.run
    if run is None or command.verb not in _BINDS_TO_RUN:
        return
    if command.run is not None and command.run != view.status.runs:
        raise Refusal(f"made for run {command.run}, now it is run {view.status.runs} ({run.canary.name})")
    if command.verb not in _BINDS_TO_STEP:
        return
    if command.revision is not None and command.revision != run.canary.name:
        raise Refusal(f"made for revision {command.revision}, now it is {run.canary.name}")
    if command.step is not None and command.step != run.step:
        raise Refusal(f"made for step {command.step}, now it is step {run.step}")
    if command.template is not None and command.template != run.canary.template:
        seen, now = command.template[:12] or "none", run.canary.template[:12] or "none"
        raise Refusal(f"made for pod template {seen} of {run.canary.name}, now it is {now}: its workload was changed")
    if command.run is None or command.step is None or command.revision is None:
        raise Refusal(
            f"{command.verb} must say run, step and revision; now it is {view.status.runs}, {run.step}, {run.canary.name}"
        )


def _abort(view: View, command: Command) -> Done:
    if view.stable is None:
        raise Refusal("a first deployment has nothing to go back to; delete the Rollout, or pause")
    fire = Fired(trigger=Trigger.ABORTED, why=f"aborted by {who(command)}{_because(command)}")
    return Done(status=moved(view, fire), message=f"run {view.status.runs} goes back to {view.stable.name}", fired=fire)


def _reject(view: View, command: Command) -> Done:
    why = unrejected(view, command)
    if why:
        raise Refusal(why)
    fire = Fired(trigger=Trigger.REJECTED, why=f"rejected by {who(command)}{_because(command)}")
    return Done(status=moved(view, fire), message=f"run {view.status.runs} is rejected and goes back", fired=fire)


def _pause(view: View, command: Command) -> Done:
    fire = Fired(trigger=Trigger.PAUSED, why=f"paused by {who(command)}{_because(command)}")
    status = moved(view, fire)
    if status.run is not None:
        pause = Pause(by=str(command.identity), at=view.now, why=fire.why)
        status = replace(status, run=replace(status.run, pause=pause))
    return Done(status=status, message=f"paused at {view.run.weight} %; `resume` goes on", fired=fire)


def _may_forgive(view: View) -> bool:
    return view.status.phase in (Phase.PROGRESSING, Phase.PROMOTING) and is_disputed(view)


def _resume(view: View, command: Command) -> Done:
    if view.status.phase is not Phase.PAUSED:
        return Done(status=forgiven(view), message="the reversals so far are forgotten; the weight is raised again now")
    fire = Fired(trigger=Trigger.RESUMED, why=f"resumed by {who(command)}{_because(command)}")
    status = moved(view, fire)
    run = view.of(status).run
    if run.weight > view.run.weight:
        held = raise_held(view) or available_for(view, run.canary, run.weight)
        if held:
            raise Refusal(
                f"resume would raise the weight to {run.weight} %: {held if isinstance(held, str) else held.message}"
            )
    return Done(status=status, message="resumed", fired=fire)


def _approve(view: View, command: Command) -> Done:
    why = unapproved(view, command)
    if why:
        raise Refusal(why)
    run, message = approved(view, command)
    return Done(status=replace(view.status, run=run), message=message)


def _promote(view: View, command: Command) -> Done:
    if view.run.step == 0:
        raise Refusal("no step has begun; `promote-full` skips all of them, `abort` ends the run")
    gate = gate_closed(view)
    if gate is not None:
        raise Refusal(f"{gate.message}: promote skips soak and verdict, never a gate; `approve` it first")
    _refuse_frozen(view, command)
    run = replace(view.run, skip=True)
    return Done(status=replace(view.status, run=run), message="soak and verdict of this step are skipped")


def _promote_full(view: View, command: Command) -> Done:
    run = view.run
    shut = shut_gates(view, after=max(run.step, 1) - 1)
    if shut:
        number, step = shut[0]
        raise Refusal(
            f"step {number} waits for approval by {step.gate}: promote-full skips soak and verdict, never a gate"
        )
    gate = gate_closed(view)  # git may have taken the present step's gate out of the plan; the run still has it
    if gate is not None:
        raise Refusal(f"{gate.message}: promote-full never skips a gate")
    _refuse_frozen(view, command)
    return Done(status=replace(view.status, run=replace(run, full=True)), message="all remaining steps are skipped")


def _refuse_frozen(view: View, command: Command) -> None:
    if (hold := frozen(view)) is not None:
        raise Refusal(f"{command.verb} never skips a freeze: {hold.message}")


def _override(view: View, command: Command) -> Done:
    why = override_refusal(view, command)
    if why:
        raise Refusal(why)
    run = replace(view.run, override=overridden(view, command))
    return Done(
        status=replace(view.status, run=run),
        message=f"run {view.status.runs} goes on; a freeze that begins later holds it",
    )


def _retry(view: View, command: Command) -> Done:
    failed = view.status.failed
    if failed is None or failed.name != view.spec.revision:
        raise Refusal(f"git names {view.spec.revision}, which did not fail: it starts by itself")
    if view.spec.suspend:
        raise Refusal("spec.suspend is true: no run is started")
    fire = Fired(trigger=Trigger.RETRIED, why=f"{failed.name} is tried again by {who(command)}{_because(command)}")
    return Done(status=moved(view, fire), message=f"run {view.status.runs + 1} of {failed.name} starts", fired=fire)


def _confirm(view: View, command: Command) -> Done:
    stable = view.stable
    if stable is None or stable_changed(view) is None:
        raise Refusal("nothing waits to be confirmed: stable is as it was when the run began")
    changed = replace(stable, template=view.workload(stable.name).template)
    return Done(status=replace(view.status, stable=changed), message=f"{stable.name} as it is now counts as stable")


def _may_name_stable(view: View) -> bool:
    phase = view.status.phase
    return (phase is Phase.IDLE and view.stable is None) or (phase is Phase.ROLLING_BACK and stable_is_down(view))


def _name_stable(view: View, command: Command) -> Done:
    if not _may_name_stable(view):
        raise Refusal(
            "stable is known; it can be named only while it is unknown, or while a rollback is held by a dead stable"
        )
    backend = backend_named(command.backend)
    weight = max((pool.weight_of(backend) for route in view.seen.routes for pool in route.pools), default=0)
    if weight == 0:
        raise Refusal(f"{command.backend or 'no backend'} carries no traffic in any route: name one that does")
    if view.backend(backend).ready == 0:
        raise Refusal(f"{backend} has no ready endpoint: name one that has")
    stable = revision_at(view, backend)
    fire = Fired(trigger=Trigger.STABLE_NAMED, why=f"{who(command)} names {backend} stable{_because(command)}")
    status = view.status
    if status.run is not None and status.stable is not None:
        wins = status.run.canary.backend == backend
        loser = status.stable if wins else status.run.canary
        run = replace(status.run, canary=loser, ending=Outcome.RETURNED, ending_why=fire.why)
        status = replace(status, run=run, former=status.stable if wins else status.former)
    status = replace(status, stable=stable)
    return Done(status=moved(view.of(status), fire), message=f"{backend} is stable", fired=fire)


def _because(command: Command) -> str:
    return f": {command.reason}" if command.reason else ""


ORDERS: dict[Verb, Order] = {
    Verb.ABORT: _abort,
    Verb.REJECT: _reject,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.APPROVE: _approve,
    Verb.PROMOTE: _promote,
    Verb.PROMOTE_FULL: _promote_full,
    Verb.RETRY: _retry,
    Verb.CONFIRM: _confirm,
    Verb.NAME_STABLE: _name_stable,
    Verb.OVERRIDE: _override,
}
