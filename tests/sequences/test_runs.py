"""How does a whole run go, told one line per change?"""

from datetime import timedelta

from tests.support.golden import same_story
from tests.support.world import a_release, a_world, told_story, virtual_service

MINUTE = timedelta(minutes=1)
TWO_STEPS = [{"weight": 5, "soak": "5m"}, {"weight": 50, "soak": "5m"}]
GATED = [{"weight": 5, "soak": "5m", "approval": "release-managers"}, {"weight": 50, "soak": "5m"}]


async def test_a_good_revision_is_promoted() -> None:
    async with a_release() as world:
        world.metrics.tell_requests("errors", bad=1, total=1000)
        await world.commit(revision="v2")

        await world.pass_time(15 * MINUTE)

        same_story("promotion", told_story(world))
        assert await world.split() == {"checkout-v2": 100}
        assert world.status.removable == ("Deployment/checkout-v1", "Service/checkout-v1")


async def test_a_bad_revision_is_rolled_back_and_not_tried_again() -> None:
    async with a_release() as world:
        world.metrics.tell_requests("errors", bad=0, total=1000)
        await world.commit(revision="v2")
        await world.pass_time(6 * MINUTE)
        world.tell("v2 begins to fail")
        world.metrics.tell_requests("errors", bad=80, total=1000)

        await world.pass_time(30 * MINUTE)

        same_story("rollback", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_abort_goes_back_and_retry_tries_again() -> None:
    async with a_release() as world:
        world.metrics.tell_requests("errors", bad=0, total=1000)
        await world.commit(revision="v2")
        await world.pass_time(2 * MINUTE)
        aborted = await world.command("abort", reason="customers call")
        await world.pass_time(2 * MINUTE)
        retried = await world.command("retry")

        await world.pass_time(15 * MINUTE)

        same_story("abort_and_retry", told_story(world))
        assert await world.answer(aborted) == "Accepted: run 1 goes back to v1"
        assert await world.answer(retried) == "Accepted: run 2 of v2 starts"


async def test_a_paused_run_stands_still_until_it_is_resumed() -> None:
    async with a_release() as world:
        world.metrics.tell_requests("errors", bad=0, total=1000)
        await world.commit(revision="v2")
        await world.pass_time(2 * MINUTE)
        await world.command("pause")
        await world.pass_time(60 * MINUTE)
        await world.command("resume")

        await world.pass_time(15 * MINUTE)

        same_story("pause_and_resume", told_story(world))


async def test_a_step_with_an_approval_waits_for_it() -> None:
    async with a_release(steps=GATED) as world:
        world.metrics.tell_requests("errors", bad=0, total=1000)
        await world.commit(revision="v2")
        await world.pass_time(60 * MINUTE)
        approved = await world.command("approve")

        await world.pass_time(15 * MINUTE)

        same_story("approval_wait", told_story(world))
        assert await world.answer(approved) == "Accepted: step 1 of v2 approved"


async def test_promote_does_not_pass_a_gate() -> None:
    async with a_release(steps=GATED) as world:
        world.metrics.tell_requests("errors", bad=0, total=1000)
        await world.commit(revision="v2")
        await world.pass_time(MINUTE)
        promoted = await world.command("promote")
        await world.pass_time(timedelta(seconds=10))
        full = await world.command("promote-full")

        await world.pass_time(10 * MINUTE)

        same_story("promote_past_a_gate_refused", told_story(world))
        assert (await world.answer(promoted)).startswith("Refused: waiting for 1 approval of v2 by release-managers")
        assert (await world.answer(full)).startswith("Refused: step 1 waits for approval by release-managers")


async def test_a_new_revision_in_mid_run_takes_the_share_of_the_old_one_away_first() -> None:
    async with a_release() as world:
        await world.deploy("v3")
        world.metrics.tell_requests("errors", bad=0, total=1000)
        await world.commit(revision="v2")
        await world.pass_time(7 * MINUTE)
        await world.commit(revision="v3")

        await world.pass_time(15 * MINUTE)

        same_story("new_revision_mid_run", told_story(world))
        assert await world.split() == {"checkout-v3": 100}


async def test_the_first_deployment_goes_straight_to_all_traffic() -> None:
    async with a_world() as world:
        await world.put(virtual_service("checkout"))
        await world.rollout(revision="v1")
        await world.pass_time(MINUTE)
        world.tell("v1 is deployed")
        await world.deploy("v1")

        await world.pass_time(5 * MINUTE)

        same_story("first_deployment", told_story(world))
        assert await world.split() == {"checkout": 0, "checkout-v1": 100}
