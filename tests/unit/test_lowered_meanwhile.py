"""Does a tick undo what a person lowered while it waited for an answer, by what it had seen before?"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import pytest

from adapters.memory.cluster import DirectApi
from adapters.traffic.router import Router
from rollout.model.actions import SetSplit
from rollout.model.names import Key
from rollout.model.status import Phase
from rollout.services.reconcile import Reconciler
from tests.support.answers import Hanging, Unanswered
from tests.support.followed import until
from tests.support.scenes import MINUTE, running
from tests.support.world import World, a_release, virtual_service

ROUTES = [{"kind": "VirtualService", "name": name} for name in ("aside", "checkout")]
Pause = Callable[[World], AbstractAsyncContextManager[None]]
BEFORE_A_STEP, IN_A_STEP = 5, 3  # minutes of the run: the look passes the step at 5 %, or says again that it has 5 %


class LateAside(Router):
    """Routes of which `aside` is written when `sent` is set. is_asked: it was to be."""

    sent: asyncio.Event
    is_asked = False

    async def set_split(self, key: Key, action: SetSplit) -> bool:
        if action.route.name == "aside":
            self.is_asked = True
            await self.sent.wait()
        return await super().set_split(key, action)


@asynccontextmanager
async def ticking(
    world: World, reconciler: Reconciler, waits: Callable[[], bool], go_on: asyncio.Event
) -> AsyncIterator[None]:
    """A tick that waits for an answer, which comes afterwards."""
    tick = asyncio.create_task(reconciler.tick(world.key, world.clock.now()))
    await until(waits)
    yield
    go_on.set()
    await tick


def while_metrics_are_awaited(world: World) -> AbstractAsyncContextManager[None]:
    """A look is in hand."""
    metrics = Hanging(world.metrics)
    reconciler = replace(world.reconciler, observer=replace(world.reconciler.observer, metrics=metrics))
    return ticking(world, reconciler, lambda: bool(metrics.asked), metrics.over)


def while_a_status_is_saved(world: World) -> AbstractAsyncContextManager[None]:
    """What was seen is known, and not saved yet."""
    late = Unanswered(DirectApi(world.cluster, user="controller"), world.cache)
    late.answered = asyncio.Event()
    return ticking(world, replace(world.reconciler, rollouts=late), lambda: late.is_asked, late.answered)


def while_another_route_is_written(world: World) -> AbstractAsyncContextManager[None]:
    """The status is saved, and a write waits for the one before it."""
    late = LateAside(DirectApi(world.cluster, user="controller"), world.cache)
    late.sent = asyncio.Event()
    reconciler = replace(world.reconciler, performer=replace(world.reconciler.performer, routes=late))
    return ticking(world, reconciler, lambda: late.is_asked, late.sent)


@asynccontextmanager
async def a_run(minutes: int) -> AsyncIterator[World]:
    """A canary has had 5 % of two routes for so long."""
    async with a_release(routes=ROUTES) as world:
        await world.put(virtual_service("checkout-v1", name="aside"))
        await running(world, minutes - 1)
        world.clock.advance(MINUTE)
        yield world


@pytest.mark.parametrize("is_shown", [True, False])
@pytest.mark.parametrize("minutes", [BEFORE_A_STEP, IN_A_STEP])
@pytest.mark.parametrize(
    "meanwhile", [while_metrics_are_awaited, while_a_status_is_saved, while_another_route_is_written]
)
async def test_what_a_person_lowers_meanwhile_is_not_undone(meanwhile: Pause, minutes: int, is_shown: bool) -> None:
    async with a_run(minutes) as world:
        async with meanwhile(world):
            await world.weights(checkout_v1=98, checkout_v2=2)
            if is_shown:
                await world.cache.refresh()
        told = [await world.split()]
        await world.settle()

        told += [await world.split(), await world.split(name="aside")]
        assert told == [{"checkout-v1": 98, "checkout-v2": 2}] * 3
        assert world.status.phase is Phase.PAUSED


async def test_where_one_route_was_lowered_no_other_is_raised() -> None:
    async with a_run(BEFORE_A_STEP) as world:
        async with while_metrics_are_awaited(world):
            await world.weights(checkout_v1=98, checkout_v2=2)
            await world.cache.refresh()

        assert await world.split(name="aside") == {"checkout-v1": 95, "checkout-v2": 5}
