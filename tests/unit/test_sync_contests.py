"""Who gets an object that two sources want, and do both say so?"""

from collections.abc import AsyncIterator

import pytest

from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.source import MemorySpecSource
from rollout.crds import definitions
from rollout.model.names import Key
from rollout.model.source import GitSource, Snapshot
from rollout.ports.sources import Credentials
from rollout.ports.specs import ObjectRef
from rollout.services.sync_report import SyncReport, SyncState
from tests.support.sync_world import HOME, URL, SyncWorld, a_policy, a_sync_world, namespaces, policies

OTHER_URL = "https://git.example.org/other.git"
A = ObjectRef(kind="SloPolicy", key=Key(namespace="shop", name="a"))


@pytest.fixture
async def world() -> AsyncIterator[SyncWorld]:
    cluster = MemoryCluster()
    cluster.seed(*namespaces("shop", "pay", HOME), *definitions().values())
    async with a_sync_world(DirectApi(cluster)) as world:
        yield world


class Shallow(MemorySpecSource):
    """The same repositories, but only the newest commit can be had."""

    def __init__(self, git: MemorySpecSource) -> None:
        self.__dict__ = git.__dict__

    async def read(self, source: GitSource, credentials: Credentials, commit: str) -> Snapshot:
        """What the newest commit holds."""
        del commit
        return await super().read(source, credentials, await self.head(source, credentials))


class Two:
    """Sources shop/first and shop/second; `look` goes on until nobody is named as concerned any more."""

    def __init__(self, world: SyncWorld, first: Key, second: Key) -> None:
        self.world, self.first, self.second = world, first, second
        self.reports: dict[Key, SyncReport] = {}

    async def look(self, key: Key, hours: float = 0) -> SyncReport:
        """One look, and those of the others that it concerns; how it ended for this one."""
        waiting = [key]
        for _ in range(10):
            if not waiting:
                return self.reports[key]
            now = waiting.pop(0)
            report = await self.world.look(now, hours)
            self.reports[now] = report
            waiting += [other for other in report.also if other not in waiting]
        raise AssertionError("they wake each other without end")

    def contested(self, key: Key) -> str:
        return self.world.condition(key, "Contested")[2]


@pytest.fixture
async def two(world: SyncWorld) -> Two:
    first, second = await world.a_source("first"), await world.a_source("second", url=OTHER_URL)
    world.git.commit(URL, policies("a", "b"))
    world.git.commit(OTHER_URL, {"a.yaml": a_policy("a", "9%"), **policies("c")})
    return Two(world, first, second)


async def test_who_applies_it_keeps_it_and_both_say_so(two: Two) -> None:
    await two.look(two.first)

    report = await two.look(two.second)

    assert (report.state, two.world.specs.owner(A)) == (SyncState.STALLED, two.first)
    assert two.contested(two.first).startswith(
        "SloPolicy shop/a is wanted by GitSource shop/second, too: this one applies it"
    )
    assert "GitSource shop/first, too: GitSource shop/first applies it" in two.contested(two.second)
    assert two.world.condition(two.first)[0] == "True"
    assert "GitSource shop/first applies it already" in report.message


async def test_both_are_told_once(two: Two) -> None:
    await two.look(two.first)
    await two.look(two.second)
    said = [[reason.code for reason in two.reports[key].news] for key in (two.first, two.second)]

    again = [await two.look(key, hours=1) for key in (two.first, two.second)]

    assert (said, [report.news for report in again]) == ([["Contested"], ["Contested"]], [(), ()])


async def test_nothing_flaps(two: Two) -> None:
    await two.look(two.first)
    await two.look(two.second)

    for hour in (1, 2, 3):
        for key in (two.first, two.second):
            await two.look(key, hours=hour)
            assert [verb for verb, _, _ in two.world.api.requests if verb != "get"] == []


async def test_a_contested_file_is_left_out_where_files_may_be_skipped(two: Two) -> None:
    await two.world.edit("GitSource", two.second, {"spec": {"onInvalid": "skip-file"}})
    await two.look(two.first)

    report = await two.look(two.second)

    assert (report.reason, set(await two.world.policies())) == ("FilesSkipped", {"a", "b", "c"})
    assert two.world.specs.owner(A) == two.first


async def test_what_one_drops_from_git_is_handed_over_without_being_deleted(two: Two) -> None:
    await two.look(two.first)
    await two.look(two.second)
    uid = (await two.world.policies())["a"]["metadata"]["uid"]
    two.world.git.commit(URL, policies("b"))

    await two.look(two.first, hours=1)

    after = (await two.world.policies())["a"]
    assert (two.world.specs.owner(A), after["metadata"]["uid"], after["spec"]["objectives"][0]["max"]) == (
        two.second,
        uid,
        "9%",
    )
    assert (two.contested(two.first), two.contested(two.second)) == ("", "")
    assert two.world.condition(two.second)[0] == "True"


async def test_when_the_other_gives_in_the_talk_ends_on_both_sides(two: Two) -> None:
    await two.look(two.first)
    await two.look(two.second)
    two.world.git.commit(OTHER_URL, policies("c"))

    report = await two.look(two.second, hours=1)

    assert (report.state, two.world.specs.owner(A)) == (SyncState.READY, two.first)
    assert (two.contested(two.first), two.contested(two.second)) == ("", "")


@pytest.mark.parametrize("policy", ["Orphan", "Delete"])
async def test_objects_of_a_source_that_is_deleted_are_taken_over(two: Two, policy: str) -> None:
    await two.world.edit("GitSource", two.first, {"spec": {"deletionPolicy": policy}})
    await two.look(two.first)
    await two.look(two.second)
    await two.world.remove("GitSource", two.first)

    await two.look(two.first, hours=1)

    assert two.world.specs.owner(A) == two.second
    assert (two.contested(two.second), two.world.condition(two.second)[0]) == ("", "True")


async def test_a_source_that_leaves_only_what_another_wants_goes_at_once_and_names_it(two: Two) -> None:
    await two.world.edit("GitSource", two.first, {"spec": {"deletionPolicy": "Delete"}})
    two.world.git.commit(URL, policies("a"))
    await two.look(two.first)
    await two.look(two.second)
    await two.world.remove("GitSource", two.first)

    report = await two.world.look(two.first, hours=1)

    assert (report.reason, report.also) == ("Gone", (two.second,))


async def test_an_object_of_nobody_goes_to_the_older_source(two: Two) -> None:
    await two.look(two.first)
    await two.look(two.second)
    await two.world.remove("SloPolicy", A.key)

    await two.look(two.second, hours=1)
    unclaimed = two.world.specs.owner(A)
    await two.look(two.first, hours=1)

    assert (unclaimed, two.world.specs.owner(A)) == (None, two.first)


async def test_after_a_restart_what_a_source_applied_still_is_its_own(two: Two) -> None:
    await two.look(two.first)
    two.world.restart()

    await two.look(two.second, hours=1)

    assert two.world.specs.owner(A) == two.first
    assert "GitSource shop/first applies it" in two.contested(two.second)


async def test_a_source_that_cannot_read_git_after_a_restart_keeps_what_it_applied(two: Two) -> None:
    await two.look(two.first)
    two.world.git.commit(URL, {"bad.yaml": "apiVersion: rollout.dev/v1alpha1\nkind: SloPolicy\n"})
    two.world.restart(Shallow(two.world.git))

    await two.look(two.first, hours=1)
    await two.look(two.second, hours=1)

    assert two.world.specs.owner(A) == two.first


async def test_a_source_cannot_contest_what_it_may_not_write(two: Two) -> None:
    await two.look(two.first)
    thief = await two.world.a_source("thief", "pay", url=OTHER_URL)
    two.world.git.commit(OTHER_URL, {"a.yaml": a_policy("a", "99%", namespace="shop")})

    report = await two.look(thief)

    assert ("may write only in its own namespace" in report.message, two.contested(two.first)) == (True, "")


async def test_an_invalid_commit_contests_nothing(two: Two) -> None:
    await two.look(two.first)
    two.world.git.commit(
        OTHER_URL, {**policies("a"), "bad.yaml": "kind: SloPolicy\napiVersion: rollout.dev/v1alpha1\n"}
    )

    await two.look(two.second)

    assert two.contested(two.first) == ""
