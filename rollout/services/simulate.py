"""How would runs of this Rollout end with such traffic?

Each run is a run of the real core: `decide` looks, judges and moves weights as in a cluster. Only the world is simulated:
routes obey at once, pods are ready, every approval is given, every webhook passes, and requests come and fail by chance.
"""

import gc
import os
import signal
from collections import Counter as Tallied
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil
from random import Random
from statistics import fmean

from rollout.model.rollout import Mode, Query, RolloutSpec
from rollout.model.status import Outcome, Reason
from rollout.progression.judging import milliseconds
from rollout.services.simulate_run import Ended, Run
from rollout.services.simulate_traffic import BEGIN, Traffic, thresholds

PATIENCE = timedelta(hours=2)  # beyond the plan's own least duration: as long as stepDeadline waits for one verdict
BATCH = 10  # runs that share the hour before them, which costs as much as all that follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The mean of a number over several runs, and what 95 % of them do not exceed."""

    mean: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How many runs ended how. to_rollback, to_promotion: seconds; None where no run ended so. held: what held most of the rest."""

    runs: int
    promoted: int
    rolled_back: int
    undecided: int
    to_rollback: Spread | None
    to_promotion: Spread | None
    failed: Spread
    held: Reason | None


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
        return tuple(milliseconds(threshold) for threshold in thresholds(self.spec))

    @property
    def approvals(self) -> int:
        """How many steps wait for a person in a cluster."""
        return sum(bool(step.approvals) for step in self.spec.steps)

    @property
    def horizon(self) -> timedelta:
        """How long a run is watched: one that is not over then is undecided."""
        auto = self.spec.auto
        least = sum((step.soak for step in self.spec.steps), auto.min_duration if auto else timedelta(0))
        return least + self.spec.analysis.bake + PATIENCE

    def summaries(self) -> tuple[Summary, ...]:
        """How the runs end with the canary that the traffic describes, and with one as good as stable where it is not that."""
        sides = (self.traffic,) if self.traffic.is_fair else (self.traffic, self.traffic.fair())
        batches = [(replace(self, traffic=side), number) for side in sides for number in range(ceil(self.runs / BATCH))]
        ended = [one for batch in _spread_out(batches) for one in batch]
        return tuple(summary(ended[at : at + self.runs]) for at in range(0, len(ended), self.runs))

    def batch(self, number: int) -> list[Ended]:
        """How the runs of batch `number` end: alike up to their first weight, each by a chance of its own from there on."""
        numbers = range(BATCH * number, min(BATCH * (number + 1), self.runs))
        begun = Run.begun(_simulable(self.spec), self.traffic, Random(f"{self.seed} batch {number}"))
        return [begun.ended(BEGIN + self.horizon, Random(f"{self.seed} {run}")) for run in numbers]


def _simulable(spec: RolloutSpec) -> RolloutSpec:
    """The spec without what no simulated world has: free queries, approvals and webhooks to wait for, suspend."""
    return replace(
        spec,
        objectives=tuple(one for one in spec.objectives if not isinstance(one, Query)),
        policies=(),
        steps=tuple(replace(step, approvals=()) for step in spec.steps),
        hooks=(),
        suspend=False,
    )


def _spread_out(batches: list[tuple[Simulation, int]]) -> Iterator[list[Ended]]:
    """How all batches end, on as many processors as there are."""
    if len(batches) == 1 or processors() == 1:
        yield from map(_batch, batches)
        return
    pool = ProcessPoolExecutor(processors(), initializer=_begin)
    try:
        yield from pool.map(_batch, batches)
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C only what runs is waited for


def processors() -> int:
    """How many processors this process may use."""
    usable = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(usable(0)) if usable is not None else os.cpu_count() or 1


def _begin() -> None:
    """A process of the pool: Ctrl-C is for its parent; there are no cycles that would be worth looking for garbage."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()


def _batch(named: tuple[Simulation, int]) -> list[Ended]:
    simulation, number = named
    return simulation.batch(number)


def summary(ended: Sequence[Ended]) -> Summary:
    """All runs in one table."""
    promoted = [one for one in ended if one.outcome is Outcome.PROMOTED]
    back = [one for one in ended if one.outcome not in (Outcome.PROMOTED, None)]
    held = [one.held for one in ended if one.outcome is None and one.held]
    most = Tallied(reason.code for reason in held).most_common(1)
    return Summary(
        runs=len(ended),
        promoted=len(promoted),
        rolled_back=len(back),
        undecided=len(ended) - len(promoted) - len(back),
        to_rollback=_spread(one.after.total_seconds() for one in back),
        to_promotion=_spread(one.after.total_seconds() for one in promoted),
        failed=_spread(one.failed for one in ended) or Spread(mean=0.0, p95=0.0),
        held=next((reason for reason in held if reason.code == most[0][0]), None),
    )


def _spread(values: Iterable[float]) -> Spread | None:
    """None without values; the 95th percentile by the nearest rank."""
    found = sorted(values)
    return Spread(mean=fmean(found), p95=found[ceil(0.95 * len(found)) - 1]) if found else None
