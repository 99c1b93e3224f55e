"""Is a watch that says nothing any more noticed from the bookmarks that do not come, and who can see it?"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from adapters.kube.reflector import Pace
from adapters.memory.cluster import DirectApi, MemoryCluster
from tests.support.followed import SOON, following, until

BEAT = timedelta(milliseconds=40)
PACE = Pace(first_delay=timedelta(0), beat=BEAT)  # a watch itself lasts minutes


@pytest.fixture
def cluster() -> MemoryCluster:
    """A cluster with one namespace."""
    cluster = MemoryCluster()
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    return cluster


class HushedApi(DirectApi):
    """A server whose first watches stay open and say no more than so many bookmarks each; the others are sound."""

    def __init__(self, cluster: MemoryCluster, *bookmarks: int) -> None:
        super().__init__(cluster)
        self.watches = 0
        self._bookmarks = bookmarks

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        self.watches += 1
        if self.watches <= len(self._bookmarks):
            meta = {"metadata": {"resourceVersion": query["resourceVersion"]}}
            for _ in range(self._bookmarks[self.watches - 1]):
                yield {"type": "BOOKMARK", "object": meta}
            await asyncio.Event().wait()
        async for event in super().watch(path, query):
            yield event


async def test_a_watch_whose_bookmarks_stop_is_begun_again_long_before_it_would_end(cluster: MemoryCluster) -> None:
    async with following(HushedApi(cluster, 2), namespace="shop", pace=PACE) as followed:
        await followed.cache.wait_synced(SOON)
        await followed.create("a")

        await until(lambda: followed.watched("a") == "1")


async def test_nothing_is_asked_again_where_the_server_sends_no_bookmarks(cluster: MemoryCluster) -> None:
    api = HushedApi(cluster, 0)
    async with following(api, namespace="shop", pace=PACE) as followed:
        await followed.cache.wait_synced(SOON)

        await asyncio.sleep(4 * BEAT.total_seconds())

        assert api.watches == 1


async def test_a_server_that_sends_them_no_more_is_asked_once_more_for_it(cluster: MemoryCluster) -> None:
    api = HushedApi(cluster, 1, 0, 0, 0)
    async with following(api, namespace="shop", pace=PACE) as followed:
        await until(lambda: api.watches == 3)

        await asyncio.sleep(4 * BEAT.total_seconds())

        assert api.watches == 3
        assert "the watch said nothing for" in followed.cache.problems()["Service"]


async def test_how_long_the_server_has_said_nothing_is_known_of_each_kind_that_is_followed(
    cluster: MemoryCluster,
) -> None:
    async with following(HushedApi(cluster, 0), "Service", "Rollout", namespace="shop", pace=PACE) as followed:
        before = dict(followed.cache.silences())
        await followed.cache.wait_synced(SOON)

        await until(lambda: followed.cache.silences()["Service"] > BEAT.total_seconds())

        assert before == {}
        assert set(followed.cache.silences()) == {"Service"}  # the cluster has no CRD of Rollouts


async def test_whatever_the_server_says_ends_the_silence(cluster: MemoryCluster) -> None:
    async with following(DirectApi(cluster), namespace="shop", pace=PACE) as followed:
        await followed.cache.wait_synced(SOON)
        await until(lambda: followed.cache.silences()["Service"] > 2 * BEAT.total_seconds())

        await followed.create("a")

        await until(lambda: followed.cache.silences()["Service"] < BEAT.total_seconds())
