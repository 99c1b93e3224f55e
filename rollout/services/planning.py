"""Which weights would every object have at every step, and what would stand in the way? Nothing is written.

Pure: the controller's own rules are asked about a run as if it began now.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from math import log, log1p

from policies.sequential.proof import LEVEL
from policies.slo import percent
from rollout.model.actions import Split, Subset
from rollout.model.hooks import Hook
from rollout.model.names import BackendName, Key
from rollout.model.observation import Pool, RouteSeen
from rollout.model.rollout import ErrorRatio, RolloutSpec, RouteRef, SubsetBackend
from rollout.model.status import Phase, Reason, RolloutStatus, Run
from rollout.progression.aims import deciding
from rollout.progression.freezing import FreezeAhead, freezes_ahead
from rollout.progression.holds import step_holds
from rollout.progression.judging import what_of
from rollout.progression.learning import SOAK, taught
from rollout.progression.moves import moved
from rollout.progression.sight import first_sight
from rollout.progression.telling import holding
from rollout.progression.transitions import Trigger
from rollout.progression.triggers import Fired
from rollout.progression.view import FULL, View, plan_ahead, pods_needed, skips_to_the_end, split_of, usable
from rollout.services.gating import gate_words, missing_policies
from rollout.services.owners import OwnedRoute
from rollout.traffic import shares

# What every run waits for by itself is no obstacle.
_BY_ITSELF = frozenset(
    {"SubsetSettling", "ReturningToStable", "WeightPending", "Soaking", "NotMeasured", "HookPending", "HookWaiting"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One column of the plan. name: "now", "step 1", "100 %" or "after"; weight: None for now.

    pods: ready canary pods that the weight needs, None where capacity is not asked for.
    """

    name: str
    weight: int | None = None
    soak: timedelta = timedelta(0)
    approval: str = ""
    pods: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The weights of one backend in one pool, one for each stage; None where it has no entry. role: canary, stable, ""."""

    route: RouteRef
    pool: str
    backend: BackendName
    role: str
    weights: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutPlan:
    """All that can be told of a run before it begins, or of what is left of it.

    canary: "" when there is nothing to do. duration: the least time from the first weight on; left_alone: pools that no
    weight of this run touches. holds: what stands in its way now. owned: routes that a GitOps tool may set back. outlook: what
    the run can prove, or what has to be known for that; "" where nothing is judged sequentially. freezes: that it meets if it
    takes no longer than `duration`.
    """

    key: Key
    stable: str
    canary: str
    stages: tuple[Stage, ...] = ()
    rows: tuple[Row, ...] = ()
    left_alone: tuple[str, ...] = ()
    subsets: tuple[Subset, ...] = ()
    duration: timedelta = timedelta(0)
    approvals: int = 0
    hooks: tuple[Hook, ...] = ()
    holds: tuple[Reason, ...] = ()
    is_running: bool = False
    note: str = ""
    owned: tuple[OwnedRoute, ...] = ()
    outlook: str = ""
    freezes: tuple[FreezeAhead, ...] = ()


def planned(view: View) -> RolloutPlan:
    """What the run in hand will still do, or what a run of git's revision would do if it began now.

    With measurements of stable's history (asked for `beginning`) it tells what the judge would make of them.
    """
    if view.status.run is not None:
        words = "" if view.status.phase is Phase.ROLLING_BACK else chosen_words(view.spec, view.run)
        return replace(_of_run(view, holding(view), is_running=True), note=words)
    found = _start(view)
    if found is None:
        return _at_rest(view)
    view, trigger = found
    begun = view.of(_moved(view, trigger))
    begun = begun.of(taught(begun))
    holds = [hold for hold in step_holds(begun) if hold.code not in _BY_ITSELF]
    plan = _of_run(begun, tuple(holds), is_running=False)
    if trigger is Trigger.FIRST_DEPLOYMENT:
        return replace(plan, note="first deployment: straight to 100 % when available, nothing can be judged")
    failed = f"{view.spec.revision} failed before: only `rollout retry` starts it" if trigger is Trigger.RETRIED else ""
    note = "; ".join(filter(None, (failed, chosen_words(begun.spec, begun.run))))
    return replace(plan, note=note, outlook=plan.outlook or _needed_words(begun))


def beginning(view: View) -> RolloutStatus | None:
    """The status with which a run of git's revision would begin now; None where one is in hand or none would begin."""
    found = _start(view) if view.status.run is None else None
    return _moved(*found) if found is not None else None


def chosen_words(spec: RolloutSpec, run: Run) -> str:
    """Which weights the judge chose, or that it will; "" where people wrote them."""
    auto = spec.auto
    if auto is None or run.straight:
        return ""
    if not run.plan:
        return (
            f"auto: the judge chooses the weights, at most {auto.max} % before 100 %, and how long each of them lasts"
        )
    if any(step.soak != SOAK or step.approvals for step in run.plan):
        return "auto: counts from the next run on; the weights of this one were written when it began"
    weights = ", ".join(str(step.weight) for step in run.plan)
    when = "when the run began" if run.step else "from stable's history"
    return f"auto: the judge chose these weights {when}: {weights} %, each held until the next is shown to be safe"


def _start(view: View) -> tuple[View, Trigger] | None:
    """The view with stable as known at the start, and what would start a run; None where nothing would."""
    spec, status = view.spec, view.status
    if status.stable is None:
        sight = first_sight(view)
        if sight.first_deployment:
            return view, Trigger.FIRST_DEPLOYMENT
        if sight.stable is None:
            return None
        status = replace(status, stable=sight.stable)
    if status.stable is not None and status.stable.name == spec.revision:
        return None
    has_failed = status.failed is not None and status.failed.name == spec.revision
    return view.of(status), Trigger.RETRIED if has_failed else Trigger.NEW_REVISION


def _moved(view: View, trigger: Trigger) -> RolloutStatus:
    phase = Phase.FAILED if trigger is Trigger.RETRIED else Phase.IDLE
    return moved(view.of(replace(view.status, phase=phase)), Fired(trigger=trigger, why="planned"))


def _at_rest(view: View) -> RolloutPlan:
    """Nothing would begin: git names stable, or nobody knows what stable is."""
    spec, stable, hold = view.spec, view.status.stable, None
    if stable is None:
        sight = first_sight(view)
        stable, hold = sight.stable, sight.hold
    if stable is None:
        return RolloutPlan(key=spec.key, stable="", canary=spec.revision, holds=(hold,) if hold else ())
    note = f"{stable.name} is stable and is what git names: there is nothing to do"
    known = view.of(replace(view.status, stable=stable))
    return RolloutPlan(key=spec.key, stable=stable.name, canary="", holds=holding(known), note=note)


def _needed_words(view: View) -> str:
    """What has to be known before a run can say what it can prove; "" where nothing is judged sequentially."""
    main = next(iter(deciding(view.spec)), None)
    if main is None or view.run.straight:
        return ""
    words = "what it can prove is known once stable's last hour was read, before the first request"
    if isinstance(main, ErrorRatio):
        # (1 - max)^n <= LEVEL: with fewer requests a canary at the limit shows no failure too often.
        fewest = float(f"{log(LEVEL) / log1p(-min(main.max_ratio, 0.99)):.2g}")
        words += (
            f"; <= {percent(main.max_ratio)} {what_of(main)} takes {fewest:.0f} clean requests of the canary or more"
        )
    return f"{words} (`rollout plan --prometheus-url` reads it now)"


def _of_run(view: View, holds: tuple[Reason, ...], *, is_running: bool) -> RolloutPlan:
    run, spec = view.run, view.spec
    statuses, stages = zip(*_course(view), strict=True) if view.status.phase is not Phase.ROLLING_BACK else ((), ())
    routes = [route for route in view.wanted_routes() if usable(route)]
    rows = [row for route in routes for row in _rows(view, route, statuses)]
    touched = {(row.route, row.pool) for row in rows}
    left = [
        f"{route.ref} {pool.name}" for route in routes for pool in route.pools if (route.ref, pool.name) not in touched
    ]
    ahead = [stage for stage in stages if stage.weight is not None]
    subset_time = spec.settle if _subsets(view) else timedelta(0)
    duration = max(subset_time + sum((stage.soak for stage in ahead), timedelta(0)), _least(view))
    holds = (*holds, *missing_policies(view, {stage.name for stage in stages if stage.approval}))
    seen_codes: dict[str, Reason] = {hold.message: hold for hold in holds}
    return RolloutPlan(
        key=spec.key,
        stable=view.stable.name if view.stable else "",
        canary=run.canary.name,
        stages=(Stage(name="now"), *stages),
        rows=tuple(rows),
        left_alone=tuple(left),
        subsets=_subsets(view),
        duration=duration,
        approvals=sum(1 for stage in ahead if stage.approval),
        hooks=() if run.straight else spec.hooks,
        holds=tuple(seen_codes.values()),
        is_running=is_running,
        outlook=run.outlook,
        freezes=freezes_ahead(view, duration),
    )


def _least(view: View) -> timedelta:
    """How long `auto` keeps the run from 100 % at least, from now on."""
    auto, run = view.spec.auto, view.run
    if auto is None or run.straight or run.skip or run.full or run.weight == FULL:
        return timedelta(0)
    return auto.min_duration - (view.now - run.trial_since if run.trial_since else timedelta(0))


def _course(view: View) -> Iterator[tuple[RolloutStatus, Stage]]:
    """The status at each stage that is still to come, and the stage."""
    run, status = view.run, view.status
    steps = () if run.straight or skips_to_the_end(view) else plan_ahead(view)
    for number, step in enumerate(steps, start=1):
        if number < run.step or (number == run.step and run.weight != step.weight):
            continue
        at = replace(status, run=replace(run, step=number, weight=step.weight))
        pods = pods_needed(view, step.weight) if view.stable else None
        yield (
            at,
            Stage(
                name=f"step {number}", weight=step.weight, soak=step.soak, approval=gate_words(view, step), pods=pods
            ),
        )
    last = replace(status, phase=Phase.PROMOTING, run=replace(run, step=len(steps) + 1, weight=FULL))
    bake = timedelta(0) if run.straight else view.spec.analysis.bake
    yield last, Stage(name="100 %", weight=FULL, soak=bake, pods=pods_needed(view, FULL) if view.stable else None)
    yield moved(view.of(last), Fired(trigger=Trigger.PROMOTED, why="planned")), Stage(name="after", weight=FULL)


def _rows(view: View, route: RouteSeen, statuses: tuple[RolloutStatus, ...]) -> Iterator[Row]:
    """Every backend of every pool that some stage moves."""
    course = [route.pools, *_pools_of(view, route, statuses)]
    moves = _moved_pools(view, route, statuses)
    for place, first in enumerate(route.pools):
        if first.name not in moves:
            continue
        pools = [pools[place] for pools in course]
        for backend in dict.fromkeys(entry.backend for pool in pools for entry in pool.entries):
            weights = tuple(pool.weight_of(backend) if pool.names(backend) else None for pool in pools)
            yield Row(route=route.ref, pool=first.name, backend=backend, role=_role(view, backend), weights=weights)


def _pools_of(view: View, route: RouteSeen, statuses: tuple[RolloutStatus, ...]) -> Iterator[tuple[Pool, ...]]:
    """The route's pools at each stage; one stays as before where it cannot be as wanted (that is a hold)."""
    pools = route.pools
    for status in statuses:
        later = replace(view, status=status, now=view.now + view.spec.settle if status.run is None else view.now)
        split = split_of(later, route.ref)
        if split is not None:
            managed = shares.managed_by(pools, split)
            pools = tuple(_as_wanted(pool, split) if pool in managed else pool for pool in pools)
        yield pools


def _as_wanted(pool: Pool, split: Split) -> Pool:
    try:
        return shares.wanted(pool, split)
    except shares.SplitError:
        return pool


def _moved_pools(view: View, route: RouteSeen, statuses: tuple[RolloutStatus, ...]) -> set[str]:
    splits = [split for status in statuses if (split := split_of(view.of(status), route.ref)) is not None]
    return {pool.name for split in splits for pool in shares.managed_by(route.pools, split)}


def _role(view: View, backend: BackendName) -> str:
    if backend == view.run.canary.backend:
        return "canary"
    return "stable" if view.stable is not None and backend == view.stable.backend else ""


def _subsets(view: View) -> tuple[Subset, ...]:
    """The subsets that nobody defines yet, which the run would make."""
    if not isinstance(view.spec.backend, SubsetBackend):
        return ()
    revisions = [revision for revision in (view.stable, view.run.canary) if revision is not None]
    return tuple(
        Subset(name=revision.backend.subset, labels=view.spec.labels_of(revision.name))
        for revision in revisions
        if revision.backend.subset and not view.backend(revision.backend).subset_defined
    )
