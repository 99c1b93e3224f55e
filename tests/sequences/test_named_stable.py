"""What does naming stable in the spec settle, and what does it not?"""

from datetime import timedelta

from tests.support.world import a_world, virtual_service

MINUTE = timedelta(minutes=1)


async def test_a_named_stable_that_is_not_ready_is_a_hold() -> None:
    async with a_world() as world:
        await world.deploy("v1", service="checkout")
        await world.ready("v1", pods=0, service="checkout")
        await world.deploy("v2")
        await world.put(virtual_service("checkout"))
        await world.rollout(revision="v2", stable={"service": "checkout"})

        await world.pass_time(5 * MINUTE)

        assert [reason.code for reason in world.status.reasons] == ["StableUnknown"]
        assert await world.split() == {"checkout": 100}


async def test_a_stable_named_in_the_spec_settles_a_split_without_status() -> None:
    async with a_world() as world:
        await world.deploy("v1")
        await world.deploy("v2")
        await world.put(virtual_service("checkout-v1", "checkout-v2"))
        await world.weights(checkout_v1=70, checkout_v2=30)
        await world.rollout(revision="v2", stable={"service": "checkout-v1"})

        await world.pass_time(2 * MINUTE)

        stable = world.status.stable
        assert stable is not None
        assert stable.name == "v1"
