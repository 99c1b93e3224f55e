"""Which first values of counters are growth, and which may be history?"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.prometheus import PrometheusMetrics
from policies.sequential.stretches import total
from rollout.model.measurement import Arm, Counters, Question
from rollout.model.rollout import Method
from rollout.progression.counting import grown, history_of
from tests.support.builders import ERRORS, NOON, SEQUENTIAL
from tests.support.metrics_server import MetricsServer, matrix, metrics_server
from tests.support.questions import a_question, a_window
from tests.unit.test_prometheus_histograms import SLOW, native

HOUR = 3600
REFUSED = (422, {"errorType": "execution", "error": "query processing would load too many samples into memory"})


@pytest.fixture
async def server() -> AsyncIterator[MetricsServer]:
    async with metrics_server() as server:
        server.answer = matrix()
        yield server


@pytest.fixture
async def metrics(server: MetricsServer) -> AsyncIterator[PrometheusMetrics]:
    metrics = PrometheusMetrics(PrometheusAccess(url=server.url, mesh="envoy"))
    yield metrics
    await metrics.close()


def counter(pod: str, *points: tuple[float, float], code: str = "2") -> dict[str, Any]:
    """A pod's requests; points are at seconds before noon."""
    labels = {"envoy_response_code_class": code, **target(pod)}
    return {"metric": labels, "values": [[NOON.timestamp() - ago, str(value)] for ago, value in points]}


def up(pod: str, *points: tuple[float, int]) -> dict[str, Any]:
    return {
        "metric": {"__name__": "up", **target(pod)},
        "values": [[NOON.timestamp() - ago, str(value)] for ago, value in points],
    }


def target(pod: str) -> dict[str, str]:
    return {"job": "pods", "instance": f"{pod}:15020", "pod": pod}


def steady(first: int, last: int, every: int, value: int) -> list[tuple[float, int]]:
    return [(ago, value) for ago in range(first, last - 1, -every)]


def a_history() -> Question:
    return a_question(SEQUENTIAL, arm=Arm.HISTORY, window=a_window(seconds=HOUR))


async def measured(metrics: PrometheusMetrics, question: Question) -> Counters:
    found = await metrics.measure(question)
    assert isinstance(found, Counters), found
    return found


async def growth(metrics: PrometheusMetrics, question: Question) -> tuple[float, float]:
    """Requests and errors in the question's window."""
    found = await measured(metrics, question)
    window = question.window
    return grown(found.total, window, found.bad), grown(found.bad, window, found.total)


async def in_history(metrics: PrometheusMetrics) -> tuple[float, float]:
    """Requests and errors of stable's last hour."""
    question = a_history()
    history = history_of(await measured(metrics, question), question.window)
    assert history is not None
    return total(history.requests), total(history.bad)


def refuses(server: MetricsServer, *coarse: dict[str, Any], ups: tuple[dict[str, Any], ...] = ()) -> None:
    """The server reads one point a minute of the counters, and not what was scraped."""
    server.answers = {"up{": matrix(*ups), ":60s]": matrix(*coarse), "[3720s]": REFUSED}


async def test_pods_that_come_back_with_the_server_bring_no_requests_into_a_coarse_history(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    scrapes = up("a", *steady(3010, 10, 15, 1))
    refuses(server, counter("a", (3000, 5_000_000), (2940, 5_000_600), (0, 5_001_200)), ups=(scrapes,))

    assert await in_history(metrics) == (1200, 0)


async def test_pods_first_seen_a_coarse_point_apart_are_of_unknown_age(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    refuses(
        server,
        counter("a", *((ago, 1_000_000 - ago) for ago in range(3000, -1, -60))),
        counter("b", *((ago, 2_000_000 - ago) for ago in range(2940, -1, -60))),
    )

    assert await in_history(metrics) == (3000 + 2940, 0)


async def test_errors_that_begin_beside_requests_count_from_the_first_in_a_coarse_history(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    requests = [(float(ago), float(HOUR - ago)) for ago in range(HOUR + 60, -1, -60)]
    refuses(server, counter("a", *requests), counter("a", (600, 3), (0, 5), code="5"))

    assert await in_history(metrics) == (HOUR + 5, 5)


async def test_a_coarse_history_is_not_searched_for_births(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    refuses(server, counter("a", (3000, 5), (2940, 6)))

    await measured(metrics, a_history())

    assert not [heard.query for heard in server.heard if heard.query.startswith("up")]


@pytest.mark.parametrize("failed", [(80, 65, 50, 35), (50, 35), (35,)])
async def test_a_pod_of_which_only_scrapes_that_failed_are_known_may_be_old(
    server: MetricsServer, metrics: PrometheusMetrics, failed: tuple[int, ...]
) -> None:
    lost = counter("lost", (20, 9_000_000), (5, 9_000_050))
    seen = counter("seen", *((ago, 100 - ago) for ago in range(90, -1, -15)))
    scrapes = up("lost", *((ago, 0) for ago in failed), (20, 1), (5, 1))
    server.answers = {"up{": matrix(scrapes), "rq_xx": matrix(lost, seen)}

    assert await growth(metrics, a_question(ERRORS)) == (50 + 60, 0)


async def test_a_pod_that_was_never_scraped_before_is_as_young_as_its_siblings_show(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    new = counter("new", (20, 30), (5, 80))
    seen = counter("seen", *((ago, 100 - ago) for ago in range(90, -1, -15)))
    server.answers = {"up{": matrix(up("new", (20, 1), (5, 1))), "rq_xx": matrix(new, seen)}

    assert await growth(metrics, a_question(ERRORS)) == (80 + 60, 0)


async def test_scrapes_by_another_server_prove_nothing(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    """Behind one address are two: the one that lost its data told of the counter, the other one of the scrapes."""
    counted = counter("old", (20, 9_000_000), (5, 9_000_050))
    server.answers = {"up{": matrix(up("old", *steady(87, 0, 15, 1))), "rq_xx": matrix(counted)}

    assert await growth(metrics, a_question(ERRORS)) == (50, 0)


async def test_scrapes_of_another_pod_at_the_same_address_tell_nothing(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    counted = counter("new", (20, 30), (5, 80))
    former = up("new", (80, 0), (65, 0), (50, 0))
    former["metric"]["pod"] = "gone"
    seen = counter("seen", *((ago, 100 - ago) for ago in range(90, -1, -15)))
    server.answers = {"up{": matrix(former, up("new", (20, 1), (5, 1))), "rq_xx": matrix(counted, seen)}

    assert await growth(metrics, a_question(ERRORS)) == (80 + 60, 0)


async def test_a_native_histogram_born_in_the_window_rises_from_nothing(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    born = native([(128, 256, 7), (1024, 2048, 3)], pod="a")
    born["metric"] |= target("a")
    server.answers = {"up{": matrix(up("a", (90, 1), (75, 1))), "rq_time": matrix(born)}

    question = a_question(SLOW, window=a_window(seconds=80))

    assert await growth(metrics, question) == (10, 3)


def a_long_question(method: Method) -> Question:
    """Of the last two hours; the judge asks it after an outage as long as that."""
    objective = {Method.SEQUENTIAL: SEQUENTIAL, Method.THRESHOLD: ERRORS}[method]
    return a_question(objective, window=a_window(seconds=7080))


async def test_a_long_window_is_judged_by_what_was_scraped(server: MetricsServer, metrics: PrometheusMetrics) -> None:
    server.answers = {"[7200s]": matrix(counter("a", (7100, 5), (0, 9)))}

    assert await growth(metrics, a_long_question(Method.SEQUENTIAL)) == (4, 0)
    assert len(server.heard) == 1


async def test_a_long_window_that_the_server_refuses_is_judged_by_fewer_points(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    server.answers = {
        "[7200s]": REFUSED,
        "[7200s:30s]": matrix(counter("a", (7110, 5), (3600, 8), (30, 90), (0, 105))),
        "[600s]": matrix(counter("a", (592, 60), (17, 97), (2, 105))),
    }

    assert await growth(metrics, a_long_question(Method.SEQUENTIAL)) == (100, 0)


@pytest.mark.parametrize("ago", [1200, 300])
async def test_thinned_points_of_a_pod_not_seen_before_are_of_unknown_age(
    server: MetricsServer, metrics: PrometheusMetrics, ago: int
) -> None:
    old = counter("old", *((float(at), 7200.0 - at) for at in range(7200, -1, -30)))
    back = counter("back", (ago, 4_000_000), (0, 4_000_040))
    server.answers = {"up{": matrix(up("back", *steady(ago, 0, 30, 1))), ":30s]": matrix(old, back)}

    assert await growth(metrics, a_long_question(Method.THRESHOLD)) == (7080 + 40, 0)


async def test_scrapes_thinned_to_the_same_instants_prove_that_a_counter_is_young(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    server.answers = {
        "up{": matrix(up("a", *steady(7200, 0, 30, 1))),
        ":30s]": matrix(counter("a", (1200, 30), (0, 70))),
    }

    assert await growth(metrics, a_long_question(Method.THRESHOLD)) == (70, 0)


async def test_scrapes_in_full_prove_nothing_of_thinned_points(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    server.answers = {
        "up{": matrix(up("a", *steady(1205, 5, 15, 1))),
        "[7200s]": REFUSED,
        ":30s]": matrix(counter("a", (1200, 5_000_000), (0, 5_000_040))),
    }

    assert await growth(metrics, a_long_question(Method.SEQUENTIAL)) == (40, 0)


async def test_a_restart_between_two_thinned_points_counts_from_0(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    server.answers = {
        ":30s]": matrix(counter("a", (7110, 100), (3600, 150), (3570, 4), (0, 44))),
        "[600s]": matrix(counter("a", (590, 34), (5, 44))),
    }

    assert await growth(metrics, a_long_question(Method.THRESHOLD)) == (50 + 44, 0)


async def test_no_window_is_thinned_to_points_too_far_apart_to_reach_before_it(
    server: MetricsServer, metrics: PrometheusMetrics
) -> None:
    await metrics.measure(a_question(ERRORS, window=a_window(seconds=timedelta(hours=24).total_seconds())))

    subquery = next(heard.query for heard in server.heard if ":" in heard.query.rpartition("[")[2])
    seconds, step = subquery.rpartition("[")[2].removesuffix("s]").split("s:")
    assert int(seconds) >= 24 * HOUR + int(step)
