"""How does our judge fare in the detection harness?

Maps the harness's counters to slices and our standing to its decisions, and nothing else:
`python tests/bench/detection_sim.py --suite null --policies seq --judge tests/bench/detection_adapter.py:seq`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import accumulate
from typing import Any, NamedTuple

from policies.sequential import judge
from policies.sequential.align import Arm, slices
from policies.sequential.stretches import Grid
from policies.verdict import Verdict, worst
from rollout.model.names import Key
from rollout.model.rollout import ErrorRatio, Objective, RolloutSpec, ServiceBackend, SlowRatio
from rollout.progression.aims import aim_of, sequential
from rollout.progression.learning import SOAK

# detection_sim runs as a script and is not imported: its types are known here by their fields.
STEPS = tuple(percent / 100 for percent in range(5, 51, 5))  # detection_sim.COMMON
BOUNDS = (5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0)  # detection_sim.LAT_BOUNDS
SLOW = timedelta(milliseconds=500)  # detection_sim.P99
SLOWER_THAN = BOUNDS.index(SLOW / timedelta(milliseconds=1))

Reading = Any  # a detection_sim.Counters
Points = list[tuple[float, float]]


class Decision(NamedTuple):
    """What the harness asks for: continue, rollback or promote; weight None leaves it as it is."""

    action: str
    weight: float | None = None
    reason: str = ""


@dataclass
class Lines:
    """The raw counters of one arm as they were scraped: requests, errors, and slower than each bound."""

    requests: Points = field(default_factory=list)
    errors: Points = field(default_factory=list)
    slower: list[Points] = field(default_factory=lambda: [[] for _ in BOUNDS])

    def scraped(self, reading: Reading) -> bool:
        """Take in one scrape; False when it is known."""
        if self.requests and reading.ts <= self.requests[-1][0]:
            return False
        self.requests.append((reading.ts, reading.requests))
        self.errors.append((reading.ts, reading.errors))
        if reading.buckets:
            for points, count in zip(self.slower, above(reading.buckets), strict=True):
                points.append((reading.ts, count))
        for points in (self.requests, self.errors, *self.slower):
            del points[:-8]
        return True

    def arm(self, aim: judge.Aim, state: judge.State) -> Arm:
        """What one objective sees: of the histogram's bounds those that it watches."""
        if not aim.bounds:
            return Arm(requests=[self.requests], bad=[self.errors])
        watched = {watch.bound for watch in state.watches}
        slower = [[points] if place in watched else [] for place, points in enumerate(self.slower)]
        return Arm(requests=[self.requests], bad=[self.slower[SLOWER_THAN]], slower=slower)


def above(buckets: Sequence[int]) -> list[int]:
    """Requests slower than each bound, from counts per bucket."""
    return list(accumulate(reversed(buckets)))[-2::-1]


class Policy:
    """A decision policy of the harness: our judge with one objective for errors and, where simulated, one for latency."""

    tick_s = 5

    def __init__(self, weights: tuple[float, ...], soak: float, least: float) -> None:
        self.weights, self.soak, self.least = weights, soak, least
        self.step, self.since = 0, 0.0
        self.judged: judge.Pace | None = None  # what the standings are of; asked again only where something is new

    def start(self, setup: Any) -> float:
        """The first weight."""
        spec = a_spec(setup)
        self.aims = [aim_of(one, spec, BOUNDS if isinstance(one, SlowRatio) else ()) for one in sequential(spec)]
        self.states = [judge.begun(aim, history(setup, errors=not aim.bounds), 0.0) for aim in self.aims]
        self.canary, self.stable = Lines(), Lines()
        self.canary.scraped(nothing(setup.stable0))
        self.stable.scraped(setup.stable0)
        self.weights = self.weights or judge.ramp(self.states[0], self.aims[0], max(STEPS))
        return self.weights[0]

    def pace(self) -> judge.Pace:
        """Where the run stands."""
        following = self.weights[self.step + 1] if self.step + 1 < len(self.weights) else None
        weight, top = self.weights[self.step], self.weights[-1]
        return judge.Pace(weight=weight, since=self.since, soak=self.soak, following=following, top=top)

    def decide(self, seen: Any) -> Decision:
        """The harness's decision for what it shows."""
        canary, stable = self.canary.scraped(seen.canary), self.stable.scraped(seen.stable)
        if not canary and not stable:
            return Decision("continue")
        pace, known = self.pace(), list(self.states)
        for index, aim in enumerate(self.aims):
            state = self.states[index]
            new = slices(self.canary.arm(aim, state), self.stable.arm(aim, state), state.until)
            self.states[index] = judge.gathered(state, aim, new, pace)
        if self.judged != pace or any(new is not old for new, old in zip(self.states, known, strict=True)):
            self.standings = [judge.standing(*both, pace) for both in zip(self.states, self.aims, strict=True)]
            self.judged = pace
        verdict = worst(standing.verdict for standing in self.standings)
        if verdict == Verdict.FAIL:
            reason = next(standing.message for standing in self.standings if standing.verdict == Verdict.FAIL)
            return Decision("rollback", None, reason)
        if verdict != Verdict.PASS or seen.t - self.since < self.soak:
            return Decision("continue")
        return self.onward(seen.t)

    def onward(self, now: float) -> Decision:
        """The next weight, or promotion."""
        if self.step + 1 < len(self.weights):
            self.step, self.since = self.step + 1, now
            return Decision("continue", self.weights[self.step])
        return Decision("promote") if now >= self.least else Decision("continue")


def a_spec(setup: Any) -> RolloutSpec:
    """What a user would have written, with all defaults: one objective for errors and, where simulated, one for latency."""
    objectives: list[Objective] = [ErrorRatio(name="errors", max_ratio=setup.slo_error)]
    if setup.history_b is not None:
        objectives.append(SlowRatio(name="slow", threshold=SLOW, max_ratio=setup.slo_error))
    return RolloutSpec(
        key=Key(namespace="bench", name="bench"),
        revision="canary",
        backend=ServiceBackend(service="{revision}"),
        routes=(),
        steps=(),
        objectives=tuple(objectives),
    )


def nothing(like: Reading) -> Reading:
    """An arm without requests at the start: its counters are born with it."""
    buckets = (0,) * len(like.buckets) if like.buckets else None
    return like._replace(ts=0.0, requests=0, errors=0, buckets=buckets)


def history(setup: Any, *, errors: bool) -> judge.History:
    """Stable's hour before the run. The harness has [interval][pod], and buckets in each."""
    interval, requests = float(setup.scrape_s), pods(setup.history_n.tolist())
    if errors:
        return judge.History(interval=interval, requests=requests, bad=pods(setup.history_e.tolist()))
    slower = [[above(buckets) for buckets in row] for row in setup.history_b.tolist()]
    bounds = tuple(pods([[cell[at] for cell in row] for row in slower]) for at in range(len(BOUNDS)))
    return judge.History(interval=interval, requests=requests, bad=bounds[SLOWER_THAN], slower=bounds)


def pods(rows: Sequence[Sequence[float]]) -> Grid:
    """[interval][pod] as [pod][interval]."""
    return tuple(zip(*rows, strict=True))


def seq() -> Policy:
    """The user's own steps: 5, 10 ... 50 %, a minute each, at least five minutes."""
    return Policy(STEPS, soak=60.0, least=300.0)


def paced() -> Policy:
    """The judge's own ramp and pace, at least five minutes."""
    return Policy((), soak=SOAK.total_seconds(), least=300.0)


def alone() -> Policy:
    """All traffic on the canary for 25 minutes with nothing of stable beside it, as in a bake."""
    return Policy((1.0,), soak=1500.0, least=1500.0)
