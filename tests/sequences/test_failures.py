"""Does a failing canary lose its traffic wherever the run is, and a dead stable get none?"""

import pytest

from tests.support.golden import same_story
from tests.support.scenes import GATED, MINUTE, SECOND, delete, failing, healthy, running
from tests.support.world import a_release, told_story

BAKED = {"bake": "10m"}


async def test_a_failure_while_paused_goes_back() -> None:
    async with a_release() as world:
        await running(world)
        await world.command("pause")
        await world.pass_time(MINUTE)
        failing(world)

        await world.pass_time(MINUTE)

        same_story("fail_while_paused", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_a_failure_while_waiting_for_an_approval_goes_back() -> None:
    async with a_release(steps=GATED) as world:
        await running(world, minutes=10)
        failing(world)

        await world.pass_time(MINUTE)

        same_story("fail_while_waiting_for_approval", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_a_failure_in_bake_goes_back() -> None:
    async with a_release(analysis=BAKED) as world:
        await running(world, minutes=12)
        failing(world)

        await world.pass_time(2 * MINUTE)

        same_story("fail_in_bake", told_story(world))
        assert await world.split() == {"checkout-v1": 100, "checkout-v2": 0} or await world.split() == {
            "checkout-v1": 100
        }


async def test_a_canary_that_dies_at_full_weight_goes_back_before_it_is_promoted() -> None:
    async with a_release(analysis=BAKED) as world:
        await running(world, minutes=11)
        world.tell("v2 loses its endpoints at 100 %")
        await world.endpoints("checkout-v2", ["v2-0", "v2-1"], ready=0)

        await world.pass_time(2 * MINUTE)

        same_story("canary_down_at_full_weight", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_a_canary_without_endpoints_has_failed() -> None:
    async with a_release() as world:
        await running(world)
        world.tell("v2 loses its endpoints for 5 s, then for good")
        await world.endpoints("checkout-v2", ["v2-0", "v2-1"], ready=0)
        await world.pass_time(5 * SECOND)
        await world.endpoints("checkout-v2", ["v2-0", "v2-1"], ready=2)
        await world.pass_time(20 * SECOND)
        await world.endpoints("checkout-v2", ["v2-0", "v2-1"], ready=0)

        await world.pass_time(MINUTE)

        same_story("canary_down", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_a_person_may_name_the_canary_stable_while_a_dead_stable_holds_the_rollback() -> None:
    async with a_release() as world:
        await running(world, minutes=7)
        world.tell("stable loses its pods, ana aborts")
        await world.endpoints("checkout-v1", ["v1-0", "v1-1"], ready=0)
        await world.command("abort")
        await world.pass_time(MINUTE)
        dead = await world.command("name-stable", backend="checkout-v1")
        await world.pass_time(SECOND)
        named = await world.command("name-stable", backend="checkout-v2")

        await world.pass_time(2 * MINUTE)

        same_story("name_stable_while_rollback_is_held", told_story(world))
        assert (await world.answer(dead)).startswith("Refused: checkout-v1 has no ready endpoint")
        assert (await world.answer(named)).startswith("Accepted")
        assert await world.split() == {"checkout-v2": 100}
        assert world.status.removable == ("Deployment/checkout-v1", "Service/checkout-v1")


async def test_a_new_revision_does_not_send_the_old_canarys_share_to_a_dead_stable() -> None:
    async with a_release() as world:
        await world.deploy("v3")
        await running(world, minutes=7)
        world.tell("stable loses its pods, git names v3")
        await world.endpoints("checkout-v1", ["v1-0", "v1-1"], ready=0)
        await world.commit(revision="v3")
        await world.pass_time(5 * MINUTE)
        held = await world.split()
        world.tell("stable is back")
        await world.endpoints("checkout-v1", ["v1-0", "v1-1"], ready=2)

        await world.pass_time(2 * MINUTE)

        same_story("superseded_while_stable_is_dead", told_story(world))
        assert held == {"checkout-v1": 50, "checkout-v2": 50}
        assert await world.split() == {"checkout-v1": 95, "checkout-v2": 0, "checkout-v3": 5} or (
            await world.split() == {"checkout-v1": 95, "checkout-v3": 5}
        )


async def test_deletion_does_not_send_traffic_to_a_dead_stable() -> None:
    async with a_release() as world:
        await running(world, minutes=7)
        await world.endpoints("checkout-v1", ["v1-0", "v1-1"], ready=0)
        world.tell("stable is dead, and the Rollout is deleted")
        await delete(world, "Rollout", "checkout")
        await world.pass_time(5 * MINUTE)
        held = await world.split()
        world.tell("stable is back")
        await world.endpoints("checkout-v1", ["v1-0", "v1-1"], ready=2)

        await world.pass_time(MINUTE)

        same_story("deletion_while_stable_is_dead", told_story(world))
        assert held == {"checkout-v1": 50, "checkout-v2": 50}
        assert await world.is_gone("Rollout", "checkout")


async def test_a_revert_from_a_dead_revision_is_not_held() -> None:
    async with a_release() as world:
        await running(world, minutes=12)
        world.tell("v2, promoted, loses all its pods; git names v1 again")
        await world.endpoints("checkout-v2", ["v2-0", "v2-1"], ready=0)
        await world.commit(revision="v1")

        await world.pass_time(MINUTE)

        same_story("revert_from_a_dead_revision", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_weight_given_to_a_failed_canary_by_hand_is_taken_back() -> None:
    async with a_release() as world:
        await running(world)
        failing(world)
        await world.pass_time(MINUTE)
        healthy(world)
        world.tell("somebody gives v2 30 % after all")
        await world.weights(checkout_v1=70, checkout_v2=30)

        await world.pass_time(MINUTE)

        same_story("drift_in_failed", told_story(world))
        assert (await world.split())["checkout-v1"] == 100


async def test_a_rollback_done_by_hand_pauses_the_run_at_0() -> None:
    async with a_release() as world:
        await running(world, minutes=7)
        world.tell("somebody sets 0 %")
        await world.weights(checkout_v1=100, checkout_v2=0)
        await world.pass_time(30 * MINUTE)
        stands = await world.split()
        await world.command("abort")

        await world.pass_time(MINUTE)

        same_story("lowered_to_0_by_hand", told_story(world))
        assert stands == {"checkout-v1": 100, "checkout-v2": 0}


async def test_traffic_given_to_the_former_stable_by_hand_is_left_and_said() -> None:
    async with a_release() as world:
        await running(world, minutes=12)
        world.tell("somebody gives v1 all traffic again")
        await world.weights(checkout_v1=100)

        await world.pass_time(10 * MINUTE)

        same_story("hand_edit_in_idle", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_traffic_given_to_the_former_stable_in_mid_run_is_taken_back() -> None:
    async with a_release() as world:
        await running(world, minutes=12)
        await world.deploy("v3")
        await running(world, revision="v3")
        world.tell("somebody gives v1, which v2 has replaced, 50 %")
        await world.weights(checkout_v1=50, checkout_v2=45, checkout_v3=5)

        await world.pass_time(MINUTE)

        same_story("former_gets_traffic_in_mid_run", told_story(world))
        assert await world.split() == {"checkout-v1": 0, "checkout-v2": 95, "checkout-v3": 5}


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["soak", "approval"])
async def test_a_suspended_run_does_not_miss_its_deadline(phase: str) -> None:
    steps = GATED if phase == "approval" else None
    analysis = {"interval": "15s", "onInconclusive": "rollback", "stepDeadline": "20m"}
    async with a_release(analysis=analysis, **({"steps": steps} if steps else {})) as world:
        await world.commit(revision="v2")
        await world.pass_time(MINUTE)
        if phase == "soak":
            await world.commit(suspend=True)

        await world.pass_time(300 * MINUTE)

        assert world.status.phase == "Progressing"
