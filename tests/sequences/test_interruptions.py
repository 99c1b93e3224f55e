"""How does a run go when git or a person changes their mind on the way?"""

from typing import Any

from tests.support.golden import same_story
from tests.support.scenes import GATED, MINUTE, SECOND, TWO_STEPS, failing, healthy, running
from tests.support.world import a_release, told_story, virtual_service

STALE: list[tuple[str, dict[str, Any]]] = [
    ("approve", {"run": 7}),
    ("approve", {"step": 2}),
    ("approve", {"revision": "v9"}),
    ("abort", {"run": 7}),
    ("resume", {}),
    ("retry", {}),
    ("confirm", {}),
    ("name-stable", {"backend": "checkout-v2"}),
]


async def test_suspend_raises_nothing_and_still_goes_back() -> None:
    async with a_release() as world:
        await running(world)
        world.tell("spec.suspend: true")
        await world.commit(suspend=True)
        await world.pass_time(60 * MINUTE)
        world.tell("v2 fails")
        failing(world)

        await world.pass_time(MINUTE)

        same_story("suspend_mid_run", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_a_suspended_run_goes_on_when_it_may() -> None:
    async with a_release() as world:
        await running(world)
        await world.commit(suspend=True)
        await world.pass_time(20 * MINUTE)
        world.tell("spec.suspend: false")
        await world.commit(suspend=False)

        await world.pass_time(MINUTE)

        same_story("suspend_and_go_on", told_story(world))


async def test_a_revision_superseded_while_suspended_loses_its_share() -> None:
    async with a_release() as world:
        await running(world)
        world.tell("git names v3, with suspend")
        await world.commit(revision="v3", suspend=True)
        await world.pass_time(10 * MINUTE)
        suspended = await world.split()
        world.tell("v3 is deployed, suspend is over")
        await world.deploy("v3")
        await world.commit(suspend=False)

        await world.pass_time(MINUTE)

        same_story("superseded_while_suspended", told_story(world))
        assert suspended == {"checkout-v1": 100}
        assert await world.split() == {"checkout-v1": 95, "checkout-v3": 5}


async def test_a_template_changed_while_suspended_loses_its_share() -> None:
    async with a_release() as world:
        await running(world)
        await world.commit(suspend=True)
        await world.pass_time(MINUTE)
        world.tell("v2 gets another image")
        await world.deploy("v2", image="v2-fixed")
        await world.pass_time(2 * MINUTE)
        suspended = await world.split()
        world.tell("spec.suspend: false")
        await world.commit(suspend=False)

        await world.pass_time(MINUTE)

        same_story("template_changed_while_suspended", told_story(world))
        assert suspended == {"checkout-v1": 100}


async def test_a_changed_plan_counts_from_the_next_boundary() -> None:
    async with a_release() as world:
        await running(world)
        world.tell("the plan is 10, 20, 80 % now, 1 min each")
        await world.commit(steps=[{"weight": weight, "soak": "1m"} for weight in (10, 20, 80)])

        await world.pass_time(8 * MINUTE)

        same_story("plan_changed", told_story(world))
        assert await world.split() == {"checkout-v2": 100}


async def test_a_plan_too_short_for_the_present_step_is_refused() -> None:
    async with a_release() as world:
        await running(world, minutes=6)
        world.tell("the plan has one step now")
        await world.commit(steps=[{"weight": 30, "soak": "1m"}])

        await world.pass_time(6 * MINUTE)

        same_story("plan_too_short", told_story(world))


async def test_reject_closes_the_gate_for_good() -> None:
    async with a_release(steps=GATED) as world:
        await running(world, minutes=6)
        rejected = await world.command("reject", reason="not on a Friday")

        await world.pass_time(5 * MINUTE)

        same_story("reject", told_story(world))
        assert (await world.answer(rejected)).startswith("Accepted")
        assert await world.split() == {"checkout-v1": 100}


async def test_promote_skips_soak_and_verdict_of_one_step() -> None:
    async with a_release() as world:
        await world.commit(revision="v2")
        await world.pass_time(MINUTE)
        promoted = await world.command("promote")

        await world.pass_time(2 * MINUTE)

        same_story("promote", told_story(world))
        assert (await world.answer(promoted)).startswith("Accepted")
        assert await world.split() == {"checkout-v1": 50, "checkout-v2": 50}


async def test_promote_does_not_pass_missing_capacity() -> None:
    async with a_release() as world:
        await world.deploy("v1", pods=10)
        await running(world)
        await world.command("promote")
        await world.pass_time(2 * MINUTE)
        held = await world.split()
        world.tell("v2 gets 5 pods")
        await world.deploy("v2", pods=5)

        await world.pass_time(MINUTE)

        same_story("promote_without_capacity", told_story(world))
        assert held == {"checkout-v1": 95, "checkout-v2": 5}


async def test_promote_full_skips_all_remaining_steps() -> None:
    async with a_release(analysis={"bake": "10m"}) as world:
        await world.commit(revision="v2")
        await world.pass_time(MINUTE)
        promoted = await world.command("promote-full")

        await world.pass_time(2 * MINUTE)

        same_story("promote_full", told_story(world))
        assert (await world.answer(promoted)).startswith("Accepted")
        assert await world.split() == {"checkout-v2": 100}


async def test_a_gate_added_after_promote_full_is_not_skipped() -> None:
    async with a_release() as world:
        await world.deploy("v1", pods=10)
        await running(world)
        await world.command("promote-full")
        await world.pass_time(10 * SECOND)
        world.tell("git puts a gate on step 2; v2 gets 10 pods")
        await world.commit(steps=[TWO_STEPS[0], {"weight": 50, "approval": "release-managers"}])
        await world.pass_time(10 * SECOND)
        await world.deploy("v2", pods=10)

        await world.pass_time(10 * MINUTE)

        same_story("gate_added_after_promote_full", told_story(world))
        assert (await world.split())["checkout-v2"] < 100


async def test_abort_wins_over_promote_full() -> None:
    async with a_release() as world:
        await running(world)
        full = await world.command("promote-full")
        aborted = await world.command("abort")

        await world.pass_time(2 * MINUTE)

        same_story("abort_beats_promote_full", told_story(world))
        assert (await world.answer(aborted)).startswith("Accepted")
        assert (await world.answer(full)).startswith("Refused: promote-full is not possible in phase RollingBack")
        assert await world.split() == {"checkout-v1": 100}


async def test_commands_for_something_else_are_refused_and_say_what_is_so_now() -> None:
    async with a_release(steps=GATED) as world:
        await running(world, minutes=6)
        names = []
        for verb, made_for in STALE:
            world.clock.advance(SECOND)
            names.append(await world.command(verb, **made_for))

        await world.pass_time(5 * MINUTE)

        same_story("stale_commands", told_story(world))
        assert all([(await world.answer(name)).startswith("Refused") for name in names])
        assert await world.split() == {"checkout-v1": 95, "checkout-v2": 5}


async def test_resume_raises_nothing_while_suspended() -> None:
    async with a_release() as world:
        await running(world, minutes=7)
        world.tell("somebody sets 10 %, and spec.suspend: true")
        await world.weights(checkout_v1=90, checkout_v2=10)
        await world.commit(suspend=True)
        await world.pass_time(MINUTE)
        resumed = await world.command("resume")

        await world.pass_time(10 * MINUTE)

        same_story("resume_while_suspended", told_story(world))
        assert await world.split() == {"checkout-v1": 90, "checkout-v2": 10}
        assert (await world.answer(resumed)).startswith("Refused")


async def test_pause_in_bake_and_resume_goes_on_to_promotion() -> None:
    async with a_release(analysis={"bake": "10m"}) as world:
        await running(world, minutes=12)
        await world.command("pause")
        await world.pass_time(20 * MINUTE)
        await world.command("resume")

        await world.pass_time(20 * MINUTE)

        same_story("pause_in_bake", told_story(world))
        assert world.status.phase == "Idle"


async def test_a_failed_revision_is_not_tried_again_until_git_named_another() -> None:
    async with a_release() as world:
        await running(world)
        failing(world)
        await world.pass_time(10 * MINUTE)
        healthy(world)
        world.tell("git names v1, then v2 again")
        await world.commit(revision="v1")
        await world.pass_time(MINUTE)
        await world.commit(revision="v2")

        await world.pass_time(MINUTE)

        same_story("failed_then_named_again", told_story(world))
        assert world.status.runs == 2


async def test_a_broken_first_deployment_is_replaced_by_the_next_commit() -> None:
    async with a_release() as world:
        await world.person.delete(world.path("Rollout", "checkout"))
        await world.settle()
        world.story.clear()
        await world.person.delete(world.path("VirtualService", "checkout"))
        await world.put(virtual_service("elsewhere"))
        await world.rollout(revision="v8")
        await world.pass_time(MINUTE)
        world.tell("v8 never comes; git names v9")
        await world.commit(revision="v9")
        await world.deploy("v9")

        await world.pass_time(MINUTE)

        same_story("first_deployment_replaced", told_story(world))
        assert world.status.stable is not None
        assert world.status.stable.name == "v9"
