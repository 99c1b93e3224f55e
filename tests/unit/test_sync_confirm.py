"""Which commits wait for a person, and how does one let them go on?"""

from collections.abc import AsyncIterator

import pytest

from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.model.names import Key
from rollout.model.status import Reason
from rollout.ports.errors import Unreachable
from rollout.services.sync_report import SyncState
from tests.support.sync_world import HOME, URL, SyncWorld, a_policy, a_sync_world, namespaces, policies


@pytest.fixture
async def world() -> AsyncIterator[SyncWorld]:
    cluster = MemoryCluster()
    cluster.seed(*namespaces("shop", HOME), *definitions().values())
    async with a_sync_world(DirectApi(cluster)) as world:
        yield world


def codes(news: tuple[Reason, ...]) -> list[str]:
    return [reason.code for reason in news]


async def test_an_empty_commit_deletes_nothing_and_tells_how_to_allow_it(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a", "b"))
    await world.look(key)
    empty = world.git.commit(URL, {})

    report = await world.look(key, hours=1)

    assert (set(await world.policies()), len(report.held)) == ({"a", "b"}, 2)
    assert (world.condition(key, "Stalled")[1], world.source(key).status.waiting) == ("PruneHeld", empty)
    assert "rollout confirm gitsource/apps -n shop" in world.condition(key)[2]


async def test_a_commit_that_waits_is_not_taken_in_part(world: SyncWorld) -> None:
    key = await world.a_source()
    good = world.git.commit(URL, policies("a", "b", "c"))
    await world.look(key)
    world.git.commit(URL, {"c.yaml": a_policy("c", "9%"), **policies("d", "e", "f")})
    await world.look(key, hours=1)
    world.restart()

    report = await world.look(key, hours=2)

    assert (report.reason, report.commit, set(await world.policies())) == ("PruneHeld", good, {"a", "b", "c"})


async def test_what_waits_no_more_is_forgotten(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a", "b"))
    await world.look(key)
    world.git.commit(URL, {})
    await world.look(key, hours=1)
    world.git.commit(URL, policies("a", "b"))

    report = await world.look(key, hours=2)

    assert (report.state, world.source(key).status.waiting) == (SyncState.READY, "")


async def test_what_waits_can_be_confirmed_while_git_is_away(world: SyncWorld) -> None:
    key, _, empty = await an_empty_commit_that_waits(world)
    world.git.fail(Unreachable("down"))
    await world.look(key, hours=2)
    name = await world.command(key, empty)
    await world.wake(key)
    world.git.fail(None)

    report = await world.look(key, hours=4)

    assert ((await world.answer(key, name))[0], report.state, await world.policies()) == (
        "Accepted",
        SyncState.READY,
        {},
    )


async def an_empty_commit_that_waits(world: SyncWorld) -> tuple[Key, str, str]:
    key = await world.a_source()
    first = world.git.commit(URL, policies("a", "b"))
    await world.look(key)
    empty = world.git.commit(URL, {})
    await world.look(key, hours=1)
    return key, first, empty


async def test_a_confirmed_commit_deletes_and_the_command_is_answered(world: SyncWorld) -> None:
    key, _, empty = await an_empty_commit_that_waits(world)
    name = await world.command(key, empty)

    report = await world.wake(key)

    assert (report.state, await world.policies()) == (SyncState.READY, {})
    assert (await world.answer(key, name))[0] == "Accepted"
    assert "CommandAccepted" in codes(report.news)
    assert (world.source(key).status.confirmed, world.source(key).status.waiting) == (empty, "")


@pytest.mark.parametrize(
    ("revision", "verb", "why"),
    [
        ("f" * 40, "confirm", "commit ffffffffffff does not wait; commit {empty} does"),
        ("", "confirm", "it names no commit; commit {empty} does"),
        ("", "abort", "a GitSource takes only confirm"),
    ],
)
async def test_other_commands_are_refused_with_what_is_possible(
    world: SyncWorld, revision: str, verb: str, why: str
) -> None:
    key, _, empty = await an_empty_commit_that_waits(world)
    name = await world.command(key, revision, verb)

    report = await world.wake(key)

    result, message = await world.answer(key, name)
    assert (result, why.format(empty=empty[:12]) in message) == ("Refused", True)
    assert (report.reason, set(await world.policies()), "CommandRefused" in codes(report.news)) == (
        "PruneHeld",
        {"a", "b"},
        True,
    )


async def test_a_confirmation_of_what_does_not_wait_is_refused(world: SyncWorld) -> None:
    key = await world.a_source()
    commit = world.git.commit(URL, policies("a"))
    await world.look(key)
    name = await world.command(key, commit)

    await world.wake(key)

    assert "no commit waits" in (await world.answer(key, name))[1]


async def test_a_confirmation_for_a_suspended_source_is_answered(world: SyncWorld) -> None:
    key, _, empty = await an_empty_commit_that_waits(world)
    await world.edit("GitSource", key, {"spec": {"suspend": True}})
    name = await world.command(key, empty)

    report = await world.wake(key)

    assert ((await world.answer(key, name))[0], report.state, len(await world.policies())) == (
        "Accepted",
        SyncState.SUSPENDED,
        2,
    )


@pytest.mark.parametrize("failing", ["status", "answer"])
async def test_a_confirmation_that_is_interrupted_is_handled_once(world: SyncWorld, failing: str) -> None:
    key, _, empty = await an_empty_commit_that_waits(world)
    name = await world.command(key, empty)
    path = (
        world.cache.path("GitSource", "shop", "apps", "status")
        if failing == "status"
        else world.cache.path("RolloutCommand", "shop", name, "status")
    )
    world.api.failing = {path: Unreachable("503")}
    with pytest.raises(Unreachable):
        await world.wake(key)
    world.api.failing = {}
    world.restart()

    await world.look(key, hours=2)
    await world.look(key, hours=3)

    assert ((await world.answer(key, name))[0], await world.policies()) == ("Accepted", {})
