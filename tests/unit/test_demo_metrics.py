"""Does the demo's stand-in for Prometheus keep and give back what Envoy's page said?"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from rollout.demo.exposition import ExpositionError, Sample, parse
from rollout.demo.metrics import History, Scraper
from rollout.demo.prometheus import QueryError, moment, selector, serving

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

PAGE = """\
# TYPE envoy_cluster_upstream_rq_xx counter
envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="checkout-v1.shop"} 17
# TYPE envoy_cluster_upstream_rq_time histogram
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="checkout-v1.shop",le="0.5"} 3
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="checkout-v1.shop",le="+Inf"} 17
envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="checkout-v1.shop"} 12.5

up 1
"""


def everything(labels: Mapping[str, str]) -> bool:
    return bool(labels)


def counted(values: dict[str, list[float]], name: str = "requests_total") -> History:
    """A history with one point per second from NOON, for each version."""
    history = History()
    for version, points in values.items():
        for second, value in enumerate(points):
            sample = Sample(name=name, labels={"version": version}, value=value)
            history.add([sample], {}, NOON + second * SECOND)
    return history


def versions(history: History, query: str, at: datetime = NOON + 9 * SECOND) -> list[str]:
    wanted = selector(query)
    return [series.labels["version"] for series in history.select(wanted.is_wanted, at - wanted.window, at)]


def test_a_page_gives_its_samples_in_order() -> None:
    samples = list(parse(PAGE))

    assert [sample.value for sample in samples] == [17, 3, 17, 12.5, 1]


def test_a_histogram_is_its_buckets_and_its_sum() -> None:
    samples = list(parse(PAGE))

    assert [sample.labels.get("le") for sample in samples if sample.name.endswith("_bucket")] == ["0.5", "+Inf"]


def test_escapes_in_label_values_are_undone() -> None:
    page = r'm{path="C:\\dir",text="a \"b\"\nc}, d"} 1 1700000000000'

    samples = list(parse(page))

    assert samples == [Sample(name="m", labels={"path": "C:\\dir", "text": 'a "b"\nc}, d'}, value=1)]


@pytest.mark.parametrize("page", ["m{a=b} 1", "m one", "{} 1", 'm{a="b" 1'])
def test_a_line_that_is_no_sample_is_refused_with_its_number(page: str) -> None:
    with pytest.raises(ExpositionError, match="line 2"):
        list(parse("up 1\n" + page))


def test_series_carry_the_time_of_their_reading() -> None:
    history = counted({"v1": [1, 5]})

    found = history.select(everything, NOON - SECOND, NOON + SECOND)

    assert found[0].points == ((NOON, 1), (NOON + SECOND, 5))


def test_a_window_is_open_at_its_start_and_closed_at_its_end() -> None:
    history = counted({"v1": [1, 2, 3, 4]})

    found = history.select(everything, NOON, NOON + 2 * SECOND)

    assert [value for _, value in found[0].points] == [2, 3]


def test_what_is_older_than_the_history_is_forgotten() -> None:
    history = History(keep=SECOND)
    for second in range(5):
        history.add([Sample(name="m", labels={}, value=second)], {}, NOON + second * SECOND)

    found = history.select(everything, NOON - SECOND, NOON + 10 * SECOND)

    assert [value for _, value in found[0].points] == [3, 4]


def test_a_label_of_the_page_goes_before_a_label_of_the_scrape() -> None:
    history = History()

    history.add([Sample(name="m", labels={"pod": "a"}, value=1)], {"pod": "b", "job": "envoy"}, NOON)

    found = history.select(everything, NOON - SECOND, NOON)
    assert found[0].labels == {"__name__": "m", "pod": "a", "job": "envoy"}


def test_series_are_found_by_name_and_labels() -> None:
    scraper = Scraper("http://127.0.0.1:1/")
    scraper.history = counted({"v1": [1], "v2": [2]})

    found = scraper.series("requests_total", {"version": "v2"}, NOON - SECOND, NOON)

    assert [series.points for series in found] == [((NOON, 2),)]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("requests_total[60s]", ["v1", "v2", "v10"]),
        ('requests_total{version="v1"}[1m]', ["v1"]),
        ('requests_total{version!="v1"}[1m]', ["v2", "v10"]),
        ('requests_total{version=~"v1|v2"}[1m30s]', ["v1", "v2"]),
        ('requests_total{version=~"v1"}[1m]', ["v1"]),
        ('requests_total{version!~"v1.*", absent=""}[1h]', ["v2"]),
        ("{__name__='requests_total',version='v10'}[500ms]", []),
        ("other_total[60s]", []),
    ],
)
def test_a_selector_chooses_as_prometheus_does(query: str, wanted: list[str]) -> None:
    history = counted({"v1": [1], "v2": [1], "v10": [1]})

    found = versions(history, query)

    assert sorted(found) == sorted(wanted)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "up",
        "rate(up[60s])",
        "up[60s] offset 5m",
        "up[60s:5s]",
        "up[0s]",
        "up[5 parsecs]",
        "[60s]",
        'up{a=~"("}[60s]',
        "up{a}[1m]",
    ],
)
def test_what_is_no_range_selector_is_refused(query: str) -> None:
    with pytest.raises(QueryError):
        selector(query)


@pytest.mark.parametrize("text", [str(NOON.timestamp()), "2026-03-02T12:00:00Z", "2026-03-02T13:00:00+01:00"])
def test_a_moment_is_written_in_seconds_or_as_rfc_3339(text: str) -> None:
    assert moment(text) == NOON


async def test_the_api_answers_with_a_matrix() -> None:
    history = counted({"v1": [1, 2.5]})

    async with serving(history) as url, aiohttp.ClientSession() as session:
        query = {"query": "requests_total[60s]", "time": str((NOON + SECOND).timestamp())}
        answer = await (await session.get(f"{url}/api/v1/query", params=query)).json()

    values = [[NOON.timestamp(), "1"], [(NOON + SECOND).timestamp(), "2.5"]]
    metric = {"__name__": "requests_total", "version": "v1"}
    assert answer["data"] == {"resultType": "matrix", "result": [{"metric": metric, "values": values}]}


async def test_the_api_takes_the_query_as_a_form() -> None:
    history = counted({"v1": [1]})

    async with serving(history) as url, aiohttp.ClientSession() as session:
        query = {"query": "requests_total[60s]", "time": str(NOON.timestamp())}
        answer = await (await session.post(f"{url}/api/v1/query", data=query)).json()

    assert len(answer["data"]["result"]) == 1


async def test_the_api_refuses_other_queries_as_bad_data() -> None:
    async with serving(History()) as url, aiohttp.ClientSession() as session:
        answer = await session.get(f"{url}/api/v1/query", params={"query": "sum(up)"})
        body = await answer.json()

    assert (answer.status, body["errorType"]) == (400, "bad_data")


@pytest.mark.parametrize("path", ["/-/ready", "/api/v1/status/buildinfo"])
async def test_the_api_says_that_it_is_there(path: str) -> None:
    async with serving(History()) as url, aiohttp.ClientSession() as session:
        answer = await session.get(url + path)

    assert answer.status == 200


async def test_a_page_that_cannot_be_read_is_up_0() -> None:
    scraper = Scraper("http://127.0.0.1:1/stats")

    async with aiohttp.ClientSession() as session:
        await scraper.scrape(session)

    now = datetime.now(UTC)
    assert [series.points[0][1] for series in scraper.series("up", {}, now - 60 * SECOND, now)] == [0]
