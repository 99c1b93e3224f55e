"""Which promises does every tick of the controller keep, faults or not? product.md section 1, one function each.

An invariant answers with what breaks it, "" for nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from rollout.manifest.group import FINALIZER
from rollout.model.status import Phase, RolloutStatus
from rollout.progression.transitions import TRANSITIONS, Trigger
from tests.support.kstatus import is_honest
from tests.support.vowed import HOST, Ticked, Truth
from tests.support.vows_of_statuses import INTERVAL

LEFT_ALONE = {
    "HandEdit",
    "UnknownBackend",
    "RouteNamesGone",
    "RouteUnusable",
}  # entries that a person must sort out first
ON_TRIAL = (Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING)


def moves_are_in_the_table(ticked: Ticked) -> str:
    """A phase changes by the triggers that the table lists for it."""
    decision = ticked.told.decision
    if decision is None or is_going(ticked.before):
        return ""
    phase = ticked.told.before.phase
    for trigger in filter(None, decision.trigger.split(",")):
        if Trigger(trigger) not in TRANSITIONS[phase]:
            return f"{trigger} in {phase}"
        phase = TRANSITIONS[phase][Trigger(trigger)]
    return "" if phase is decision.status.phase else f"{decision.trigger or 'nothing'} led to {decision.status.phase}"


def lowering_is_never_held(ticked: Ticked) -> str:
    """After a tick nobody has more than is wanted, saved or not, unless stable is dead or the route cannot be written."""
    decision, before = ticked.told.decision, ticked.before
    if decision is None or not before.weather.fresh or any("/virtualservices/" in path for path in ticked.failed):
        return ""
    status = decision.status
    if status.stable is None or not before.ready.get(str(status.stable.backend)) or _codes(status) & LEFT_ALONE:
        return ""
    for name, wanted in _wanted(status).items():
        share = ticked.after.share(name, ticked.after.named)
        if share > wanted:
            return f"{name} has {share} %, {wanted} % is wanted"
    return ""


def _wanted(status: RolloutStatus) -> dict[str, int]:
    known = {str(item.revision.backend): 0 for item in status.retiring}
    known |= {str(item.backend): 0 for item in (status.failed, status.former) if item is not None}
    known |= {str(status.run.canary.backend): status.run.weight} if status.run is not None else {}
    stable = str(status.stable.backend) if status.stable is not None else ""
    return {name: weight for name, weight in known.items() if name != stable}


def a_failing_canary_goes_back(ticked: Ticked) -> str:
    """Within one interval of the first bad answer no run wants weight for its canary any more."""
    decision, weather, before = ticked.told.decision, ticked.before.weather, ticked.told.before
    if decision is None or weather.mood != "bad":
        return ""
    if min(weather.lasts, weather.stands) <= INTERVAL or before.phase not in ON_TRIAL:
        return ""
    run, old = decision.status.run, before.run
    if old is None or run is None or old.straight or run.straight or not old.confirmed or before.stable is None:
        return ""
    judged = decision.status.runs == before.runs and run.step == old.step and not run.skip and not run.full
    return f"{run.weight} % is wanted after {weather.lasts} of errors" if judged and run.weight else ""


def a_rollback_hook_is_obeyed(ticked: Ticked) -> str:
    """Within one interval of the first yes of a rollback hook no run wants weight for its canary any more."""
    decision, weather, before = ticked.told.decision, ticked.before.weather, ticked.told.before
    if decision is None or weather.back is None or not ticked.before.spec.get("webhooks") or is_going(ticked.before):
        return ""
    run, old = decision.status.run, before.run
    if run is None or old is None or old.straight or run.straight or before.phase not in ON_TRIAL:
        return ""
    told = min(weather.back, weather.stands) > 2 * INTERVAL and decision.status.runs == before.runs
    return f"{run.weight} % is wanted {weather.back} after the yes" if told and run.weight and before.stable else ""


def kstatus_is_not_misled(ticked: Ticked) -> str:
    """Who waits for the object by its conditions learns what is so; of one that is being deleted they need none."""
    return "" if is_going(ticked.before) or is_honest(ticked.told.after) else f"{ticked.told.after.conditions}"


def it_says_what_it_waits_for(ticked: Ticked) -> str:
    """While a run is in hand the status says why it stands where it does, or what comes next."""
    status = ticked.told.after
    return "" if status.run is None or status.reasons or status.next else f"{status.phase} says nothing"


def somebody_looks_again(ticked: Ticked) -> str:
    """No tick asks for one in the past, and a run on its way down, or one that soaks, asks for another."""
    told, now = ticked.told, ticked.after.now
    if told.wake_at is not None and told.wake_at < now - timedelta(0):
        return f"wake at {told.wake_at}, it is {now}"
    soaks = "Soaking" in _codes(told.after) and not told.changed and not told.errors
    return "it soaks, and nobody looks again" if soaks and told.wake_at is None else ""


def rest_costs_nothing(ticked: Ticked) -> str:
    """A tick in which nothing is to be done reads nothing and writes nothing."""
    told = ticked.told
    idle = told.decision is not None and not (told.changed or told.errors or told.decision.trigger)
    held = FINALIZER in ((ticked.before.rollout or {}).get("metadata", {}).get("finalizers") or ())
    if not idle or told.before != told.after or ticked.failed or not held:
        return ""
    return f"read {ticked.asked}, wrote {ticked.wrote}" if ticked.asked or ticked.wrote else ""


def a_deleted_rollout_leaves_stable(ticked: Ticked) -> str:
    """When the Rollout goes, no route that is there sends anything to a revision that was on trial."""
    before, after = ticked.before, ticked.after
    if not _left(ticked):
        return ""
    former = before.status.former  # what a person sends to it in Idle is nobody's trial
    for name in _wanted(replace(before.status, former=None)).keys() - {str(former.backend) if former else ""}:
        if after.share(name, _present(before, after)):
            return f"the Rollout is gone, and {name} has {after.share(name)} %"
    return ""


def a_deleted_rollout_takes_its_rules_along(ticked: Ticked) -> str:
    """When the Rollout goes, no subset of ours is left but those that serve."""
    stable, after = ticked.before.status.stable, ticked.after
    if not _left(ticked) or stable is None:
        return ""
    serves = stable.backend.subset
    names = [one["name"] for rule in after.rules.values() for one in rule["spec"].get("subsets", ())]
    left = [name for name in names if name != serves and not after.share(f"{HOST}/{name}")]
    return f"subset {left[0]} is left" if left else ""


def _left(ticked: Ticked) -> bool:
    """Whether the Rollout went in this tick, and could be read: without a spec nobody knows what was its own."""
    before, known = ticked.before, ticked.before.status.stable is not None
    return before.rollout is not None and ticked.after.rollout is None and known and before.is_readable


def is_going(truth: Truth) -> bool:
    """Whether the Rollout is being deleted."""
    return "deletionTimestamp" in (truth.rollout or {}).get("metadata", {})


def _present(before: Truth, after: Truth) -> tuple[str, ...]:
    return tuple(name for name in before.named if name in after.routes)


def _codes(status: RolloutStatus) -> set[str]:
    return {reason.code for reason in status.reasons}


OF_TICKS: tuple[Callable[[Ticked], str], ...] = (
    moves_are_in_the_table,
    lowering_is_never_held,
    a_failing_canary_goes_back,
    a_rollback_hook_is_obeyed,
    kstatus_is_not_misled,
    it_says_what_it_waits_for,
    somebody_looks_again,
    rest_costs_nothing,
    a_deleted_rollout_leaves_stable,
    a_deleted_rollout_takes_its_rules_along,
)
