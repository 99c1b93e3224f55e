"""Is nothing left pending when git moves on, and is nothing ended that goes on?"""

from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.model.names import Key
from rollout.model.status import Condition, Reason, RolloutStatus
from rollout.ports.errors import Rejected, Unreachable
from rollout.ports.forges import CommitState
from tests.support.builders import NOON, a_revision, a_run, a_status
from tests.support.commit_world import (
    APPS,
    FIRST,
    SECOND,
    THIRD,
    CommitWorld,
    a_git_source,
    a_source_status,
    a_stored,
)

PENDING, SUCCESS, FAILURE, SUPERSEDED = CommitState
SERVING = a_status(stable=a_revision("v2"))
CART = Key(namespace="shop", name="cart")


@pytest.fixture
def world() -> CommitWorld:
    return CommitWorld()


def running(step: int = 1, weight: int = 5, why: str = "soaking") -> RolloutStatus:
    """A run of v2 that waits for something."""
    return a_status(run=a_run(step=step, weight=weight), reasons=(Reason(code="Soaking", message=why),))


async def test_a_commit_that_is_overtaken_ends_and_names_the_newer_one(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=running()))
    await world.said()
    world.sources.put(a_git_source(), a_source_status(SECOND))
    world.rollouts.put(a_stored(status=running(), commit=SECOND))

    said = await world.said()

    assert said == [
        ("1", "shop/checkout", SUPERSEDED, f"superseded by commit {SECOND[:12]}"),
        ("2", "shop/checkout", PENDING, "v2: step 1 of 2 at 5 %: soaking"),
        ("2", "validate", SUCCESS, "2 specs"),
    ]


async def test_a_commit_that_has_ended_keeps_its_ending_when_a_newer_one_comes(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=SERVING))
    await world.said()
    world.sources.put(a_git_source(), a_source_status(SECOND))
    world.rollouts.put(a_stored(status=running(), commit=SECOND))

    said = await world.said()

    assert [commit for commit, *_ in said] == ["2", "2"]


async def test_a_commit_that_was_pending_when_the_process_began_ends_when_it_is_overtaken(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=running()))
    await world.said()
    world.service = world.fresh()
    world.service.note(APPS, NOON)  # as the controller does before anything new comes from git
    world.rollouts.put(a_stored(status=running(), commit=SECOND))

    said = await world.said()

    assert ("1", "shop/checkout", SUPERSEDED, f"superseded by commit {SECOND[:12]}") in said


async def test_a_commit_without_a_status_gets_none_when_it_is_overtaken(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=running()))
    world.service.note(APPS, NOON)
    world.rollouts.put(a_stored(status=running(), commit=SECOND))

    said = await world.said()

    assert ("1", "shop/checkout") not in {(commit, context) for commit, context, _, _ in said}


async def test_a_rollout_that_left_git_does_not_stay_pending(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=running()))
    await world.said()
    world.rollouts.held.clear()

    assert await world.said() == [("1", "shop/checkout", SUPERSEDED, "no longer in git")]
    assert await world.said(NOON + timedelta(days=1)) == []


async def test_nothing_is_ended_while_a_newer_spec_was_not_looked_at(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=running()))
    await world.said()
    world.rollouts.put(a_stored(status=running(), generation=2))

    assert await world.said() == []


async def test_a_git_server_in_trouble_leaves_what_was_said(world: CommitWorld) -> None:
    await world.said()
    world.sources.put(a_git_source(), a_source_status(FIRST, "FetchFailed", "git does not answer"))

    assert await world.said() == []


async def test_an_ending_of_long_ago_is_not_told_anew_and_not_asked_for(world: CommitWorld) -> None:
    ready = Condition(type="Ready", status="True", reason="Stable", message="", since=NOON)
    world.rollouts.put(a_stored(status=replace(SERVING, conditions=(ready,)), commit=SECOND))
    world.rollouts.put(a_stored(CART, status=running(), commit=THIRD))

    said = await world.said(NOON + timedelta(days=2))

    assert {commit for commit, *_ in said} == {"1", "3"}
    assert world.forges.asked == [FIRST, THIRD]


async def test_what_was_refused_is_not_ended(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=running()))
    world.forges.refuse(Rejected("the text is not good"))
    await world.service.look(APPS, NOON)
    world.forges.refuse(None)
    world.rollouts.held.clear()

    assert await world.said() == []


async def test_a_source_without_a_forge_is_nobodys_business(world: CommitWorld) -> None:
    world.sources.put(a_git_source(forge=None), a_source_status())

    looked = await world.service.look(APPS, NOON)

    assert (looked.gone, world.forges.asked, world.sources.asked) == (True, [], [])


@pytest.mark.parametrize("how", ["forge removed", "being deleted", "gone"])
async def test_nothing_stays_pending_when_a_source_ends_to_speak(world: CommitWorld, how: str) -> None:
    world.rollouts.put(a_stored(status=running()))
    await world.said()
    match how:
        case "forge removed":
            world.sources.put(a_git_source(forge=None), a_source_status())
        case "being deleted":
            world.sources.put(a_git_source(), a_source_status(), deleting=True)
        case _:
            world.sources.held.clear()

    said = await world.said()

    assert said == [("1", "shop/checkout", SUPERSEDED, "GitSource shop/apps does not tell any more how it fares")]
    assert (await world.service.look(APPS, NOON)).gone


async def test_last_words_that_are_not_heard_are_not_repeated(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=running()))
    await world.said()
    world.sources.held.clear()
    world.forges.fail(Unreachable("no answer"))

    with pytest.raises(Unreachable):
        await world.said()

    assert (await world.service.look(APPS, NOON)).gone


async def test_a_source_that_cannot_be_read_ends_nothing(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=running()))
    await world.said()
    world.sources.put(None, a_source_status(), error="spec.url is missing")

    assert await world.said() == []


async def test_another_repository_is_not_told_of_the_former_ones_commits(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=running()))
    await world.said()
    other = "https://git.example.org/shop/other.git"
    world.forges.add(other, FIRST)
    world.forges.add(other, SECOND)
    world.sources.put(a_git_source(url=other), a_source_status(SECOND))
    world.rollouts.put(a_stored(status=running(), commit=SECOND))

    said = await world.said()

    assert {commit for commit, *_ in said} == {"2"}
