"""Do reasons become Events that kubectl shows, once each?"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from adapters.kube.api import KubeApi
from adapters.kube.client import HttpApi
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.notices import KeptNotices
from adapters.notices.events import WAITING, EventNotices
from rollout.model.names import Key
from rollout.model.status import Reason
from rollout.ports.errors import Unreachable
from rollout.ports.notices import About, about_rollout
from rollout.ports.rollouts import Stored
from tests.support.builders import NOON, a_run, a_spec, a_status

PASSED = Reason(code="StepPassed", message="step passed: errors 0.1% of at most 1%")
FAILED = Reason(code="AnalysisFailed", message="errors 5% of at most 1%", warning=True)


class Told:
    """Notices as Events of one namespace, and time."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self.api = api
        self.clock = ManualClock(NOON)
        self.notices = EventNotices(api, self.clock, instance="rollout-0")
        self.path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
        stored = Stored(
            key=Key(namespace=namespace, name="checkout"),
            uid="5f1b",
            version="7",
            generation=1,
            spec=a_spec(),
            status=a_status(run=a_run(step=2)),
        )
        self.about = about_rollout(stored)

    async def tell(self, reason: Reason, after: timedelta = timedelta(0), uid: str = "5f1b") -> None:
        self.clock.advance(after)
        await self.notices.tell(replace(self.about, uid=uid), reason)

    async def events(self) -> list[dict[str, Any]]:
        await self.notices.told()
        found = (await self.api.get(self.path))["items"]
        return sorted(found, key=lambda event: str(event["eventTime"]))


@pytest.fixture(params=["memory", pytest.param("apiserver", marks=pytest.mark.server)])
async def told(request: pytest.FixtureRequest) -> AsyncIterator[Told]:
    """Notices to either server, in a namespace of their own."""
    api: KubeApi = DirectApi(MemoryCluster())
    if request.param == "apiserver":
        api = await HttpApi.connect(str(request.getfixturevalue("kubeconfig")))
    namespace = f"events-{uuid4().hex[:8]}"
    await api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    yield Told(api, namespace)
    if isinstance(api, HttpApi):
        await api.close()


@pytest.fixture
def cluster() -> MemoryCluster:
    """The cluster behind `kept`."""
    cluster = MemoryCluster()
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    return cluster


@pytest.fixture
def kept(cluster: MemoryCluster) -> Told:
    """Notices to a cluster in memory."""
    return Told(DirectApi(cluster), "shop")


async def test_a_reason_is_an_event_about_the_rollout(told: Told) -> None:
    await told.tell(FAILED)

    (event,) = await told.events()
    assert (event["reason"], event["note"], event["type"]) == ("AnalysisFailed", "errors 5% of at most 1%", "Warning")
    assert event["regarding"]["kind"] == "Rollout"
    assert (event["regarding"]["name"], event["regarding"]["uid"]) == ("checkout", "5f1b")
    assert event["reportingController"] == "rollout.dev/controller"


async def test_an_event_says_what_the_rollout_was_at(told: Told) -> None:
    await told.tell(PASSED)

    (event,) = await told.events()
    assert event["type"] == "Normal"
    assert event["action"] == told.about.state
    assert event["metadata"]["annotations"]["rollout.dev/revision"] == "v2"
    assert event["metadata"]["annotations"]["rollout.dev/step"] == "2"


async def test_a_repeated_reason_is_counted_in_one_event(told: Told) -> None:
    await told.tell(FAILED)
    await told.tell(FAILED, after=timedelta(seconds=30))
    await told.tell(FAILED, after=timedelta(seconds=31))

    (event,) = await told.events()
    assert event["series"]["count"] == 3


async def test_a_very_long_message_is_cut_to_what_the_api_takes(told: Told) -> None:
    await told.tell(Reason(code="Held", message="ä" * 2000))

    (event,) = await told.events()
    assert event["note"].endswith("ä...")
    assert len(event["note"].encode()) <= 1024


async def test_a_count_is_written_at_most_once_a_minute(kept: Told, cluster: MemoryCluster) -> None:
    for _ in range(13):
        await kept.tell(FAILED, after=timedelta(seconds=10))

    await kept.notices.told()
    assert cluster.faults.calls == {("create", "events"): 1, ("patch", "events"): 2}


async def test_the_same_reason_is_news_again_after_ten_minutes(kept: Told) -> None:
    await kept.tell(FAILED)
    await kept.tell(FAILED, after=timedelta(minutes=10))

    assert len(await kept.events()) == 2


@pytest.mark.parametrize(
    ("reason", "uid"),
    [
        (replace(FAILED, message="errors 6% of at most 1%"), "5f1b"),
        (replace(FAILED, code="Held"), "5f1b"),
        (FAILED, "6a"),
    ],
)
async def test_another_message_reason_or_rollout_is_another_event(kept: Told, reason: Reason, uid: str) -> None:
    await kept.tell(FAILED)
    await kept.tell(reason, uid=uid)

    assert len(await kept.events()) == 2


async def test_an_event_whose_time_is_over_is_made_anew(kept: Told) -> None:
    await kept.tell(FAILED)
    (event,) = await kept.events()
    await kept.api.delete(f"{kept.path}/{event['metadata']['name']}")

    await kept.tell(FAILED, after=timedelta(minutes=2))

    assert len(await kept.events()) == 1


async def test_a_server_that_is_away_stops_nothing_and_is_counted(kept: Told, cluster: MemoryCluster) -> None:
    cluster.faults.fail_all(Unreachable("the API server is away"))

    await kept.tell(FAILED)
    await kept.notices.told()

    assert kept.notices.results == {"failed": 1}
    assert kept.notices.problem == "the API server is away"


async def test_an_event_that_could_not_be_written_is_written_when_it_is_told_again(
    kept: Told, cluster: MemoryCluster
) -> None:
    cluster.faults.fail_next("*/events", Unreachable("the API server is away"))
    await kept.tell(FAILED)

    await kept.tell(FAILED, after=timedelta(minutes=1))

    assert len(await kept.events()) == 1


async def test_memory_stays_bounded_however_many_reasons_there_are(cluster: MemoryCluster) -> None:
    names: Iterator[int] = count()
    told = Told(DirectApi(cluster), "shop")
    told.notices = EventNotices(told.api, told.clock, instance="x", suffix=lambda: str(next(names)), kept=3)
    for number in range(5):
        await told.tell(replace(PASSED, message=str(number)))

    await told.tell(replace(PASSED, message="4"))
    await told.tell(replace(PASSED, message="0"))
    await told.notices.told()

    assert told.notices.results == {"created": 6, "counted": 1}


async def test_an_event_has_the_time_of_its_news_however_late_it_is_written(kept: Told) -> None:
    await kept.tell(PASSED)
    await kept.tell(FAILED, after=timedelta(seconds=5))
    kept.clock.advance(timedelta(minutes=1))

    assert [event["eventTime"][14:19] for event in await kept.events()] == ["00:00", "00:05"]


async def test_nobody_waits_for_events_to_be_written_and_of_too_many_the_oldest_are_dropped(kept: Told) -> None:
    for number in range(WAITING + 3):
        await kept.tell(replace(PASSED, message=str(number)), after=timedelta(milliseconds=1))

    assert not kept.notices.results["created"]
    assert (await kept.events())[0]["note"] == "3"
    assert kept.notices.results == {"created": WAITING, "dropped": 3}


async def test_kept_notices_are_listed_by_rollout(kept: Told) -> None:
    notices = KeptNotices()

    await notices.tell(kept.about, PASSED)
    await notices.tell(kept.about, FAILED)

    assert notices.codes(kept.about.key) == ("StepPassed", "AnalysisFailed")
    assert notices.codes(Key(namespace="shop", name="cart")) == ()


async def test_a_git_source_has_events_of_its_own(kept: Told) -> None:
    about = About(
        kind="GitSource", key=kept.about.key, uid="9c2e", version="3", state="Stalled", details={"commit": "f00"}
    )

    await kept.notices.tell(about, Reason(code="InvalidCommit", message="rollouts/a.yaml:3: ...", warning=True))

    (event,) = await kept.events()
    assert event["regarding"]["kind"] == "GitSource"
    assert event["metadata"]["annotations"]["rollout.dev/commit"] == "f00"
