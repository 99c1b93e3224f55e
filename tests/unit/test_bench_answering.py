"""Does the bench's Prometheus answer as one that scrapes at fixed instants, and tell how often each template was asked?"""

import json
import time
from collections.abc import Iterator
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from tests.bench.answering import AnsweringPrometheus

SCRAPE_S = 5


@pytest.fixture
def prometheus() -> Iterator[AnsweringPrometheus]:
    """One that listens."""
    server = AnsweringPrometheus(SCRAPE_S)
    server.start()
    yield server
    server.stop()


def a_scrape() -> float:
    """The instant of one, some time ago."""
    return time.time() // SCRAPE_S * SCRAPE_S - 100


def scrapes(server: AnsweringPrometheus, at: float, window_s: int, workload: str = "a-v2") -> list[float]:
    """The instants of the samples that a window holds."""
    query = (
        'istio_requests_total{reporter="destination",destination_workload_namespace="shop",'
        f'destination_workload="{workload}"}}[{window_s}s]'
    )
    with urlopen(f"{server.url}/api/v1/query?{urlencode({'query': query, 'time': at})}", timeout=10) as answer:
        (series,) = json.load(answer)["data"]["result"]
    return [moment for moment, _ in series["values"]]


def test_samples_are_of_the_same_scrapes_whatever_the_window(prometheus: AnsweringPrometheus) -> None:
    now = a_scrape()

    assert scrapes(prometheus, now + 0.8, 12) == [now - 10, now - 5, now]
    assert scrapes(prometheus, now + 4.9, 14) == [now - 5, now]


def test_queries_that_differ_in_names_and_windows_alone_are_of_one_template(prometheus: AnsweringPrometheus) -> None:
    for workload, window_s in (("a-v2", 60), ("b-v2", 60), ("b-v2", 61)):
        scrapes(prometheus, a_scrape(), window_s, workload)

    assert list(prometheus.templates.values()) == [3]
