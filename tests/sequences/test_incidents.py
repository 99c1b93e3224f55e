"""What becomes of a run while stable misbehaves as well: is the weight held, lowered, tried once more, and then no more?"""

from rollout.model.status import Outcome, Phase
from tests.sequences.test_judged import JUDGED, outcomes, release
from tests.support.golden import same_story
from tests.support.scenes import MINUTE
from tests.support.series import Traffic
from tests.support.world import World, a_release, told_story


def both_fail(world: World, traffic: Traffic) -> None:
    """From now on 5 % of both arms' requests fail."""
    traffic.change(stable=0.05, canary=0.05)
    world.tell("both arms begin to fail")


def both_recover(world: World, traffic: Traffic) -> None:
    """The weather is over."""
    traffic.change(stable=0.002, canary=0.002)
    world.tell("both arms are as they were")


async def test_a_short_incident_holds_the_weight_and_the_run_goes_on() -> None:
    async with a_release(**JUDGED) as world:
        traffic = Traffic(world)
        await release(world, 7)
        both_fail(world, traffic)
        await world.pass_time(2 * MINUTE)
        both_recover(world, traffic)

        await world.pass_time(12 * MINUTE)

        same_story("incident_held", told_story(world))
        assert outcomes(world) == [Outcome.PROMOTED]


async def test_a_long_incident_takes_the_weight_and_gives_it_back_from_step_1() -> None:
    async with a_release(**JUDGED) as world:
        traffic = Traffic(world)
        await release(world, 7)
        both_fail(world, traffic)
        await world.pass_time(10 * MINUTE)
        assert await world.split() == {"checkout-v1": 100, "checkout-v2": 0}
        both_recover(world, traffic)

        await world.pass_time(30 * MINUTE)

        same_story("incident_recovered", told_story(world))
        assert outcomes(world) == [Outcome.PROMOTED]


async def test_an_incident_that_comes_with_each_attempt_is_a_failure() -> None:
    async with a_release(**JUDGED) as world:
        traffic = Traffic(world)
        await release(world, 7)
        traffic.poison = 0.05
        world.tell("v2 begins to overload what both arms need")

        await world.pass_time(40 * MINUTE)

        same_story("incident_of_the_canary", told_story(world))
        assert outcomes(world) == [Outcome.FAILED]
        assert world.status.phase is Phase.FAILED
        assert world.status.failed is not None


async def test_a_run_that_failed_of_incidents_is_not_tried_again() -> None:
    async with a_release(**JUDGED) as world:
        traffic = Traffic(world)
        traffic.poison = 0.05
        await release(world, 60)

        await world.pass_time(30 * MINUTE)

        assert world.status.runs == 1
        assert world.status.failed is not None


async def test_while_the_metrics_are_down_stable_is_not_taken_for_normal() -> None:
    async with a_release(**JUDGED) as world:
        traffic = Traffic(world)
        await release(world, 2)
        both_fail(world, traffic)
        await world.pass_time(5 * MINUTE)
        assert world.status.run is not None
        assert world.status.run.weight == 0
        both_recover(world, traffic)
        world.metrics.fail("connection refused")

        await world.pass_time(30 * MINUTE)

        assert world.status.run.weight == 0
        assert [reason.code for reason in world.status.reasons] == ["SharedIncident"]


async def test_a_controller_that_starts_anew_goes_on_with_the_incident() -> None:
    stories = []
    for restarts in (False, True):
        async with a_release(**JUDGED) as world:
            traffic = Traffic(world)
            await release(world, 7)
            both_fail(world, traffic)
            for minute in range(30):
                if minute == 10:
                    both_recover(world, traffic)
                await world.pass_time(MINUTE)
                if restarts:
                    await world.restart()
            stories.append(told_story(world))

    assert stories[0] == stories[1]


async def test_an_incident_takes_the_weight_of_a_paused_run_too_and_resume_does_not_give_it_back() -> None:
    async with a_release(**JUDGED) as world:
        traffic = Traffic(world)
        await release(world, 7)
        await world.command("pause")
        both_fail(world, traffic)
        await world.pass_time(10 * MINUTE)
        assert world.status.phase is Phase.PAUSED
        assert await world.split() == {"checkout-v1": 100, "checkout-v2": 0}

        await world.command("resume")
        await world.pass_time(MINUTE)

        same_story("incident_while_paused", told_story(world))
        assert world.status.phase.value == "Progressing"
        assert await world.split() == {"checkout-v1": 100, "checkout-v2": 0}
