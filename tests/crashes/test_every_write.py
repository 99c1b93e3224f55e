"""Does every run end the same wherever among its writes the controller dies?"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.crashes.lives import End, Story, answered_twice, broken_words, live
from tests.support.fate import Blow, Fate
from tests.support.scenes import SUBSETS, delete, deploy_subset, edit_route, failing, healthy, subset_service
from tests.support.world import World, a_world, virtual_service

STEPS = [{"weight": 5, "soak": "1m"}, {"weight": 50, "soak": "1m"}]
GATED = [{"weight": 5, "soak": "1m", "approval": "release-managers"}, {"weight": 50, "soak": "1m"}]
LAZY = {"interval": "60s"}  # few looks, so that a life is short


async def release(world: World) -> None:
    """Git names v2."""
    await world.commit(revision="v2")


async def gated(world: World) -> None:
    """Git names v2 and puts a gate on the first step."""
    await world.commit(revision="v2", steps=GATED)


async def fails(world: World) -> None:
    """The canary begins to fail."""
    failing(world)


async def both(world: World) -> str:
    """Two commands at once: promote-full, and abort, which wins."""
    await world.command("promote-full")
    return await world.command("abort")


async def judged(world: World) -> None:
    """Git names v2, and asks for a proof of it beside stable."""
    await world.commit(revision="v2", objectives=[{"name": "errors", "kind": "error-ratio", "max": "1%"}])


async def chosen(world: World) -> None:
    """Git names v2, and leaves the weights to the judge."""
    errors = {"name": "errors", "kind": "error-ratio", "max": "1%"}
    await world.commit(revision="v2", objectives=[errors], steps=None, auto={"max": 50, "minDuration": "3m"})


async def newer(world: World) -> None:
    """Git names v3."""
    await world.commit(revision="v3")


async def gone(world: World) -> None:
    """The Rollout is deleted."""
    await delete(world, "Rollout", "checkout")


STORIES = {
    "promotion": Story(acts=((1, release),), minutes=4),
    "rollback": Story(acts=((1, release), (2, fails)), minutes=3),
    "abort": Story(acts=((1, release), (1, both)), minutes=3),
    "approval": Story(acts=((1, gated), (2, lambda world: world.command("approve"))), minutes=3),
    "pause and resume": Story(
        acts=((1, release), (1, lambda world: world.command("pause")), (1, lambda world: world.command("resume"))),
        minutes=4,
    ),
    "judged": Story(acts=((1, judged),), minutes=6),
    "judged and rolled back": Story(acts=((1, judged), (1, fails)), minutes=3),
    "chosen by the judge": Story(acts=((1, chosen),), minutes=8),
    "superseded": Story(acts=((1, release), (2, newer)), minutes=4),
    "subsets": Story(acts=((1, release),), minutes=6, subsets=True),
    "subsets rolled back": Story(acts=((1, release), (1, fails)), minutes=3, subsets=True),
    "deletion": Story(acts=((1, release), (2, gone)), minutes=3),
    "deletion of subsets": Story(acts=((1, release), (2, gone)), minutes=3, subsets=True),
}


@asynccontextmanager
async def a_life(story: Story, fate: Fate) -> AsyncIterator[World]:
    """v1 serves, v2 and v3 are deployed, git names v1; the controller has not looked yet."""
    async with a_world() as world:
        if story.subsets:
            await deploy_subset(world, "v1", "v2", "v3")
            await world.put(subset_service("v1"))
        else:
            for revision in ("v1", "v2", "v3"):
                await world.deploy(revision)
            await world.put(virtual_service("checkout-v1"))
        await edit_route(world, "VirtualService", {"exportTo": ["."], "gateways": ["mesh"]})
        backend = {"backend": SUBSETS} if story.subsets else {}
        await world.rollout(revision="v1", steps=STEPS, analysis=LAZY, **backend)
        healthy(world)
        world.outside.fate.blow, world.outside.fate.at = fate.blow, fate.at
        yield world


async def lived(story: Story, fate: Fate) -> tuple[End, int]:
    """How it ended, and how many writes it took; a controller that broke its word fails the test here."""
    async with a_life(story, fate) as world:
        end = await live(world, story)
        assert broken_words(world) == [], f"write {fate.at} {fate.blow}"
        assert answered_twice(world) == [], f"write {fate.at} {fate.blow}"
        return end, world.outside.fate.begun


QUICK = {("rollback", Blow.KILLED_AFTER)}  # for the inner loop; `make test` has all
LIVES = [
    pytest.param(name, blow, marks=[] if (name, blow) in QUICK else [pytest.mark.slow])
    for name in STORIES
    for blow in Blow
]


@pytest.mark.parametrize(("name", "blow"), LIVES)
async def test_a_run_ends_the_same_wherever_the_controller_is_hit(name: str, blow: Blow) -> None:
    quiet, writes = await lived(STORIES[name], Fate())

    for number in range(writes):
        end, _ = await lived(STORIES[name], Fate(blow=blow, at=number))

        assert end == quiet, f"write {number} of {writes} {blow}"
