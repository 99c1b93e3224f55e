"""Do a real Prometheus and its stand-in in memory say the same of the same hour of a mesh?"""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from adapters.memory.mesh_metrics import Labels, MemoryMeshMetrics
from adapters.metrics.access import PrometheusAccess
from adapters.metrics.mesh import PrometheusMeshMetrics
from rollout.model.telemetry import Asked, MeshAnswer, MeshQuestion
from rollout.ports.mesh_metrics import MeshMetrics
from tests.servers.prometheus import Prometheus
from tests.support.exporter import Exporter, exporting
from tests.support.mesh_histories import MINUTE, NOW, OPENED, asked, backfilled, plaintext, remembered, selector
from tests.support.mesh_stories import ALL_COURSES, SHOWN, STORIES, Story, here

OF_THE_CLUSTER = (Asked.PASSTHROUGH, Asked.WEBHOOKS, Asked.API_SERVERS)  # whatever the namespace
pytestmark = pytest.mark.xdist_group("mesh-metrics")


class Stage(Protocol):
    """A metrics server that scraped all the stories."""

    @property
    def metrics(self) -> MeshMetrics:
        """The port."""

    def goes_dark(self) -> None:
        """No question is answered any more."""

    def comes_back(self) -> None:
        """Questions are answered again."""


class MemoryStage:
    """The stand-in."""

    def __init__(self) -> None:
        self.metrics = remembered(SHOWN)

    def goes_dark(self) -> None:
        self.metrics.down("no answer within 3 s")

    def comes_back(self) -> None:
        self.metrics.up()


class PrometheusStage:
    """The real one."""

    def __init__(self, metrics: PrometheusMeshMetrics, prometheus: Prometheus) -> None:
        self.metrics = metrics
        self._prometheus = prometheus

    def goes_dark(self) -> None:
        self._prometheus.freeze()

    def comes_back(self) -> None:
        self._prometheus.thaw()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with backfilled(tmp_path_factory.mktemp("stories"), {**SHOWN, **ALL_COURSES}) as prometheus:
        yield prometheus


@pytest.fixture(params=["memory", pytest.param("prometheus", marks=pytest.mark.server)])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    if request.param == "memory":
        yield MemoryStage()
        return
    prometheus: Prometheus = request.getfixturevalue("told")
    metrics = PrometheusMeshMetrics(PrometheusAccess(url=prometheus.url, deadline=timedelta(seconds=3)))
    try:
        yield PrometheusStage(metrics, prometheus)
    finally:
        await metrics.close()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.it)
async def test_each_question_is_answered_as_the_proxies_showed_it(stage: Stage, story: Story) -> None:
    answer = await stage.metrics.ask(asked(story.about, story.it), NOW)

    assert answer.series is not None, answer.problem
    said = {tuple(one.label(name) for name in story.by): one.value for one in answer.series}
    assert said == pytest.approx(story.says)
    assert len(answer.series) == len(said)


@pytest.mark.parametrize("about", [about for about in Asked if about not in OF_THE_CLUSTER])
async def test_of_a_namespace_without_series_nothing_is_said_and_that_is_no_problem(stage: Stage, about: Asked) -> None:
    answer = await stage.metrics.ask(asked(about, 'no"body'), NOW)

    assert (answer.series, answer.problem) == ((), "")


async def test_a_plaintext_series_has_all_its_labels_and_the_time_of_its_last_scrape(stage: Stage) -> None:
    answer = await stage.metrics.ask(asked(Asked.PLAINTEXT, "stopped"), NOW)

    (one,) = answer.series or ()
    labels = dict(plaintext("stopped", pod="a", source_workload="unknown"))
    assert (one.labels, one.value, one.at) == (labels, 7, NOW - 2 * MINUTE)


async def test_of_a_proxy_the_time_of_its_last_scrape_is_told(stage: Stage) -> None:
    late = NOW + MINUTE / 2

    answer = await stage.metrics.ask(asked(Asked.PROXIES, "proxies"), late)

    assert {one.at for one in answer.series or ()} == {NOW}


async def test_series_are_sorted_by_their_labels(stage: Stage) -> None:
    answer = await stage.metrics.ask(asked(Asked.PLAINTEXT, "without-mtls"), NOW)

    labels = [sorted(one.labels.items()) for one in answer.series or ()]
    assert labels == sorted(labels)


async def test_what_came_after_now_is_not_known(stage: Stage) -> None:
    answer = await stage.metrics.ask(asked(Asked.PLAINTEXT, "grown-and-born"), NOW - 10 * MINUTE)

    assert {one.label("pod"): one.value for one in answer.series or ()} == {"old": 7, "idle": 7}


async def test_a_server_in_trouble_is_a_problem_and_no_silence(stage: Stage) -> None:
    question = asked(Asked.PLAINTEXT, "without-mtls")
    stage.goes_dark()
    during = await stage.metrics.ask(question, NOW)
    stage.comes_back()

    after = await stage.metrics.ask(question, NOW)

    assert during.series is None
    assert "no answer within" in during.problem
    assert after.series


@pytest.mark.server
@pytest.mark.parametrize("about", [Asked.PLAINTEXT, Asked.PLAINTEXT_IN_WINDOW, Asked.MTLS])
async def test_both_see_the_same_counters_whatever_course_they_took(told: Prometheus, about: Asked) -> None:
    real = PrometheusMeshMetrics(PrometheusAccess(url=told.url))
    question = asked(about, "courses")

    answers = [await metrics.ask(question, NOW) for metrics in (real, remembered(ALL_COURSES))]

    await real.close()
    seen, remembers = ({one.label("pod") for one in answer.series or ()} for answer in answers)
    assert len(seen) > 100
    assert seen == remembers


class Page(Protocol):
    """What a metrics server scrapes while the test runs."""

    async def shows(self, shown: Mapping[Labels, float]) -> None:
        """These series and no others, from the next scrape on, which has been when this returns."""

    async def ask(self, question: MeshQuestion) -> MeshAnswer:
        """The answer as of now."""


class MemoryPage:
    """The stand-in."""

    def __init__(self) -> None:
        self._metrics = MemoryMeshMetrics()
        self._now = NOW

    async def shows(self, shown: Mapping[Labels, float]) -> None:
        self._now += MINUTE
        self._metrics.scrape(self._now, shown)

    async def ask(self, question: MeshQuestion) -> MeshAnswer:
        return await self._metrics.ask(question, self._now)


class PrometheusPage:
    """The real one."""

    def __init__(self, metrics: PrometheusMeshMetrics, exporter: Exporter) -> None:
        self._metrics = metrics
        self._exporter = exporter

    async def shows(self, shown: Mapping[Labels, float]) -> None:
        self._exporter.series = {}
        self._exporter.show({selector(labels): value for labels, value in shown.items()})

    async def ask(self, question: MeshQuestion) -> MeshAnswer:
        return await self._metrics.ask(question, datetime.now(UTC))


@pytest.fixture(scope="module")
def exporter(prometheus: Prometheus) -> Iterator[Exporter]:
    with exporting(prometheus, "contract-of-mesh-metrics") as exporter:
        yield exporter


@pytest.fixture(params=["memory", pytest.param("prometheus", marks=pytest.mark.server)])
async def page(request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    if request.param == "memory":
        yield MemoryPage()
        return
    exporter: Exporter = request.getfixturevalue("exporter")
    metrics = PrometheusMeshMetrics(PrometheusAccess(url=exporter.prometheus.url))
    try:
        yield PrometheusPage(metrics, exporter)
    finally:
        await metrics.close()


@pytest.mark.parametrize(
    ("about", "shown"),
    [
        (Asked.PROXIES, here("istio_build", "left", "a", component="proxy")),
        (Asked.PLAINTEXT_OPEN, plaintext("left", OPENED, pod="a")),
        (Asked.DRAINING, here("envoy_listener_manager_total_listeners_draining", "left", "a")),
    ],
)
async def test_what_is_asked_of_now_ends_with_the_pod(page: Page, about: Asked, shown: Labels) -> None:
    await page.shows({shown: 1})
    before = await page.ask(asked(about, "left"))
    await page.shows({})

    after = await page.ask(asked(about, "left"))

    assert ([one.labels for one in before.series or ()], after.series) == ([{"pod": "a"}], ())


async def test_the_last_value_of_a_plaintext_series_is_told_after_its_pod_has_gone(page: Page) -> None:
    await page.shows({plaintext("departed", pod="a"): 3})
    await page.shows({})

    after = await page.ask(asked(Asked.PLAINTEXT, "departed"))

    assert [one.value for one in after.series or ()] == [3]
