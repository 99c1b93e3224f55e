"""What does a Prometheus (or what speaks its API) say of a mesh?"""

import time
from dataclasses import replace
from datetime import UTC, datetime

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.answers import Series as Points
from adapters.metrics.answers import newest, warning
from adapters.metrics.line import QueryError
from adapters.metrics.lines import Lines
from adapters.metrics.mesh_queries import COUNTER, INBOUND, QUERIES, SCRAPE_TIMES, query
from rollout.model.migration import MeshKind
from rollout.model.telemetry import MeshAnswer, MeshQuestion, Series

NAME = "__name__"
ADVICE = "drop labels of the mesh's metrics that nobody needs (Telemetry tagOverrides, or relabelling)"


class PrometheusMeshMetrics:
    """Implements the port `MeshMetrics`. Close it when done; queries that still run are broken off."""

    def __init__(
        self, access: PrometheusAccess, mesh: MeshKind = MeshKind.ISTIO_SIDECAR, inbound: str = INBOUND
    ) -> None:
        """inbound: expression for the listener_address of inbound listeners. Raises ValueError for an unknown mesh."""
        if any(mesh not in row for row in QUERIES.values()):
            raise ValueError(f"the metrics of the mesh {mesh.value!r} are not known here")
        self._access = access
        self._mesh = mesh
        self._inbound = inbound
        self._lines = Lines(access)

    async def ask(self, question: MeshQuestion, now: datetime) -> MeshAnswer:
        """The answer within `access.deadline`, of which waiting for a connection is part; never raises.

        An answer that the server itself calls partial is none.
        """
        asked = query(question, self._mesh, self._inbound)
        deadline = time.monotonic() + self._access.deadline.total_seconds()
        try:
            answer = await self._lines.ask(asked, now, deadline)
            problem = warning(answer)
            found = None if problem else _told(question, newest(answer, self._access.most_series, ADVICE))
        except QueryError as error:
            found, problem = None, str(error)
        return MeshAnswer(question=question, query=asked, series=found, problem=problem, at=now)

    async def close(self) -> None:
        """Break off running queries and give the connections back."""
        await self._lines.close()


def _told(question: MeshQuestion, found: tuple[Points, ...]) -> tuple[Series, ...]:
    """Sorted. Raises QueryError for a time of a scrape that is none."""
    told = (Series(labels=_labels(one), value=value, at=_moment(at)) for one in found for at, value in one.points)
    if question.asked in SCRAPE_TIMES:
        told = (replace(one, value=1, at=_moment(one.value)) for one in told)
    return tuple(sorted(told, key=lambda one: sorted(one.labels.items())))


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise QueryError(f"{seconds:g} is no time of a scrape") from error


def _labels(one: Points) -> dict[str, str]:
    """With the counter under its usual name."""
    return {NAME if name == COUNTER and NAME not in one.labels else name: value for name, value in one.labels.items()}
