"""How is `rollout check` wired?"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from rollout.ports.server import Probe, Server

if TYPE_CHECKING:
    from rollout.wiring.tools import Cluster


def server(cluster: "Cluster") -> Server:
    """The API server of a cluster."""
    from adapters.kube.server import KubeServer

    return KubeServer(cluster.api)


def now() -> datetime:
    """This machine's time."""
    from adapters.clock import SystemClock

    return SystemClock().now()


@asynccontextmanager
async def probing(url: str) -> AsyncIterator[Probe]:
    """The Prometheus at `url`."""
    from adapters.metrics.access import PrometheusAccess
    from adapters.metrics.probe import PrometheusProbe

    probe = PrometheusProbe(PrometheusAccess(url=url))
    try:
        yield probe
    finally:
        await probe.close()
