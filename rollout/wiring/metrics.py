"""How is the metrics server reached that the settings name?

Only once there is a question: the libraries that ask are several MiB, and a fleet at rest asks nothing.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.metrics.access import PrometheusAccess
from rollout.model.measurement import Answer, Question
from rollout.model.telemetry import MeshAnswer, MeshQuestion
from rollout.ports.mesh_metrics import MeshMetrics
from rollout.ports.metrics import Metrics
from rollout.settings import Settings

if TYPE_CHECKING:
    from adapters.metrics.mesh import PrometheusMeshMetrics
    from adapters.metrics.prometheus import PrometheusMetrics


def metrics_by(settings: Settings, stack: AsyncExitStack) -> Metrics:
    """Prometheus; without a URL every question fails, which holds each step that has an objective."""
    from adapters.memory.metrics import MemoryMetrics

    if not settings.prometheus_url:
        nobody = MemoryMetrics()
        nobody.fail("no metrics server is set: start the controller with --prometheus-url")
        return nobody
    late = LateMetrics(access(settings))
    stack.push_async_callback(late.close)
    return late


def mesh_metrics_by(settings: Settings, stack: AsyncExitStack) -> MeshMetrics:
    """The mesh's metrics in Prometheus; without a URL no question is answered, which holds every gate."""
    from adapters.memory.mesh_metrics import MemoryMeshMetrics

    if not settings.prometheus_url:
        nobody = MemoryMeshMetrics()
        nobody.down("no metrics server is set: name one with --prometheus-url")
        return nobody
    late = LateMeshMetrics(access(settings), settings.mesh_inbound)
    stack.push_async_callback(late.close)
    return late


def access(settings: Settings) -> PrometheusAccess:
    """Where Prometheus is, as whom it is asked, and within which bounds."""
    return PrometheusAccess(
        url=settings.prometheus_url,
        mesh=settings.prometheus_mesh.value,
        deadline=settings.prometheus_timeout,
        bearer_file=settings.prometheus_bearer_file,
        username=settings.prometheus_username,
        password=settings.prometheus_password.get_secret_value(),
        ca_file=settings.prometheus_ca_file,
        certificate_file=settings.prometheus_cert_file,
        key_file=settings.prometheus_key_file,
        headers=tuple(sorted(settings.prometheus_headers.items())),
    )


@dataclass(slots=True)
class LateMetrics:
    """The port `Metrics`; connects with the first question. Close it when done."""

    access: PrometheusAccess
    _asked: "PrometheusMetrics | None" = None

    async def measure(self, question: Question) -> Answer:
        """The answer to one question."""
        if self._asked is None:
            from adapters.metrics.prometheus import PrometheusMetrics

            self._asked = PrometheusMetrics(self.access)
        return await self._asked.measure(question)

    async def close(self) -> None:
        """Break off running queries and give the connections back."""
        if self._asked is not None:
            await self._asked.close()


@dataclass(slots=True)
class LateMeshMetrics:
    """The port `MeshMetrics`; connects with the first question. Close it when done.

    inbound: the expression for Envoy's listener of inbound connections.
    """

    access: PrometheusAccess
    inbound: str
    _asked: "PrometheusMeshMetrics | None" = None

    async def ask(self, question: MeshQuestion, now: datetime) -> MeshAnswer:
        """The answer as of `now`."""
        if self._asked is None:
            from adapters.metrics.mesh import PrometheusMeshMetrics

            self._asked = PrometheusMeshMetrics(self.access, inbound=self.inbound)
        return await self._asked.ask(question, now)

    async def close(self) -> None:
        """Break off running queries and give the connections back."""
        if self._asked is not None:
            await self._asked.close()
