"""Does a Rollout that is deleted leave traffic with stable, and does its tick tell what it did?"""

from datetime import timedelta

from rollout.model.status import Phase
from tests.support.scenes import MINUTE, SECOND, delete, running
from tests.support.troubled_shop import Shape, TroubledShop, a_troubled_shop
from tests.support.world import a_release, virtual_service

SETTLE = 30 * SECOND


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


async def test_one_that_waits_for_a_dead_stable_does_not_tick_without_a_pause() -> None:
    async with a_troubled_shop(Shape(subsets=True)) as shop:
        await shop.commit(revision="v2")
        await shop.live(MINUTE / 2)
        await shop.says_ana("abort", reason="no")
        await shop.live(SECOND)
        await shop.undeploy("v1")
        await shop.edit("checkout", {"v2": 100})
        await shop.remove()
        before = shop.ticks

        await shop.live(10 * MINUTE)

        assert "StableDown" in {reason.code for reason in shop.truth().status.reasons}
        assert shop.ticks - before < 50


async def test_what_is_sent_to_a_failed_revision_at_the_last_moment_is_led_back() -> None:
    async with a_troubled_shop(Shape()) as shop:
        await shop.commit(revision="v2")
        await shop.live(MINUTE / 2)
        await shop.says_ana("abort", reason="no")
        await shop.live(5 * MINUTE)
        await shop.edit("checkout", {"v1": 20, "v2": 80})
        await shop.remove()

        await shop.live(5 * MINUTE)

        assert shop.truth().rollout is None
        assert shop.truth().share("checkout-v2") == 0


async def test_one_that_is_created_again_takes_no_subset_from_under_its_traffic() -> None:
    async with a_troubled_shop(Shape(subsets=True)) as shop:
        await shop.commit(revision="v2")
        await shop.live(20 * MINUTE)
        await shop.remove()
        await shop.live(2 * MINUTE)

        await shop.commit()
        await shop.live(2 * MINUTE)

        assert shop.broken == []
        assert shop.truth().share("checkout/v2") == 100


async def test_a_subset_that_an_earlier_rollout_left_goes_settle_after_its_last_weight() -> None:
    async with a_troubled_shop(Shape(subsets=True)) as shop:
        await shop.commit(revision="v2")
        await shop.live(20 * MINUTE)
        await shop.remove()
        await shop.live(2 * MINUTE)
        await shop.commit(revision="v3")
        while shop.truth().share("checkout/v3") < 100:
            await shop.live(5 * SECOND)
        names = [subsets_of(shop)]

        await shop.live(SETTLE - 10 * SECOND)
        names.append(subsets_of(shop))
        await shop.live(5 * MINUTE)

        assert [*names, subsets_of(shop)] == [{"v2", "v3"}, {"v2", "v3"}, {"v3"}]


def subsets_of(shop: TroubledShop) -> set[str]:
    """All that rules of ours define."""
    return {one["name"] for rule in shop.truth().rules.values() for one in rule["spec"]["subsets"]}


async def test_a_command_for_a_rollout_that_is_gone_is_refused_and_not_kept_for_the_next_of_its_name() -> None:
    async with a_release() as world:
        await running(world)
        await delete(world, "Rollout", "checkout")
        await world.settle()
        name = await world.command("abort")
        await world.cache.refresh()

        await world.tick()

        assert await world.answer(name) == "Refused: there is no Rollout shop/checkout"
