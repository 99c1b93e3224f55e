"""Does a run go on, step by step and without an hour's wait, after the clock was turned forward or back?"""

from datetime import timedelta

import pytest

from tests.support.scenes import GATED, MINUTE, SECOND, TWO_STEPS, failing, healthy, running
from tests.support.world import World, a_release

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1)
SEQUENTIAL = [{"name": "errors", "kind": "error-ratio", "max": "1%", "method": "sequential"}]


def weights(world: World) -> list[int]:
    """The weights that the run has had, each once in a row."""
    seen = [told.after.run.weight if told.after.run else 0 for told in world.told]
    return [weight for place, weight in enumerate(seen) if place == 0 or seen[place - 1] != weight]


async def test_a_clock_that_is_turned_back_holds_a_step_no_longer_than_its_soak_anew() -> None:
    async with a_release(steps=TWO_STEPS) as world:
        await running(world, minutes=4)

        world.clock.advance(-HOUR)
        await world.pass_time(4 * MINUTE)
        before = (await world.split())["checkout-v2"]
        await world.pass_time(2 * MINUTE)

        assert (before, (await world.split())["checkout-v2"]) == (5, 50)


@pytest.mark.parametrize("there", [HOUR, -HOUR])
async def test_a_jump_and_its_mending_skip_no_step(there: timedelta) -> None:
    async with a_release(steps=[*TWO_STEPS, {"weight": 80, "soak": "5m"}]) as world:
        await running(world, minutes=1)

        world.clock.advance(there)
        await world.pass_time(MINUTE)
        world.clock.advance(-there)
        await world.pass_time(35 * MINUTE)

        assert [weight for weight in weights(world) if weight] == [5, 50, 80, 100]
        assert world.status.phase == "Idle"


async def test_a_jump_forward_ends_at_most_the_soak_that_it_falls_into() -> None:
    async with a_release(steps=[*TWO_STEPS, {"weight": 80, "soak": "5m"}]) as world:
        await running(world, minutes=1)

        world.clock.advance(HOUR)
        await world.pass_time(4 * MINUTE)

        assert (await world.split())["checkout-v2"] == 50


async def test_a_jump_forward_is_no_evidence() -> None:
    async with a_release(steps=TWO_STEPS) as world:
        await running(world, minutes=1)
        world.metrics.fail("nothing is known of that time")

        world.clock.advance(HOUR)
        await world.pass_time(MINUTE)

        assert (await world.split())["checkout-v2"] == 5


@pytest.mark.parametrize("objectives", [None, SEQUENTIAL])
async def test_a_canary_that_fails_after_the_clock_was_turned_back_goes_back_at_once(
    objectives: list[dict[str, str]] | None,
) -> None:
    spec = {"objectives": objectives} if objectives else {}
    async with a_release(steps=TWO_STEPS, **spec) as world:
        await running(world, minutes=1)
        world.clock.advance(-HOUR)
        await world.pass_time(SECOND)

        failing(world)
        await world.pass_time(3 * MINUTE)

        assert (await world.split()).get("checkout-v2", 0) == 0


async def test_what_was_measured_in_a_wrong_hour_is_measured_again_when_the_clock_is_right() -> None:
    async with a_release(steps=TWO_STEPS) as world:
        await running(world, minutes=1)
        world.metrics.fail("nothing is known of that time")
        world.clock.advance(HOUR)
        await world.pass_time(SECOND)
        world.clock.advance(-HOUR)
        await world.pass_time(SECOND)

        world.metrics.fail("")
        failing(world)
        await world.pass_time(MINUTE)

        assert (await world.split()).get("checkout-v2", 0) == 0


async def test_a_canary_that_dies_in_a_wrong_hour_goes_back_ten_seconds_after_the_clock_is_right() -> None:
    async with a_release(steps=TWO_STEPS) as world:
        await running(world, minutes=1)
        world.clock.advance(HOUR)
        await world.pass_time(SECOND)
        await world.ready("v2", pods=0)
        await world.pass_time(SECOND)

        world.clock.advance(-HOUR)
        await world.pass_time(12 * SECOND)

        assert (await world.split())["checkout-v2"] == 0


async def test_a_deadline_that_began_in_a_wrong_hour_counts_from_when_the_clock_is_right() -> None:
    async with a_release(steps=TWO_STEPS, analysis={"stepDeadline": "10m", "onInconclusive": "rollback"}) as world:
        await running(world, minutes=1)
        world.clock.advance(HOUR)
        world.metrics.fail("away")
        await world.pass_time(10 * SECOND)

        world.clock.advance(-HOUR)
        await world.pass_time(13 * MINUTE)
        before = (await world.split())["checkout-v2"]
        await world.pass_time(2 * MINUTE)

        assert (before, (await world.split()).get("checkout-v2", 0)) == (5, 0)


@pytest.mark.parametrize("there", [HOUR, -HOUR])
async def test_an_approval_neither_counts_twice_nor_is_lost_in_a_jump(there: timedelta) -> None:
    async with a_release(steps=GATED) as world:
        await running(world, minutes=6)
        run = world.status.run
        assert run is not None
        waiting = (await world.split())["checkout-v2"]

        world.clock.advance(there)
        await world.pass_time(MINUTE)
        still = (await world.split())["checkout-v2"]
        await world.command("approve")
        await world.pass_time(4.5 * MINUTE)

        assert (waiting, still, (await world.split())["checkout-v2"]) == (5, 5, 50)


async def test_what_leaves_the_route_after_a_promotion_leaves_it_though_the_clock_was_turned_back() -> None:
    async with a_release(steps=TWO_STEPS) as world:
        await running(world, minutes=10)
        healthy(world)
        assert (await world.split())["checkout-v2"] == 100

        world.clock.advance(-HOUR)
        await world.pass_time(2 * MINUTE)

        assert "checkout-v1" not in await world.split()
