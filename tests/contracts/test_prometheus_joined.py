"""Does a real Prometheus answer a question that is asked with others as it answers it alone?"""

import asyncio
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.prometheus import PrometheusMetrics
from rollout.model.measurement import Answer, Counters, Question, Window
from rollout.model.names import BackendName
from rollout.model.rollout import SlowRatio
from tests.servers.prometheus import Prometheus
from tests.support.builders import ERRORS
from tests.support.exporter import exporting
from tests.support.questions import a_question

pytestmark = pytest.mark.server

SLOW = SlowRatio(name="slow", threshold=timedelta(milliseconds=500), max_ratio=0.05)
SHOPS = [f"shop-{secrets.token_hex(4)}" for _ in range(3)]
NAMES = ["a", "b", "a.b", "svc", "a+", "(a", 'a\\"b', "a|b"]  # as a page of metrics writes them


@pytest.fixture(scope="module")
def end(prometheus: Prometheus) -> Iterator[datetime]:
    """A moment by which every name in every namespace has served requests by each mesh's metrics."""
    with exporting(prometheus, "joined") as exporter:
        for times in (1, 2, 3):
            served = [line for shop in SHOPS for name in NAMES for line in _lines(shop, name)]
            exporter.show({line: float(times * place) for place, line in enumerate(served)})
        yield datetime.now(UTC)


def _lines(shop: str, name: str) -> Iterator[str]:
    host = f'destination_service="{name}.{shop}.svc.cluster.local"'
    served = f'destination_workload="{name}",destination_workload_namespace="{shop}",{host}'
    yield f'istio_requests_total{{reporter="destination",{served},response_code="200"}}'
    yield f'istio_requests_total{{reporter="source",{host},response_flags="UF,URX"}}'
    for bound in ("250", "500.0", "+Inf"):
        yield f'istio_request_duration_milliseconds_bucket{{reporter="destination",{served},le="{bound}"}}'
    yield f'response_total{{direction="inbound",namespace="{shop}",pod="{name}",classification="failure"}}'
    yield f'envoy_cluster_upstream_rq_xx{{envoy_cluster_name="outbound|80|v2|{name}.{shop}.svc.x"}}'
    yield f'envoy_cluster_upstream_rq_xx{{envoy_cluster_name="{name}.{shop}.v2"}}'


def _questions(end: datetime) -> list[Question]:
    """Of each name, for both objectives, by workload, Service and subset; the windows end at moments of their own."""
    found = []
    for place, (shop, name) in enumerate((shop, name.replace('\\"', '"')) for shop in SHOPS for name in NAMES):
        own = end - timedelta(seconds=place % 3)
        window = Window(start=own - timedelta(seconds=60), end=own)
        for objective, workload, subset in ((ERRORS, name, ""), (SLOW, name, ""), (ERRORS, "", ""), (ERRORS, "", "v2")):
            backend = BackendName(service=name, subset=subset)
            of = {"namespace": shop, "rollout": name, "workload": workload, "pods": frozenset({name})}
            found.append(a_question(objective, **of, backend=backend, window=window))
    return found


async def _measured(url: str, mesh: str, questions: list[Question], *, at_once: bool) -> list[Answer]:
    metrics = PrometheusMetrics(PrometheusAccess(url=url, mesh=mesh))
    try:
        if at_once:
            return await asyncio.gather(*(metrics.measure(question) for question in questions))
        return [await metrics.measure(question) for question in questions]
    finally:
        await metrics.close()


@pytest.mark.parametrize("mesh", ["istio", "linkerd", "envoy"])
async def test_questions_of_many_are_answered_together_as_alone(
    prometheus: Prometheus, end: datetime, mesh: str
) -> None:
    questions = _questions(end)

    joined = await _measured(prometheus.url, mesh, questions, at_once=True)

    assert joined == await _measured(prometheus.url, mesh, questions, at_once=False)
    assert sum(isinstance(answer, Counters) for answer in joined) >= len(SHOPS) * len(NAMES)
