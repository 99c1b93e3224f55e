"""Does the controller lead only with the lease, survive a crash in one key, and stop in order?"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rollout.controller.jobs import Jobs
from rollout.controller.loop import Controller, Worked
from rollout.controller.queue import Queue
from rollout.controller.slots import Slots
from rollout.model.names import Key
from rollout.ports.errors import Expired, PortError, Unreachable
from rollout.ports.watch import Work

A, B = (Key(namespace="shop", name=name) for name in "ab")


class Now:
    """Real time: APScheduler knows no other."""

    def now(self) -> datetime:
        """The time."""
        return datetime.now(UTC)


@dataclass
class Keys:
    """Two objects; `does` is what a tick does."""

    does: Callable[[Key], Awaitable[Worked]]
    name: str = "Rollout"
    ticked: list[Key] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def objects(self) -> tuple[Key, ...]:
        """Both."""
        return (A, B)

    async def tick(self, key: Key) -> Worked:
        """Note it, and do it."""
        self.ticked.append(key)
        self.more.set()
        return await self.does(key)

    async def until(self, count: int) -> None:
        """Wait for so many ticks."""
        async with asyncio.timeout(10):
            while len(self.ticked) < count:
                self.more.clear()
                await self.more.wait()


class Silence:
    """A watch that tells what it is given. refusals: of its first lists."""

    def __init__(self) -> None:
        self.keys: asyncio.Queue[Key] = asyncio.Queue()
        self.refusals: list[PortError] = []
        self.refused = asyncio.Event()

    async def changes(self) -> AsyncIterator[Work]:
        """Rollouts whose keys were put into `keys`."""
        while True:
            yield "Rollout", await self.keys.get()

    async def refresh(self) -> None:
        """Fresh already, but for so many refusals as there are."""
        if self.refusals:
            self.refused.set()
            raise self.refusals.pop()

    def is_synced(self) -> bool:
        """Always."""
        return True


class Token:
    """A lease in the test's hand."""

    def __init__(self) -> None:
        self.given, self.taken, self.released = asyncio.Event(), asyncio.Event(), 0

    async def acquire(self) -> None:
        """Wait until it is given."""
        await self.given.wait()

    async def lost(self) -> None:
        """Wait until it is taken."""
        await self.taken.wait()

    def may_write(self, within: timedelta) -> bool:
        """While it is given."""
        return self.given.is_set() and within >= timedelta(0)

    async def release(self) -> None:
        """Count."""
        self.released += 1


@dataclass(kw_only=True)
class Stand:
    """A controller that runs, and all that it holds on to."""

    kept: Keys
    watch: Silence
    lease: Token
    stop: asyncio.Event
    controller: Controller
    running: asyncio.Task[None]


@asynccontextmanager
async def a_controller(does: Callable[[Key], Awaitable[Worked]], *, leads: bool = True) -> AsyncIterator[Stand]:
    """A running controller."""
    kept, watch, lease, stop = Keys(does), Silence(), Token(), asyncio.Event()
    controller = Controller(
        kept=(kept,),
        watch=watch,
        lease=lease,
        clock=Now(),
        jobs=Jobs(),
        queue=Queue(jitter=lambda: 0.0),
        slots=Slots(2),
    )
    if leads:
        lease.given.set()
    running = asyncio.create_task(controller.run(stop))
    try:
        yield Stand(kept=kept, watch=watch, lease=lease, stop=stop, controller=controller, running=running)
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await running


async def quiet(_: Key) -> Worked:
    """Nothing to do."""
    return Worked()


async def test_every_object_is_looked_at_once_the_lease_is_there() -> None:
    async with a_controller(quiet, leads=False) as stand:
        await asyncio.sleep(0)
        before = list(stand.kept.ticked)
        stand.lease.given.set()

        await stand.kept.until(2)

        assert before == []
        assert sorted(stand.kept.ticked) == [A, B]


async def test_a_new_leader_whose_lists_are_refused_lists_again_before_its_first_tick() -> None:
    async with a_controller(quiet, leads=False) as stand:
        at_once = timedelta(milliseconds=1)
        stand.watch.refusals = [Unreachable("500", retry_after=at_once), Expired("410", retry_after=at_once)]
        stand.lease.given.set()

        await stand.kept.until(2)

        assert stand.watch.refusals == []
        assert sorted(stand.kept.ticked) == [A, B]


async def test_who_loses_the_lease_before_its_lists_were_answered_never_leads() -> None:
    async with a_controller(quiet, leads=False) as stand:
        stand.watch.refusals = [Unreachable("500", retry_after=timedelta(hours=1))]
        stand.lease.given.set()
        async with asyncio.timeout(10):
            await stand.watch.refused.wait()

        stand.lease.given.clear()
        stand.lease.taken.set()
        await asyncio.sleep(0.01)

        assert not stand.running.done()
        assert stand.kept.ticked == []
        assert not stand.controller.leads


async def test_a_crash_in_one_key_leaves_the_others_alone() -> None:
    async def crash(key: Key) -> Worked:
        if key == A:
            raise ZeroDivisionError
        return Worked()

    async with a_controller(crash) as stand:
        await stand.kept.until(2)
        stand.watch.keys.put_nowait(B)

        await stand.kept.until(3)

        assert stand.kept.ticked[-1] == B


async def test_a_failed_tick_is_tried_again() -> None:
    async def fail_once(key: Key) -> Worked:
        if stand.kept.ticked.count(key) == 1 and key == A:
            raise Unreachable("no answer", retry_after=timedelta(milliseconds=1))
        return Worked()

    async with a_controller(fail_once) as stand:
        await stand.kept.until(3)

        assert stand.kept.ticked.count(A) == 2


async def test_a_wake_up_that_is_due_comes_at_once() -> None:
    async def again(key: Key) -> Worked:
        return Worked(wake_at=datetime.now(UTC) if stand.kept.ticked.count(key) < 3 else None)

    async with a_controller(again) as stand:
        await stand.kept.until(6)

        assert stand.kept.ticked.count(A) == 3


async def test_a_tick_that_time_sets_off_tells_how_late_it_begins() -> None:
    lags: list[tuple[str, float]] = []

    async def again(key: Key) -> Worked:
        is_first = key == A and stand.kept.ticked.count(A) == 1
        return Worked(wake_at=datetime.now(UTC) + timedelta(milliseconds=5) if is_first else None)

    async with a_controller(again) as stand:
        stand.controller.lags = lambda kind, seconds: lags.append((kind, seconds))
        await stand.kept.until(3)

    ((kind, seconds),) = lags
    assert kind == "Rollout"
    assert 0 <= seconds < 10


async def test_a_tick_that_an_event_sets_off_before_it_is_due_has_no_lag() -> None:
    lags: list[float] = []

    async def later(_: Key) -> Worked:
        return Worked(wake_at=datetime.now(UTC) + timedelta(hours=1))

    async with a_controller(later) as stand:
        stand.controller.lags = lambda _kind, seconds: lags.append(seconds)
        await stand.kept.until(2)
        await stand.watch.keys.put(A)
        await stand.kept.until(3)

    assert lags == []


async def test_what_a_tick_concerns_besides_is_ticked_too() -> None:
    async def once(key: Key) -> Worked:
        return Worked(also=(A,) if key == B else ())

    async with a_controller(once) as stand:
        await stand.kept.until(3)

        assert stand.kept.ticked.count(A) == 2


async def test_stop_lets_the_tick_in_hand_end_and_releases_the_lease() -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), []

    async def slow(key: Key) -> Worked:
        begun.set()
        await may_end.wait()
        ended.append(key)
        return Worked()

    async with a_controller(slow) as stand:
        await begun.wait()
        stand.stop.set()
        await asyncio.sleep(0)
        early = stand.running.done()
        may_end.set()
        async with asyncio.timeout(10):
            await stand.running

        assert not early
        assert ended
        assert stand.lease.released == 1


async def test_people_are_told_of_everything_before_the_lease_is_released() -> None:
    may_end, released = asyncio.Event(), []

    async with a_controller(quiet) as stand:

        async def told() -> None:
            await may_end.wait()
            released.append(stand.lease.released)

        stand.controller.told = told
        await stand.kept.until(2)
        stand.stop.set()
        may_end.set()
        async with asyncio.timeout(10):
            await stand.running

    assert released == [0]


async def test_nothing_is_begun_after_the_lease_was_lost() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(key: Key) -> Worked:
        if key == A:
            begun.set()
            await may_end.wait()
        return Worked()

    async with a_controller(slow) as stand:
        await stand.kept.until(2)
        stand.lease.given.clear()
        stand.lease.taken.set()
        for _ in range(20):  # the loop hears of it
            await asyncio.sleep(0)
        count, leads = len(stand.kept.ticked), stand.controller.leads
        stand.controller.queue.add(("Rollout", B))
        await asyncio.sleep(0.01)

        assert not leads
        assert len(stand.kept.ticked) == count
        may_end.set()
