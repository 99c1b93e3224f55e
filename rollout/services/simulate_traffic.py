"""What would a metrics server know of an arm whose requests come and fail by chance?

Requests are Poisson, failures and slow ones binomial, spread evenly over the arm's pods. The pods' counters are scraped
every SCRAPE_S seconds, all pods of an arm at one instant, which is another than the other arm's.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import log
from operator import sub
from random import Random
from statistics import NormalDist

from rollout.model.measurement import Answer, Counter, Counters, NoData, Question, Slower, Window
from rollout.model.points import Points
from rollout.model.rollout import ErrorRatio, Method, Query, RolloutSpec, SlowRatio
from rollout.services.simulate_chance import binomial, poisson

SCRAPE_S = 15.0
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)  # any moment: only distances matter
REACH = timedelta(seconds=SCRAPE_S)  # the scrape before the window belongs to an answer
# Istio's istio_request_duration_milliseconds; and how spread latencies of a service are (lognormal), both as usually met
BOUNDS_MS = tuple(
    map(
        float,
        (1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000),
    )
)
SPREAD = 0.6
FAR = 3.0  # of these from the median 0.1 % of the requests are left, and a bound tells nothing
NORMAL = NormalDist()
ROUGHLY = 25.0  # latencies are drawn for a score of bounds at each scrape: normal from this variance on


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
class Habit:
    """How an arm treats requests. failing: part that fails; slower: (bound in ms, part that takes longer), bounds rising."""

    failing: float
    slower: tuple[tuple[float, float], ...] = ()


def seconds(at: datetime) -> float:
    """A moment in the seconds of a simulation, which begins at 0."""
    return (at - BEGIN).total_seconds()


def thresholds(spec: RolloutSpec) -> tuple[timedelta, ...]:
    """The latencies of the slow-ratio objectives."""
    return tuple(one.threshold for one in spec.objectives if isinstance(one, SlowRatio))


def habits(spec: RolloutSpec, traffic: Traffic) -> tuple[Habit, Habit]:
    """What stable does, and the canary."""
    slow, asked = (traffic.baseline_slow, traffic.canary_slow), thresholds(spec)
    cuts, first = bounds(slow, asked), asked[0].total_seconds() * 1000 if asked else 0.0
    stable = habit(traffic.baseline_errors, traffic.baseline_slow, first, cuts)
    return stable, habit(traffic.canary_errors, traffic.canary_slow, first, cuts)


def bounds(slow: Iterable[float], asked_for: Sequence[timedelta]) -> tuple[float, ...]:
    """Where the histogram of all arms is cut, in ms, rising: at the thresholds, and where requests of some arm are."""
    asked = [threshold.total_seconds() * 1000 for threshold in asked_for]
    middles = [_middle(asked[0], part) for part in slow if asked and 0.0 < part < 1.0]
    near = [bound for bound in BOUNDS_MS for middle in middles if abs(log(bound) - middle) < FAR * SPREAD]
    return tuple(sorted({*near, *asked}))


def habit(failing: float, slow: float, threshold_ms: float, cuts: Iterable[float]) -> Habit:
    """The habit of an arm of whose requests `slow` (0.0-1.0) take longer than the threshold, in a histogram with these cuts."""
    if slow <= 0.0 or slow >= 1.0:
        return Habit(failing=failing, slower=tuple((cut, slow if cut >= threshold_ms else 1.0) for cut in cuts))
    middle = _middle(threshold_ms, slow)
    parts = ((cut, 1.0 - NORMAL.cdf((log(cut) - middle) / SPREAD)) for cut in cuts)
    return Habit(failing=failing, slower=tuple(parts))


def _middle(threshold_ms: float, slow: float) -> float:
    """The logarithm of the median latency."""
    return log(threshold_ms) - SPREAD * NORMAL.inv_cdf(1.0 - slow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod's counters: requests, bad ones, slower by bound. now: as of now; counts: of each, as they were scraped."""

    labels: tuple[tuple[str, str], ...]
    now: list[int]
    counts: tuple["array[float]", ...]


class Arm:
    """The pods of one revision. rate: requests per second that it gets; `turn` changes it."""

    def __init__(self, name: str, pods: int, habit: Habit, *, chance: Random, since: float) -> None:
        """since: when its pods began, in seconds; they are scraped first within SCRAPE_S after that."""
        self.rate = 0.0
        self._habit = habit
        self._chance = chance
        kinds = 2 + len(habit.slower)
        self._pods = [
            Pod(labels=(("pod", f"{name}-{number}"),), now=[0] * kinds, counts=tuple(array("d") for _ in range(kinds)))
            for number in range(pods)
        ]
        self._at = since
        self._next = since + chance.uniform(0.0, SCRAPE_S)
        self._times = array("d")  # of its scrapes, in seconds since 1970
        self._counts = [0] * kinds  # at the last scrape
        self._worst: list[float] = []  # of each scrape: see worst_since

    def forked(self, chance: Random) -> "Arm":
        """The same arm, which goes on by another chance from now on."""
        other = copy(self)
        other._chance, other._times, other._worst = chance, self._times[:], list(self._worst)
        other._pods = [
            replace(pod, now=list(pod.now), counts=tuple(of_kind[:] for of_kind in pod.counts)) for pod in self._pods
        ]
        return other

    @property
    def scrapes(self) -> int:
        """How often it was scraped."""
        return len(self._times)

    def live(self, until: float) -> None:
        """Let it be scraped up to `until`, in seconds. What comes by chance does not depend on how often this is asked."""
        while self._next <= until:
            self._serve(self._next)
            self._times.append((BEGIN + timedelta(seconds=self._next)).timestamp())
            for pod in self._pods:
                for of_kind, count in zip(pod.counts, pod.now, strict=True):
                    of_kind.append(float(count))
            counts = [sum(pod.now[kind] for pod in self._pods) for kind in range(len(self._counts))]
            requests, *bad = map(sub, counts, self._counts)
            self._worst.append(max(bad) / requests if requests else 0.0)
            self._counts = counts
            self._next += SCRAPE_S

    def turn(self, rate: float, at: float) -> None:
        """Let `rate` requests per second come from `at` on, where it lives already."""
        self._serve(at)
        self.rate = rate

    def failed(self, at: float) -> int:
        """Requests that failed up to `at`, where it lives already."""
        self._serve(at)
        return sum(pod.now[1] for pod in self._pods)

    def _serve(self, until: float) -> None:
        mean = self.rate * (until - self._at) / len(self._pods)
        self._at = until
        if mean <= 0.0:
            return
        for pod in self._pods:
            count, now = poisson(self._chance, mean), pod.now
            now[0] += count
            now[1] += binomial(self._chance, count, self._habit.failing)
            part = 1.0
            for place, (_, slower) in enumerate(self._habit.slower, start=2):
                count = binomial(self._chance, count, slower / part, ROUGHLY) if part > 0.0 else 0
                now[place] += count
                part = slower

    def worst_since(self, number: int) -> float:
        """The highest part of its requests (0.0-1.0) that failed, or was slow by any bound, at one scrape from `number` on."""
        return max(self._worst[number:], default=0.0)

    def answer(self, question: Question) -> Answer:
        """What a metrics server answers to the question for an objective that is judged from counters."""
        objective = question.objective
        match objective:
            case Query():
                return NoData(query="no query is simulated")
            case ErrorRatio():
                bad = 1
            case SlowRatio(threshold=threshold):
                bad = 2 + [bound for bound, _ in self._habit.slower].index(threshold.total_seconds() * 1000)
        read = self._reader(question.window)
        slower: tuple[Slower, ...] = ()
        if isinstance(objective, SlowRatio) and objective.method is Method.SEQUENTIAL:
            slower = tuple(
                Slower(bound=timedelta(milliseconds=bound), counters=read(place))
                for place, (bound, _) in enumerate(self._habit.slower, start=2)
            )
        return Counters(query=f"simulated {objective.name}", total=read(0), bad=read(bad), slower=slower)

    def _reader(self, window: Window) -> Callable[[int], tuple[Counter, ...]]:
        """What gives one number of all pods at the scrapes of a window, and at the one before it."""
        first = bisect_left(self._times, (window.start - REACH).timestamp())
        last = bisect_right(self._times, window.end.timestamp())
        times = self._times[first:last]
        return lambda kind: tuple(
            Counter(labels=pod.labels, points=Points(times=times, values=pod.counts[kind][first:last]))
            for pod in self._pods
        )
