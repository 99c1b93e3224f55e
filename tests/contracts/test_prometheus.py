"""Do the adapter's queries mean to a real Prometheus what they are meant to?"""

import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.prometheus import PrometheusMetrics
from adapters.metrics.reading import COARSE_S
from rollout.model.measurement import (
    Answer,
    Arm,
    Counters,
    Failed,
    Measurement,
    NotANumber,
    Partial,
    Question,
    Value,
    Window,
)
from rollout.model.rollout import Analysis, Objective, Query, SlowRatio
from rollout.model.status import ObjectiveVerdict
from rollout.progression.counting import grown
from rollout.progression.judging import judge
from tests.servers.process import eventually
from tests.servers.prometheus import Prometheus
from tests.support.builders import ERRORS
from tests.support.exporter import Exporter, exporting
from tests.support.questions import a_question, a_window

pytestmark = pytest.mark.server

SLOW = SlowRatio(name="slow", threshold=timedelta(milliseconds=500), max_ratio=0.05)


@pytest.fixture(scope="module")
def exporter(prometheus: Prometheus) -> Iterator[Exporter]:
    with exporting(prometheus, "queries") as exporter:
        yield exporter


@pytest.fixture
def shop() -> str:
    """A namespace that no other test asks for."""
    return f"shop-{secrets.token_hex(4)}"


@pytest.fixture
async def metrics(prometheus: Prometheus) -> AsyncIterator[PrometheusMetrics]:
    metrics = PrometheusMetrics(PrometheusAccess(url=prometheus.url))
    yield metrics
    await metrics.close()


async def queried(metrics: PrometheusMetrics, query: str, revision: str = "v2") -> Answer:
    now = datetime.now(UTC)
    objective = Query(name="free", query=query, above=0)
    return await metrics.measure(a_question(objective, revision=revision, window=Window(start=now, end=now)))


async def judged(
    metrics: PrometheusMetrics, shop: str, start: datetime, objective: Objective = ERRORS
) -> ObjectiveVerdict:
    now = datetime.now(UTC)
    question = a_question(objective, namespace=shop, window=Window(start=start, end=now))
    answer = await metrics.measure(question)
    return judge(Measurement(question=question, answer=answer, at=now), Analysis(min_requests=50))


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("vector(3)", Value),
        ("3", Value),
        ("vector(0) / vector(0)", NotANumber),
        ('label_replace(vector(1), "a", "b", "", "") or vector(2)', Partial),
        ("up[1m]", Failed),
        ("sum(up", Failed),
        ('"text"', Failed),
    ],
)
async def test_every_kind_of_result_is_told_for_what_it_is(
    metrics: PrometheusMetrics, query: str, kind: type[Answer]
) -> None:
    assert type(await queried(metrics, query)) is kind


async def test_a_bad_query_fails_with_prometheus_own_words(metrics: PrometheusMetrics) -> None:
    found = await queried(metrics, "sum(up")

    assert isinstance(found, Failed)
    assert "parse error" in found.error


@pytest.mark.parametrize("matcher", ['version="{revision}"', "version=~'{revision}'", 'version=~"{revision}|none"'])
async def test_a_placeholder_means_its_value_whatever_signs_it_has(
    metrics: PrometheusMetrics, exporter: Exporter, matcher: str
) -> None:
    revisions = ['v"2', "v\\2", "v'2", "v\n2", "v1.2+b", "v1x2+b", "ünïcode"]
    written = [text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for text in revisions]
    exporter.show({f'orders{{version="{text}"}}': float(index) for index, text in enumerate(written)})

    query = f'orders{{job="{exporter.job}",{matcher}}}'
    answers = [await queried(metrics, query, revision) for revision in revisions]

    assert [answer.value for answer in answers if isinstance(answer, Value)] == [0, 1, 2, 3, 4, 5, 6]


async def test_a_revision_that_fails_from_its_first_request_on_is_counted_in_full(
    metrics: PrometheusMetrics, exporter: Exporter, shop: str
) -> None:
    start = datetime.now(UTC)
    exporter.show({"other": 1.0})
    exporter.show({envoy(shop, "5"): 60.0})

    verdict = await judged(metrics, shop, start)

    assert verdict.message == "60 of 60 requests failed (100%), more than 1%"


async def test_what_was_counted_before_the_window_is_left_out(
    metrics: PrometheusMetrics, exporter: Exporter, shop: str
) -> None:
    exporter.show({envoy(shop, "2"): 1000.0, envoy(shop, "5"): 500.0})
    start = datetime.now(UTC)
    exporter.show({envoy(shop, "2"): 1100.0})

    verdict = await judged(metrics, shop, start)

    assert verdict.message == "0 of 100 requests failed (0%), at most 1%"


async def test_a_restarted_pod_goes_on_counting(metrics: PrometheusMetrics, exporter: Exporter, shop: str) -> None:
    exporter.show({envoy(shop, "2"): 1000.0})
    start = datetime.now(UTC)
    exporter.show({envoy(shop, "2"): 1030.0})
    exporter.show({envoy(shop, "2"): 45.0})

    verdict = await judged(metrics, shop, start)

    assert verdict.samples == 75


async def test_istio_counts_what_only_callers_saw(metrics: PrometheusMetrics, exporter: Exporter, shop: str) -> None:
    start = datetime.now(UTC)
    exporter.show({"other": 1.0})
    exporter.show(
        {
            istio(shop, 'reporter="destination",response_code="200"'): 80.0,
            istio(shop, 'reporter="source",response_code="200",response_flags="-"'): 80.0,
            istio(shop, 'reporter="source",response_code="503",response_flags="UF,URX"'): 15.0,
            istio(shop, 'reporter="source",response_code="0",response_flags="UC"'): 5.0,
        }
    )

    verdict = await judged(metrics, shop, start)

    assert verdict.message == "20 of 95 requests failed (21.1%), more than 1%"


async def test_linkerd_counts_what_only_callers_saw(metrics: PrometheusMetrics, exporter: Exporter, shop: str) -> None:
    server = f'direction="inbound",namespace="{shop}",deployment="checkout-v2"'
    backend = f'backend_namespace="{shop}",backend_name="checkout-v2"'
    start = datetime.now(UTC)
    exporter.show({"other": 1.0})
    exporter.show(
        {
            f'response_total{{{server},classification="success"}}': 90.0,
            f'response_total{{{server},classification="failure"}}': 4.0,
            f'outbound_http_route_backend_response_statuses_total{{{backend},error=""}}': 94.0,
            f'outbound_http_route_backend_response_statuses_total{{{backend},error="FAIL_FAST"}}': 6.0,
        }
    )

    verdict = await judged(metrics, shop, start)

    assert verdict.message == "10 of 100 requests failed (10%), more than 1%"


async def test_slow_requests_are_counted_by_the_histogram(
    metrics: PrometheusMetrics, exporter: Exporter, shop: str
) -> None:
    start = datetime.now(UTC)
    exporter.show({"other": 1.0})
    exporter.show({bucket(shop, "250"): 70.0, bucket(shop, "500"): 99.0, bucket(shop, "+Inf"): 100.0})

    verdict = await judged(metrics, shop, start, SLOW)

    assert verdict.message == "1 of 100 requests took longer than 500ms (1%), at most 5%"


async def test_a_threshold_that_is_no_bound_lists_the_bounds(
    metrics: PrometheusMetrics, exporter: Exporter, shop: str
) -> None:
    start = datetime.now(UTC)
    exporter.show({bucket(shop, "250"): 70.0, bucket(shop, "1000"): 99.0, bucket(shop, "+Inf"): 100.0})

    verdict = await judged(metrics, shop, start, SLOW)

    assert verdict.message == (
        "the query failed: no bucket ends at 500 ms; set the objective's threshold to one of these, in ms: 250, 1000"
    )


async def test_a_window_of_hours_counts_up_to_its_newest_scrape(
    metrics: PrometheusMetrics, exporter: Exporter, shop: str
) -> None:
    start = datetime.now(UTC) - timedelta(hours=3)
    exporter.show({envoy(shop, "2"): 10.0})
    exporter.show({envoy(shop, "2"): 100.0})

    verdict = await judged(metrics, shop, start)

    assert verdict.samples == 100


def envoy(shop: str, code_class: str) -> str:
    """Requests of checkout-v2 in the namespace `shop`, as an Envoy client counts them."""
    cluster = f"outbound|80||checkout-v2.{shop}.svc.cluster.local"
    labels = f'envoy_cluster_name="{cluster}",envoy_response_code_class="{code_class}"'
    return f"envoy_cluster_upstream_rq_xx{{{labels}}}"


def istio(shop: str, labels: str) -> str:
    """Requests of checkout-v2 in the namespace `shop`, as Istio's proxies count them."""
    service = f'destination_service="checkout-v2.{shop}.svc.cluster.local"'
    workload = f'destination_workload="checkout-v2",destination_workload_namespace="{shop}"'
    return f"istio_requests_total{{{service},{workload},{labels}}}"


def bucket(shop: str, bound: str) -> str:
    """One bucket of the latency of checkout-v2 as an Envoy client measures it."""
    return f'envoy_cluster_upstream_rq_time_bucket{{envoy_cluster_name="checkout-v2.{shop}",le="{bound}"}}'


async def test_a_history_is_read_scrape_by_scrape(metrics: PrometheusMetrics, exporter: Exporter, shop: str) -> None:
    exporter.show({envoy(shop, "2"): 10.0})
    exporter.show({envoy(shop, "2"): 40.0})
    now = datetime.now(UTC)
    window = Window(start=now - timedelta(hours=1), end=now)

    found = await metrics.measure(a_question(ERRORS, namespace=shop, arm=Arm.HISTORY, window=window))

    assert isinstance(found, Counters)
    times = [at for at, _ in found.total[0].points]
    assert [later - earlier for earlier, later in pairwise(times) if later - earlier >= COARSE_S] == []
    assert {value for _, value in found.total[0].points} >= {10, 40}


async def test_a_history_that_prometheus_refuses_is_read_coarser(tmp_path: Path, shop: str) -> None:
    small = Prometheus(tmp_path, most_samples=100)
    small.start()
    metrics = PrometheusMetrics(PrometheusAccess(url=small.url, mesh="envoy"))
    try:
        with exporting(small, "many-samples") as many:
            many.show({envoy(shop, f"{code}"): 1.0 for code in range(30)})
            scrapes = f"count_over_time({envoy(shop, '2')}[10m])"
            assert eventually(lambda: (small.value(scrapes) or 0) > 6, 40.0)
            end = datetime.now(UTC) + timedelta(minutes=1)  # so a whole minute lies between the scrapes and it
            window = a_window(end, seconds=600)
            questions = [a_question(namespace=shop, arm=arm, window=window) for arm in (Arm.HISTORY, Arm.CANARY)]
            answers = [await metrics.measure(question) for question in questions]
    finally:
        await metrics.close()
        small.stop()

    coarse, refused = answers
    assert isinstance(coarse, Counters)
    assert len(coarse.total) == 30
    assert grown(coarse.total, window) == 0  # nobody saw how old the target was when it came
    assert isinstance(refused, Failed)


async def test_all_bounds_of_a_histogram_are_told(metrics: PrometheusMetrics, exporter: Exporter, shop: str) -> None:
    start = datetime.now(UTC)
    exporter.show({"other": 1.0})
    exporter.show({bucket(shop, "250"): 70.0, bucket(shop, "500"): 99.0, bucket(shop, "+Inf"): 100.0})
    window = Window(start=start, end=datetime.now(UTC))

    found = await metrics.measure(a_question(SLOW, namespace=shop, arm=Arm.STABLE, window=window))

    assert isinstance(found, Counters)
    assert [(one.bound, one.counters[0].points[-1][1]) for one in found.slower] == [
        (timedelta(milliseconds=250), 30),
        (timedelta(milliseconds=500), 1),
    ]


async def test_what_two_servers_tell_of_one_counter_is_partial(
    metrics: PrometheusMetrics, exporter: Exporter, shop: str
) -> None:
    start = datetime.now(UTC)
    exporter.show({envoy(shop, "2").replace("}", f',prometheus_replica="{name}"}}'): 100.0 for name in "ab"})

    verdict = await judged(metrics, shop, start)

    assert verdict.code == "Partial"
    assert "label prometheus_replica alone" in verdict.message


async def test_the_looks_of_a_query_are_what_it_gave_then(metrics: PrometheusMetrics) -> None:
    objective = Query(name="free", query="vector(time()) # seconds", above=0, looks=3)
    end = datetime.fromtimestamp(1_800_000_004, UTC)

    def asked(late: float) -> Question:
        window = Window(start=end - timedelta(minutes=5), end=end + timedelta(seconds=late))
        return a_question(objective, window=window, every=timedelta(seconds=5))

    first, second = await metrics.measure(asked(0)), await metrics.measure(asked(0.9))

    wanted = Value(query=objective.query, value=1_800_000_000, earlier=(1_799_999_990, 1_799_999_995))
    assert first == second == wanted
