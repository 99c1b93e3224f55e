"""What does a Prometheus (or what speaks its API) say of one objective?"""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from math import ceil
from typing import assert_never

from adapters.metrics.access import AUTO, PrometheusAccess
from adapters.metrics.answers import Series, joined, series, single, warning
from adapters.metrics.births import scrapes_selector, with_births
from adapters.metrics.buckets import bounds, sides, wanted_bounds
from adapters.metrics.line import QueryError
from adapters.metrics.lines import Lines
from adapters.metrics.promql import PromqlError, filled
from adapters.metrics.queries import MESHES, Mesh, is_match, latency_selector, placeholders, request_sources
from rollout.model.measurement import Answer, Counters, Failed, NoData, Partial, Question, Window
from rollout.model.rollout import ErrorRatio, Query, SlowRatio

LOOKBACK = timedelta(minutes=2)  # before the window, to tell old series from young ones
LONGEST_RAW_S = 1800  # of longer windows the server thins out all points but the newest
THINNED = 240  # points of a thinned series
RAW_TAIL_S = 600
REMEMBERED = 300.0  # seconds for which a rollout's mesh is not looked for again


class _PartialError(Exception):
    """The server answered with a warning."""


class PrometheusMetrics:
    """Implements the port `Metrics`. Close it when done; queries that still run are broken off."""

    def __init__(self, access: PrometheusAccess) -> None:
        """Raises ValueError for a mesh that is no row of the table."""
        if access.mesh not in {AUTO, *MESHES}:
            raise ValueError(f"mesh {access.mesh!r} must be one of: {', '.join((AUTO, *MESHES))}")
        self._access = access
        self._lines = Lines(access)
        self._mesh_of: dict[tuple[str, str], tuple[str, float]] = {}

    async def measure(self, question: Question) -> Answer:
        """The answer to one question within `access.deadline`; never raises."""
        deadline = time.monotonic() + self._access.deadline.total_seconds()
        match question.objective:
            case Query(query=query):
                return await self._single(query, question, deadline)
            case ErrorRatio() | SlowRatio():
                return await self._ratio(question, deadline)
            case _:
                assert_never(question.objective)

    async def close(self) -> None:
        """Break off running queries and give the connections back."""
        await self._lines.close()

    async def _single(self, template: str, question: Question, deadline: float) -> Answer:
        try:
            query = filled(template, placeholders(question))
        except PromqlError as error:
            return Failed(query=template, error=str(error))
        try:
            return single(query, await self._lines.ask(query, question.window.end, deadline))
        except QueryError as error:
            return Failed(query=query, error=str(error))

    async def _ratio(self, question: Question, deadline: float) -> Answer:
        """The first mesh that has the series answers, and is the only one asked for some minutes."""
        names = self._meshes(question)
        answers = await asyncio.gather(*(self._of_mesh(MESHES[name], question, deadline) for name in names))
        for name, answer in zip(names, answers, strict=True):
            if not isinstance(answer, NoData):
                self._remember(question, name, answer)
                return answer
        return NoData(query=" or ".join(answer.query for answer in answers))

    def _meshes(self, question: Question) -> tuple[str, ...]:
        if self._access.mesh != AUTO:
            return (self._access.mesh,)
        name, until = self._mesh_of.get((question.namespace, question.rollout), ("", 0.0))
        return (name,) if time.monotonic() < until else tuple(MESHES)

    def _remember(self, question: Question, name: str, answer: Answer) -> None:
        """Keep the mesh that had data, from the first time on; what is over goes."""
        now, key = time.monotonic(), (question.namespace, question.rollout)
        self._mesh_of = {known: kept for known, kept in self._mesh_of.items() if kept[1] > now}
        if isinstance(answer, Counters):
            self._mesh_of.setdefault(key, (name, now + REMEMBERED))

    async def _of_mesh(self, mesh: Mesh, question: Question, deadline: float) -> Answer:
        query = mesh.requests
        try:
            match question.objective:
                case ErrorRatio():
                    query = " or ".join(source.selector for source in request_sources(mesh, question)) or query
                    return await self._errors(query, mesh, question, deadline)
                case SlowRatio(threshold=threshold):
                    query = latency_selector(mesh, question) or mesh.latency
                    return await self._slow(query, mesh, question, threshold, deadline)
                case _:
                    return Failed(query=query, error="only ratios have built-in queries")
        except _PartialError as error:
            return Partial(query=query, warning=str(error))
        except (PromqlError, QueryError) as error:
            return Failed(query=query, error=str(error))

    async def _errors(self, query: str, mesh: Mesh, question: Question, deadline: float) -> Answer:
        sources = request_sources(mesh, question)
        found = await asyncio.gather(*(self._range(one.selector, question.window, deadline) for one in sources))
        whole = await self._with_births([one for part in found for one in part], question.window, deadline)
        if not whole:
            return NoData(query=query)
        origin = [source for source, part in zip(sources, found, strict=True) for _ in part]
        pairs = list(zip(origin, whole, strict=True))
        return Counters(
            query=query,
            total=tuple(one.counter() for source, one in pairs if is_match(one.labels, source.counted)),
            bad=tuple(one.counter() for source, one in pairs if is_match(one.labels, source.bad)),
        )

    async def _slow(self, query: str, mesh: Mesh, question: Question, threshold: timedelta, deadline: float) -> Answer:
        selector = latency_selector(mesh, question, wanted_bounds(threshold))
        found = await self._range(selector, question.window, deadline) if selector else ()
        if not found:
            return NoData(query=query)
        try:
            every, slow = sides(found, threshold)
        except QueryError as error:
            known = bounds(await self._range(query, question.window, deadline))
            raise QueryError(f"{error}; set the objective's threshold to one of these, in ms: {known}") from error
        whole = await self._with_births([*every, *slow], question.window, deadline)
        counters = tuple(one.counter() for one in whole)
        return Counters(query=query, total=counters[: len(every)], bad=counters[len(every) :])

    async def _range(self, selector: str, window: Window, deadline: float) -> tuple[Series, ...]:
        """All points of the window and a little before it. Raises QueryError and _PartialError."""
        seconds = ceil((window.end - window.start + LOOKBACK).total_seconds())
        if seconds <= LONGEST_RAW_S:
            return await self._points(f"{selector}[{seconds}s]", window, deadline)
        older, newer = await asyncio.gather(
            self._points(f"{selector}[{seconds}s:{ceil(seconds / THINNED)}s]", window, deadline),
            self._points(f"{selector}[{RAW_TAIL_S}s]", window, deadline),
        )
        return joined(older, newer)

    async def _points(self, query: str, window: Window, deadline: float) -> tuple[Series, ...]:
        answer = await self._lines.ask(query, window.end, deadline)
        if warned := warning(answer):
            raise _PartialError(warned)
        return series(answer, self._access.most_series)

    async def _with_births(self, found: Sequence[Series], window: Window, deadline: float) -> tuple[Series, ...]:
        """The series, each with a 0 before its first point where it is known to be younger than its target.

        One more query, only while there are series that no scrape before the window shows; without its answer their
        first values are not counted.
        """
        selector = scrapes_selector(found, window.start)
        if not selector:
            return tuple(found)
        try:
            return with_births(found, window.start, await self._range(selector, window, deadline))
        except (QueryError, _PartialError):
            return tuple(found)
