"""What does a Prometheus (or what speaks its API) say of one objective?"""

import asyncio
import time
from typing import assert_never

from adapters.metrics.access import AUTO, PrometheusAccess
from adapters.metrics.answers import Labels, Series, counters, single
from adapters.metrics.buckets import bounds, lacks_one, sides, slower, wanted_bounds
from adapters.metrics.joining import Joint
from adapters.metrics.line import QueryError
from adapters.metrics.lines import Lines
from adapters.metrics.looks import looks_of
from adapters.metrics.native import as_classic
from adapters.metrics.promql import PromqlError, filled
from adapters.metrics.queries import MESHES, Mesh, is_match, latency_selector, placeholders, request_sources
from adapters.metrics.reading import PartialError, Reader
from rollout.model.measurement import Answer, Counters, Failed, NoData, Partial, Question, Slower
from rollout.model.rollout import ErrorRatio, Method, Query, SlowRatio

REMEMBERED = 300.0  # seconds for which a rollout's mesh is not looked for again


class PrometheusMetrics:
    """Implements the port `Metrics`. Close it when done; queries that still run are broken off."""

    def __init__(self, access: PrometheusAccess) -> None:
        """Raises ValueError for a mesh that is no row of the table."""
        if access.mesh not in {AUTO, *MESHES}:
            raise ValueError(f"mesh {access.mesh!r} must be one of: {', '.join((AUTO, *MESHES))}")
        self._access = access
        self._lines = Lines(access)
        self._joint = Joint(access, self._lines)
        self._reader = Reader(self._joint, access.most_series)
        self._mesh_of: dict[tuple[str, str], tuple[str, float]] = {}

    async def measure(self, question: Question) -> Answer:
        """The answer to one question within `access.deadline`; never raises."""
        deadline = time.monotonic() + self._access.deadline.total_seconds()
        match question.objective:
            case Query() as objective:
                return await self._free(objective, question, deadline)
            case ErrorRatio() | SlowRatio():
                return await self._ratio(question, deadline)
            case _:
                assert_never(question.objective)

    async def close(self) -> None:
        """Break off running queries and give the connections back."""
        await self._joint.close()
        await self._lines.close()

    async def _free(self, objective: Query, question: Question, deadline: float) -> Answer:
        try:
            query = filled(objective.query, placeholders(question))
        except PromqlError as error:
            return Failed(query=objective.query, error=str(error))
        try:
            if objective.looks == 1:
                return single(query, await self._lines.ask(query, question.window.end, deadline))
            looks = looks_of(question.window, objective.looks, question.every)
            if looks is None:
                return NoData(query=query)
            answer = await self._lines.ask(looks.subquery(query), looks.newest, deadline)
            return looks.value(query, answer, self._access.most_series)
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
        """Keep the mesh that had data, from the first time on; what is over goes, which is first in the row."""
        now, known = time.monotonic(), self._mesh_of
        while known and known[oldest := next(iter(known))][1] <= now:
            del known[oldest]
        if isinstance(answer, Counters):
            known.setdefault((question.namespace, question.rollout), (name, now + REMEMBERED))

    async def _of_mesh(self, mesh: Mesh, question: Question, deadline: float) -> Answer:
        query = mesh.requests
        try:
            match question.objective:
                case ErrorRatio():
                    query = " or ".join(source.series.text for source in request_sources(mesh, question)) or query
                    return await self._errors(query, mesh, question, deadline)
                case SlowRatio() as objective:
                    selector = latency_selector(mesh, question)
                    query = selector.text if selector is not None else mesh.latency
                    return await self._slow(query, objective, mesh, question, deadline)
                case _:
                    return Failed(query=query, error="only ratios have built-in queries")
        except PartialError as error:
            return Partial(query=query, warning=str(error))
        except (PromqlError, QueryError) as error:
            return Failed(query=query, error=str(error))

    async def _errors(self, query: str, mesh: Mesh, question: Question, deadline: float) -> Answer:
        sources = request_sources(mesh, question)
        found = await self._reader.read([one.series for one in sources], question, deadline)
        pairs = [(source, one) for source, part in zip(sources, found, strict=True) for one in part]
        if not pairs:
            return NoData(query=query)
        known: dict[Labels, Labels] = {}
        return Counters(
            query=query,
            total=counters((one for source, one in pairs if is_match(one.labels, source.counted)), known),
            bad=counters((one for source, one in pairs if is_match(one.labels, source.bad)), known),
        )

    async def _slow(self, query: str, objective: SlowRatio, mesh: Mesh, question: Question, deadline: float) -> Answer:
        """Only the buckets that are needed are read, and all where the histogram has not got one of them.

        Judged sequentially without bounds in the question, every bucket is needed; by a threshold the one that ends there.
        """
        is_sequential = objective.method is Method.SEQUENTIAL
        needed = question.bounds if is_sequential else ()
        le = wanted_bounds(objective.threshold, *needed) if needed is not None else ()
        found = await self._histograms(mesh, question, deadline, le)
        if needed and lacks_one(found, needed):
            found = await self._histograms(mesh, question, deadline)
        if not found:
            return NoData(query=query)
        whole = as_classic(found, objective.threshold)
        try:
            every, slow = sides(whole, objective.threshold)
        except QueryError as error:
            all_bounds = found if needed is None else await self._histograms(mesh, question, deadline)
            known = bounds(as_classic(all_bounds, objective.threshold))
            raise QueryError(f"{error}; set the objective's threshold to one of these, in ms: {known}") from error
        beyond, labels = slower(whole) if is_sequential else (), dict[Labels, Labels]()
        return Counters(
            query=query,
            total=counters(every, labels),
            bad=counters(slow, labels),
            slower=tuple(Slower(bound=bound, counters=counters(part, labels)) for bound, part in beyond),
        )

    async def _histograms(
        self, mesh: Mesh, question: Question, deadline: float, le: tuple[str, ...] = ()
    ) -> tuple[Series, ...]:
        """The buckets of these bounds, or all; () where no label names the revision."""
        selector = latency_selector(mesh, question, le)
        if selector is None:
            return ()
        (found,) = await self._reader.read([selector], question, deadline)
        return found
