"""Does a git that is slow to say whose change it is keep a Rollout from going back, or from going on once it has said it?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from time import perf_counter

import pytest

from rollout.services.change_authors import WITHIN
from tests.support.authors_world import AuthorsWorld, SlowPast, an_authors_world
from tests.support.builders import an_approval_manifest
from tests.support.world import World, a_release

MINUTE = timedelta(minutes=1)
GATED = [{"weight": 5, "soak": "5m", "approval": "release-managers"}, {"weight": 50, "soak": "5m"}]


@asynccontextmanager
async def at_the_gate(git: AuthorsWorld) -> AsyncIterator[World]:
    """v2 has 5 % and waits for four eyes; whose change it is, nobody has asked this git yet."""
    async with a_release(steps=GATED) as world:
        await git.released("v2")
        await world.put(an_approval_manifest(fourEyes=True))
        world.metrics.tell_requests("errors", bad=0, total=1000)
        await world.commit(revision="v2")
        await world.pass_time(6 * MINUTE)
        await world.restart()  # so that nothing is remembered of what was asked before
        world.reconciler.observer.authors = git.service
        yield world


@pytest.mark.slow
async def test_a_look_whose_authors_are_slow_still_goes_back_at_once() -> None:
    async with an_authors_world() as git:
        slow = git.past = SlowPast(git)
        git.restart(within=WITHIN)
        async with at_the_gate(git) as world:
            world.metrics.tell_requests("errors", bad=900, total=1000)
            begun = perf_counter()

            async with asyncio.timeout(5):
                await world.pass_time(MINUTE)

            assert (slow.asked, await world.split()) == (1, {"checkout-v1": 100})
            assert perf_counter() - begun < 2.5


async def test_what_a_slow_git_says_is_taken_as_soon_as_it_says_it() -> None:
    async with an_authors_world() as git:
        slow = git.past = SlowPast(git)
        git.restart(within=timedelta(0))
        async with at_the_gate(git) as world:
            await world.settle()
            before = world.status.run
            slow.goes.set()
            await git.answered.get()

            await world.settle()

            after = world.status.run
            assert before is not None
            assert after is not None
            assert "git is being asked" in str(before.authors)
            assert after.authors == await git.of("v2")
            assert after.authors.emails == ("ana@example.org",)
