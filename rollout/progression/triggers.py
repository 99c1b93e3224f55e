"""When does a Rollout leave its phase by itself? One ordered row of rules per phase; the first that fires wins."""

from collections.abc import Callable
from dataclasses import dataclass

from policies.verdict import Verdict
from rollout.model.rollout import Mode, OnInconclusive
from rollout.model.status import Phase, Revision
from rollout.progression.approving import overdue
from rollout.progression.fights import lowered_by_a_person
from rollout.progression.holds import bake_holds, is_step_held
from rollout.progression.hooking import failed_by_hooks, told_to_go_back
from rollout.progression.incidents import NORMAL_FOR, active, lower_weight, lowers_at
from rollout.progression.sight import first_sight
from rollout.progression.transitions import Trigger
from rollout.progression.view import (
    DARK_FOR,
    FULL,
    View,
    available_for,
    canary_seen,
    clock,
    in_force,
    percent,
    plan_ahead,
    skips_to_the_end,
    usable,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A trigger and why it fired, for people."""

    trigger: Trigger
    why: str


Rule = Callable[[View], Fired | None]


def stable_found(view: View) -> Fired | None:
    """First sight answered."""
    if view.stable is not None:
        return None
    sight = first_sight(view)
    if sight.stable is not None:
        return Fired(trigger=Trigger.STABLE_FOUND, why=f"{sight.stable.backend} serves users: it is stable")
    if sight.first_deployment and not view.spec.suspend:
        return Fired(
            trigger=Trigger.FIRST_DEPLOYMENT,
            why=f"nothing serves yet: {view.spec.revision} goes straight to 100 % when available, nothing can be judged",
        )
    return None


def new_revision(view: View) -> Fired | None:
    """Git names a revision that neither serves nor is on trial nor failed."""
    stable = view.stable
    if view.spec.suspend or (stable.name if stable else None) == view.spec.revision:
        return None
    if (stable if view.status.run is None else view.run.canary) is None:
        return None
    if view.status.run is not None and view.run.canary.name == view.spec.revision:
        return None
    failed = view.status.failed
    if view.status.run is None and failed is not None and failed.name == view.spec.revision:
        return None
    serving = f"stable is {stable.name}" if stable else f"instead of {view.run.canary.name}: nothing serves yet"
    return Fired(trigger=Trigger.NEW_REVISION, why=f"new revision {view.spec.revision}, {serving}")


def superseded(view: View) -> Fired | None:
    """Git names a third revision, or the canary became another, while nothing may be started: it keeps no share."""
    if not view.spec.suspend or view.stable is None or view.spec.revision == view.stable.name:
        return None
    if view.spec.revision != view.run.canary.name:
        return Fired(trigger=Trigger.SUPERSEDED, why=f"git names {view.spec.revision}, and spec.suspend starts no run")
    if _is_another(view, view.run.canary):
        return Fired(
            trigger=Trigger.SUPERSEDED,
            why=f"the pod template of {view.spec.revision} changed in place, and spec.suspend starts no run",
        )
    return None


def _is_another(view: View, tried: Revision) -> bool:
    """Whether the workload has another pod template than the one that was pinned."""
    template = view.workload(tried.name).template
    return bool(template) and template != tried.template and bool(tried.template or view.status.run is None)


def template_changed(view: View) -> Fired | None:
    """The pod template of the revision on trial, or of the failed one, is another than the one that was pinned."""
    tried = view.status.run.canary if view.status.run else view.status.failed
    if tried is None or tried.name != view.spec.revision or view.spec.suspend:
        return None
    if not _is_another(view, tried):
        return None
    return Fired(trigger=Trigger.TEMPLATE_CHANGED, why=f"the pod template of {tried.name} changed in place: a new run")


def reverted(view: View) -> Fired | None:
    """Git names the former stable, which is as it was and can take all traffic."""
    former, stable = view.status.former, view.stable
    if former is None or stable is None or view.spec.suspend or view.spec.revision != former.name:
        return None
    if former.name == stable.name or view.workload(former.name).template != former.template:
        return None
    # A revert has no run yet to be relative to: it needs what stable has now.
    ready = view.backend(former.backend).ready
    if ready == 0 or ready * FULL < view.backend(stable.backend).ready * view.spec.capacity:
        return None
    return Fired(trigger=Trigger.REVERTED, why=f"git names the former stable {former.name}: back at once")


def returned_to_stable(view: View) -> Fired | None:
    """Git names stable again."""
    if view.stable is None or view.spec.revision != view.stable.name:
        return None
    return Fired(trigger=Trigger.RETURNED_TO_STABLE, why=f"git names stable {view.stable.name} again")


def analysis_failed(view: View) -> Fired | None:
    """A deciding objective says FAIL."""
    for verdict in view.verdicts:
        if verdict.mode is Mode.DECIDE and verdict.verdict is Verdict.FAIL and not view.run.straight:
            return Fired(trigger=Trigger.ANALYSIS_FAILED, why=f"{verdict.name}: {verdict.message}")
    return None


def hook_failed(view: View) -> Fired | None:
    """A webhook that tests the canary failed as often in a row as it may."""
    why = failed_by_hooks(view)
    return Fired(trigger=Trigger.ANALYSIS_FAILED, why=why) if why else None


def hook_goes_back(view: View) -> Fired | None:
    """A rollback hook says to go back now."""
    why = told_to_go_back(view)
    return Fired(trigger=Trigger.ABORTED, why=why) if why else None


def incident_lowered(view: View) -> Fired | None:
    """Stable still misbehaves after the weight was held for long enough: the canary may be the cause, so it gets less.

    The second time that this takes all of it, the run has failed.
    """
    run, incident = view.run, active(view.status.run)
    if incident is None or incident.until is not None or not run.weight or view.now < lowers_at(incident):
        return None
    lower = lower_weight(run)
    why = f"stable misbehaves as well since {clock(incident.since)}, at {run.weight} %"
    if lower or not incident.count:
        return Fired(trigger=Trigger.INCIDENT_LOWERED, why=f"{why}: back to {lower} %")
    again = f"{why}, and did so when {run.canary.name} was tried before: it is taken for the cause"
    return Fired(trigger=Trigger.INCIDENT_REPEATED, why=again)


def incident_over(view: View) -> Fired | None:
    """At weight 0 stable has been normal for NORMAL_FOR."""
    incident = active(view.status.run)
    if incident is None or view.run.weight or incident.until is None or view.now < incident.until + NORMAL_FOR:
        return None
    minutes = NORMAL_FOR.total_seconds() / 60
    return Fired(
        trigger=Trigger.INCIDENT_OVER, why=f"stable has been normal for {minutes:.0f} min: once more from step 1"
    )


def canary_down(view: View) -> Fired | None:
    """A canary with weight has had no ready endpoint for DARK_FOR."""
    since = view.run.dark_since
    if view.stable is None or since is None or view.now < since + DARK_FOR:
        return None
    return Fired(
        trigger=Trigger.CANARY_DOWN,
        why=f"{view.run.canary.backend} has had no ready endpoint since {clock(since)} with {view.run.weight} % of traffic",
    )


def not_available(view: View) -> Fired | None:
    """The canary was not available, or lacked capacity, for availableWithin."""
    limit = view.spec.available_within
    if view.stable is None or view.run.unavailable.elapsed(view.now) < limit:
        return None
    why = available_for(view, view.run.canary, max(view.run.weight, 1)) or "capacity for the next weight is missing"
    return Fired(trigger=Trigger.NOT_AVAILABLE, why=f"not available within {limit.total_seconds():.0f} s: {why}")


def deadline_passed(view: View) -> Fired | None:
    """Only the verdict was missing for stepDeadline, and the spec says to go back then."""
    analysis = view.spec.analysis
    if analysis.on_inconclusive is not OnInconclusive.ROLLBACK or view.stable is None:
        return None
    if view.run.verdict_missing.elapsed(view.now) < analysis.step_deadline:
        return None
    limit = analysis.step_deadline.total_seconds()
    return Fired(
        trigger=Trigger.DEADLINE_PASSED,
        why=f"no verdict for {limit:.0f} s at {view.run.weight} % (onInconclusive: rollback)",
    )


def approval_expired(view: View) -> Fired | None:
    """Only the approval was missing for as long as its policy waits, which says to go back then."""
    why = overdue(view) if view.stable is not None else ""
    return Fired(trigger=Trigger.APPROVAL_EXPIRED, why=why) if why else None


def lowered(view: View) -> Fired | None:
    """Some route gives the canary less than what was confirmed: somebody lowered it, or we did and could not save it.

    What a GitOps tool sets back is no longer confirmed when this is asked (`fights.counted`): it is no person's decision.
    """
    run = view.run
    if view.stable is None or not all(usable(route) for route in view.wanted_routes()):
        return None
    lowest, _ = canary_seen(view)
    if lowest >= min(run.confirmed, run.weight) and lowered_by_a_person(view) is None:
        return None
    writers = sorted({route.writer for route in view.wanted_routes() if route.writer and not route.tool})
    writers = writers or sorted({route.writer for route in view.wanted_routes() if route.writer})
    by = f" by {', '.join(writers)}" if writers else ""
    return Fired(
        trigger=Trigger.LOWERED,
        why=f"weight found at {percent(lowest)} %, {run.confirmed} % was confirmed: lowered{by}; `resume` or `abort`",
    )


def step_passed(view: View) -> Fired | None:
    """Nothing holds the present step any more."""
    run = view.run
    if is_step_held(view):
        return None
    if run.straight:
        return Fired(trigger=Trigger.STEPS_DONE, why=f"{run.canary.name} is available")
    said = _verdict_words(view)
    if skips_to_the_end(view):
        return Fired(trigger=Trigger.STEPS_DONE, why="promote-full")
    if run.step >= len(plan_ahead(view)):
        return Fired(trigger=Trigger.STEPS_DONE, why=f"all steps passed{said}")
    if run.step == 0:
        return Fired(trigger=Trigger.STEP_PASSED, why=f"{run.canary.name} is available")
    return Fired(
        trigger=Trigger.STEP_PASSED, why="promote: soak and verdict skipped" if run.skip else f"step passed{said}"
    )


def _verdict_words(view: View) -> str:
    words = [
        f"{item.name} {item.value} of {item.limit}" for item in view.verdicts if item.mode is Mode.DECIDE and item.value
    ]
    return f": {', '.join(words)}" if words else ""


def promoted(view: View) -> Fired | None:
    """100 % is in force everywhere, and bake is over."""
    if view.run.in_force_at is None or bake_holds(view):
        return None
    return Fired(trigger=Trigger.PROMOTED, why=f"{view.run.canary.name} is stable")


def rolled_back(view: View) -> Fired | None:
    """Stable has all traffic again; the run is remembered as failed."""
    if view.run.ending is None or view.run.ending.is_return or not in_force(view):
        return None
    return Fired(trigger=Trigger.ROLLED_BACK, why=view.run.ending_why)


def returned(view: View) -> Fired | None:
    """Stable has all traffic again, as git or a person wanted."""
    if view.run.ending is None or not view.run.ending.is_return or not in_force(view):
        return None
    return Fired(trigger=Trigger.RETURNED, why=view.run.ending_why)


_MIDRUN: tuple[Rule, ...] = (
    returned_to_stable,
    superseded,
    new_revision,
    template_changed,
    canary_down,
    hook_goes_back,
    hook_failed,
    analysis_failed,
)

RULES: dict[Phase, tuple[Rule, ...]] = {
    Phase.IDLE: (stable_found, reverted, new_revision),
    Phase.PROGRESSING: (
        *_MIDRUN,
        not_available,
        deadline_passed,
        approval_expired,
        lowered,
        incident_lowered,
        incident_over,
        step_passed,
    ),
    Phase.PAUSED: (*_MIDRUN, lowered, incident_lowered),
    Phase.PROMOTING: (*_MIDRUN, not_available, deadline_passed, lowered, promoted),
    Phase.ROLLING_BACK: (rolled_back, returned),
    Phase.FAILED: (returned_to_stable, template_changed, reverted, new_revision),
}


def fired(view: View) -> Fired | None:
    """The first rule of the phase that fires; None when nothing moves."""
    for rule in RULES[view.status.phase]:
        answer = rule(view)
        if answer is not None:
            return answer
    return None
