"""What is to be done about this Rollout now? One value in, one value out; nothing here looks, acts or waits."""

from dataclasses import replace
from datetime import datetime, timedelta

from rollout.model.decision import Decision
from rollout.model.measurement import Arm
from rollout.model.observation import Observation
from rollout.model.rollout import RolloutSpec
from rollout.model.status import ObjectiveVerdict, Reason, RolloutStatus, Run
from rollout.progression.aims import Memory, sequential
from rollout.progression.comparing import compared, kept
from rollout.progression.effects import deletion_actions, drift, required_actions, subsets_leave_at
from rollout.progression.hooking import hook_news
from rollout.progression.judging import judge
from rollout.progression.learning import taught
from rollout.progression.moves import moved
from rollout.progression.orders import obeyed
from rollout.progression.telling import conditions, holding, next_sentence, wake_at
from rollout.progression.tracking import housekept, tracked
from rollout.progression.transitions import TRANSITIONS, Trigger
from rollout.progression.triggers import Fired, fired
from rollout.progression.view import View

# Numbers that moved but decide nothing new are written down this often, or at every other look where looks are rare: each
# write costs the API server.
REFRESH = timedelta(seconds=60)
# What the controller waits for by itself, or what the trigger beside it says already, is in status but is no news.
QUIET = frozenset(
    {
        *("WeightPending", "NotMeasured", "TooYoung", "Soaking", "Baking"),
        *("HookPending", "HookWaiting"),
        *("ReturningToStable", "RollingBack", "Paused", "Failed"),
    }
)
# Metrics come later than requests: that there are none is news only once the weight has soaked.
EARLY = frozenset({"NoRequests"})
_ALARMING = frozenset(
    {
        Trigger.ABORTED,
        Trigger.REJECTED,
        Trigger.ANALYSIS_FAILED,
        Trigger.CANARY_DOWN,
        Trigger.NOT_AVAILABLE,
        Trigger.DEADLINE_PASSED,
        Trigger.APPROVAL_EXPIRED,
        Trigger.LOWERED,
        Trigger.INCIDENT_LOWERED,
        Trigger.INCIDENT_REPEATED,
    }
)


def decide(spec: RolloutSpec, status: RolloutStatus, seen: Observation, now: datetime) -> Decision:
    """The new status, the actions it requires, what to announce, and when time alone may change something.

    At most one trigger fires by itself in a tick; after one, `wake_at` is `now`, so that the next tick goes on.
    """
    view = looked(spec, status, seen, now)
    orders = obeyed(view)
    fires = orders.fires
    view = view.of(orders.status)
    view = view.of(taught(view))
    view = view.of(tracked(view))
    if not fires:
        fire = fired(view)
        fires = (fire,) if fire is not None else ()
        view = view.of(moved(view, fire)) if fire is not None else view
    view = view.of(housekept(view))
    wandered = drift(view) if not fires else None
    view = replace(view.of(_noted(view, status)), verdicts=_told(view, status))
    holds = holding(view)
    view = view.of(replace(view.status, reasons=holds, next=next_sentence(view, holds)))
    view = view.of(replace(view.status, conditions=conditions(view, holds)))
    return Decision(
        status=view.status,
        actions=required_actions(view, status),
        events=(*orders.told, *_news(view, status, fires), *((wandered,) if wandered else ())),
        trigger=",".join(fire.trigger for fire in fires),
        wake_at=now if fires or orders.more else wake_at(view),
    )


def decide_deletion(spec: RolloutSpec, status: RolloutStatus, seen: Observation, now: datetime) -> Decision:
    """What deleting the Rollout needs: traffic to stable, our entries out, then the finalizer."""
    view = looked(spec, status, seen, now)
    if view.stable is not None and Trigger.DELETED in TRANSITIONS[status.phase]:
        view = view.of(moved(view, Fired(trigger=Trigger.DELETED, why="the Rollout was deleted")))
    view = view.of(tracked(view))
    actions, holds = deletion_actions(view)
    new = tuple(reason for reason in holds if reason.code not in {old.code for old in status.reasons})
    words = holds[0].message if holds else "the Rollout may go"
    until = subsets_leave_at(view) if holds else None
    return Decision(
        status=replace(view.status, reasons=holds, next=words),
        actions=actions,
        events=new,
        trigger="" if holds else "Deleted",
        wake_at=until if until is not None and until > now else None,  # past: something else holds it, and will wake us
    )


def looked(spec: RolloutSpec, status: RolloutStatus, seen: Observation, now: datetime) -> View:
    """The view of one look: what it says of each objective, and what the judge knows after it."""
    view = View(spec=spec, status=status, seen=seen, verdicts=(), now=now)
    if status.run is None or not status.run.weight:
        return view  # stable alone was looked at, which is no verdict
    verdicts: list[ObjectiveVerdict] = []
    memories: list[Memory] = []
    told = {(one.question.arm, one.question.objective.name): one for one in seen.measurements}
    judged = {objective.name: objective for objective in sequential(spec)}
    for measurement in seen.measurements:
        objective = measurement.question.objective
        stable = told.get((Arm.STABLE, objective.name))
        if measurement.question.arm is not Arm.CANARY:
            continue
        if objective.name not in judged:
            verdicts.append(judge(measurement, spec.analysis, stable))
            continue
        verdict, memory = compared(view, judged[objective.name], measurement, stable)
        verdicts.append(verdict)
        memories += [memory] if memory is not None else []
    return replace(view, verdicts=tuple(verdicts), memories=tuple(memories))


def _noted(view: View, before: RolloutStatus) -> RolloutStatus:
    """The status with this look's verdicts and the judge's memory, which cost one write together."""
    status, verdicts = view.status, _shown(view, before)
    run, was = status.run, before.run
    if run is None or was is None or status.runs != before.runs:
        return replace(status, verdicts=verdicts)
    if verdicts is view.verdicts or run.weight != was.weight:
        run = kept(view.memories, run, was, view.now)
    return replace(status, verdicts=verdicts, run=run)


def _shown(view: View, before: RolloutStatus) -> tuple[ObjectiveVerdict, ...]:
    """The verdicts to keep in status: the new ones when they say something new or the old ones are stale."""
    old, new = view.status.verdicts, view.verdicts
    if not new:
        return old
    lasting = max(REFRESH, 2 * view.spec.analysis.interval)
    fresh = bool(old) and view.now - min(verdict.at for verdict in old) < lasting
    same = [(item.name, item.verdict, item.code) for item in old] == [
        (item.name, item.verdict, item.code) for item in new
    ]
    unmoved = view.status.phase is before.phase and _step(view.status) == _step(before)
    known = not any(memory.anew for memory in view.memories)
    return old if fresh and same and unmoved and known else new


def _judges_news(view: View, before: Run | None, after: Run | None) -> list[Reason]:
    """What this run can prove, once that is known; and where the judge had to begin again."""
    news = [Reason(code="BegunAnew", message=memory.anew, warning=True) for memory in view.memories if memory.anew]
    if after is not None and after.outlook and (before is None or after.outlook != before.outlook):
        news.append(Reason(code="Outlook", message=f"{after.canary.name}: {after.outlook}"))
    return news


def _told(view: View, before: RolloutStatus) -> tuple[ObjectiveVerdict, ...]:
    """The verdicts whose words are told: a number that moved in a sentence costs a write as one in a verdict does."""
    return _shown(view, before) if view.verdicts else ()


def _step(status: RolloutStatus) -> tuple[int, int]:
    return (status.runs, status.run.step if status.run else 0)


def _news(view: View, before: RolloutStatus, fires: tuple[Fired, ...]) -> tuple[Reason, ...]:
    """Triggers, holds that were not there before, what the judge has to say, and a stable that changed in place."""
    after = view.status
    news = [Reason(code=fire.trigger, message=fire.why, warning=fire.trigger in _ALARMING) for fire in fires]
    old, new = ({reason.code for reason in status.reasons} for status in (before, after))
    known = old - (EARLY if "Soaking" in old else set()) | QUIET | (EARLY if "Soaking" in new else set())
    news += [reason for reason in after.reasons if reason.code not in known]
    news += hook_news(view, before)
    news += _judges_news(view, before.run, after.run)
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
