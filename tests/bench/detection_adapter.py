"""How does our judge fare in the detection harness?

Maps the harness's counters to slices and our standing to its decisions, and nothing else:
`python tests/bench/detection_sim.py --suite null --policies seq --judge tests/bench/detection_adapter.py:seq`.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from policies.sequential import judge
from policies.sequential.align import Arm, slices
from policies.sequential.tallies import Tally
from policies.verdict import Verdict, worst

# detection_sim runs as a script and is not imported: its types are known here by their fields.
TOP = 0.5
STEPS = tuple(percent / 100 for percent in range(5, 51, 5))  # detection_sim.COMMON
SLOWER_THAN = 6  # index of 500 ms in detection_sim.LAT_BOUNDS
BOUNDS = (5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0)
FALSE_ROLLBACK = 0.01

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

    def arm(self, *, errors: bool) -> Arm:
        """What one objective sees."""
        bad = self.errors if errors else self.slower[SLOWER_THAN]
        return Arm(requests=[self.requests], bad=[bad], slower=() if errors else [[points] for points in self.slower])


def above(buckets: tuple[int, ...]) -> list[int]:
    """Requests slower than each bound, from counts per bucket."""
    return [sum(buckets[index + 1 :]) for index in range(len(BOUNDS))]


class Policy:
    """A decision policy of the harness: our judge with one objective for errors and, where simulated, one for latency."""

    tick_s = 5

    def __init__(self, weights: tuple[float, ...], soak: float, least: float) -> None:
        self.weights, self.soak, self.least = weights, soak, least
        self.step, self.since = 0, 0.0

    def start(self, setup: Any) -> float:
        """The first weight."""
        latency = setup.history_b is not None
        share = FALSE_ROLLBACK / (2 if latency else 1)
        self.aims = [judge.Aim(max_ratio=setup.slo_error, false_rollback=share)]
        histories = [history(setup, errors=True)]
        if latency:
            what = "took longer than 500ms"
            self.aims.append(judge.Aim(max_ratio=setup.slo_error, bounds=BOUNDS, false_rollback=share, what=what))
            histories.append(history(setup, errors=False))
        self.states = [judge.begun(aim, known, 0.0) for aim, known in zip(self.aims, histories, strict=True)]
        self.canary, self.stable = Lines(), Lines()
        self.canary.scraped(nothing(setup.stable0))
        self.stable.scraped(setup.stable0)
        self.weights = self.weights or judge.ramp(self.states[0], self.aims[0], TOP)
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
        for index, aim in enumerate(self.aims):
            arms = self.canary.arm(errors=not index), self.stable.arm(errors=not index)
            for new in slices(*arms, self.states[index].until):
                self.states[index] = judge.taken(self.states[index], aim, new, seen.weight)
        standings = [judge.standing(state, aim, self.pace()) for state, aim in zip(self.states, self.aims, strict=True)]
        verdict = worst(standing.verdict for standing in standings)
        if verdict == Verdict.FAIL:
            reason = next(standing.message for standing in standings if standing.verdict == Verdict.FAIL)
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


def nothing(like: Reading) -> Reading:
    """An arm without requests at the start: its counters are born with it."""
    buckets = (0,) * len(like.buckets) if like.buckets else None
    return like._replace(ts=0.0, requests=0, errors=0, buckets=buckets)


def history(setup: Any, *, errors: bool) -> judge.History:
    """Stable's hour before the run."""
    requests, failed = setup.history_n.tolist(), setup.history_e.tolist()
    if errors:
        rows = [[Tally(*cell) for cell in zip(*row, strict=True)] for row in zip(requests, failed, strict=True)]
    else:
        slower = setup.history_b[:, :, ::-1].cumsum(axis=2)[:, :, ::-1][:, :, 1:].tolist()
        rows = [
            [Tally(total, slow[SLOWER_THAN], tuple(slow)) for total, slow in zip(*row, strict=True)]
            for row in zip(requests, slower, strict=True)
        ]
    return judge.History(interval=float(setup.scrape_s), tallies=tuple(map(tuple, rows)))


def seq() -> Policy:
    """The user's own steps: 5, 10 ... 50 %, a minute each, at least five minutes."""
    return Policy(STEPS, soak=60.0, least=300.0)


def paced() -> Policy:
    """The judge's own ramp: 45 s each, at least five minutes."""
    return Policy((), soak=45.0, least=300.0)


def alone() -> Policy:
    """All traffic on the canary for 25 minutes with nothing of stable beside it, as in a bake."""
    return Policy((1.0,), soak=1500.0, least=1500.0)
