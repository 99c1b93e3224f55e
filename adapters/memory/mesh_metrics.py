"""What do a mesh's metrics say where no metrics server is: what was scraped in memory?

Serves the demo and tests. Until something was scraped it has no series, like a new server.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from datetime import datetime, timedelta

from adapters.memory.mesh_answers import ANSWERS
from adapters.memory.mesh_series import NAME, Scraped, View
from rollout.model.telemetry import MeshAnswer, MeshQuestion

Labels = frozenset[tuple[str, str]]
RETENTION = timedelta(days=1)


class MemoryMeshMetrics:
    """Implements the port `MeshMetrics`."""

    def __init__(self, retention: timedelta = RETENTION) -> None:
        """retention: how long samples are kept. As with a real one, what is older is silently not known."""
        self._retention = retention
        self._scrapes: list[datetime] = []
        self._points: dict[Labels, list[tuple[datetime, float]]] = {}
        self._series: dict[Labels, Scraped] = {}  # the same points, as each question sees them
        self._problem = ""

    async def ask(self, question: MeshQuestion, now: datetime) -> MeshAnswer:
        """As a Prometheus would answer that had scraped the same; counts are exact, not extrapolated."""
        text = f"{question.asked} of {question.namespace}, window {question.window}, in memory"
        if self._problem:
            return MeshAnswer(question=question, query=text, series=None, problem=self._problem, at=now)
        found = ANSWERS[question.asked](self._view(question, now))
        ordered = tuple(sorted(found, key=lambda one: sorted(one.labels.items())))
        return MeshAnswer(question=question, query=text, series=ordered, at=now)

    def scrape(self, at: datetime, samples: Mapping[Labels, float]) -> None:
        """All that the proxies show at `at`, `up` included; a series that is not among it has ended."""
        insort(self._scrapes, at)
        for labels, value in samples.items():
            points = self._points.setdefault(labels, [])
            insort(points, (at, value))
            if labels not in self._series:
                self._series[labels] = Scraped(labels=dict(labels), points=points)
        self._forget(self._scrapes[-1] - self._retention)

    def down(self, problem: str) -> None:
        """Every question has this problem from now on, until `up`."""
        self._problem = problem

    def up(self) -> None:
        """Answer again."""
        self._problem = ""

    def _forget(self, before: datetime) -> None:
        del self._scrapes[: bisect_left(self._scrapes, before)]
        for labels, points in list(self._points.items()):
            del points[: bisect_left(points, before, key=lambda point: point[0])]
            if not points:
                del self._points[labels], self._series[labels]

    def _view(self, question: MeshQuestion, now: datetime) -> View:
        count = bisect_right(self._scrapes, now)
        return View(
            question=question,
            now=now,
            scraped=tuple(self._series.values()),
            last=self._scrapes[count - 1] if count else None,
        )


def sample(name: str, /, **labels: str) -> Labels:
    """The key of a series in a scrape."""
    return frozenset({NAME: name, **labels}.items())
