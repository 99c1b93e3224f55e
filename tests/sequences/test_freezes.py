"""How does a run go in a freeze, told one line per change?"""

from datetime import timedelta
from typing import Any

from rollout.model.status import Phase
from tests.support.controllers import HOME
from tests.support.freezing import freeze
from tests.support.golden import same_story
from tests.support.world import World, a_release, told_story

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
# The stories begin on Saturday, 21 November 2026, at 09:00 UTC; in Berlin it is 10:00.
CLOSING = {"windows": [{"from": "2026-11-21T09:03:00Z", "to": "2026-11-21T10:00:00Z"}], "reason": "year-end closing"}
GATED = [{"weight": 5, "soak": "5m", "approval": "release-managers"}, {"weight": 50, "soak": "5m"}]
SATURDAYS = {"schedule": "30 9 * * sat", "duration": "90m", "timeZone": "Europe/Berlin"}  # 08:30 to 10:00 UTC


async def frozen(world: World, name: str = "closing", **spec: Any) -> None:
    """The window of the stories, with these changes."""
    await freeze(world, name, **(CLOSING | spec))


async def begun(world: World) -> None:
    """v2 has had 5 % for two minutes and is well."""
    world.metrics.tell_requests("errors", bad=0, total=1000)
    await world.commit(revision="v2")
    await world.pass_time(2 * MINUTE)


async def says(world: World, verb: str, **spec: Any) -> str:
    """A person's command, and what it was answered a second later."""
    name = await world.command(verb, **spec)
    await world.pass_time(SECOND)
    return await world.answer(name)


async def test_a_freeze_that_begins_in_mid_run_lets_it_finish() -> None:
    async with a_release() as world:
        await frozen(world, overrun="finish")
        await begun(world)

        await world.pass_time(20 * MINUTE)

        same_story("freeze_finish", told_story(world))
        assert world.status.phase is Phase.IDLE
        assert await world.split() == {"checkout-v2": 100}


async def test_a_freeze_that_begins_in_mid_run_holds_its_weight_where_it_says_so() -> None:
    async with a_release() as world:
        await frozen(world, overrun="hold")
        await begun(world)
        await world.pass_time(20 * MINUTE)
        assert await world.split() == {"checkout-v1": 95, "checkout-v2": 5}

        await world.pass_time(60 * MINUTE)

        same_story("freeze_hold", told_story(world))
        assert await world.split() == {"checkout-v2": 100}


async def test_who_may_overrides_a_freeze_for_one_run() -> None:
    async with a_release() as world:
        await frozen(world, override={"groups": ["sre"]}, windows=[SATURDAYS])
        await begun(world)
        early = await says(world, "promote-full")
        foreign = await says(world, "override", reason="payments are down")
        name = await world.command("override", actor={"user": "ana", "groups": ["sre"]}, reason="payments are down")

        await world.pass_time(20 * MINUTE)

        same_story("freeze_overridden", told_story(world))
        assert "promote-full never skips a freeze" in early
        assert foreign == f"Refused: ana may not override FreezeWindow {HOME}/closing: groups sre may"
        assert (await world.answer(name)).startswith("Accepted")
        (past, *_) = world.status.history
        assert [(deed.verb, deed.by, deed.reason) for deed in past.deeds] == [("override", "ana", "payments are down")]


async def test_a_failure_rolls_back_in_a_freeze() -> None:
    async with a_release() as world:
        await frozen(world, overrun="hold")
        await begun(world)
        await world.pass_time(5 * MINUTE)
        world.tell("v2 begins to fail")
        world.metrics.tell_requests("errors", bad=500, total=1000)

        await world.pass_time(5 * MINUTE)

        same_story("freeze_rollback", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_a_new_revision_starts_when_the_freeze_ends() -> None:
    async with a_release() as world:
        await frozen(world, windows=[SATURDAYS])
        await begun(world)

        await world.pass_time(70 * MINUTE)

        same_story("freeze_new_revision", told_story(world))
        assert await world.split() == {"checkout-v2": 100}


async def test_a_revert_goes_back_at_once_in_a_freeze() -> None:
    async with a_release() as world:
        await begun(world)
        await world.pass_time(15 * MINUTE)
        await frozen(world, overrun="hold")
        world.tell("git names v1 again")
        await world.commit(revision="v1")

        await world.pass_time(5 * MINUTE)

        same_story("freeze_revert", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_a_window_that_begins_later_holds_a_run_that_overrode_another() -> None:
    async with a_release() as world:
        await frozen(world, windows=[SATURDAYS], override={"users": ["ana"]})
        later = {"from": "2026-11-21T09:04:00Z", "to": "2026-11-21T09:30:00Z"}
        await frozen(world, "stocktaking", windows=[later], overrun="hold", reason="stocktaking")
        await begun(world)
        await says(world, "override", reason="payments are down")

        await world.pass_time(40 * MINUTE)

        same_story("freeze_later", told_story(world))
        assert world.status.phase is Phase.IDLE


async def test_an_approval_in_a_freeze_opens_its_gate_and_the_weight_waits_for_the_end() -> None:
    async with a_release(steps=GATED) as world:
        await frozen(world, overrun="hold")
        await begun(world)
        await world.pass_time(10 * MINUTE)
        answer = await says(world, "approve")
        await world.pass_time(20 * MINUTE)
        assert await world.split() == {"checkout-v1": 95, "checkout-v2": 5}

        await world.pass_time(40 * MINUTE)

        same_story("freeze_approved", told_story(world))
        assert answer == "Accepted: step 1 of v2 approved"
        assert await world.split() == {"checkout-v2": 100}


async def test_a_veto_in_a_freeze_goes_back_at_once() -> None:
    async with a_release(steps=GATED) as world:
        await frozen(world, overrun="hold")
        await begun(world)
        await world.pass_time(10 * MINUTE)

        answer = await says(world, "reject", reason="not in the closing")

        await world.pass_time(MINUTE)
        same_story("freeze_rejected", told_story(world))
        assert answer == "Accepted: run 1 is rejected and goes back"
        assert await world.split() == {"checkout-v1": 100}
