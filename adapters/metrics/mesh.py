"""What does a Prometheus (or what speaks its API) say of a mesh?"""

import time
from datetime import datetime

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.answers import Series as Points
from adapters.metrics.answers import newest, warning
from adapters.metrics.line import QueryError
from adapters.metrics.lines import Lines
from adapters.metrics.mesh_queries import COUNTER, INBOUND, QUERIES, query
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
            found = () if problem else newest(answer, self._access.most_series, ADVICE)
        except QueryError as error:
            return MeshAnswer(question=question, query=asked, series=None, problem=str(error), at=now)
        if problem:
            return MeshAnswer(question=question, query=asked, series=None, problem=problem, at=now)
        return MeshAnswer(question=question, query=asked, series=_sorted(found), at=now)

    async def close(self) -> None:
        """Break off running queries and give the connections back."""
        await self._lines.close()


def _sorted(found: tuple[Points, ...]) -> tuple[Series, ...]:
    every = (Series(labels=_labels(one), value=value, at=at) for one in found for at, value in one.points)
    return tuple(sorted(every, key=lambda one: sorted(one.labels.items())))


def _labels(one: Points) -> dict[str, str]:
    """With the counter under its usual name."""
    return {NAME if name == COUNTER and NAME not in one.labels else name: value for name, value in one.labels.items()}
