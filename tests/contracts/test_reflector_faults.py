"""Does the cache lose nothing when watches break, pages expire, servers restart or own writes run ahead?"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from adapters.kube.cache import PAGES_AT_ONCE, Cache
from adapters.kube.client import HttpApi
from adapters.kube.kinds import KINDS, WATCHED
from adapters.kube.reflector import Pace
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.definitions import known
from rollout.ports.errors import Expired, Forbidden, Unreachable
from tests.servers.apiserver import ApiServer
from tests.support.followed import QUICK, SOON, Followed, following, until

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
def cluster() -> MemoryCluster:
    """A cluster on which things go wrong on demand."""
    cluster = MemoryCluster()
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    return cluster


async def test_an_own_write_is_shown_until_the_watch_has_come_that_far(cluster: MemoryCluster) -> None:
    async with following(DirectApi(cluster), namespace="shop") as followed:
        await followed.create("a", "1")
        await until(lambda: followed.watched("a") == "1")
        cluster.faults.hold()

        followed.cache.wrote("Service", await followed.change("a", "2"))
        during = (followed.newest("a"), followed.watched("a"), followed.values()["a"])
        await followed.change("a", "3")
        cluster.faults.release()
        await until(lambda: followed.watched("a") == "3")

        assert during == ("2", "1", "2")
        assert followed.newest("a") == "3"


async def test_an_own_write_that_was_deleted_since_is_not_kept(cluster: MemoryCluster) -> None:
    async with following(DirectApi(cluster), namespace="shop") as followed:
        await followed.cache.wait_synced(SOON)
        cluster.faults.hold()
        followed.cache.wrote("Service", await followed.create("a"))
        await followed.delete("a")

        await followed.cache.refresh()

        assert followed.values() == {}


async def test_a_list_after_forgotten_history_tells_every_difference(cluster: MemoryCluster) -> None:
    async with following(DirectApi(cluster), namespace="shop") as followed:
        for name in ("gone", "changed", "same"):
            await followed.create(name)
        await until(lambda: len(followed.told) == 3)
        followed.told.clear()
        cluster.faults.hold()
        await followed.delete("gone")
        await followed.change("changed", "2")
        await followed.create("new")

        cluster.compact()
        cluster.faults.release()
        await until(lambda: len(followed.told) == 3)

        assert sorted(followed.told) == [("changed", "1", "2"), ("gone", "1", ""), ("new", "", "1")]


async def test_a_list_begins_anew_when_its_pages_expire(cluster: MemoryCluster) -> None:
    api = DirectApi(cluster)
    for number in range(5):
        await Followed(api=api, cache=Cache(api, [KINDS["Service"]]), namespace="shop").create(f"s{number}")
    cluster.faults.fail_next("*/services", Expired("the continue token is too old"), verb="list", after=1)

    async with following(api, namespace="shop") as followed:
        await followed.cache.wait_synced(SOON)

        assert len(followed.values()) == 5


async def test_an_outage_is_named_and_then_made_up_for(cluster: MemoryCluster) -> None:
    async with following(DirectApi(cluster), namespace="shop") as followed:
        await followed.cache.wait_synced(SOON)
        cluster.faults.fail_all(Unreachable("the API server is away"))
        await until(lambda: followed.cache.problems() == {"Service": "the API server is away"})

        cluster.faults.recover()
        await followed.create("a")
        await until(lambda: followed.watched("a") == "1")

        assert followed.cache.problems() == {}


async def test_waiting_for_a_kind_that_may_not_be_read_says_so(cluster: MemoryCluster) -> None:
    cluster.faults.fail_all(Forbidden('services is forbidden: User "x" cannot list it'))
    async with following(DirectApi(cluster), namespace="shop") as followed:
        with pytest.raises(Unreachable, match="Service: services is forbidden"):
            await followed.cache.wait_synced(timedelta(milliseconds=50))

    assert not followed.cache.is_synced()


async def test_following_makes_no_request_while_nothing_happens(cluster: MemoryCluster) -> None:
    async with following(DirectApi(cluster), namespace="shop") as followed:
        await followed.create("a")
        await until(lambda: followed.watched("a") == "1")
        before = cluster.faults.calls.copy()

        await asyncio.sleep(0.1)

        assert cluster.faults.calls == before


async def test_a_stopped_cache_leaves_no_watch_open(cluster: MemoryCluster) -> None:
    async with following(DirectApi(cluster), namespace="shop") as followed:
        await followed.create("a")
        await until(lambda: followed.watched("a") == "1")

    assert not cluster.store.listeners


class WakingApi(DirectApi):
    """A server that has just started: it has its kinds, but `/apis` does not say so yet."""

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        return {"kind": "APIGroupList", "groups": []} if path == "/apis" else await super().get(path, query)


async def test_a_kind_is_not_thought_absent_because_discovery_lacks_it(cluster: MemoryCluster) -> None:
    cluster.seed(known("VirtualService"))
    async with following(WakingApi(cluster), "VirtualService", namespace="shop") as followed:
        await followed.create("a", kind="VirtualService")
        await until(lambda: bool(followed.values("VirtualService")))

        await followed.cache.refresh()

        assert followed.cache.served("VirtualService")
        assert followed.values("VirtualService") == {"a": "1"}


async def test_a_kind_known_to_be_absent_is_looked_for_in_discovery_alone(cluster: MemoryCluster) -> None:
    async with following(WakingApi(cluster), "TrafficSplit", namespace="shop") as followed:
        await followed.cache.wait_synced(SOON)
        before = cluster.faults.calls.copy()

        await asyncio.sleep(5 * QUICK.absent.total_seconds())

        assert cluster.faults.calls == before


class CountingApi(DirectApi):
    """A server that answers slowly; `most` lists were asked of it at once."""

    def __init__(self, cluster: MemoryCluster) -> None:
        super().__init__(cluster)
        self.asked = self.most = 0

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        self.asked += path != "/apis"
        self.most = max(self.most, self.asked)
        await asyncio.sleep(0.01)
        self.asked -= path != "/apis"
        return await super().get(path, query)


async def test_no_more_than_four_pages_of_all_kinds_are_in_memory_at_once(cluster: MemoryCluster) -> None:
    api = CountingApi(cluster)
    cache = Cache(api, WATCHED)

    await cache.refresh()

    assert len(WATCHED) > PAGES_AT_ONCE == 4
    assert (api.most, api.asked) == (4, 0)


class DeafApi(DirectApi):
    """A server whose first watches stay open and say nothing; `watches` counts those that were asked for."""

    def __init__(self, cluster: MemoryCluster) -> None:
        super().__init__(cluster)
        self.watches = 0

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        self.watches += 1
        if self.watches < 3:
            await asyncio.Event().wait()
        async for event in super().watch(path, query):
            yield event


async def test_a_silent_watch_is_given_up_and_begun_again(cluster: MemoryCluster) -> None:
    api = DeafApi(cluster)
    pace = Pace(watch=timedelta(milliseconds=20), silence=timedelta(milliseconds=5), first_delay=timedelta(0))
    async with following(api, namespace="shop", pace=pace) as followed:
        await followed.cache.wait_synced(SOON)
        await followed.create("a")

        await until(lambda: followed.watched("a") == "1")

        assert api.watches >= 3


@pytest.mark.server
@pytest.mark.slow
async def test_a_server_that_was_restarted_is_followed_again(apiserver: ApiServer) -> None:
    api = await HttpApi.connect(str(apiserver.kubeconfig("admin")))
    async with following(api, namespace="default") as followed:
        await followed.cache.wait_synced(SOON)

        apiserver.restart()  # not in a thread: its end would end the server, which dies with who started it
        await followed.create("after-the-restart")
        await until(lambda: followed.watched("after-the-restart") == "1")

        await followed.delete("after-the-restart")
    await api.close()
