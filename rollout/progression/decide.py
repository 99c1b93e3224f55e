"""What is to be done about this Rollout now? One value in, one value out; nothing here looks, acts or waits."""

from dataclasses import replace
from datetime import datetime, timedelta

from rollout.model.decision import Decision
from rollout.model.observation import Observation
from rollout.model.rollout import RolloutSpec
from rollout.model.status import ObjectiveVerdict, Reason, RolloutStatus
from rollout.progression.effects import deletion_actions, drift, required_actions, subsets_leave_at
from rollout.progression.judging import judge
from rollout.progression.moves import moved
from rollout.progression.orders import obeyed
from rollout.progression.telling import conditions, holding, next_sentence, wake_at
from rollout.progression.tracking import housekept, tracked
from rollout.progression.transitions import TRANSITIONS, Trigger
from rollout.progression.triggers import Fired, fired
from rollout.progression.view import View

# Numbers that moved but decide nothing new are written down this often: each write costs the API server.
REFRESH = timedelta(seconds=60)
# What the controller waits for by itself, or what the trigger beside it says already, is in status but is no news.
_QUIET = frozenset(
    {"WeightPending", "NotMeasured", "Soaking", "Baking", "ReturningToStable", "RollingBack", "Paused", "Failed"}
)
_ALARMING = frozenset(
    {
        Trigger.ABORTED,
        Trigger.REJECTED,
        Trigger.ANALYSIS_FAILED,
        Trigger.CANARY_DOWN,
        Trigger.NOT_AVAILABLE,
        Trigger.DEADLINE_PASSED,
        Trigger.LOWERED,
    }
)


def decide(spec: RolloutSpec, status: RolloutStatus, seen: Observation, now: datetime) -> Decision:
    """The new status, the actions it requires, what to announce, and when time alone may change something.

    At most one trigger fires by itself in a tick; after one, `wake_at` is `now`, so that the next tick goes on.
    """
    view = _view(spec, status, seen, now)
    orders = obeyed(view)
    fires = orders.fires
    view = view.of(orders.status)
    view = view.of(tracked(view))
    if not fires:
        fire = fired(view)
        fires = (fire,) if fire is not None else ()
        view = view.of(moved(view, fire)) if fire is not None else view
    view = view.of(housekept(view))
    wandered = drift(view) if not fires else None
    holds = holding(view)
    view = view.of(replace(view.status, reasons=holds, next=next_sentence(view, holds)))
    view = view.of(replace(view.status, verdicts=_shown(view, status), conditions=conditions(view, holds)))
    return Decision(
        status=view.status,
        actions=required_actions(view, status),
        events=(*orders.told, *_news(status, fires, view.status), *((wandered,) if wandered else ())),
        trigger=",".join(fire.trigger for fire in fires),
        wake_at=now if fires or orders.more else wake_at(view),
    )


def decide_deletion(spec: RolloutSpec, status: RolloutStatus, seen: Observation, now: datetime) -> Decision:
    """What deleting the Rollout needs: traffic to stable, our entries out, then the finalizer."""
    view = _view(spec, status, seen, now)
    if view.stable is not None and Trigger.DELETED in TRANSITIONS[status.phase]:
        view = view.of(moved(view, Fired(trigger=Trigger.DELETED, why="the Rollout was deleted")))
    view = view.of(tracked(view))
    actions, holds = deletion_actions(view)
    new = tuple(reason for reason in holds if reason.code not in {old.code for old in status.reasons})
    words = holds[0].message if holds else "the Rollout may go"
    return Decision(
        status=replace(view.status, reasons=holds, next=words),
        actions=actions,
        events=new,
        trigger="" if holds else "Deleted",
        wake_at=subsets_leave_at(view) if holds else None,
    )


def _view(spec: RolloutSpec, status: RolloutStatus, seen: Observation, now: datetime) -> View:
    verdicts = tuple(judge(measurement, spec.analysis) for measurement in seen.measurements)
    return View(spec=spec, status=status, seen=seen, verdicts=verdicts, now=now)


def _shown(view: View, before: RolloutStatus) -> tuple[ObjectiveVerdict, ...]:
    """The verdicts to keep in status: the new ones when they say something new or the old ones are stale."""
    old, new = view.status.verdicts, view.verdicts
    if not new:
        return old
    fresh = bool(old) and view.now - min(verdict.at for verdict in old) < REFRESH
    same = [(item.name, item.verdict, item.code) for item in old] == [
        (item.name, item.verdict, item.code) for item in new
    ]
    unmoved = view.status.phase is before.phase and _step(view.status) == _step(before)
    return old if fresh and same and unmoved else new


def _step(status: RolloutStatus) -> tuple[int, int]:
    return (status.runs, status.run.step if status.run else 0)


def _news(before: RolloutStatus, fires: tuple[Fired, ...], after: RolloutStatus) -> tuple[Reason, ...]:
    """Triggers, holds that were not there before, and a stable that changed in place."""
    news = [Reason(code=fire.trigger, message=fire.why, warning=fire.trigger in _ALARMING) for fire in fires]
    old = {reason.code for reason in before.reasons}
    news += [reason for reason in after.reasons if reason.code not in old | _QUIET]
    stable, was = after.stable, before.stable
    if (
        stable
        and was
        and stable.name == was.name
        and was.template
        and stable.template != was.template
        and not after.run
    ):
        news.append(Reason(code="StableChanged", message=f"the pod template of stable {stable.name} changed in place"))
    return tuple(news)
