"""What would a metrics server know of an arm whose requests come and fail by chance?

Requests are Poisson, failures and slow ones binomial, spread evenly over the arm's pods. The pods' counters are scraped
every SCRAPE_S seconds, all pods of an arm at one instant, which is another than the other arm's.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import log
from random import Random
from statistics import NormalDist

from rollout.model.measurement import Answer, Counter, Counters, NoData, Question, Slower, Window
from rollout.model.rollout import ErrorRatio, Method, Query, SlowRatio
from rollout.services.simulate_chance import binomial, poisson

SCRAPE_S = 15.0
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)  # any moment: only distances matter
REACH = timedelta(seconds=SCRAPE_S)  # the scrape before the window belongs to an answer
# Istio's istio_request_duration_milliseconds; and how spread latencies of a service are (lognormal), both as usually met
BOUNDS_MS = (
    0.5,
    1,
    5,
    10,
    25,
    50,
    100,
    250,
    500,
    1000,
    2500,
    5000,
    10000,
    30000,
    60000,
    300000,
    600000,
    1800000,
    3600000,
)
SPREAD = 0.6
ROUGHLY = 25.0  # latencies are drawn for a score of bounds at each scrape: normal from this variance on


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How an arm treats requests. failing: part that fails; slower: (bound in ms, part that takes longer), bounds rising."""

    failing: float
    slower: tuple[tuple[float, float], ...] = ()


def habit(failing: float, slow: float, thresholds: Sequence[timedelta]) -> Habit:
    """The habit of an arm of whose requests `slow` (0.0-1.0) take longer than the first threshold; () has no latencies."""
    asked = [threshold.total_seconds() * 1000 for threshold in thresholds]
    if not asked:
        return Habit(failing=failing)
    bounds = sorted({float(bound) for bound in (*BOUNDS_MS, *asked)})
    if slow <= 0.0 or slow >= 1.0:
        return Habit(failing=failing, slower=tuple((bound, slow if bound >= asked[0] else 1.0) for bound in bounds))
    normal = NormalDist()
    middle = log(asked[0]) - SPREAD * normal.inv_cdf(1.0 - slow)
    parts = ((bound, 1.0 - normal.cdf((log(bound) - middle) / SPREAD)) for bound in bounds)
    return Habit(failing=failing, slower=tuple(parts))


@dataclass(slots=True)
class Pod:
    """One pod's counters. requests, bad: as of now; seen: (requests, bad, slower by bound) at each scrape."""

    name: str
    now: list[int]
    seen: list[tuple[int, ...]] = field(default_factory=list)


class Arm:
    """The pods of one revision. rate: requests per second that it gets from now on; failed: those that failed so far."""

    def __init__(self, name: str, pods: int, habit: Habit, *, chance: Random, since: float) -> None:
        """since: when its pods began, in seconds; they are scraped first within SCRAPE_S after that."""
        self.rate = 0.0
        self._habit = habit
        self._chance = chance
        self._pods = [Pod(name=f"{name}-{number}", now=[0] * (2 + len(habit.slower))) for number in range(pods)]
        self._at = since
        self._next = since + chance.uniform(0.0, SCRAPE_S)
        self._times: list[datetime] = []

    @property
    def failed(self) -> int:
        """Requests that failed so far."""
        return sum(pod.now[1] for pod in self._pods)

    def live(self, until: float) -> None:
        """Let time pass up to `until`, in seconds, scraped meanwhile."""
        while self._next <= until:
            self._serve(self._next)
            self._times.append(BEGIN + timedelta(seconds=self._next))
            for pod in self._pods:
                pod.seen.append(tuple(pod.now))
            self._next += SCRAPE_S
        self._serve(until)

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
        first = bisect_left(self._times, window.start - REACH)
        last = bisect_right(self._times, window.end)
        times = self._times[first:last]

        def read(place: int) -> tuple[Counter, ...]:
            return tuple(
                Counter(
                    labels=(("pod", pod.name),),
                    points=tuple(
                        (at, float(seen[place])) for at, seen in zip(times, pod.seen[first:last], strict=True)
                    ),
                )
                for pod in self._pods
            )

        return read
