"""Is the memory of runs fed by what the caches see, and by nothing that is at rest?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from adapters.kube.store import KubeRollouts
from rollout.model.names import Key
from rollout.ports.rollouts import Stored
from rollout.services.traces import Traces
from rollout.wiring.telling import trace_watch
from tests.support.builders import CHECKOUT
from tests.support.world import World, a_release

MINUTE = timedelta(minutes=1)


class Faulty(KubeRollouts):
    """Rollouts of which the first look at each one fails. asked: so often anybody looked."""

    asked = 0

    def get(self, key: Key) -> Stored | None:
        """As ever, but for the first time."""
        self.asked += 1
        if self.asked == 1:
            raise ValueError("the first look fails")
        return super().get(key)


@asynccontextmanager
async def watched(world: World, rollouts: KubeRollouts) -> AsyncIterator[Traces]:
    """A memory that is fed by the world's cache in the background."""
    traces = Traces(since=world.clock.now())
    watch = trace_watch(world.person, world.cache, rollouts, world.clock, traces)
    running = asyncio.create_task(watch.run())
    try:
        yield traces
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def begun(world: World) -> None:
    """v2 is on trial, and all that changed was looked at."""
    world.metrics.tell_requests("errors", total=2000, bad=2)
    await world.commit(revision="v2")
    await passed(world, 3 * MINUTE)


async def passed(world: World, duration: timedelta) -> None:
    """Time passes, and what was put aside meanwhile was looked at."""
    await world.pass_time(duration)
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_run_is_followed_from_its_first_change_on() -> None:
    async with a_release() as world, watched(world, KubeRollouts(world.person, world.cache)) as traces:
        await begun(world)

        (trace,) = traces.of(CHECKOUT)

    assert (trace.run, trace.revision, traces.follows(CHECKOUT)) == (1, "v2", True)
    assert [one.wanted for one in trace.weights][-1] == 5


async def test_a_weight_that_somebody_edits_is_measured_without_any_change_of_the_rollout() -> None:
    async with a_release() as world, watched(world, KubeRollouts(world.person, world.cache)) as traces:
        await begun(world)
        await world.weights(checkout_v1=60, checkout_v2=40)
        await world.cache.refresh(["VirtualService"])
        await passed(world, timedelta(0))

        shares = {one.highest for trace in traces.of(CHECKOUT) for one in trace.weights}

    assert 40.0 in shares


async def test_a_rollout_at_rest_is_not_even_looked_at() -> None:
    async with a_release() as world:
        rollouts = Faulty(world.person, world.cache)
        async with watched(world, rollouts) as traces:
            await world.commit(settle="40s")
            await passed(world, MINUTE)

    assert (rollouts.asked, traces.of(CHECKOUT)) == (0, ())


async def test_a_look_that_fails_does_not_end_the_memory() -> None:
    async with a_release() as world, watched(world, Faulty(world.person, world.cache)) as traces:
        await begun(world)

    assert traces.follows(CHECKOUT)


async def test_a_deleted_rollout_is_forgotten() -> None:
    async with a_release() as world, watched(world, KubeRollouts(world.person, world.cache)) as traces:
        await begun(world)
        await world.person.delete(world.path("Rollout", "checkout"))
        await passed(world, 5 * MINUTE)

    assert traces.of(CHECKOUT) == ()
