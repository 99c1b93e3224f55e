"""Does a real API server count the webhooks that it cannot call as the controller asks a real Prometheus for them?"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.mesh import PrometheusMeshMetrics
from rollout.model.telemetry import Asked
from tests.servers.client import Kube, KubeError, path_of
from tests.servers.process import eventually
from tests.servers.prometheus import Prometheus
from tests.support.exporter import Exporter, exporting
from tests.support.mesh_histories import asked

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("webhooks-counted")]

SAMPLE = re.compile(
    r"^(apiserver_(?:admission_webhook_(?:rejection|fail_open)_count|current_inflight_requests)\{.*\}) (\S+)$"
)
BUSY_S = 30.0


@pytest.fixture
def exporter(prometheus: Prometheus) -> Iterator[Exporter]:
    """The page that the API server's own counters are shown on: its own is behind TLS and a token."""
    with exporting(prometheus, "apiserver") as exporter:
        yield exporter


def counters(kube: Kube) -> dict[str, float]:
    """What the API server counts."""
    lines = kube.get("/metrics")["text"].splitlines()
    return {found[1]: float(found[2]) for line in lines if (found := SAMPLE.match(line))}


@contextmanager
def webhook(kube: Kube, namespace: str, name: str, policy: str) -> Iterator[None]:
    """A webhook for ConfigMaps of the namespace, served by a Service of it that is not there."""
    entry = {
        "name": name,
        "failurePolicy": policy,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
        "clientConfig": {"service": {"name": "checks", "namespace": namespace}},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}],
    }
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [entry],
    }
    kube.create(body)
    try:
        yield
    finally:
        kube.delete(path_of(body))


def make(kube: Kube, namespace: str, name: str) -> int:
    """The HTTP status of making a ConfigMap, 201 where the webhook was skipped."""
    try:
        kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}})
    except KubeError as error:
        return error.status
    return 201


@pytest.mark.parametrize(("policy", "status"), [("Fail", 500), ("Ignore", 201)])
async def test_a_webhook_that_cannot_be_called_is_told_by_its_name(
    kube: Kube, namespace: str, exporter: Exporter, policy: str, status: int
) -> None:
    name, numbers = f"orders.{namespace}.example.com", iter(range(1000))
    answers: list[int] = []

    def is_counted() -> bool:
        answers.append(make(kube, namespace, f"c-{next(numbers)}"))
        return any(name in series for series in counters(kube))

    exporter.show(counters(kube))
    with webhook(kube, namespace, name, policy):
        assert eventually(is_counted, BUSY_S), answers
    exporter.show(counters(kube))

    metrics = PrometheusMeshMetrics(PrometheusAccess(url=exporter.prometheus.url))
    now = datetime.now(UTC)
    failed, servers = [await metrics.ask(asked(about, namespace), now) for about in (Asked.WEBHOOKS, Asked.API_SERVERS)]
    await metrics.close()

    assert answers[-1] == status
    assert {one.label("name"): one.value for one in failed.series or ()}[name] >= 1
    assert [one.value >= 1 for one in servers.series or ()] == [True]
