"""Does whoever wants to go back wait for a metrics server, or for a status, that is never answered?"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from rollout.model.status import Phase
from rollout.services.reconcile import Reconciler, Told
from tests.support.answers import Hanging
from tests.support.followed import until
from tests.support.scenes import MINUTE, delete, running
from tests.support.world import World, a_release

Act = Callable[[World], Awaitable[object]]
AT_ONCE = timedelta(0)


@dataclass(kw_only=True)
class Waiting:
    """A tick that waits for an answer, in mid-run at 5 %."""

    world: World
    metrics: Hanging
    reconciler: Reconciler
    tick: asyncio.Task[Told | None]

    async def happens(self, act: Act) -> None:
        """Somebody acts, and the controller hears of it."""
        await act(self.world)
        await self.world.cache.refresh()
        self.reconciler.stir(self.world.key)

    async def told(self) -> Told:
        """How the tick ended."""
        async with asyncio.timeout(10):
            told = await self.tick
        assert told is not None
        return told


@asynccontextmanager
async def waiting() -> AsyncIterator[Waiting]:
    """A canary is at 5 %, and a look at its objectives is not answered."""
    async with a_release() as world:
        await running(world)
        world.clock.advance(MINUTE)
        metrics = Hanging(world.metrics)
        observer = replace(world.reconciler.observer, metrics=metrics)
        reconciler = replace(world.reconciler, observer=observer, answered_within=AT_ONCE)
        tick = asyncio.create_task(reconciler.tick(world.key, world.clock.now()))
        await until(lambda: bool(metrics.asked))
        yield Waiting(world=world, metrics=metrics, reconciler=reconciler, tick=tick)
        metrics.over.set()
        await asyncio.gather(tick, return_exceptions=True)


async def ordered(world: World) -> None:
    """ana aborts."""
    await world.command("abort")


async def taken_back(world: World) -> None:
    """Git names v1 again."""
    await world.commit(revision="v1")


async def deleted(world: World) -> None:
    """The Rollout is deleted."""
    await delete(world, "Rollout", "checkout")


async def lowered(world: World) -> None:
    """Somebody takes the canary's share away."""
    await world.weights(checkout_v1=100, checkout_v2=0)


@pytest.mark.parametrize("act", [ordered, taken_back, deleted])
async def test_weight_is_lowered_while_the_metrics_server_says_nothing(act: Act) -> None:
    async with waiting() as look:
        await look.happens(act)
        told = await look.told()

        assert told.errors == ()
        assert (await look.world.split()).get("checkout-v2", 0) == 0


async def test_a_pause_is_obeyed_while_the_metrics_server_says_nothing() -> None:
    async with waiting() as look:
        await look.happens(lambda world: world.command("pause"))

        assert (await look.told()).after.phase is Phase.PAUSED


async def test_what_was_lowered_by_hand_is_noticed_while_the_metrics_server_says_nothing() -> None:
    async with waiting() as look:
        await look.happens(lowered)

        assert (await look.told()).after.phase is Phase.PAUSED


async def test_what_was_raised_by_hand_comes_down_while_the_metrics_server_says_nothing() -> None:
    async with waiting() as look:
        await look.happens(lambda world: world.weights(checkout_v1=23, checkout_v2=77))
        await look.told()

        assert await look.world.split() == {"checkout-v1": 95, "checkout-v2": 5}


async def test_a_canary_that_lost_its_endpoints_is_counted_from_then_on() -> None:
    async with waiting() as look:
        await look.happens(lambda world: world.ready("v2", pods=0))

        run = (await look.told()).after.run
        assert run is not None
        assert run.dark_since == look.world.clock.now()


async def test_other_events_take_no_measurement_away() -> None:
    async with waiting() as look:
        await look.happens(lambda world: world.deploy("v3"))
        await asyncio.sleep(0)
        asked = len(look.metrics.asked)
        look.metrics.over.set()

        told = await look.told()

        assert told.after.verdicts[0].at == look.world.clock.now()
        assert len(look.metrics.asked) == asked


async def test_what_changed_while_an_answer_was_awaited_is_seen_when_it_comes() -> None:
    async with waiting() as look:
        await look.happens(lambda world: world.ready("v1", pods=0))
        look.metrics.over.set()

        told = await look.told()

        assert "StableDown" in {reason.code for reason in told.after.reasons}
