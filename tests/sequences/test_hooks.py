"""How does a run go whose webhooks say yes, no, or nothing?"""

from datetime import timedelta
from typing import Any

from adapters.memory.hooks import MemoryHooks
from rollout.model.status import Outcome, Phase
from tests.support.golden import same_story
from tests.support.spec_hooks import a_hooked_release, hooks_of
from tests.support.world import World, told_story

MINUTE = timedelta(minutes=1)
URL = "http://tester.test/"
GATED = [{"weight": 5, "soak": "5m", "approval": "release-managers"}, {"weight": 50, "soak": "5m"}]


def hook(name: str, type_: str, **more: Any) -> dict[str, Any]:
    """A webhook of a manifest."""
    return {"name": name, "type": type_, "url": URL, **more}


async def begun(world: World) -> None:
    """git names v2, whose requests are fine."""
    world.metrics.tell_requests("errors", bad=0, total=1000)
    await world.commit(revision="v2")


async def test_a_confirm_rollout_hook_keeps_the_first_weight_until_it_says_yes() -> None:
    async with a_hooked_release(MemoryHooks, webhooks=[hook("gate", "confirm-rollout")]) as world:
        hooks_of(world).tell("gate", passed=False)
        await begun(world)
        await world.pass_time(60 * MINUTE)
        shown = await world.split()
        world.tell("the gate opens")
        hooks_of(world).tell("gate", passed=True)

        await world.pass_time(15 * MINUTE)

        same_story("hook_confirms_rollout", told_story(world))
        assert shown == {"checkout-v1": 100}


async def test_a_pre_rollout_hook_that_fails_ends_the_run_before_its_first_weight() -> None:
    async with a_hooked_release(MemoryHooks, webhooks=[hook("smoke", "pre-rollout", failures=2)]) as world:
        hooks_of(world).tell("smoke", passed=False, message="500: 3 of 20 tests failed")
        await begun(world)

        await world.pass_time(15 * MINUTE)

        same_story("hook_tests_before", told_story(world))
        assert not any("checkout-v2" in str(action) for _, action in world.done if "weight=5" in str(action))


async def test_a_rollout_hook_that_fails_rolls_back() -> None:
    async with a_hooked_release(MemoryHooks, webhooks=[hook("load", "rollout", failures=3)]) as world:
        await begun(world)
        await world.pass_time(2 * MINUTE)
        world.tell("the load generator is gone")
        hooks_of(world).tell("load", passed=False, message="cannot be reached")

        await world.pass_time(15 * MINUTE)

        same_story("hook_fails_in_mid_run", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_a_rollout_hook_that_comes_to_itself_in_time_fails_nothing() -> None:
    async with a_hooked_release(MemoryHooks, webhooks=[hook("load", "rollout", failures=3)]) as world:
        await begun(world)
        await world.pass_time(2 * MINUTE)
        hooks_of(world).tell("load", passed=False, message="cannot be reached")
        await world.pass_time(timedelta(seconds=30))
        hooks_of(world).tell("load", passed=True)

        await world.pass_time(15 * MINUTE)

        assert world.status.history[0].outcome is Outcome.PROMOTED


async def test_a_rollback_hook_goes_back_while_an_approval_is_waited_for() -> None:
    async with a_hooked_release(MemoryHooks, steps=GATED, webhooks=[hook("back", "rollback")]) as world:
        hooks_of(world).tell("back", passed=False)
        await begun(world)
        await world.pass_time(60 * MINUTE)
        world.tell("somebody opens the rollback gate")
        hooks_of(world).tell("back", passed=True)

        await world.pass_time(15 * MINUTE)

        same_story("hook_rolls_back_while_waiting", told_story(world))
        assert world.status.history[0].outcome is Outcome.ABORTED


async def test_a_rollback_hook_goes_back_while_paused() -> None:
    async with a_hooked_release(MemoryHooks, webhooks=[hook("back", "rollback")]) as world:
        hooks_of(world).tell("back", passed=False)
        await begun(world)
        await world.pass_time(2 * MINUTE)
        await world.command("pause")
        await world.pass_time(10 * MINUTE)
        paused = world.status.phase
        hooks_of(world).tell("back", passed=True)

        await world.pass_time(MINUTE)

        assert (paused, world.status.phase) == (Phase.PAUSED, Phase.FAILED)


async def test_a_confirm_promotion_hook_keeps_100_percent_and_is_asked_last() -> None:
    async with a_hooked_release(MemoryHooks, webhooks=[hook("promote", "confirm-promotion")]) as world:
        hooks_of(world).tell("promote", passed=False)
        await begun(world)
        await world.pass_time(9 * MINUTE)
        asked_early = len(hooks_of(world).asked)
        await world.pass_time(20 * MINUTE)
        world.tell("the gate opens")
        hooks_of(world).tell("promote", passed=True)

        await world.pass_time(5 * MINUTE)

        same_story("hook_confirms_promotion", told_story(world))
        assert asked_early == 0


async def test_promote_full_skips_no_gate_of_a_webhook() -> None:
    async with a_hooked_release(MemoryHooks, webhooks=[hook("promote", "confirm-promotion")]) as world:
        hooks_of(world).tell("promote", passed=False)
        await begun(world)
        await world.pass_time(2 * MINUTE)
        await world.command("promote-full")

        await world.pass_time(60 * MINUTE)

        assert await world.split() == {"checkout-v1": 95, "checkout-v2": 5}
        assert [reason.code for reason in world.status.reasons] == ["HookClosed"]


async def test_a_confirm_traffic_increase_hook_keeps_each_step() -> None:
    async with a_hooked_release(MemoryHooks, webhooks=[hook("more", "confirm-traffic-increase")]) as world:
        await begun(world)
        await world.pass_time(4 * MINUTE)
        hooks_of(world).tell("more", passed=False)
        await world.pass_time(60 * MINUTE)
        held = await world.split()
        hooks_of(world).tell("more", passed=True)

        await world.pass_time(15 * MINUTE)

        assert held == {"checkout-v1": 95, "checkout-v2": 5}
        assert world.status.history[0].outcome is Outcome.PROMOTED


async def test_a_dead_hook_holds_its_gate_and_no_rollback() -> None:
    async with a_hooked_release(MemoryHooks, webhooks=[hook("more", "confirm-traffic-increase")]) as world:
        await begun(world)
        await world.pass_time(4 * MINUTE)
        world.tell("the hook is gone, and then it falls silent")
        hooks_of(world).tell("more", passed=False, message="cannot be reached: Connection refused")
        await world.pass_time(5 * MINUTE)
        hooks_of(world).silence("more")
        await world.pass_time(5 * MINUTE)
        world.tell("v2 begins to fail")
        world.metrics.tell_requests("errors", bad=80, total=1000)

        await world.pass_time(2 * MINUTE)

        same_story("hook_server_dead", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_a_restart_does_not_forget_how_often_a_hook_failed() -> None:
    async with a_hooked_release(MemoryHooks, webhooks=[hook("load", "rollout", failures=3)]) as world:
        await begun(world)
        await world.pass_time(2 * MINUTE)
        hooks_of(world).tell("load", passed=False)
        await world.pass_time(timedelta(seconds=30))
        await world.restart()

        await world.pass_time(timedelta(seconds=15))

        assert world.status.history[0].message == "rollout hook load failed 3 times in a row: 403: Forbidden"


async def test_a_post_rollout_hook_is_called_after_the_end_and_after_a_crash() -> None:
    async with a_hooked_release(MemoryHooks, webhooks=[hook("after", "post-rollout")]) as world:
        hooks_of(world).silence("after")
        await begun(world)
        await world.pass_time(15 * MINUTE)
        owed = world.status.owed
        await world.restart()
        hooks_of(world).tell("after", passed=False, message="404: nobody here")

        await world.pass_time(MINUTE)

        assert [(one.name, one.succeeded) for one in owed] == [("after", True)]
        assert world.status.owed == ()
        assert "post-rollout hook after of run 1 failed: 404: nobody here" in told_story(world)
        assert [question.phase for question in hooks_of(world).asked] == ["Succeeded", "Succeeded"]


async def test_an_event_hook_is_told_all_news() -> None:
    async with a_hooked_release(MemoryHooks, webhooks=[hook("news", "event", metadata={"team": "shop"})]) as world:
        before = len(world.notices.told)
        await begun(world)

        await world.pass_time(15 * MINUTE)

        told = [dict(question.metadata) for question in hooks_of(world).asked]
        news = [reason.message for _, reason in world.notices.told]
        assert [one["eventMessage"] for one in told] == news[before:]
        assert news[before] == "new revision v2, stable is v1"
        assert {(one["eventType"], one["team"], one["timestamp"].isdigit()) for one in told} == {
            ("Normal", "shop", True)
        }


async def test_a_revert_asks_nobody() -> None:
    async with a_hooked_release(
        MemoryHooks, webhooks=[hook("gate", "confirm-rollout"), hook("back", "rollback")]
    ) as world:
        hooks_of(world).tell("back", passed=False)
        await begun(world)
        await world.pass_time(15 * MINUTE)
        hooks_of(world).tell("gate", passed=False)
        hooks_of(world).tell("back", passed=True)
        await world.commit(revision="v1")

        await world.pass_time(2 * MINUTE)

        assert (await world.split())["checkout-v1"] == 100
        assert world.status.history[0].outcome is Outcome.PROMOTED
