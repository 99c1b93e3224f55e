"""Is a canary watched, and its weight lowered, while the API server takes no writes or answers none?"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.memory.cluster import DirectApi
from rollout.model.status import Phase
from rollout.ports.errors import Conflict, PortError, Unreachable
from tests.support.answers import Unanswered
from tests.support.followed import until
from tests.support.scenes import MINUTE, failing, healthy, running
from tests.support.world import World, a_release

STATUS = "*/rollouts/checkout/status"
ROUTE = "*/virtualservices/checkout"
LATER = Unreachable("busy", retry_after=10 * MINUTE)
INTERVAL = {"interval": "15s"}


@pytest.fixture
async def world_at_the_end_of_a_step() -> AsyncIterator[World]:
    """The next tick passes the first step."""
    async with a_release(analysis=INTERVAL) as world:
        await running(world, minutes=4)
        world.clock.advance(MINUTE)
        await world.cache.refresh()
        yield world


async def in_s(world: World) -> float:
    """After how many seconds the next tick wants another, whatever went wrong; it must want one."""
    told = await world.tick()
    assert told is not None
    assert told.errors
    assert told.wake_at is not None
    return (told.wake_at - world.clock.now()).total_seconds()


@pytest.mark.parametrize("error", [LATER, Unreachable("no answer"), Conflict("changed")])
async def test_a_canary_is_looked_at_in_time_though_no_status_can_be_saved(error: PortError) -> None:
    async with a_release(analysis=INTERVAL) as world:
        await running(world)
        await world.commit(settle="10s")  # a generation to save
        await world.cache.refresh()
        world.cluster.faults.fail_next(STATUS, error)

        assert 0 < await in_s(world) <= 15


async def test_it_is_looked_at_in_time_also_when_a_step_ends(world_at_the_end_of_a_step: World) -> None:
    world_at_the_end_of_a_step.cluster.faults.fail_next(STATUS, LATER)

    assert 0 < await in_s(world_at_the_end_of_a_step) <= 15


async def test_nothing_is_hurried_that_puts_nobody_at_risk() -> None:
    async with a_release() as world:
        await world.commit(revision="v2")
        await world.cache.refresh()
        world.cluster.faults.fail_next(STATUS, LATER)

        told = await world.tick()

        assert told is not None
        assert told.wake_at is None


async def test_a_lowering_that_failed_is_tried_again_within_seconds() -> None:
    async with a_release() as world:
        await running(world)
        failing(world)
        world.clock.advance(MINUTE)
        world.cluster.faults.fail_next(ROUTE, LATER)

        assert 0 < await in_s(world) <= 5


async def test_weight_is_lowered_before_a_late_saving_is_answered() -> None:
    async with a_release() as world:
        await running(world)
        failing(world)
        world.clock.advance(MINUTE)
        late = Unanswered(DirectApi(world.cluster, user="controller"), world.cache)
        late.answered = asyncio.Event()
        before = len(world.cluster.faults.writes)
        ticking = asyncio.create_task(
            replace(world.reconciler, rollouts=late, saved_within=timedelta(0)).tick(world.key, world.clock.now())
        )

        await until(lambda: any("/virtualservices/" in path for _, path in world.cluster.faults.writes[before:]))
        late.answered.set()
        told = await ticking

        assert told is not None
        assert told.errors == ()
        assert told.after.phase == "RollingBack"


async def test_weight_is_lowered_when_that_is_wanted_while_an_earlier_saving_is_not_answered() -> None:
    async with a_release() as world:
        await running(world)
        await world.commit(settle="10s")  # a generation to save, and nothing to lower
        await world.cache.refresh()
        late = Unanswered(DirectApi(world.cluster, user="controller"), world.cache)
        late.answered = asyncio.Event()
        reconciler = replace(world.reconciler, rollouts=late, saved_within=timedelta(0))
        before = len(world.cluster.faults.writes)
        ticking = asyncio.create_task(reconciler.tick(world.key, world.clock.now()))
        await asyncio.sleep(0)

        await world.command("abort")
        await world.cache.refresh()
        reconciler.stir(world.key)

        await until(lambda: any("/virtualservices/" in path for _, path in world.cluster.faults.writes[before:]))
        assert (await world.split()).get("checkout-v2", 0) == 0
        late.answered.set()
        await ticking


async def unsaved_for(world: World, seconds: int) -> None:
    """So long every saving of the status is refused; each second a look."""
    for _ in range(seconds):
        world.clock.advance(timedelta(seconds=1))
        await world.cache.refresh()
        world.cluster.faults.fail_next(STATUS, Unreachable("busy"))
        await world.tick()


async def weighted(world: World) -> None:
    """v2 has its first 5 %, and that they are in force is not saved yet."""
    await world.commit(revision="v2")
    while not (await world.split()).get("checkout-v2"):
        await world.cache.refresh()
        await world.tick()
    assert world.status.run is not None
    assert world.status.run.in_force_at is None


async def test_a_canary_is_judged_though_it_was_never_saved_that_its_weight_is_in_force() -> None:
    async with a_release(analysis={"interval": "1s"}) as world:
        failing(world)
        await weighted(world)

        await unsaved_for(world, 10)

        assert (await world.split()).get("checkout-v2", 0) == 0


async def test_a_canary_without_endpoints_goes_back_though_it_was_never_saved_since_when() -> None:
    async with a_release() as world:
        await running(world)
        await world.ready("v2", pods=0)

        await unsaved_for(world, 12)

        assert (await world.split()).get("checkout-v2", 0) == 0


async def test_what_was_not_saved_is_counted_anew_after_somebody_wrote_the_rollout() -> None:
    async with a_release() as world:
        await running(world)
        await world.ready("v2", pods=0)
        await unsaved_for(world, 6)

        await world.commit(settle="10s")
        await unsaved_for(world, 6)

        assert (await world.split())["checkout-v2"] == 5


async def test_a_weight_that_somebody_lowers_is_theirs_though_it_was_not_saved_at_once_that_it_was_in_force() -> None:
    async with a_release() as world:
        healthy(world)
        await weighted(world)
        await unsaved_for(world, 3)
        await world.pass_time(timedelta(seconds=5))

        await world.weights(**{"checkout-v1": 98, "checkout-v2": 2})
        await world.pass_time(timedelta(seconds=5))

        assert world.status.phase is Phase.PAUSED
        assert (await world.split())["checkout-v2"] == 2
