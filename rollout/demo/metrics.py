"""Which values did Envoy's counters have, and when were they read?

Stands in for a Prometheus server where none is installed: it reads Envoy's page once a second and keeps a short history.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp

from rollout.demo.exposition import ExpositionError, Sample, parse

KEPT_NAMES = re.compile(  # of some 100 per cluster; those that say how requests to a backend fared
    r"envoy_cluster_(membership_(healthy|total)"
    r"|upstream_rq(_xx|_total|_completed|_timeout|_time_(bucket|sum|count)|_(rx|tx)_reset)?"
    r"|upstream_cx_(total|connect_fail|connect_timeout|none_healthy|destroy_(local|remote)_with_active_rq))"
)
SECOND = timedelta(seconds=1)
HISTORY = timedelta(minutes=15)

Matcher = Callable[[Mapping[str, str]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One time series: its labels with __name__, and (time read, value) from old to new."""

    labels: Mapping[str, str]
    points: tuple[tuple[datetime, float], ...]


@dataclass(slots=True, kw_only=True)
class History:
    """The last values of every series."""

    keep: timedelta = HISTORY
    _points: dict[tuple[tuple[str, str], ...], deque[tuple[datetime, float]]] = field(default_factory=dict)

    def add(self, samples: Iterable[Sample], extra: Mapping[str, str], at: datetime) -> None:
        """Remember one page, read at `at`; a page's own label goes before an extra one."""
        for sample in samples:
            key = tuple(sorted({**extra, **sample.labels, "__name__": sample.name}.items()))
            points = self._points.setdefault(key, deque())
            points.append((at, sample.value))
            while points[0][0] < at - self.keep:
                points.popleft()

    def select(self, is_wanted: Matcher, start: datetime, end: datetime) -> list[Series]:
        """The series whose labels are wanted, with their points of start < time <= end; none without points."""
        found = []
        for key, points in sorted(self._points.items()):
            known = dict(key)
            if is_wanted(known) and (within := tuple(point for point in points if start < point[0] <= end)):
                found.append(Series(labels=known, points=within))
        return found


class Scraper:
    """Reads one page again and again. `up` is 1 when it could be read, else 0, as in Prometheus."""

    def __init__(self, url: str, labels: Mapping[str, str] | None = None, every: timedelta = SECOND) -> None:
        """url: of the page; labels: put on every series, as a scrape configuration would (job, instance, pod, ...)."""
        self._url = url
        self._labels = dict(labels or {})
        self._every = every
        self.history = History()

    async def run(self) -> None:
        """Read for ever; cancel to end."""
        timeout = aiohttp.ClientTimeout(total=self._every.total_seconds() * 2)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await self.scrape(session)
                await asyncio.sleep(self._every.total_seconds())

    async def scrape(self, session: aiohttp.ClientSession) -> None:
        """Read once."""
        at = datetime.now(UTC)
        try:
            async with session.get(self._url) as answer:
                answer.raise_for_status()
                samples = [sample for sample in parse(await answer.text()) if KEPT_NAMES.fullmatch(sample.name)]
        except (aiohttp.ClientError, TimeoutError, ExpositionError):
            samples, is_up = [], 0.0
        else:
            is_up = 1.0
        self.history.add([*samples, Sample(name="up", labels={}, value=is_up)], self._labels, at)

    def series(self, name: str, labels: Mapping[str, str], start: datetime, end: datetime) -> list[Series]:
        """The series of that name that carry all these labels, with their points of start < time <= end."""
        wanted = {**labels, "__name__": name}.items()
        return self.history.select(lambda known: wanted <= known.items(), start, end)
