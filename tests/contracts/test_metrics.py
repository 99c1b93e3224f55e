"""Do a real Prometheus and its stand-in in memory answer the same questions alike?"""

import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from adapters.memory.metrics import MemoryMetrics, Scrape
from adapters.metrics.access import PrometheusAccess
from adapters.metrics.prometheus import PrometheusMetrics
from policies.verdict import Verdict
from rollout.model.measurement import Answer, Arm, Failed, Measurement, NoData, Value, Window
from rollout.model.names import BackendName
from rollout.model.rollout import Analysis, Objective, Query
from rollout.model.status import ObjectiveVerdict
from rollout.ports.metrics import Metrics
from rollout.progression.judging import judge
from tests.servers.prometheus import Prometheus
from tests.support.builders import ERRORS
from tests.support.exporter import Exporter, exporting
from tests.support.questions import a_question

ORDERS = Query(name="orders", query='orders{namespace="{namespace}"}', above=3)


class Stage(Protocol):
    """A metrics server and what can be made to happen on it. namespace: nobody else's. start: of the judged window."""

    namespace: str
    start: datetime

    @property
    def metrics(self) -> Metrics:
        """The port."""

    def has_value(self, value: float) -> None:
        """The query `orders` gives this number."""

    def has_requests(self, good: int, bad: int) -> None:
        """So many requests of checkout-v2 were answered since `start`."""

    def has_stable_requests(self, good: int, bad: int) -> None:
        """So many requests of checkout-v1, stable, were answered since `start`."""

    def goes_dark(self) -> None:
        """No query is answered any more."""

    def comes_back(self) -> None:
        """Queries are answered again."""


class MemoryStage:
    """The stand-in."""

    def __init__(self) -> None:
        self.metrics = MemoryMetrics()
        self.namespace = "shop"
        self.start = datetime.now(UTC)

    def has_value(self, value: float) -> None:
        self.metrics.tell_value("orders", value)

    def has_requests(self, good: int, bad: int) -> None:
        self.metrics.tell_requests("errors", total=good + bad, bad=bad)

    def has_stable_requests(self, good: int, bad: int) -> None:
        scrapes = [Scrape(self.start - timedelta(seconds=1), 0), Scrape(datetime.now(UTC), good + bad, bad)]
        for arm in (Arm.STABLE, Arm.HISTORY):
            self.metrics.tell_pods("errors", arm, {"checkout-v1-0": scrapes})

    def goes_dark(self) -> None:
        self.metrics.fail("no answer within 10 s")

    def comes_back(self) -> None:
        self.metrics.recover()


class PrometheusStage:
    """The real one, told by the counters that an Envoy would have."""

    def __init__(self, metrics: PrometheusMetrics, exporter: Exporter) -> None:
        self.metrics = metrics
        self.namespace = f"shop-{secrets.token_hex(4)}"
        self.start = datetime.now(UTC)
        self._exporter = exporter

    def has_value(self, value: float) -> None:
        self._exporter.show({f'orders{{namespace="{self.namespace}"}}': value})

    def has_requests(self, good: int, bad: int) -> None:
        self._show("checkout-v2", good, bad)

    def has_stable_requests(self, good: int, bad: int) -> None:
        self._show("checkout-v1", 0, 0)
        self._show("checkout-v1", good, bad)

    def _show(self, service: str, good: int, bad: int) -> None:
        labels = f'envoy_cluster_name="{service}.{self.namespace}",envoy_response_code_class'
        counter = f"envoy_cluster_upstream_rq_xx{{{labels}"
        shown = {f'{counter}="2"}}': good} | ({f'{counter}="5"}}': bad} if bad else {})
        self._exporter.show({name: float(value) for name, value in shown.items()})

    def goes_dark(self) -> None:
        self._exporter.prometheus.freeze()

    def comes_back(self) -> None:
        self._exporter.prometheus.thaw()


@pytest.fixture(scope="module")
def exporter(prometheus: Prometheus) -> Iterator[Exporter]:
    with exporting(prometheus, "contract-of-metrics") as exporter:
        yield exporter


@pytest.fixture(params=["memory", pytest.param("prometheus", marks=pytest.mark.server)])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    if request.param == "memory":
        yield MemoryStage()
        return
    exporter: Exporter = request.getfixturevalue("exporter")
    access = PrometheusAccess(url=exporter.prometheus.url, deadline=timedelta(seconds=3))
    metrics = PrometheusMetrics(access)
    try:
        yield PrometheusStage(metrics, exporter)
    finally:
        await metrics.close()


async def measured(stage: Stage, objective: Objective) -> Measurement:
    now = datetime.now(UTC)
    question = a_question(objective, namespace=stage.namespace, window=Window(start=stage.start, end=now))
    return Measurement(question=question, answer=await stage.metrics.measure(question), at=now)


async def answer(stage: Stage, objective: Objective) -> Answer:
    return (await measured(stage, objective)).answer


async def judged(stage: Stage, objective: Objective) -> ObjectiveVerdict:
    return judge(await measured(stage, objective), Analysis(min_requests=50))


async def test_a_number_is_a_value(stage: Stage) -> None:
    stage.has_value(4.5)

    found = await answer(stage, ORDERS)

    assert isinstance(found, Value)
    assert found.value == 4.5


@pytest.mark.parametrize("objective", [ORDERS, ERRORS], ids=lambda objective: objective.name)
async def test_nothing_is_no_data(stage: Stage, objective: Objective) -> None:
    found = await answer(stage, objective)

    assert isinstance(found, NoData)


async def test_requests_without_errors_pass(stage: Stage) -> None:
    stage.has_requests(good=200, bad=0)

    verdict = await judged(stage, ERRORS)

    assert (verdict.verdict, verdict.samples, verdict.value) == (Verdict.PASS, 200, "0%")


async def test_errors_above_the_limit_fail(stage: Stage) -> None:
    stage.has_requests(good=190, bad=10)

    verdict = await judged(stage, ERRORS)

    assert (verdict.verdict, verdict.samples, verdict.value) == (Verdict.FAIL, 200, "5%")


async def test_too_few_requests_are_inconclusive(stage: Stage) -> None:
    stage.has_requests(good=20, bad=0)

    verdict = await judged(stage, ERRORS)

    assert (verdict.verdict, verdict.code) == (Verdict.INCONCLUSIVE, "TooFewRequests")


async def test_an_outage_is_a_failed_query_until_it_ends(stage: Stage) -> None:
    stage.has_value(4.5)
    stage.goes_dark()
    during = await answer(stage, ORDERS)
    stage.comes_back()

    after = await answer(stage, ORDERS)

    assert (type(during), type(after)) == (Failed, Value)


@pytest.mark.parametrize("arm", [Arm.STABLE, Arm.HISTORY])
async def test_stable_is_measured_apart_from_the_canary(stage: Stage, arm: Arm) -> None:
    stage.has_requests(good=200, bad=0)
    stage.has_stable_requests(good=95, bad=5)
    now = datetime.now(UTC)
    question = a_question(
        namespace=stage.namespace,
        revision="v1",
        backend=BackendName(service="checkout-v1"),
        workload="checkout-v1",
        window=Window(start=stage.start, end=now),
        arm=arm,
    )

    measurement = Measurement(question=question, answer=await stage.metrics.measure(question), at=now)
    verdict = judge(measurement, Analysis(min_requests=50))

    assert (verdict.samples, verdict.value) == (100, "5%")
