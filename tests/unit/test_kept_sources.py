"""What is told about a GitSource, and how often?"""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.memory.clock import ManualClock
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.notices import KeptNotices
from rollout.controller.kept import KeptSources
from rollout.controller.loop import Worked
from rollout.crds import definitions
from rollout.model.names import Key
from rollout.ports.errors import Forbidden
from tests.support.builders import NOON
from tests.support.sync_world import HOME, URL, SyncWorld, a_sync_world, policies


@pytest.fixture
async def world() -> AsyncIterator[SyncWorld]:
    """A cluster with a namespace for the source."""
    cluster = MemoryCluster()
    cluster.seed(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in ("shop", HOME)))
    cluster.seed(*definitions().values())
    async with a_sync_world(DirectApi(cluster)) as world:
        yield world


class Looks:
    """The controller's looks at shop/apps, an hour apart."""

    def __init__(self, world: SyncWorld) -> None:
        self.notices = KeptNotices()
        self._world, self._clock = world, ManualClock(NOON)
        self._kept = KeptSources(sources=world.sources, sync=world.service, notices=self.notices, clock=self._clock)

    async def look(self, key: Key) -> Worked:
        """The next one."""
        await self._world.cache.refresh()
        worked = await self._kept.tick(key)
        self._clock.advance(timedelta(hours=1))
        return worked


async def test_a_source_that_git_refuses_is_warned_of(world: SyncWorld) -> None:
    looks, key = Looks(world), await world.a_source()
    world.git.fail(Forbidden("not accepted"))

    await looks.look(key)

    ((about, reason),) = looks.notices.told
    assert (about, reason.code, reason.warning) == (key, "AccessDenied", True)
    assert "not accepted" in reason.message


async def test_the_same_trouble_is_told_once(world: SyncWorld) -> None:
    looks, key = Looks(world), await world.a_source()
    world.git.fail(Forbidden("not accepted"))

    for _ in range(3):
        await looks.look(key)

    assert looks.notices.codes(key) == ("AccessDenied",)


async def test_a_source_that_recovered_is_told_without_a_warning(world: SyncWorld) -> None:
    looks, key = Looks(world), await world.a_source()
    world.git.commit(URL, policies("a"))
    world.git.fail(Forbidden("not accepted"))
    await looks.look(key)
    world.git.fail(None)

    await looks.look(key)

    assert [reason.warning for _, reason in looks.notices.told] == [True, False]


async def test_an_edit_that_was_put_back_is_told_once_beside_the_outcome(world: SyncWorld) -> None:
    looks, key = Looks(world), await world.a_source()
    world.git.commit(URL, policies("a"))
    await looks.look(key)
    await world.edit(
        "SloPolicy", Key(namespace="shop", name="a"), {"metadata": {"labels": {"rollout.dev/source": None}}}
    )

    await looks.look(key)
    await looks.look(key)

    assert looks.notices.codes(key) == ("Synced", "DriftPutBack")


async def test_sources_that_a_look_concerns_come_next(world: SyncWorld) -> None:
    looks = Looks(world)
    first, second = await world.a_source("first"), await world.a_source("second")
    world.git.commit(URL, policies("a"))
    await looks.look(first)

    worked = await looks.look(second)

    assert worked.also == (first,)
    assert looks.notices.codes(second) == ("InvalidSpecs", "Contested")
