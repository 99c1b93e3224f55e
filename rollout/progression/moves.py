"""What does a trigger change in the status?"""

from collections.abc import Callable
from dataclasses import replace

from rollout.model.deeds import Pause
from rollout.model.status import (
    HISTORY_KEPT,
    Outcome,
    Past,
    Phase,
    Retiring,
    Revision,
    RolloutStatus,
    Run,
    Stopwatch,
)
from rollout.progression.hooking import owed_after
from rollout.progression.incidents import lower_weight
from rollout.progression.sight import first_sight
from rollout.progression.transitions import TRANSITIONS, Trigger
from rollout.progression.triggers import Fired
from rollout.progression.view import FULL, View, canary_seen, next_weight, plan_ahead, ready_pods

Move = Callable[[View, Fired], RolloutStatus]


def moved(view: View, fire: Fired) -> RolloutStatus:
    """The status after `fire`; ValueError when the table has no such move (a bug, never a person's fault)."""
    phase = TRANSITIONS[view.status.phase].get(fire.trigger)
    if phase is None:
        raise ValueError(f"{view.spec.key}: {fire.trigger} is no move from {view.status.phase}")
    return replace(MOVES[fire.trigger](view, fire), phase=phase)


def _stable_found(view: View, _: Fired) -> RolloutStatus:
    return replace(view.status, stable=first_sight(view).stable)


def _unchanged(view: View, _: Fired) -> RolloutStatus:
    return view.status


def _started(view: View, fire: Fired) -> RolloutStatus:
    status = view.status
    former = status.run
    if former is not None:
        status = _retire(_recorded(view, Outcome.SUPERSEDED, fire.why), view, former.canary)
    canary = _pinned(view, view.spec.revision)
    straight = fire.trigger is Trigger.REVERTED or status.stable is None
    run = Run(
        canary=canary,
        plan=() if straight else view.spec.steps,
        step=1 if straight else 0,
        started=view.now,
        step_started=view.now,
        straight=straight,
        stable_ready=ready_pods(view, status.stable) if status.stable else 0,
    )
    return replace(status, run=run, runs=status.runs + 1, failed=None, verdicts=(), removable=())


def _pinned(view: View, revision: str) -> Revision:
    return Revision(name=revision, backend=view.spec.backend_of(revision), template=view.workload(revision).template)


def _retire(status: RolloutStatus, view: View, revision: Revision) -> RolloutStatus:
    others = tuple(item for item in status.retiring if item.revision.backend != revision.backend)
    theirs = revision.backend in {served.backend for served in (status.stable, status.former) if served is not None}
    return replace(status, retiring=(*others, Retiring(revision=revision, since=view.now, theirs=theirs)))


def _recorded(view: View, outcome: Outcome, message: str) -> RolloutStatus:
    run, stable = view.run, view.stable
    past = Past(
        run=view.status.runs,
        revision=run.canary.name,
        stable=stable.name if stable else "",
        outcome=outcome,
        started=run.started,
        ended=view.now,
        message=message,
        deeds=run.deeds,
    )
    history = (past, *view.status.history)[:HISTORY_KEPT]
    return replace(view.status, history=history, owed=owed_after(view, outcome))


def _next_step(view: View, fire: Fired) -> RolloutStatus:
    run = view.run
    weight = next_weight(view)
    last = fire.trigger is Trigger.STEPS_DONE
    plan = plan_ahead(view)
    step = len(plan) + 1 if last else run.step + 1
    return replace(
        view.status,
        run=replace(
            run,
            plan=plan,
            step=step,
            weight=FULL if last else weight,
            step_started=view.now,
            in_force_at=None,
            skip=False,
            verdict_missing=Stopwatch(),
            unavailable=Stopwatch(),
            gate_since=None,
        ),
    )


def _promoted(view: View, fire: Fired) -> RolloutStatus:
    former, run = view.stable, view.run
    status = _recorded(view, Outcome.PROMOTED, fire.why)
    if former is not None:
        status = _retire(status, view, former)
    retiring = tuple(item for item in status.retiring if item.revision.backend != run.canary.backend)
    return replace(status, stable=run.canary, former=former, run=None, retiring=retiring, failed=None)


def _paused(view: View, fire: Fired) -> RolloutStatus:
    return replace(view.status, run=replace(_stopped(view), pause=Pause(by="", at=view.now, why=fire.why)))


def _lowered(view: View, fire: Fired) -> RolloutStatus:
    weight = int(canary_seen(view)[0])
    pause = Pause(by="", at=view.now, why=fire.why)
    return replace(view.status, run=replace(_stopped(view), pause=pause, weight=weight, confirmed=weight))


def _incident_lowered(view: View, _: Fired) -> RolloutStatus:
    """Back to the former step. At 0 users have left the canary: a later attempt is a trial of its own."""
    run, weight = _stopped(view), lower_weight(view.run)
    incident = run.incident
    if incident is not None:
        incident = replace(incident, since=view.now, until=None, count=incident.count + (weight == 0))
    return replace(
        view.status,
        run=replace(
            run,
            weight=weight,
            step=run.step - 1 if weight else 0,
            step_started=view.now,
            in_force_at=None,
            skip=False,
            incident=incident,
            trial_since=run.trial_since if weight else None,
        ),
    )


def _incident_over(view: View, _: Fired) -> RolloutStatus:
    incident = view.run.incident
    return replace(
        view.status, run=replace(view.run, incident=replace(incident, over=True) if incident is not None else None)
    )


def _stopped(view: View) -> Run:
    run = view.run
    return replace(
        run,
        verdict_missing=run.verdict_missing.stopped(view.now),
        unavailable=run.unavailable.stopped(view.now),
        gate_since=None,
    )


def _resumed(view: View, _: Fired) -> RolloutStatus:
    run = view.run
    weight = run.plan[run.step - 1].weight if 1 <= run.step <= len(run.plan) else run.weight
    moved_since = run.weight != weight
    return replace(
        view.status,
        run=replace(
            run,
            pause=None,
            weight=weight,
            in_force_at=None if moved_since else run.in_force_at,
            step_started=view.now if moved_since else run.step_started,
        ),
    )


_OUTCOMES = {
    Trigger.ABORTED: Outcome.ABORTED,
    Trigger.REJECTED: Outcome.ABORTED,
    Trigger.RETURNED_TO_STABLE: Outcome.RETURNED,
    Trigger.SUPERSEDED: Outcome.SUPERSEDED,
    Trigger.DELETED: Outcome.RETURNED,
}


def _going_back(view: View, fire: Fired) -> RolloutStatus:
    if view.status.phase is Phase.FAILED:
        return replace(view.status, failed=None)
    ending = _OUTCOMES.get(fire.trigger, Outcome.FAILED)
    run = replace(
        _stopped(view),
        weight=0,
        in_force_at=None,
        pause=None,
        step_started=view.now,
        ending=ending,
        ending_why=fire.why,
    )
    return replace(view.status, run=run)


def _ended(view: View, fire: Fired) -> RolloutStatus:
    run = view.run
    outcome = run.ending or Outcome.FAILED
    status = _retire(_recorded(view, outcome, fire.why), view, run.canary)
    return replace(status, run=None, failed=None if outcome.is_return else run.canary)


MOVES: dict[Trigger, Move] = {
    Trigger.STABLE_FOUND: _stable_found,
    Trigger.STABLE_NAMED: _unchanged,  # the command has named it already
    Trigger.FIRST_DEPLOYMENT: _started,
    Trigger.NEW_REVISION: _started,
    Trigger.TEMPLATE_CHANGED: _started,
    Trigger.REVERTED: _started,
    Trigger.RETRIED: _started,
    Trigger.STEP_PASSED: _next_step,
    Trigger.STEPS_DONE: _next_step,
    Trigger.PROMOTED: _promoted,
    Trigger.PAUSED: _paused,
    Trigger.LOWERED: _lowered,
    Trigger.RESUMED: _resumed,
    Trigger.ABORTED: _going_back,
    Trigger.REJECTED: _going_back,
    Trigger.ANALYSIS_FAILED: _going_back,
    Trigger.CANARY_DOWN: _going_back,
    Trigger.NOT_AVAILABLE: _going_back,
    Trigger.DEADLINE_PASSED: _going_back,
    Trigger.APPROVAL_EXPIRED: _going_back,
    Trigger.INCIDENT_LOWERED: _incident_lowered,
    Trigger.INCIDENT_OVER: _incident_over,
    Trigger.INCIDENT_REPEATED: _going_back,
    Trigger.RETURNED_TO_STABLE: _going_back,
    Trigger.SUPERSEDED: _going_back,
    Trigger.DELETED: _going_back,
    Trigger.ROLLED_BACK: _ended,
    Trigger.RETURNED: _ended,
}
