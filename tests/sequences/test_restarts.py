"""Does a run go on when the controller is killed at any quiet moment?"""

from rollout.ports.errors import Unreachable
from tests.support.golden import same_story
from tests.support.scenes import GATED, MINUTE, SECOND, failing, healthy, running
from tests.support.world import a_release, told_story


async def test_a_restart_in_every_step_changes_nothing() -> None:
    async with a_release() as world:
        await running(world, minutes=2)
        for place in ("5 %, soaking", "50 %, just begun", "50 %, soaking"):
            world.tell(f"the controller is killed and starts again ({place})")
            await world.restart()
            await world.pass_time(3 * MINUTE)

        same_story("restart_mid_run", told_story(world))
        assert await world.split() == {"checkout-v2": 100}


async def test_a_restart_while_paused_stays_paused() -> None:
    async with a_release() as world:
        await running(world)
        await world.command("pause")
        await world.pass_time(MINUTE)
        world.tell("the controller is killed and starts again")
        await world.restart()

        await world.pass_time(30 * MINUTE)

        same_story("restart_while_paused", told_story(world))
        assert await world.split() == {"checkout-v1": 95, "checkout-v2": 5}


async def test_an_approval_given_while_the_controller_was_dead_counts() -> None:
    async with a_release(steps=GATED) as world:
        await running(world, minutes=6)
        await world.services.stop()
        world.tell("the controller is dead; ana approves")
        approved = await world.command("approve")
        world.clock.advance(60 * MINUTE)
        await world.restart()

        await world.pass_time(MINUTE)

        same_story("approved_while_dead", told_story(world))
        assert (await world.answer(approved)).startswith("Accepted")


async def test_a_restart_between_decision_and_write_of_a_rollback_still_goes_back() -> None:
    async with a_release() as world:
        await running(world, minutes=6)
        world.tell("v2 fails; the controller is killed after it wrote 0 % and before it saw it")
        failing(world)
        world.clock.advance(15 * SECOND)
        await world.cache.refresh()
        await world.tick()
        await world.restart()

        await world.pass_time(MINUTE)

        same_story("restart_in_rollback", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_a_lowering_that_could_not_be_saved_is_not_undone_by_the_next_life() -> None:
    async with a_release() as world:
        await running(world, minutes=6)
        world.tell("v2 fails, and the status cannot be saved; the weight is lowered all the same")
        failing(world)
        world.cluster.faults.fail_next("*/rollouts/checkout/status", Unreachable("no answer"))
        world.clock.advance(15 * SECOND)
        await world.cache.refresh()
        await world.tick()
        lowered = await world.split()
        world.tell("the controller is killed, and v2 does not fail any more")
        healthy(world)
        await world.restart()

        await world.pass_time(10 * MINUTE)

        same_story("lowered_unsaved_then_restart", told_story(world))
        assert lowered == {"checkout-v1": 100, "checkout-v2": 0}
        assert await world.split() == {"checkout-v1": 100, "checkout-v2": 0}
        assert world.status.phase == "Paused"


async def test_a_weight_is_not_raised_while_the_status_cannot_be_saved() -> None:
    async with a_release() as world:
        await running(world, minutes=4)
        world.clock.advance(MINUTE)
        world.cluster.faults.fail_next("*/rollouts/checkout/status", Unreachable("no answer"))
        await world.cache.refresh()
        told = await world.tick()
        unsaved = await world.split()

        await world.settle()

        assert told is not None
        assert told.decision is not None
        assert told.decision.trigger == "StepPassed"
        assert unsaved == {"checkout-v1": 95, "checkout-v2": 5}
        assert await world.split() == {"checkout-v1": 50, "checkout-v2": 50}
