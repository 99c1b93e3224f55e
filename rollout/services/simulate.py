"""How would runs of this Rollout end with such traffic?

Each run is a run of the real core: `decide` looks, judges and moves weights as in a cluster. Only the world is simulated:
routes obey at once, pods are ready, every approval is given, and requests come and fail by chance.
"""

import os
import signal
from collections import Counter as Tallied
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from random import Random
from statistics import fmean

from rollout.model.actions import Action, SetSplit
from rollout.model.measurement import Arm as Side
from rollout.model.measurement import Measurement, Question
from rollout.model.observation import BackendSeen, Entry, Observation, Pool, RouteSeen, WorkloadSeen
from rollout.model.rollout import Mode, Query, RolloutSpec, RouteRef, SlowRatio
from rollout.model.status import Outcome, Reason, Revision, RolloutStatus
from rollout.progression.decide import decide
from rollout.progression.judging import milliseconds
from rollout.progression.needs import needs
from rollout.progression.view import FULL
from rollout.services.simulate_traffic import BEGIN, SCRAPE_S, Arm, habit
from rollout.traffic import shares

HISTORY_S = 3600.0  # of stable, before the run: what the judge learns from
PATIENCE = timedelta(hours=2)  # beyond the plan's own least duration: as long as stepDeadline waits for one verdict
BATCH = 10  # runs that one processor does at a time
STABLE = "stable"  # the name of the revision that serves already


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What comes, and how each side treats it. rate: requests per second; the rest are parts of the requests (0.0-1.0)."""

    rate: float
    baseline_errors: float
    canary_errors: float
    baseline_slow: float = 0.0
    canary_slow: float = 0.0
    pods: int = 4

    @property
    def is_fair(self) -> bool:
        """Whether the canary is as good as stable."""
        return (self.canary_errors, self.canary_slow) == (self.baseline_errors, self.baseline_slow)

    def fair(self) -> "Traffic":
        """The same with a canary that is as good as stable."""
        return replace(self, canary_errors=self.baseline_errors, canary_slow=self.baseline_slow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one run ended. outcome: None when it had not; failed: of the canary's requests; held: by what at the end."""

    outcome: Outcome | None
    after: timedelta
    failed: int
    held: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The mean of a number over several runs, and what 95 % of them do not exceed."""

    mean: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How many runs ended how. to_rollback, to_promotion: seconds; None where no run ended so. undecided_by: what held most."""

    runs: int
    promoted: int
    rolled_back: int
    undecided: int
    to_rollback: Spread | None
    to_promotion: Spread | None
    failed: Spread
    undecided_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What is simulated: `runs` runs of a Rollout, the same again for the same seed. spec: with its policies' objectives."""

    spec: RolloutSpec
    traffic: Traffic
    runs: int
    seed: int

    @property
    def judged(self) -> tuple[str, ...]:
        """The names of the objectives that decide and that simulated requests can be judged by."""
        return tuple(one.name for one in self.spec.objectives if one.mode is Mode.DECIDE and not isinstance(one, Query))

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names of the objectives that no simulated request tells anything of."""
        return tuple(one.name for one in self.spec.objectives if isinstance(one, Query))

    @property
    def thresholds(self) -> tuple[str, ...]:
        """The latencies of the slow-ratio objectives, for people."""
        return tuple(milliseconds(threshold) for threshold in _thresholds(self.spec))

    @property
    def approvals(self) -> int:
        """How many steps wait for a person in a cluster."""
        return sum(bool(step.approval) for step in self.spec.steps)

    @property
    def horizon(self) -> timedelta:
        """How long a run is watched: one that is not over then is undecided."""
        auto = self.spec.auto
        least = sum((step.soak for step in self.spec.steps), auto.min_duration if auto else timedelta(0))
        return least + self.spec.analysis.bake + PATIENCE

    def summaries(self) -> tuple[Summary, ...]:
        """How the runs end with the canary that the traffic describes, and with one as good as stable where it is not that."""
        sides = (self.traffic,) if self.traffic.is_fair else (self.traffic, self.traffic.fair())
        return tuple(summary(_ended(replace(self, traffic=traffic))) for traffic in sides)

    def ended(self, number: int) -> Ended:
        """How run `number` ends."""
        return _one_run(_simulable(self.spec), self.traffic, self.horizon, Random(f"{self.seed} {number}"))


def _simulable(spec: RolloutSpec) -> RolloutSpec:
    """The spec without what no simulated world has: free queries, approvals to wait for, suspend."""
    return replace(
        spec,
        objectives=tuple(one for one in spec.objectives if not isinstance(one, Query)),
        policies=(),
        steps=tuple(replace(step, approval="") for step in spec.steps),
        suspend=False,
    )


def _thresholds(spec: RolloutSpec) -> tuple[timedelta, ...]:
    return tuple(one.threshold for one in spec.objectives if isinstance(one, SlowRatio))


def _ended(simulation: Simulation) -> list[Ended]:
    """How all runs end, on as many processors as there are."""
    parts = [range(first, min(first + BATCH, simulation.runs)) for first in range(0, simulation.runs, BATCH)]
    batch = partial(_batch, simulation)
    if len(parts) == 1 or os.cpu_count() == 1:
        return [one for part in parts for one in batch(part)]
    pool = ProcessPoolExecutor(initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
    try:
        return [one for ended in pool.map(batch, parts) for one in ended]
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C only what runs is waited for


def _batch(simulation: Simulation, numbers: range) -> list[Ended]:
    return [simulation.ended(number) for number in numbers]


def _one_run(spec: RolloutSpec, traffic: Traffic, horizon: timedelta, chance: Random) -> Ended:
    """One run, from git naming the canary to its end."""
    world = _World(spec, traffic, chance)
    status, now, end = RolloutStatus(stable=world.stable), BEGIN, BEGIN + horizon
    while now < end:
        world.live(now)
        decision = decide(spec, status, world.look(status, now), now)
        status = decision.status
        changed = world.perform(decision.actions)
        if status.run is None and status.history:
            return Ended(outcome=status.history[0].outcome, after=now - BEGIN, failed=world.canary.failed)
        if decision.wake_at is None and not changed:
            break
        now = now if changed or decision.wake_at is None else decision.wake_at
    held = status.reasons[0] if status.reasons else None
    return Ended(outcome=None, after=now - BEGIN, failed=world.canary.failed, held=held)


def summary(ended: Sequence[Ended]) -> Summary:
    """All runs in one table."""
    promoted = [one for one in ended if one.outcome is Outcome.PROMOTED]
    back = [one for one in ended if one.outcome not in (Outcome.PROMOTED, None)]
    held = Tallied(one.held.code for one in ended if one.outcome is None and one.held)
    return Summary(
        runs=len(ended),
        promoted=len(promoted),
        rolled_back=len(back),
        undecided=len(ended) - len(promoted) - len(back),
        to_rollback=_spread(one.after.total_seconds() for one in back),
        to_promotion=_spread(one.after.total_seconds() for one in promoted),
        failed=_spread(one.failed for one in ended) or Spread(mean=0.0, p95=0.0),
        undecided_by=held.most_common(1)[0][0] if held else "",
    )


def _spread(values: Iterable[float]) -> Spread | None:
    """None without values; the 95th percentile by the nearest rank."""
    found = sorted(values)
    return Spread(mean=fmean(found), p95=found[ceil(0.95 * len(found)) - 1]) if found else None


class _World:
    """Two arms behind routes of one pool each; ready pods are never what is missing."""

    def __init__(self, spec: RolloutSpec, traffic: Traffic, chance: Random) -> None:
        self.stable = Revision(name=STABLE, backend=spec.stable or spec.backend_of(STABLE))
        baseline = habit(traffic.baseline_errors, traffic.baseline_slow, _thresholds(spec))
        trial = habit(traffic.canary_errors, traffic.canary_slow, _thresholds(spec))
        self._serving = Arm(STABLE, traffic.pods, baseline, chance=chance, since=-HISTORY_S)
        self.canary = Arm(spec.revision, 1, trial, chance=chance, since=-2 * SCRAPE_S)
        self._spec = spec
        self._rate = traffic.rate
        self._serving.rate = traffic.rate
        revisions = (
            (self.stable.name, self.stable.backend, traffic.pods),
            (spec.revision, spec.backend_of(spec.revision), traffic.pods * 2),  # spec.capacity asks for up to 200 %
        )
        self._backends = {name: BackendSeen(backend=name, exists=True, ready=ready) for _, name, ready in revisions}
        self._workloads = {
            name: WorkloadSeen(revision=name, exists=True, wanted=ready, ready=ready, settled=True)
            for name, _, ready in (revisions if spec.workload else ())
        }
        entry = Entry(backend=self.stable.backend, weight=FULL)
        self._pools: dict[RouteRef, tuple[Pool, ...]] = {
            route: (Pool(name="route", entries=(entry,)),) for route in spec.routes
        }

    def live(self, now: datetime) -> None:
        """Let time pass until `now`."""
        seconds = (now - BEGIN).total_seconds()
        self._serving.live(seconds)
        self.canary.live(seconds)

    def look(self, status: RolloutStatus, now: datetime) -> Observation:
        """One look; everything that is to be judged is measured."""
        return Observation(
            routes=tuple(RouteSeen(ref=ref, pools=pools) for ref, pools in self._pools.items()),
            backends=self._backends,
            workloads=self._workloads,
            measurements=tuple(self._measured(status, now)),
        )

    def _measured(self, status: RolloutStatus, now: datetime) -> Iterator[Measurement]:
        for ask in needs(self._spec, status, now).asks:
            question = Question(
                namespace=self._spec.key.namespace,
                rollout=self._spec.key.name,
                objective=ask.objective,
                revision=ask.revision.name,
                backend=ask.revision.backend,
                workload="",
                pods=frozenset(),
                window=ask.window,
                arm=ask.arm,
            )
            arm = self.canary if ask.arm is Side.CANARY else self._serving
            yield Measurement(question=question, answer=arm.answer(question), at=now)

    def perform(self, actions: Iterable[Action]) -> bool:
        """Make every split true at once; whether anything changed."""
        changed = False
        for action in actions:
            if isinstance(action, SetSplit):
                before = self._pools[action.route]
                self._pools[action.route] = tuple(shares.wanted(pool, action.split) for pool in before)
                changed |= self._pools[action.route] != before
        self._route()
        return changed

    def _route(self) -> None:
        """Requests go as the first route says: all say the same."""
        pool = next(iter(self._pools.values()))[0]
        part = 1 - pool.weight_of(self.stable.backend) / pool.total
        self.canary.rate, self._serving.rate = self._rate * part, self._rate * (1 - part)
