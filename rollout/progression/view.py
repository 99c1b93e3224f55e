"""What do the rules see: spec, status, the world and the time, with the questions that several rules ask?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil

from policies.verdict import Verdict, worst
from rollout.model.actions import Split
from rollout.model.names import BackendName
from rollout.model.observation import BackendSeen, Observation, RouteSeen, RouteState, WorkloadSeen
from rollout.model.rollout import Mode, RolloutSpec, RouteRef, Step
from rollout.model.status import ObjectiveVerdict, Revision, RolloutStatus, Run
from rollout.progression.aims import Memory
from rollout.progression.gates import is_passed
from rollout.traffic import shares

FULL = 100
_STATE_WORDS = {
    RouteState.MISSING: "does not exist",
    RouteState.TERMINATING: "is being deleted",
    RouteState.KIND_ABSENT: "is of a kind that this cluster does not serve (its CRD is not installed)",
}
DARK_FOR = timedelta(seconds=10)  # a canary without ready endpoints for so long has failed (product.md, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that a rule may look at. `verdicts` are those of this look; status.verdicts may be older.

    memories: what the sequential judge knows after this look, of the objectives that it could compare.
    """

    spec: RolloutSpec
    status: RolloutStatus
    seen: Observation
    verdicts: tuple[ObjectiveVerdict, ...]
    now: datetime
    memories: tuple[Memory, ...] = ()

    def of(self, status: RolloutStatus) -> "View":
        """The same look with another status."""
        # As `replace` would, in a quarter of its time: each tick asks a dozen times.
        return View(
            spec=self.spec,
            status=status,
            seen=self.seen,
            verdicts=self.verdicts,
            now=self.now,
            memories=self.memories,
        )

    @property
    def run(self) -> Run:
        """The run in hand; only asked in phases that have one."""
        if self.status.run is None:
            raise ValueError(f"{self.spec.key}: phase {self.status.phase} has no run: the status was edited by hand")
        return self.status.run

    @property
    def stable(self) -> Revision | None:
        """What serves users, None while unknown."""
        return self.status.stable

    def backend(self, name: BackendName) -> BackendSeen:
        """What stands behind a backend; nothing when it was not seen."""
        return self.seen.backends.get(name) or BackendSeen(backend=name, exists=False, subset_defined=False)

    def workload(self, revision: str) -> WorkloadSeen:
        """The workload of a revision; nothing when it was not seen."""
        return self.seen.workloads.get(revision) or WorkloadSeen(revision=revision, exists=False)

    def wanted_routes(self) -> tuple[RouteSeen, ...]:
        """The routes of the spec, as seen."""
        return tuple(route for route in self.seen.routes if route.ref in self.spec.routes)

    def left_routes(self) -> tuple[RouteSeen, ...]:
        """Routes that the spec no longer names but that still hold entries of ours."""
        return tuple(route for route in self.seen.routes if route.ref not in self.spec.routes)

    def verdict(self) -> Verdict:
        """The verdict of the deciding objectives; PASS where the spec says that there are none."""
        if not self.spec.objectives:
            return Verdict.PASS
        return worst(verdict.verdict for verdict in self.verdicts if verdict.mode is Mode.DECIDE)


def plan_step(run: Run) -> Step | None:
    """The plan's present entry; None before the first and after the last."""
    return run.plan[run.step - 1] if 1 <= run.step <= len(run.plan) else None


def plan_ahead(view: View) -> tuple[Step, ...]:
    """The plan that counts from the next step boundary: git's newest, unless the present step would not exist in it.

    With `auto` git has none: the run's own counts, which the judge chose.
    """
    run = view.run
    if run.straight or run.step > len(run.plan) or len(view.spec.steps) < run.step or view.spec.auto is not None:
        return run.plan
    return view.spec.steps


def shut_gates(view: View, after: int) -> tuple[tuple[int, Step], ...]:
    """The steps behind step `after` that a gate of theirs still keeps from ending, with their numbers."""
    numbered = enumerate(plan_ahead(view), start=1)
    return tuple(
        (number, step)
        for number, step in numbered
        if number > after and not is_passed(number, step, view.run, view.seen, view.now)
    )


def skips_to_the_end(view: View) -> bool:
    """Whether `promote-full` counts: not while git has put a gate before the end since."""
    return view.run.full and not shut_gates(view, after=view.run.step)


def next_weight(view: View) -> int:
    """The weight after the present step."""
    plan = plan_ahead(view)
    if skips_to_the_end(view) or view.run.step >= len(plan):
        return FULL
    return plan[view.run.step].weight


def split_of(view: View, route: RouteRef) -> Split | None:
    """How `route` is to look by the status alone; None while stable is unknown and nothing is to be deployed."""
    status = view.status
    run = status.run
    if status.stable is None:
        return Split(stable=None, canary=run.canary.backend, weight=run.weight) if run and run.weight else None
    stable = status.stable.backend
    retiring = tuple(item for item in status.retiring if item.revision.backend != stable)
    if run is not None:
        retiring = tuple(item for item in retiring if item.revision.backend != run.canary.backend)
    ours = {added.backend for added in status.added if added.route == route}
    leaving = {
        item.revision.backend
        for item in retiring
        if view.now >= item.since + view.spec.settle and (item.theirs or item.revision.backend in ours)
    }
    resting = {item.revision.backend for item in retiring}
    resting |= {known.backend for known in (status.failed, status.former) if known is not None}
    serving = {stable, *((run.canary.backend,) if run else ())}
    idle = tuple(sorted(resting - leaving - serving))
    if route not in view.spec.routes:
        others = {run.canary.backend} if run else set()
        return Split(
            stable=stable, idle=tuple(sorted({*idle, *others} - ours)), gone=tuple(sorted(leaving | (ours - {stable})))
        )
    canary = run.canary.backend if run else None
    return Split(stable=stable, canary=canary, weight=run.weight if run else 0, idle=idle, gone=tuple(sorted(leaving)))


def usable(route: RouteSeen) -> bool:
    """Whether the route object can be read and written."""
    return route.state is RouteState.PRESENT


def unusable_words(route: RouteSeen) -> str:
    """What is wrong with a route that is not usable."""
    return f"{route.ref} {_STATE_WORDS[route.state]}"


def in_force(view: View) -> bool:
    """Whether every route was read back with the wanted weights and its API accepted them; a gone route counts as done
    only once nothing is to be raised (weight 0).
    """
    for route in view.wanted_routes():
        if not usable(route):
            if view.status.run and view.status.run.weight:
                return False
            continue
        split = split_of(view, route.ref)
        if split is None:
            continue
        # What the API has against a backend without weight must not keep a rollback from ending: its Service may be gone.
        taken = route.accepted if split.weight else route.accepted or bool(route.problem)
        if not taken or not shares.in_force(route.pools, split):
            return False
    return len(view.wanted_routes()) == len(view.spec.routes)


def canary_seen(view: View) -> tuple[Fraction, Fraction]:
    """The canary's lowest and highest percent over all pools of all present routes; (0, 0) where none is managed."""
    found: list[Fraction] = []
    for route in view.wanted_routes():
        split = split_of(view, route.ref)
        if split is not None and usable(route) and shares.managed(route.pools, split.stable, split.canary):
            found += [Fraction(share) for share in shares.seen(route.pools, split)]
    return (min(found), max(found)) if found else (Fraction(0), Fraction(0))


def ready_pods(view: View, revision: Revision) -> int:
    """How many pods of a revision are ready: its workload's where the spec names one, else its endpoints."""
    if view.spec.workload is not None and view.workload(revision.name).exists:
        return view.workload(revision.name).ready
    return view.backend(revision.backend).ready


def pods_needed(view: View, weight: int) -> int:
    """Ready canary pods that `weight` percent needs, at least 1.

    capacity x weight x stable's ready pods, at the run's start or now, whichever are more: its autoscaler may shrink
    stable while weight moves.
    """
    stable = max(view.run.stable_ready, ready_pods(view, view.stable) if view.stable else 0)
    return max(1, ceil(Fraction(stable * weight * view.spec.capacity, 10_000)))


def available_for(view: View, revision: Revision, weight: int) -> str:
    """Why `revision` cannot take `weight` percent; "" when it can."""
    backend = view.backend(revision.backend)
    if not backend.exists:
        return f"{revision.backend} does not exist"
    ref = view.spec.workload_of(revision.name)
    if ref is not None:
        workload = view.workload(revision.name)
        if not workload.exists:
            return f"{ref.kind} {ref.name} does not exist"
        if not workload.settled:
            return f"{ref.kind} {ref.name} is not available: {workload.ready} of {workload.wanted} pods ready and up to date"
    if backend.ready == 0:
        return f"{revision.backend} has no ready endpoint"
    needed = pods_needed(view, weight)
    ready = ready_pods(view, revision)
    if ready < needed:
        return f"{weight} % needs {needed} ready pods of {revision.name}, there are {ready} (spec.capacity {view.spec.capacity}%)"
    return ""


def stable_is_down(view: View) -> bool:
    """Whether stable is known and has no ready endpoint: going back there would be the outage."""
    return view.stable is not None and view.backend(view.stable.backend).ready == 0


def clock(moment: datetime) -> str:
    """A moment as people read it: "09:10:30 UTC"."""
    return f"{moment:%H:%M:%S} UTC"


def percent(share: Fraction) -> str:
    """A share as people read it: "25", "33.3"."""
    return f"{float(share):.3g}"
