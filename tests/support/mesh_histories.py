"""How do a real Prometheus and its stand-in in memory come to know the same hour of a mesh?"""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.memory.mesh_metrics import Labels, MemoryMeshMetrics, sample
from adapters.memory.mesh_series import NAME
from rollout.model.telemetry import Asked, MeshQuestion
from tests.servers.build import promtool
from tests.servers.missing import obtained
from tests.servers.prometheus import Prometheus

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WINDOW = 15 * MINUTE
PATIENCE_S = 60
REQUESTS, OPENED, CLOSED = (
    "istio_requests_total",
    "istio_tcp_connections_opened_total",
    "istio_tcp_connections_closed_total",
)

Values = Sequence[float | None]  # of one scrape a minute, the last at NOW; None where it was not there
Histories = Mapping[Labels, Values]


def ending(*values: float | None, after: float | None = None) -> Values:
    """An hour that ends with these values, one a minute; `after` is the value before them."""
    return [after] * (61 - len(values)) + list(values)


def asked(about: Asked, namespace: str, window: timedelta = WINDOW) -> MeshQuestion:
    """A question."""
    return MeshQuestion(asked=about, namespace=namespace, window=window)


def plaintext(namespace: str, name: str = REQUESTS, **labels: str) -> Labels:
    """A counter of what came without mTLS, as the destination's proxy shows it."""
    own = {"reporter": "destination", "connection_security_policy": "none", "destination_workload_namespace": namespace}
    return sample(name, **own | labels)


def mutual(namespace: str, name: str = REQUESTS, **labels: str) -> Labels:
    """The same of what came with mTLS."""
    return plaintext(namespace, name, **{"connection_security_policy": "mutual_tls", **labels})


def scrapes(histories: Histories) -> Iterator[tuple[datetime, Mapping[Labels, float]]]:
    """Each scrape of the hour, oldest first."""
    for back in range(60, -1, -1):
        shown = {labels: values[-1 - back] for labels, values in histories.items()}
        yield NOW - back * MINUTE, {labels: value for labels, value in shown.items() if value is not None}


def remembered(histories: Histories) -> MemoryMeshMetrics:
    """In memory."""
    metrics = MemoryMeshMetrics()
    for at, samples in scrapes(histories):
        metrics.scrape(at, samples)
    return metrics


@contextmanager
def backfilled(directory: Path, histories: Histories) -> Iterator[Prometheus]:
    """In a real Prometheus, which is stopped at the end of the block."""
    page = directory / "hour.txt"
    page.write_text(_openmetrics(histories))
    words = ["tsdb", "create-blocks-from", "openmetrics", str(page), str(directory / "data")]
    subprocess.run([str(obtained(promtool)), *words], check=True, capture_output=True, timeout=PATIENCE_S)
    prometheus = Prometheus(directory)
    try:
        obtained(prometheus.start)
        yield prometheus
    finally:
        prometheus.stop()


def selector(labels: Labels) -> str:
    """As text: name{label="value"}."""
    named = dict(labels)
    name = named.pop(NAME)
    matchers = ",".join(f'{label}="{value}"' for label, value in sorted(named.items()))
    return f"{name}{{{matchers}}}"


def _openmetrics(histories: Histories) -> str:
    lines = [
        f"{selector(labels)} {value} {at.timestamp():.0f}"
        for at, samples in scrapes(histories)
        for labels, value in samples.items()
    ]
    return "\n".join([*lines, "# EOF", ""])
