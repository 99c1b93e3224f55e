"""What must be looked at before this Rollout can be decided?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollout.model.approval import ApprovalPolicy
from rollout.model.hooks import HookQuestion
from rollout.model.measurement import Arm, Question, Window
from rollout.model.names import BackendName
from rollout.model.observation import Observation
from rollout.model.rollout import Objective, Query, RolloutSpec, RouteRef
from rollout.model.status import Revision, RolloutStatus
from rollout.progression.aims import deciding, sequential
from rollout.progression.comparing import memory_of, taken_until, watched
from rollout.progression.hook_questions import due
from rollout.progression.incidents import GLANCE, waits_at_zero
from rollout.progression.learning import history_since, unlearnt
from rollout.progression.telling import is_judged
from rollout.progression.view import FULL, View, plan_step

# The first second of a weight belongs to proxies that have not heard of it yet (measured: 0.1-0.2 s on Istio).
PROXY_LAG = timedelta(seconds=1)
# Errors of an hour ago must not hide those of now; a quiet service still needs time to gather its requests.
LONGEST_WINDOW = timedelta(minutes=15)
# What both arms did is interpolated between scrapes: those before the window's beginning belong to it.
SCRAPE_BEFORE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One objective to be measured for one revision over one window. bounds: as `Question` has them."""

    objective: Objective
    arm: Arm
    revision: Revision
    window: Window
    bounds: tuple[float, ...] | None = None

    def question(self, spec: RolloutSpec, *, workload: str = "", pods: frozenset[str] = frozenset()) -> Question:
        """What a metrics server is to be asked. workload, pods: the revision's, as far as they are known."""
        return Question(
            namespace=spec.key.namespace,
            rollout=spec.key.name,
            objective=self.objective,
            revision=self.revision.name,
            backend=self.revision.backend,
            workload=workload,
            pods=pods,
            window=self.window,
            arm=self.arm,
            every=spec.analysis.interval,
            bounds=self.bounds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one look has to bring.

    approvals: names of the policies that the plan names. asks: () when nothing is to be measured. hooks: webhooks that are due.
    """

    routes: tuple[RouteRef, ...]
    backends: tuple[BackendName, ...]
    revisions: tuple[str, ...]
    approvals: tuple[str, ...] = ()
    asks: tuple[Ask, ...] = ()
    hooks: tuple[HookQuestion, ...] = ()


def needs(spec: RolloutSpec, status: RolloutStatus, now: datetime) -> Needs:
    """Routes of the spec and those that still hold entries of ours; all revisions that spec and status know."""
    known = [revision for revision in (status.stable, status.former, status.failed) if revision]
    known += [status.run.canary] if status.run else []
    known += [item.revision for item in status.retiring]
    backends = {revision.backend for revision in known} | {spec.backend_of(spec.revision)}
    backends |= {spec.stable} if spec.stable else set()
    plan = status.run.plan if status.run else ()
    left = sorted({item.route for item in status.added} - set(spec.routes))
    return Needs(
        routes=(*spec.routes, *left),
        backends=tuple(sorted(backends)),
        revisions=tuple(sorted({revision.name for revision in known} | {spec.revision})),
        approvals=tuple(sorted({name for step in (*spec.steps, *plan) for name in step.approvals})),
        asks=tuple(_asks(spec, status, now)),
        hooks=due(View(spec=spec, status=status, seen=Observation(), verdicts=(), now=now)),
    )


def needs_authors(status: RolloutStatus, approvals: Mapping[str, ApprovalPolicy]) -> bool:
    """Whether git is to be asked whose change is on trial: the present step or the next needs four eyes, and nobody knows."""
    run = status.run
    if run is None or (run.authors is not None and not run.authors.unproven):
        return False
    named = (name for step in run.plan[max(run.step - 1, 0) : run.step + 1] for name in step.approvals)
    return any(name in approvals and approvals[name].quorum.four_eyes for name in named)


def _asks(spec: RolloutSpec, status: RolloutStatus, now: datetime) -> Iterator[Ask]:
    """Stable's history before the first weight, both arms while there is one, stable alone where an incident took it."""
    run, stable = status.run, status.stable
    if run is None:
        return
    if stable is not None:
        for objective in unlearnt(spec, status):
            window = Window(start=history_since(now), end=now)
            yield Ask(objective=objective, arm=Arm.HISTORY, revision=stable, window=window)
        if waits_at_zero(status):
            window = Window(start=now - max(GLANCE, spec.analysis.interval), end=now)
            for objective in deciding(spec):
                yield Ask(objective=objective, arm=Arm.STABLE, revision=stable, window=window)
    if is_judged(status):
        yield from _of_the_canary(spec, status, now)


def _of_the_canary(spec: RolloutSpec, status: RolloutStatus, now: datetime) -> Iterator[Ask]:
    run, stable, present = status.run, status.stable, _window(spec, status, now)
    if run is None or run.in_force_at is None or present is None:
        return
    judged = {one.name: one for one in sequential(spec)}
    for objective in spec.objectives:
        window, beside = present, isinstance(objective, Query) and objective.worse_than_stable is not None
        bounds = None
        if objective.name in judged:
            memory = memory_of(run, spec, judged[objective.name], now)
            known, bounds = taken_until(memory), watched(memory)
            # at 100 % nothing is compared any more, but for the last requests of the weight before
            window, beside = Window(start=known - SCRAPE_BEFORE, end=now), run.weight < FULL or known < run.in_force_at
        yield Ask(objective=objective, arm=Arm.CANARY, revision=run.canary, window=window, bounds=bounds)
        if beside and stable is not None:
            yield Ask(objective=objective, arm=Arm.STABLE, revision=stable, window=window, bounds=bounds)


def _window(spec: RolloutSpec, status: RolloutStatus, now: datetime) -> Window | None:
    """The step's window: from when its weight was in force, at most as long as the soak or LONGEST_WINDOW."""
    run = status.run
    if run is None or run.in_force_at is None:
        return None
    step = plan_step(run)
    longest = max(step.soak if step else spec.analysis.bake, LONGEST_WINDOW)
    start = max(run.in_force_at + PROXY_LAG, now - longest)
    return Window(start=start, end=now) if start < now else None
