"""How many requests were slower than each bound of a histogram, classic or native?"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.prometheus import PrometheusMetrics
from rollout.model.measurement import Counter, Counters, Failed
from rollout.model.rollout import Method, SlowRatio
from tests.support.builders import NOON
from tests.support.metrics_server import MetricsServer, matrix, metrics_server
from tests.support.questions import a_question

SLOW = SlowRatio(name="slow", threshold=timedelta(milliseconds=500), max_ratio=0.05)
NAME = "envoy_cluster_upstream_rq_time"


@pytest.fixture
async def server() -> AsyncIterator[MetricsServer]:
    async with metrics_server() as server:
        server.answer = matrix()
        yield server


async def measured(
    server: MetricsServer, objective: SlowRatio = SLOW, bounds: tuple[float, ...] | None = None
) -> Counters:
    found = await answer(server, objective, bounds)
    assert isinstance(found, Counters), found
    return found


async def answer(server: MetricsServer, objective: SlowRatio = SLOW, bounds: tuple[float, ...] | None = None) -> object:
    metrics = PrometheusMetrics(PrometheusAccess(url=server.url, mesh="envoy"))
    try:
        return await metrics.measure(a_question(objective, bounds=bounds))
    finally:
        await metrics.close()


def classic(le: str, *values: float, pod: str = "a", ago: int = 75) -> dict[str, Any]:
    """One bucket of a pod, scraped each 15 s, first `ago` seconds before noon."""
    points = [[NOON.timestamp() - ago + 15 * index, str(value)] for index, value in enumerate(values)]
    return {"metric": {"__name__": f"{NAME}_bucket", "pod": pod, "le": le}, "values": points}


def native(*samples: list[tuple[float, float, int]], pod: str = "a") -> dict[str, Any]:
    """A native histogram of a pod, as the HTTP API documents it: [boundary rule, left, right, count]."""
    histograms = [
        [
            NOON.timestamp() - 75 + 15 * index,
            {
                "count": str(sum(count for *_, count in sample)),
                "sum": "1",
                "buckets": [[0, f"{left:.16g}", f"{right:.16g}", str(count)] for left, right, count in sample],
            },
        ]
        for index, sample in enumerate(samples)
    ]
    return {"metric": {"__name__": NAME, "pod": pod}, "histograms": histograms}


def values(counters: tuple[Counter, ...]) -> list[list[float]]:
    return [[value for _, value in one.points] for one in counters]


def by_bound(found: Counters) -> dict[float, list[list[float]]]:
    return {one.bound / timedelta(milliseconds=1): values(one.counters) for one in found.slower}


async def test_every_bound_of_a_histogram_counts_what_is_slower(server: MetricsServer) -> None:
    server.answer = matrix(
        classic("1000.0", 0, 9), classic("500.0", 0, 8), classic("25.0", 0, 5), classic("+Inf", 0, 10)
    )

    found = await measured(server)

    assert list(by_bound(found).items()) == [(25, [[0, 5]]), (500, [[0, 2]]), (1000, [[0, 1]])]
    assert (values(found.total), values(found.bad)) == ([[0, 10]], [[0, 2]])
    assert len(server.heard) == 1


async def test_a_ratio_against_its_threshold_reads_only_the_bucket_at_it(server: MetricsServer) -> None:
    server.answer = matrix(classic("500.0", 0, 8), classic("+Inf", 0, 10))

    found = await measured(server, replace(SLOW, method=Method.THRESHOLD))

    assert found.slower == ()
    assert r'le=~"\\+Inf|500|500\\.0|"' in server.heard[0].query


async def test_only_the_bounds_that_are_needed_are_read(server: MetricsServer) -> None:
    server.answer = matrix(classic("500", 0, 8), classic("25", 0, 5), classic("+Inf", 0, 10))

    found = await measured(server, bounds=(25.0,))

    assert by_bound(found)[25] == [[0, 5]]
    assert [one.query.rpartition("le=~")[2] for one in server.heard] == [r'"\\+Inf|500|500\\.0|25|25\\.0|"}[180s]']


async def test_a_needed_bound_that_is_written_in_another_way_is_found_among_all(server: MetricsServer) -> None:
    server.answer = matrix(classic("500", 0, 8), classic("25.00", 0, 5), classic("+Inf", 0, 10))
    server.answers = {"le=~": matrix(classic("500", 0, 8), classic("+Inf", 0, 10))}

    found = await measured(server, bounds=(25.0,))

    assert by_bound(found)[25] == [[0, 5]]


async def test_a_bound_that_not_all_pods_have_is_left_out(server: MetricsServer) -> None:
    server.answer = matrix(
        *(classic(le, 0, 8, pod=pod) for pod in ("a", "b") for le in ("500", "+Inf")), classic("25", 0, 8)
    )

    assert list(by_bound(await measured(server))) == [500]


async def test_buckets_of_one_scrape_read_at_two_moments_are_no_restart(server: MetricsServer) -> None:
    server.answer = matrix(classic("500", 900, 1995, 2990), classic("+Inf", 1000, 2000, 3100))

    found = await measured(server)

    assert values(found.bad) == [[100, 100, 110]]


async def test_a_restarted_histogram_counts_from_0_again(server: MetricsServer) -> None:
    server.answer = matrix(classic("500", 900, 10, 15), classic("+Inf", 1000, 12, 20))

    assert values((await measured(server)).bad) == [[100, 2, 5]]


async def test_a_threshold_between_classic_bounds_is_refused_with_one_request(server: MetricsServer) -> None:
    server.answer = matrix(classic("250", 0, 7), classic("1000", 0, 9), classic("+Inf", 0, 10))

    found = await answer(server)

    assert isinstance(found, Failed)
    assert found.error.endswith("in ms: 250, 1000")
    assert len(server.heard) == 1


async def test_a_histogram_born_in_the_window_rises_from_nothing_at_every_bound(server: MetricsServer) -> None:
    born = [classic(le, value, ago=30) for le, value in (("25", 1), ("500", 2), ("+Inf", 3))]
    target = {"job": "pods", "instance": "a:1"}
    for one in born:
        one["metric"] |= target
    up = {
        "metric": {"__name__": "up", **target},
        "values": [[NOON.timestamp() - 45, "1"], [NOON.timestamp() - 30, "1"]],
    }
    server.answers = {"up{": matrix(up), NAME: matrix(*born)}

    found = await measured(server)

    assert (values(found.total), values(found.bad)) == ([[0, 3]], [[0, 1]])
    assert by_bound(found) == {25: [[0, 2]], 500: [[0, 1]]}


async def test_a_native_histogram_counts_at_the_same_bounds_whatever_buckets_it_fills(server: MetricsServer) -> None:
    server.answer = matrix(native([(128, 256, 5), (512, 1024, 1)], [(128, 256, 9), (512, 1024, 3)]))
    few = by_bound(await measured(server))
    server.answer = matrix(native([(128, 256, 5)], [(128, 256, 9)]))
    fewer = by_bound(await measured(server))

    assert (few[128], few[256], few[512], few[1024]) == ([[6, 12]], [[1, 3]], [[1, 3]], [[0, 0]])
    assert (fewer[128], fewer[256], fewer[512]) == ([[5, 9]], [[0, 0]], [[0, 0]])
    assert list(few) == sorted(few)


async def test_a_threshold_inside_a_native_bucket_moves_to_its_end(server: MetricsServer) -> None:
    server.answer = matrix(native([(256, 512, 5), (512, 1024, 1)], [(256, 512, 9), (512, 1024, 3)]))

    found = await measured(server)

    assert (values(found.total), values(found.bad)) == ([[6, 12]], [[1, 3]])
    assert by_bound(found)[500] == by_bound(found)[512] == [[1, 3]]


@pytest.mark.parametrize("resolution", [1, 2, 4, 8, 32])
async def test_a_threshold_means_the_same_at_every_resolution(server: MetricsServer, resolution: int) -> None:
    edges = [256 * 2 ** (step / resolution) for step in range(2 * resolution + 1)]
    server.answer = matrix(native([(left, right, 10) for left, right in pairwise(edges)]))

    assert values((await measured(server)).bad) == [[10 * resolution]]


async def test_a_threshold_that_is_a_bound_stays_where_it_is(server: MetricsServer) -> None:
    server.answer = matrix(native([(256, 256 * 2**0.5, 5), (256 * 2**0.5, 512, 4)]))

    found = await measured(server, replace(SLOW, threshold=timedelta(milliseconds=362.039)))

    assert values(found.bad) == [[4]]


async def test_a_histogram_that_becomes_coarser_keeps_the_meaning_of_its_counters(server: MetricsServer) -> None:
    root = 2**0.5
    server.answer = matrix(native([(256, 256 * root, 5), (256 * root, 512, 4)], [(256, 512, 12), (1024, 2048, 1)]))

    whole = await measured(server)
    found = by_bound(whole)

    assert values(whole.bad) == [[0, 1]]
    assert 362.039 not in {round(bound, 3) for bound in found}
    assert (found[256], found[512]) == ([[9, 13]], [[0, 1]])


@pytest.mark.parametrize(
    ("buckets", "threshold", "bucket", "instead"),
    [
        ([(256, 512, 5), (512, 1024, 1)], 300, "from 256 to 512 ms", "to 256 ms or 512 ms, "),
        ([(16, 256, 5), (256, 4096, 1)], 500, "from 256 to 4096 ms", "to 256 ms or 4096 ms, "),
        ([(0, 25, 5), (25, 1000, 1)], 500, "from 25 to 1000 ms", "to 25 ms or 1000 ms, "),
        ([(0, 490, 5), (490, 510, 1)], 500, "from 490 to 510 ms", "to 490 ms or 510 ms, "),
        ([(float("-inf"), 250, 5), (250, float("inf"), 1)], 500, "from 250 to +Inf ms", "to 250 ms, "),
        ([(250, 500, 5), (500, 1000, 4), (1000, float("inf"), 1)], 2000, "from 1000 to +Inf ms", "to 1000 ms, "),
        ([(float("-inf"), float("inf"), 5)], 500, "from 0 to +Inf ms", "slow; give the histogram a bucket"),
    ],
)
async def test_a_threshold_in_a_wide_native_bucket_is_refused(
    server: MetricsServer, buckets: list[tuple[float, float, int]], threshold: int, bucket: str, instead: str
) -> None:
    server.answer = matrix(native(buckets))

    found = await answer(server, replace(SLOW, threshold=timedelta(milliseconds=threshold)))

    assert isinstance(found, Failed)
    assert f"the threshold of {threshold} ms lies inside a native histogram's bucket {bucket}" in found.error
    assert instead in found.error


async def test_custom_buckets_at_round_numbers_are_not_taken_for_exponential_ones(server: MetricsServer) -> None:
    server.answer = matrix(native([(125, 250, 5), (250, 500, 4), (500, 1000, 1)]))

    found = await measured(server)

    assert values(found.bad) == [[1]]
    assert by_bound(found) == {125: [[10]], 250: [[5]], 500: [[1]], 1000: [[0]]}


async def test_custom_native_buckets_keep_their_own_bounds(server: MetricsServer) -> None:
    server.answer = matrix(native([(0, 25, 5), (25, 500, 4), (500, float("inf"), 1)]))

    assert by_bound(await measured(server)) == {25: [[5]], 500: [[1]]}


async def test_a_histogram_told_in_both_ways_counts_once(server: MetricsServer) -> None:
    server.answer = matrix(
        classic("500", 0, 8),
        classic("+Inf", 0, 10),
        native([(128, 256, 0)], [(128, 256, 10)]),
        native([(1, 2, 3)], pod="b"),
    )

    found = await measured(server)

    assert values(found.total) == [[0, 10], [3]]
    assert list(by_bound(found)) == [500]
