"""What happens to a source when git, the API server or a person does not do as expected, and when is the next look?"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.source import MemorySpecSource
from rollout.crds import definitions
from rollout.model.names import Key
from rollout.model.source import GitSource
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected, Unreachable
from rollout.ports.sources import Credentials
from rollout.services.sync_report import SyncState
from tests.support.builders import NOON
from tests.support.sync_world import HOME, URL, SyncWorld, a_sync_world, namespaces, policies


@pytest.fixture
async def world() -> AsyncIterator[SyncWorld]:
    cluster = MemoryCluster()
    cluster.seed(*namespaces("shop", "pay", HOME), *definitions().values())
    async with a_sync_world(DirectApi(cluster)) as world:
        yield world


class Interrupted(MemorySpecSource):
    """Git that takes so long to answer that a person asks once for another look meanwhile."""

    def __init__(self, world: SyncWorld, key: Key) -> None:
        self.__dict__ = world.git.__dict__  # the same repository
        self._world, self._key, self._asked = world, key, False

    async def head(self, source: GitSource, credentials: Credentials) -> str:
        """As the repository's."""
        if not self._asked:
            self._asked = True
            await self._world.annotate(self._key, "requestedAt", "during")
        return await super().head(source, credentials)


@pytest.mark.parametrize(
    ("error", "reason", "kind"),
    [
        (Unreachable("no answer within 60 s"), "FetchFailed", "Reconciling"),
        (Forbidden("not accepted"), "AccessDenied", "Stalled"),
        (NotFound("no such repository"), "NotFound", "Stalled"),
        (Rejected("a symlink"), "Refused", "Stalled"),
    ],
)
async def test_a_failed_fetch_keeps_what_is_there_and_says_so(
    world: SyncWorld, error: PortError, reason: str, kind: str
) -> None:
    key = await world.a_source()
    good = world.git.commit(URL, policies("a"))
    await world.look(key)
    world.git.fail(error)

    report = await world.look(key, hours=1)

    assert (set(await world.policies()), report.commit, report.reason) == ({"a"}, good, reason)
    assert world.condition(key, kind)[0] == "True"
    assert f"{error}; commit {good[:12]} stays in force" == world.condition(key)[2]


async def test_after_a_failed_fetch_the_same_commit_makes_it_ready_without_writing_objects(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a"))
    await world.look(key)
    world.git.fail(Unreachable("down"))
    await world.look(key, hours=1)
    world.git.fail(None)

    report = await world.look(key, hours=2)

    assert (world.condition(key)[0], report.applied, report.unchanged) == ("True", (), 1)


async def test_a_source_without_its_secret_says_which_one(world: SyncWorld) -> None:
    key = await world.a_source(secretRef={"name": "git-login"})
    world.git.commit(URL, policies("a"))

    report = await world.look(key)

    assert report.reason == "NotFound"
    assert "Secret shop/git-login is not there" in report.message


async def test_an_object_that_was_deleted_by_hand_comes_back(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a", "b"))
    await world.look(key)
    await world.remove("SloPolicy", Key(namespace="shop", name="b"))

    report = await world.look(key, hours=1)

    assert (set(await world.policies()), [ref.key.name for ref in report.applied]) == ({"a", "b"}, ["b"])


async def test_asking_for_a_look_is_obeyed_once_and_echoed(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a"))
    await world.look(key)
    await world.annotate(key, "requestedAt", "now, please")
    before = world.git.heads

    await world.wake(key)
    await world.wake(key)

    assert (world.git.heads - before, world.source(key).status.handled_request) == (1, "now, please")


async def test_a_wish_that_comes_during_a_look_is_obeyed_by_the_next(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a"))
    world.restart(Interrupted(world, key))
    await world.look(key)
    echoed, heads = world.source(key).status.handled_request, world.git.heads

    await world.wake(key)

    assert (echoed, world.source(key).status.handled_request, world.git.heads - heads) == ("", "during", 1)


async def test_a_suspended_source_is_not_looked_at(world: SyncWorld) -> None:
    key = await world.a_source(suspend=True)
    world.git.commit(URL, policies("a"))

    report = await world.look(key)

    assert (report.state, report.wake_at, await world.policies()) == (SyncState.SUSPENDED, None, {})


async def test_a_source_that_is_gone_needs_nothing(world: SyncWorld) -> None:
    report = await world.look(Key(namespace="shop", name="gone"))

    assert (report.reason, report.wake_at) == ("Gone", None)


async def test_a_cluster_that_fails_in_between_is_finished_by_the_next_look(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a", "b", "c"))
    world.api.failing = {world.cache.path("SloPolicy", "shop", "b"): Unreachable("503")}
    report = await world.look(key)
    world.api.failing = {}

    again = await world.look(key, hours=1)

    assert (report.reason, len(report.applied), report.commit) == ("ApplyFailed", 1, "")
    assert (again.state, len(again.applied), again.unchanged) == (SyncState.READY, 2, 1)


async def test_an_object_that_the_server_refuses_is_named_and_nothing_is_deleted(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a", "b"))
    await world.look(key)
    world.git.commit(URL, policies("a", "c", "d"))
    world.api.failing = {world.cache.path("SloPolicy", "shop", "c"): Rejected("denied by policy")}

    report = await world.look(key, hours=1)

    assert set(await world.policies()) == {"a", "b", "d"}
    assert (report.reason, "c.yaml:1" in report.message) == ("ApplyRefused", True)


async def test_a_cancelled_look_is_finished_by_the_next(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a", "b"))
    world.api.failing = {world.cache.path("SloPolicy", "shop", "b"): asyncio.CancelledError()}
    with pytest.raises(asyncio.CancelledError):
        await world.look(key)
    world.api.failing = {}

    report = await world.look(key, hours=1)

    assert (report.state, set(await world.policies())) == (SyncState.READY, {"a", "b"})


async def test_the_next_look_is_after_the_interval_give_or_take_a_tenth(world: SyncWorld) -> None:
    keys = [await world.a_source(f"s{number}", interval="60s") for number in range(20)]
    world.git.commit(URL, {})

    waits = [((await world.look(key)).wake_at or NOON) - NOON for key in keys]

    assert all(timedelta(seconds=54) <= wait <= timedelta(seconds=66) for wait in waits)
    assert len(set(waits)) > 10


async def test_looks_at_a_server_that_stays_away_get_rarer_up_to_ten_minutes(world: SyncWorld) -> None:
    key = await world.a_source(interval="60s")
    world.git.fail(Unreachable("down"))

    waits = [(await world.look(key, hours=hour)).wake_at or NOON for hour in range(6)]

    minutes = [round((wait - NOON) / timedelta(minutes=1)) - 60 * hour for hour, wait in enumerate(waits)]
    assert (minutes[:3], minutes[5] in (9, 10, 11)) == ([1, 2, 4], True)


async def test_a_server_that_says_when_to_come_again_is_not_asked_before(world: SyncWorld) -> None:
    key = await world.a_source(interval="60s")
    world.git.fail(Unreachable("too many", retry_after=timedelta(hours=30)))

    report = await world.look(key)

    assert report.wake_at == NOON + timedelta(hours=30)


async def test_git_is_asked_in_time_though_the_clock_was_set_back(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a"))
    await world.look(key, hours=1)
    newer = world.git.commit(URL, policies("a", "b"))

    report = await world.look(key, hours=0)
    again = await world.wake(key)

    assert (report.commit, again.wake_at) == (newer, report.wake_at)
