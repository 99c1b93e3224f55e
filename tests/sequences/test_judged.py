"""Does a run that is judged by evidence end as it should, whatever the canary, stable, traffic and the metrics server do?"""

from typing import Any

from adapters.kube.api import Patch
from rollout.model.status import Outcome, Phase
from tests.support.golden import same_story
from tests.support.scenes import MINUTE, SECOND
from tests.support.series import Traffic
from tests.support.world import World, a_release, told_story

ERRORS = {"name": "errors", "kind": "error-ratio", "max": "1%"}
SLOW = {"name": "slow", "kind": "slow-ratio", "threshold": "500ms", "max": "5%"}
JUDGED: dict[str, Any] = {"objectives": [ERRORS]}
AUTO: dict[str, Any] = {"steps": None, "auto": {"max": 50, "minDuration": "5m"}, **JUDGED}


async def release(world: World, minutes: int) -> None:
    """Git names v2, and so much time passes."""
    await world.commit(revision="v2")
    await world.pass_time(minutes * MINUTE)


def outcomes(world: World) -> list[Outcome]:
    return [past.outcome for past in world.status.history]


async def test_a_canary_as_good_as_stable_is_promoted_by_proof() -> None:
    async with a_release(**JUDGED) as world:
        Traffic(world)

        await release(world, 12)

        same_story("judged_promotion", told_story(world))
        assert outcomes(world) == [Outcome.PROMOTED]


async def test_a_canary_that_fails_at_the_first_weight_goes_back_within_two_minutes() -> None:
    async with a_release(**JUDGED) as world:
        Traffic(world).change(canary=0.05)

        await release(world, 2)

        same_story("judged_bad_at_5_percent", told_story(world))
        assert outcomes(world) == [Outcome.FAILED]
        assert await world.split() == {"checkout-v1": 100}


async def test_a_canary_that_gets_worse_minute_by_minute_goes_back() -> None:
    async with a_release(**JUDGED) as world:
        traffic = Traffic(world)
        await release(world, 6)
        for minute in range(1, 10):
            traffic.change(canary=0.002 + 0.002 * minute)
            await world.pass_time(MINUTE)

        same_story("judged_slow_leak", told_story(world))
        assert outcomes(world) == [Outcome.FAILED]


async def test_a_fault_that_begins_late_goes_back_from_there() -> None:
    async with a_release(**JUDGED) as world:
        traffic = Traffic(world)
        await release(world, 8)
        traffic.change(canary=0.05)
        world.tell("v2 begins to fail")

        await world.pass_time(2 * MINUTE)

        same_story("judged_late_fault", told_story(world))
        assert outcomes(world) == [Outcome.FAILED]


async def test_a_fault_that_begins_in_bake_goes_back_although_nothing_is_left_to_compare_with() -> None:
    async with a_release(analysis={"bake": "15m"}, **JUDGED) as world:
        traffic = Traffic(world)
        await release(world, 13)
        assert world.status.phase is Phase.PROMOTING
        traffic.change(canary=0.05)
        world.tell("v2 begins to fail at 100 %")

        await world.pass_time(5 * MINUTE)

        same_story("judged_fault_in_bake", told_story(world))
        assert outcomes(world) == [Outcome.FAILED]


async def test_a_healthy_bake_ends_in_promotion() -> None:
    async with a_release(analysis={"bake": "5m"}, **JUDGED) as world:
        Traffic(world)

        await release(world, 18)

        assert outcomes(world) == [Outcome.PROMOTED]


async def test_a_canary_that_no_request_reaches_is_never_promoted() -> None:
    async with a_release(**JUDGED) as world:
        Traffic(world).lost = True

        await release(world, 45)

        same_story("judged_idle_canary", told_story(world))
        assert (world.status.phase, outcomes(world)) == (Phase.PROGRESSING, [])


async def test_a_burst_of_requests_changes_nothing() -> None:
    async with a_release(**JUDGED) as world:
        traffic = Traffic(world)
        await release(world, 6)
        traffic.change(rps=500)
        world.tell("ten times as many requests for two minutes")
        await world.pass_time(2 * MINUTE)
        traffic.change(rps=50)

        await world.pass_time(5 * MINUTE)

        same_story("judged_burst", told_story(world))
        assert outcomes(world) == [Outcome.PROMOTED]


async def test_little_traffic_waits_for_clean_requests() -> None:
    async with a_release(**JUDGED) as world:
        Traffic(world, rps=2, errors=0.0005)

        await release(world, 20)

        same_story("judged_low_traffic", told_story(world))
        assert outcomes(world) == [Outcome.PROMOTED]


async def test_a_slower_canary_goes_back_in_a_latency_that_stable_keeps() -> None:
    async with a_release(objectives=[ERRORS, SLOW]) as world:
        Traffic(world).slow_down(3.0)

        await release(world, 5)

        same_story("judged_slower_canary", told_story(world))
        assert outcomes(world) == [Outcome.FAILED]


async def test_both_kinds_of_objectives_promote_a_good_canary() -> None:
    async with a_release(objectives=[ERRORS, SLOW]) as world:
        Traffic(world)

        await release(world, 14)

        assert outcomes(world) == [Outcome.PROMOTED]


async def test_stable_without_history_is_judged_by_what_it_does_beside_the_canary() -> None:
    async with a_release(**JUDGED) as world:
        Traffic(world, history=False)

        await release(world, 20)

        same_story("judged_no_history", told_story(world))
        assert outcomes(world) == [Outcome.PROMOTED]


async def test_no_weight_is_raised_while_history_cannot_be_read() -> None:
    async with a_release(**JUDGED) as world:
        Traffic(world)
        world.metrics.fail("connection refused")
        await release(world, 4)
        assert await world.split() == {"checkout-v1": 100}
        world.metrics.recover()
        world.tell("Prometheus answers again")

        await world.pass_time(MINUTE)

        same_story("judged_history_outage", told_story(world))
        assert world.status.run is not None
        assert world.status.run.weight == 5


async def test_an_outage_in_mid_run_holds_and_loses_nothing() -> None:
    async with a_release(**JUDGED) as world:
        traffic = Traffic(world)
        await release(world, 2)
        world.metrics.fail("connection refused")
        traffic.change(canary=0.05)
        world.tell("Prometheus is down, and v2 begins to fail")
        await world.pass_time(2 * MINUTE)
        world.metrics.recover()
        world.tell("Prometheus answers again")

        await world.pass_time(15 * SECOND)

        same_story("judged_outage", told_story(world))
        assert outcomes(world) == [Outcome.FAILED]


async def test_the_judge_chooses_the_weights_of_auto() -> None:
    async with a_release(**AUTO) as world:
        Traffic(world)

        await release(world, 7)

        same_story("judged_auto", told_story(world))
        assert outcomes(world) == [Outcome.PROMOTED]


async def test_a_controller_that_starts_anew_in_mid_run_decides_the_same() -> None:
    stories = []
    for restarts in (False, True):
        async with a_release(**JUDGED) as world:
            traffic = Traffic(world)
            await release(world, 2)
            traffic.change(canary=0.012)
            for _ in range(30):
                await world.pass_time(20 * SECOND)
                if restarts:
                    await world.restart()
            stories.append((told_story(world), world.status.history, world.status.verdicts))

    assert stories[0][1] == stories[1][1] != ()
    assert [story.splitlines()[-1] for story, _, _ in stories] == [stories[0][0].splitlines()[-1]] * 2


async def test_a_memory_of_another_version_is_gathered_anew() -> None:
    async with a_release(**JUDGED) as world:
        traffic = Traffic(world)
        await release(world, 2)
        await forgotten(world)
        traffic.change(canary=0.05)
        world.tell("the judge's memory is of version 9, and v2 begins to fail")

        await world.pass_time(3 * MINUTE)

        same_story("judged_anew", told_story(world))
        assert outcomes(world) == [Outcome.FAILED]


async def forgotten(world: World) -> None:
    """What the judge knows is written in words of another version."""
    found = await world.read("Rollout", "checkout")
    judged = [{**one, "state": "9 {}"} for one in found["status"]["machine"]["run"]["judged"]]
    path = world.path("Rollout", "checkout", "status")
    await world.person.patch(path, Patch.MERGE, {"status": {"machine": {"run": {"judged": judged}}}})


async def test_numbers_that_decide_nothing_cost_one_write_a_minute() -> None:
    async with a_release(**JUDGED, steps=[{"weight": 5, "soak": "1h"}]) as world:
        Traffic(world)
        await release(world, 5)
        before = len(world.told)

        await world.pass_time(20 * MINUTE)

        writes = [told for told in world.told[before:] if told.before != told.after]
        assert len(world.told[before:]) > 80
        assert 15 <= len(writes) <= 20


async def test_where_looks_are_rare_numbers_are_written_at_every_other() -> None:
    async with a_release(**JUDGED, analysis={"interval": "60s"}, steps=[{"weight": 5, "soak": "1h"}]) as world:
        Traffic(world)
        await release(world, 5)
        before = len(world.told)

        await world.pass_time(20 * MINUTE)

        writes = [told for told in world.told[before:] if told.before != told.after]
        assert len(world.told[before:]) >= 20
        assert 9 <= len(writes) <= 11
