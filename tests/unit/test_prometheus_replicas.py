"""Is a counter that several Prometheus servers tell counted once or not at all?"""

from typing import Any

import pytest

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.prometheus import PrometheusMetrics
from rollout.model.measurement import Answer, Arm, Counters, Partial
from rollout.model.rollout import Objective
from tests.support.builders import ERRORS, NOON, SEQUENTIAL
from tests.support.metrics_server import matrix, metrics_server
from tests.support.questions import a_question, a_window
from tests.unit.test_prometheus_histograms import SLOW, classic, native

TARGET = {"instance": "a:15020", "job": "pods", "pod": "a", "envoy_response_code_class": "2"}


def counter(offset: int, **labels: str) -> dict[str, Any]:
    """A pod's requests, scraped each 15 s at an offset of its server."""
    times = range(-90 + offset, 1, 15)
    return {"metric": TARGET | labels, "values": [[NOON.timestamp() + at, str(100 + at)] for at in times]}


async def answer(
    *found: dict[str, Any], objective: Objective = ERRORS, arm: Arm = Arm.CANARY, seconds: int = 60
) -> Answer:
    async with metrics_server() as server:
        server.answer = matrix(*found)
        metrics = PrometheusMetrics(PrometheusAccess(url=server.url, mesh="envoy"))
        try:
            return await metrics.measure(a_question(objective, arm=arm, window=a_window(seconds=seconds)))
        finally:
            await metrics.close()


@pytest.mark.parametrize("label", ["prometheus_replica", "replica", "__replica__", "rule_replica", "prometheus"])
@pytest.mark.parametrize("arm", list(Arm))
async def test_a_counter_that_two_servers_tell_is_partial_and_says_by_which_label(label: str, arm: Arm) -> None:
    found = await answer(counter(0, **{label: "b"}), counter(7, **{label: "a"}), objective=SEQUENTIAL, arm=arm)

    assert isinstance(found, Partial)
    assert f"each counter comes 2 times, told apart by the label {label} alone" in found.warning
    assert found.warning.endswith(
        f'--query.replica-label={label}), or name one of them in the objective\'s selector, as {label}="a"'
    )


async def test_a_pair_of_the_operator_is_named_by_its_replicas() -> None:
    pair = (counter(offset, prometheus="monitoring/k8s", prometheus_replica=f"k8s-{offset}") for offset in (0, 7))

    found = await answer(*pair)

    assert isinstance(found, Partial)
    assert "the label prometheus_replica alone" in found.warning


async def test_two_independent_servers_that_scrape_the_same_pod_count_twice() -> None:
    found = await answer(
        counter(0, prometheus="team/a", prometheus_replica="a-0"),
        counter(7, prometheus="infra/b", prometheus_replica="b-0"),
    )

    assert isinstance(found, Partial)
    assert "the label prometheus_replica alone" in found.warning


async def test_a_server_without_the_label_beside_one_with_it_counts_twice() -> None:
    assert isinstance(await answer(counter(0), counter(7, prometheus_replica="a")), Partial)


async def test_a_histogram_that_two_servers_tell_is_partial() -> None:
    buckets = [classic(le, 1, 2, ago=ago) for ago in (75, 70) for le in ("500", "+Inf")]
    for place, one in enumerate(buckets):
        one["metric"]["replica"] = str(place // 2)
    wholes = [native([(256, 512, 1)]), native([(256, 512, 1)])]
    for place, one in enumerate(wholes):
        one["metric"]["prometheus_replica"] = str(place)

    assert isinstance(await answer(*buckets, objective=SLOW), Partial)
    assert isinstance(await answer(*wholes, objective=SLOW), Partial)


async def test_a_long_window_is_looked_at_too() -> None:
    pair = (counter(0, replica="a"), counter(7, replica="b"))

    assert isinstance(await answer(*pair, seconds=7080), Partial)


@pytest.mark.parametrize(
    "pods",
    [
        [counter(0, replica="0"), counter(7, replica="1", pod="b", instance="b:15020")],
        [counter(0, replica="0", envoy_cluster_name="x"), counter(0, replica="1", envoy_cluster_name="x")],
        [counter(0, prometheus="true"), counter(7, prometheus="false", pod="b")],
        [counter(0, prometheus_replica="a"), counter(0, prometheus_replica="a", envoy_response_code_class="5")],
        [counter(0, replica="0", pod="", instance=""), counter(7, replica="1", pod="", instance="")],
        [counter(0, pod="a", statefulset_replica="0"), counter(7, pod="a", statefulset_replica="1")],
    ],
    ids=["replicas of pods", "labels of one page", "a label of pods", "one server", "no target", "another label"],
)
async def test_what_pods_and_applications_call_replicas_counts_as_it_is(pods: list[dict[str, Any]]) -> None:
    found = await answer(*pods)

    assert isinstance(found, Counters)
    assert len(found.total) == 2
