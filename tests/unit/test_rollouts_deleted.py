"""Does a Rollout that is deleted leave traffic with stable, and does its tick tell what it did?"""

from datetime import timedelta

from rollout.model.status import Phase
from tests.support.scenes import MINUTE, delete, running
from tests.support.world import a_release, virtual_service


async def test_a_route_that_names_the_canary_alone_is_given_back_to_stable_first() -> None:
    async with a_release() as world:
        await running(world)
        await world.put(virtual_service("checkout-v2"), manager="kustomize-controller")
        await delete(world, "Rollout", "checkout")

        await world.pass_time(10 * MINUTE)

        assert await world.is_gone("Rollout", "checkout")
        assert await world.split() == {"checkout-v1": 100}


async def test_the_tick_of_a_deletion_tells_what_the_status_was_before_it() -> None:
    async with a_release() as world:
        await running(world)
        await delete(world, "Rollout", "checkout")
        world.clock.advance(timedelta(seconds=1))
        await world.cache.refresh()

        told = await world.tick()

        assert told is not None
        assert (told.before.phase, told.after.phase) == (Phase.PROGRESSING, Phase.ROLLING_BACK)
