"""How long may a write take, and which is not begun?"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from adapters.kube.api import Obj, Patch
from adapters.kube.fenced import FencedApi
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.ports.errors import LeaseLost, Unreachable

PATH = "/api/v1/namespaces/shop"
LIMITS = (timedelta(seconds=5), timedelta(milliseconds=20))


class Left:
    """The `Lease` of a replica whose renew deadline is so far away."""

    def __init__(self, left: timedelta) -> None:
        self.left = left

    def may_write(self, within: timedelta) -> bool:
        return within <= self.left

    async def acquire(self) -> None: ...

    async def lost(self) -> None: ...

    async def release(self) -> None: ...


class Slow(DirectApi):
    """A server whose writes take a while."""

    async def patch(
        self, path: str, kind: Patch, body: Obj | list[dict[str, Any]], query: Any = None
    ) -> dict[str, Any]:
        await asyncio.sleep(0.1)
        return await super().patch(path, kind, body, query)


def fenced(left: timedelta) -> FencedApi:
    cluster = MemoryCluster()
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    return FencedApi(Slow(cluster), Left(left), LIMITS)


async def test_a_write_has_the_longest_time_that_the_lease_leaves() -> None:
    api = fenced(timedelta(seconds=6))

    stored = await api.patch(PATH, Patch.MERGE, {"metadata": {"labels": {"a": "b"}}})

    assert stored["metadata"]["labels"]["a"] == "b"


async def test_a_write_that_takes_longer_than_the_lease_leaves_is_given_up() -> None:
    api = fenced(timedelta(seconds=4))

    with pytest.raises(Unreachable, match=r"no answer in 0\.02 s, which is what the lease leaves"):
        await api.patch(PATH, Patch.MERGE, {"metadata": {"labels": {"a": "b"}}})


async def test_a_write_that_even_the_shortest_time_is_not_left_for_is_not_begun() -> None:
    api = fenced(timedelta(milliseconds=10))

    with pytest.raises(LeaseLost, match="nothing is written by this replica"):
        await api.patch(PATH, Patch.MERGE, {})


async def test_reading_needs_no_lease() -> None:
    api = fenced(timedelta(0))

    assert (await api.get(PATH))["metadata"]["name"] == "shop"
