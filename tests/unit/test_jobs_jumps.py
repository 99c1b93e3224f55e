"""Do wake-ups come in time after the machine's clock was set back while they waited?"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from adapters.memory.clock import ManualClock
from adapters.memory.lease import HeldLease
from rollout.controller.jobs import Jobs
from rollout.controller.loop import Controller, Worked
from rollout.controller.queue import Queue
from rollout.model.names import Key
from rollout.ports.watch import Work
from tests.support.builders import CHECKOUT

HOUR = timedelta(hours=1)
OFTEN = timedelta(milliseconds=5)


def real_now() -> datetime:
    """What APScheduler takes for now."""
    return datetime.now(UTC)


class Ticked:
    """One Rollout, and its watch: the clock is an hour fast, and put right while it is looked at first."""

    name = "Rollout"

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.looked, self.again = clock, 0, asyncio.Event()

    def objects(self) -> tuple[Key, ...]:
        return (CHECKOUT,)

    async def tick(self, _: Key) -> Worked:
        self.looked += 1
        if self.looked > 1:
            self.again.set()
            return Worked()
        due = self.clock.now() + timedelta(milliseconds=50)
        self.clock.advance(-HOUR)
        return Worked(wake_at=due)

    async def changes(self) -> AsyncIterator[Work]:
        await asyncio.Event().wait()
        yield "Rollout", CHECKOUT

    async def refresh(self) -> None:
        return

    def is_synced(self) -> bool:
        return True


@pytest.fixture
def clock() -> ManualClock:
    """The machine's clock: it stands still, and is set by hand."""
    return ManualClock(real_now())


@pytest.fixture
async def jobs(clock: ManualClock) -> AsyncIterator[Jobs]:
    jobs = Jobs(now=clock.now, looks_every=OFTEN)
    jobs.start()
    yield jobs
    jobs.stop()


async def test_a_wake_up_is_not_put_off_when_the_clock_is_set_back(jobs: Jobs, clock: ManualClock) -> None:
    woken = asyncio.Event()
    jobs.at("a", real_now() + HOUR + timedelta(milliseconds=50), woken.set)  # 50 ms, by a clock an hour ahead

    clock.advance(-HOUR)

    async with asyncio.timeout(5):
        await woken.wait()


async def test_nor_is_one_of_a_clock_that_was_wrong_for_a_moment_only(clock: ManualClock) -> None:
    woken = asyncio.Event()
    jobs = Jobs(now=clock.now, looks_every=timedelta(milliseconds=100))
    jobs.start()

    clock.advance(HOUR)
    jobs.at("a", real_now() + HOUR + timedelta(milliseconds=50), woken.set)
    clock.advance(-HOUR)

    async with asyncio.timeout(5):
        await woken.wait()
    jobs.stop()


async def test_nor_is_one_that_a_tick_asks_for_by_the_clock_that_it_began_with() -> None:
    clock, stop = ManualClock(real_now() + HOUR), asyncio.Event()
    kept = Ticked(clock)
    queue: Queue[Work] = Queue(jitter=lambda: 0.0)
    controller = Controller(kept=(kept,), watch=kept, lease=HeldLease(), clock=clock, jobs=Jobs(), queue=queue)

    running = asyncio.create_task(controller.run(stop))

    async with asyncio.timeout(5):
        await kept.again.wait()
        stop.set()
        await running


async def test_nor_are_periodic_calls(jobs: Jobs, clock: ManualClock) -> None:
    called = asyncio.Event()

    async def call() -> None:
        called.set()

    jobs.every("a", HOUR, call)

    clock.advance(-2 * HOUR)

    async with asyncio.timeout(5):
        await called.wait()


async def test_a_clock_that_is_set_forward_or_mended_a_little_wakes_nobody_early(
    jobs: Jobs, clock: ManualClock
) -> None:
    woken = asyncio.Event()
    jobs.at("a", real_now() + timedelta(minutes=1), woken.set)

    clock.advance(HOUR)
    await asyncio.sleep(4 * OFTEN.total_seconds())
    clock.advance(timedelta(seconds=-0.5))
    await asyncio.sleep(4 * OFTEN.total_seconds())

    assert not woken.is_set()
