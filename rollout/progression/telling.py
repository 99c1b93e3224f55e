"""What are people and machines told: reasons that hold now, what happens next and when, conditions, and when to look again?"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from rollout.model.rollout import OnInconclusive, SubsetBackend
from rollout.model.status import Condition, Phase, Reason, RolloutStatus
from rollout.progression.approving import gate_moments
from rollout.progression.effects import hand_edit, rollback_held
from rollout.progression.fights import fight_moments
from rollout.progression.freezing import freeze_moments
from rollout.progression.holds import (
    bake_holds,
    settled_at,
    step_holds,
    suspended,
    unknown_backend,
)
from rollout.progression.hooking import hook_moments
from rollout.progression.incidents import incident_moments, waits_at_zero
from rollout.progression.learning import unlearnt
from rollout.progression.rescue import rescue_moments, route_names_gone
from rollout.progression.sight import first_sight
from rollout.progression.soak import least_until, soak_until
from rollout.progression.view import DARK_FOR, FULL, View, next_weight, plan_ahead, unusable_words, usable

READ_BACK = timedelta(seconds=30)  # a weight that was written is looked at again even when no event comes
# Reasons that only a person ends.
NEEDS_A_PERSON = frozenset(
    {
        *("AwaitingApproval", "StableUnknown", "Paused", "HandEdit", "StableChanged", "Suspended"),
        *("RouteFought", "RouteNamesGone", "PolicyMissing", "AuthorUnproven"),
    }
)


# While one of these holds, a first measurement is waited for anyway: to say so costs two status writes in each step.
_BEFORE_MEASURED = frozenset({"WeightPending", "Soaking", "Baking"})


def holding(view: View) -> tuple[Reason, ...]:
    """Why the Rollout is not further than it is; empty when it is where git wants it."""
    gone = tuple(reason for reason in (route_names_gone(view),) if reason is not None)
    # In Idle it is what is wrong; a run has a reason of its own, which says what happens next.
    return (*gone, *_holding(view)) if view.status.phase is Phase.IDLE else (*_holding(view), *gone)


def _holding(view: View) -> tuple[Reason, ...]:
    phase = view.status.phase
    if phase is Phase.IDLE:
        return _idle(view)
    if phase is Phase.FAILED:
        last = view.status.history[0] if view.status.history else None
        words = f"{last.revision} failed: {last.message}" if last else "the last run failed"
        why = suspended(view) if view.status.failed is None else None
        return (Reason(code="Failed", message=words, warning=True), *((why,) if why else ()))
    if phase is Phase.PAUSED:
        pause = view.run.pause
        return (Reason(code="Paused", message=pause.why if pause else "paused"),)
    if phase is Phase.ROLLING_BACK:
        held = rollback_held(view)
        return (
            held or Reason(code="RollingBack", message=f"waiting until stable has all traffic: {view.run.ending_why}"),
        )
    holds = step_holds(view) if phase is Phase.PROGRESSING else bake_holds(view)
    if any(hold.code in _BEFORE_MEASURED for hold in holds):
        holds = tuple(hold for hold in holds if hold.code != "NotMeasured")
    return holds + _plan_refused(view)


def _idle(view: View) -> tuple[Reason, ...]:
    if view.stable is None:
        hold = first_sight(view).hold
        return (hold,) if hold else ()
    reasons = [reason for check in (hand_edit, unknown_backend) if (reason := check(view)) is not None]
    if view.spec.revision != view.stable.name and (why := suspended(view)) is not None:
        reasons.append(why)
    reasons += [
        Reason(code="RouteUnusable", message=unusable_words(route), warning=True)
        for route in view.wanted_routes()
        if not usable(route)
    ]
    return tuple(reasons)


def _plan_refused(view: View) -> tuple[Reason, ...]:
    run = view.run
    if run.straight or run.step > len(run.plan) or plan_ahead(view) is view.spec.steps or view.spec.auto is not None:
        return ()
    message = f"spec.steps ends before step {run.step}, where the run is: the run keeps the plan it began with"
    return (Reason(code="PlanRefused", message=message, warning=True),)


def next_sentence(view: View, holds: tuple[Reason, ...]) -> str:
    """What happens next and when, one sentence."""
    phase, status = view.status.phase, view.status
    first = holds[0].message if holds else ""
    match phase:
        case Phase.IDLE:
            name = status.stable.name if status.stable else "nothing"
            return (
                f"held: {first}"
                if holds
                else f"{name} serves all traffic; a commit that changes spec.revision starts a run"
            )
        case Phase.FAILED:
            return "git names another revision, or `rollout retry` tries this one again"
        case Phase.PAUSED:
            return "`rollout resume` goes on, `rollout abort` goes back; a failed objective goes back by itself"
        case Phase.ROLLING_BACK:
            return f"held: {first}" if rollback_held(view) else "all traffic goes to stable"
        case Phase.PROMOTING:
            return f"{view.run.canary.name} becomes stable{' once: ' + first if holds else ''}"
        case Phase.PROGRESSING if holds and holds[0].code == "SharedIncident":
            return first
        case Phase.PROGRESSING:
            target = f"{next_weight(view)} %" if next_weight(view) < FULL else "promotion to 100 %"
            return f"then {target}: {first}" if holds else f"{target} now"


def wake_at(view: View) -> datetime | None:
    """When time alone may change something; None when only an event can."""
    now = view.now
    status = view.status
    moments = [item.since + view.spec.settle for item in status.retiring]
    moments += [item.unnamed + view.spec.settle for item in status.retiring if item.unnamed]
    moments += [*fight_moments(view), *rescue_moments(view), *freeze_moments(view), *hook_moments(view)]
    run = status.run
    if run is not None:
        # The route's own event should come first; one that got lost must not hold a run until the next full look.
        moments += [now + READ_BACK] if run.in_force_at is None and run.weight != run.confirmed else []
        moments += [run.dark_since + DARK_FOR] if run.dark_since else []
        moments += [until] if (until := soak_until(view)) else []
        if isinstance(view.spec.backend, SubsetBackend) and run.weight == 0:
            moments.append(settled_at(view, run))
        if run.in_force_at is not None and status.phase is Phase.PROMOTING:
            moments.append(run.in_force_at + view.spec.analysis.bake)
        if run.unavailable.since is not None:
            moments.append(now + view.spec.available_within - run.unavailable.elapsed(now))
        if run.verdict_missing.since is not None and view.spec.analysis.on_inconclusive is OnInconclusive.ROLLBACK:
            moments.append(now + view.spec.analysis.step_deadline - run.verdict_missing.elapsed(now))
        moments += [*incident_moments(status), *gate_moments(view)]
        moments += [until] if (until := least_until(view)) else []
        is_watched = waits_at_zero(status) or unlearnt(view.spec, status)
        if is_watched or (is_judged(status) and view.spec.objectives):
            moments.append(now + view.spec.analysis.interval)
    later = [moment for moment in moments if moment > now]
    return min(later) if later else None


def is_judged(status: RolloutStatus) -> bool:
    """Whether the canary has traffic in force that its objectives can be measured on."""
    run = status.run
    if run is None or run.straight or run.weight == 0 or run.in_force_at is None:
        return False
    return status.phase in (Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    ready: str
    reason: str
    message: str


def conditions(view: View, holds: tuple[Reason, ...]) -> tuple[Condition, ...]:
    """kstatus conditions: Ready always; Reconciling and Stalled only while true. Waiting for a person is not Stalled."""
    standing = _standing(view, holds)
    wanted = [("Ready", standing.ready)]
    if standing.ready == "Unknown":
        wanted.append(("Reconciling", "True"))
    if standing.ready == "False":
        wanted.append(("Stalled", "True"))
    return tuple(_condition(view, kind, status, standing) for kind, status in wanted)


def _standing(view: View, holds: tuple[Reason, ...]) -> _Standing:
    phase = view.status.phase
    message = holds[0].message if holds else view.status.next
    if phase is Phase.FAILED:
        return _Standing(ready="False", reason="Failed", message=message)
    if phase is Phase.IDLE and not holds and view.stable is not None:
        return _Standing(ready="True", reason="Stable", message=f"{view.stable.name} serves all traffic")
    reason = holds[0].code if holds else str(phase)
    waiting = sorted({hold.code for hold in holds} & NEEDS_A_PERSON)
    return _Standing(ready="Unknown", reason=waiting[0] if waiting else reason, message=message)


def _condition(view: View, kind: str, status: str, standing: _Standing) -> Condition:
    before = next((item for item in view.status.conditions if item.type == kind), None)
    since = before.since if before is not None and before.status == status else view.now
    return Condition(type=kind, status=status, reason=standing.reason, message=standing.message, since=since)
