"""What do the metrics say where no metrics server is: what they were told to?

Serves `simulate` and tests. Until told otherwise every objective has no data.
"""

from collections.abc import Callable
from datetime import timedelta

from rollout.model.measurement import Answer, Counter, Counters, Failed, NoData, Question, Value

Told = Answer | Callable[[Question], Answer]

EVERYTHING = ""


class MemoryMetrics:
    """Implements the port `Metrics`. asked: every question so far, oldest first."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self._told: dict[tuple[str, str], Told] = {}
        self._outage = ""

    async def measure(self, question: Question) -> Answer:
        """What was told of this objective and revision, else of this objective, else of all of them."""
        self.asked.append(question)
        objective = question.objective
        if self._outage:
            return Failed(query=objective.name, error=self._outage)
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
        """Answer a ratio with so many requests and bad ones in whatever window is asked for."""
        self.tell(objective, lambda question: counted(question, total=total, bad=bad), revision=revision)

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
        return Counter(labels=(("pod", pod),), points=((before, 0.0), (window.end, by)))

    return Counters(query=question.objective.name, total=(grown(total),), bad=(grown(bad),) if bad else ())
