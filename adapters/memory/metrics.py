"""What do the metrics say where no metrics server is: what they were told to?

Serves `simulate` and tests. Until told otherwise every objective has no data.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from rollout.model.measurement import Answer, Arm, Counter, Counters, Failed, NoData, Question, Slower, Value
from rollout.model.points import points_of

LOOKBACK = timedelta(minutes=2)  # before the window, as the real ones answer it
SCRAPES = timedelta(seconds=15)
KEPT = 1000  # of the questions at least: `serve` without a metrics server asks for ever

Told = Answer | Callable[[Question], Answer]

EVERYTHING = ""


class Scrape(NamedTuple):
    """What a pod had counted in all when it was scraped. slower: requests slower than each bound that was told."""

    at: datetime
    total: float
    bad: float = 0
    slower: tuple[float, ...] = ()


class MemoryMetrics:
    """Implements the port `Metrics`. asked: the newest questions, oldest first."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self._told: dict[tuple[str, str], Told] = {}
        self._told_of_arm: dict[tuple[str, Arm], Callable[[Question], Answer]] = {}
        self._outage = ""

    async def measure(self, question: Question) -> Answer:
        """What was told of this objective's arm, else of it and the revision, else of the objective, else of all."""
        self.asked.append(question)
        if len(self.asked) > 2 * KEPT:
            del self.asked[:-KEPT]
        objective = question.objective
        if self._outage:
            return Failed(query=objective.name, error=self._outage)
        if of_arm := self._told_of_arm.get((objective.name, question.arm)):
            return of_arm(question)
        for key in ((objective.name, question.revision), (objective.name, EVERYTHING), (EVERYTHING, EVERYTHING)):
            if key in self._told:
                told = self._told[key]
                return told(question) if callable(told) else told
        return NoData(query=objective.name)

    def tell(self, objective: str, told: Told, *, revision: str = EVERYTHING) -> None:
        """Answer so from now on, for one revision or for all; a function is asked each time. objective "": any."""
        self._told[objective, revision] = told

    def tell_value(self, objective: str, value: float, *, revision: str = EVERYTHING) -> None:
        """Answer a free query with this number."""
        self.tell(objective, Value(query=objective, value=value), revision=revision)

    def tell_requests(self, objective: str, *, total: float, bad: float, revision: str = EVERYTHING) -> None:
        """Answer a ratio with so many requests and bad ones in whatever window is asked for.

        Stable beside the canary has as many requests, and had them in each minute of its history, and none is bad.
        """

        def answer(question: Question) -> Answer:
            match question.arm:
                case Arm.CANARY:
                    return counted(question, total=total, bad=bad)
                case Arm.STABLE:
                    return counted(question, total=total, bad=0)
                case Arm.HISTORY:
                    return told_pods(question, {"stable-0": _steady(question, total)}, ())

        self.tell(objective, answer, revision=revision)

    def tell_pods(
        self, objective: str, arm: Arm, pods: Mapping[str, Sequence[Scrape]], bounds: Iterable[timedelta] = ()
    ) -> None:
        """Answer a ratio for one arm with the scrapes of these pods, as far as the window reaches."""
        rising = tuple(bounds)
        self._told_of_arm[objective, arm] = lambda question: told_pods(question, pods, rising)

    def fail(self, error: str) -> None:
        """An outage: every query fails with this error until `recover`."""
        self._outage = error

    def recover(self) -> None:
        """The end of an outage."""
        self._outage = ""


def counted(question: Question, *, total: float, bad: float) -> Counters:
    """Counters of one pod that grew by so much inside the question's window, scraped before its start and at its end.

    No bad requests are no series of bad requests, as with real servers.
    """
    window = question.window
    before = window.start - timedelta(seconds=1)
    pod = min(question.pods, default=f"{question.workload or question.backend}-0")

    def grown(by: float) -> Counter:
        scrapes = ((before.timestamp(), 0.0), (window.end.timestamp(), by))
        return Counter(labels=(("pod", pod),), points=points_of(scrapes))

    return Counters(query=question.objective.name, total=(grown(total),), bad=(grown(bad),) if bad else ())


def told_pods(question: Question, pods: Mapping[str, Sequence[Scrape]], bounds: Sequence[timedelta]) -> Answer:
    """The scrapes of the window and a little before it; a pod that is in none of them is left out."""
    since, until = question.window.start - LOOKBACK, question.window.end
    seen = {pod: [one for one in scrapes if since <= one.at <= until] for pod, scrapes in pods.items()}

    def counters(value: Callable[[Scrape], float]) -> tuple[Counter, ...]:
        return tuple(
            Counter(labels=(("pod", pod),), points=points_of((one.at.timestamp(), value(one)) for one in scrapes))
            for pod, scrapes in seen.items()
            if scrapes
        )

    def slower(index: int) -> tuple[Counter, ...]:
        return counters(lambda one: one.slower[index])

    if not any(seen.values()):
        return NoData(query=question.objective.name)
    return Counters(
        query=question.objective.name,
        total=counters(lambda one: one.total),
        bad=counters(lambda one: one.bad),
        slower=tuple(Slower(bound=bound, counters=slower(index)) for index, bound in enumerate(bounds)),
    )


def _steady(question: Question, per_minute: float) -> tuple[Scrape, ...]:
    """A pod that got the same number of requests in each minute, none of them bad."""
    start, length = question.window.start, question.window.end - question.window.start
    each = per_minute * (SCRAPES / timedelta(minutes=1))
    return tuple(Scrape(at=start + index * SCRAPES, total=index * each) for index in range(length // SCRAPES + 1))
