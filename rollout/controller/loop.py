"""How does the controller live: wait for the lease, look at everything, work key by key, and stop in order?"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from rollout.controller.jobs import Jobs
from rollout.controller.queue import FIRST_BACKOFF, LONGEST_BACKOFF, Queue
from rollout.controller.slots import Slots
from rollout.model.names import Key
from rollout.ports.clock import Clock
from rollout.ports.errors import Expired, PortError, Unreachable
from rollout.ports.lease import Lease
from rollout.ports.watch import Watch, Work

RESYNC = timedelta(
    minutes=10
)  # every key is looked at so often even when nothing happens: a lost event cannot stay lost
SLOTS = 8
LAST_TICKS = timedelta(seconds=8)  # SIGTERM must end within 10 s

log = structlog.get_logger("rollout.controller")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What one tick leaves to do. wake_at: None when only an event can matter; failure: "" when all went well.

    also: others of the same kind that what happened concerns.
    """

    wake_at: datetime | None = None
    failure: str = ""
    retry_after: timedelta | None = None
    gone: bool = False
    also: tuple[Key, ...] = ()


class Kept(Protocol):
    """A kind of object that the controller keeps as it should be."""

    name: str

    def objects(self) -> tuple[Key, ...]:
        """All objects there are."""

    async def tick(self, key: Key) -> Worked:
        """Look at one and act."""


@dataclass(slots=True)
class Controller:
    """Runs until told to stop; holds no state that a restart could lose.

    slots: of ticks that act at the same time. reports: called after each tick with its kind, its seconds, and whether it
    must be repeated. lags: called before a tick that time set off with its kind and the seconds since it was due. told:
    returns once people were told of all that was done, which is waited for as long as for the last ticks.
    """

    kept: tuple[Kept, ...]
    watch: Watch
    lease: Lease
    clock: Clock
    jobs: Jobs
    queue: "Queue[Work]"
    slots: Slots = field(default_factory=lambda: Slots(SLOTS))
    reports: Callable[[str, float, bool], None] = lambda _kind, _seconds, _failed: None
    lags: Callable[[str, float], None] = lambda _kind, _seconds: None
    told: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0)
    leads: bool = False
    _due: dict[Work, datetime] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event) -> None:
        """Lead whenever the lease allows it, until `stop` is set; then finish the ticks in hand and release the lease."""
        self.jobs.start()
        try:
            while not stop.is_set():
                if not await _first(self.lease.acquire(), stop.wait()):
                    break
                await self._lead(stop)
        finally:
            self.jobs.stop()
            await self.lease.release()

    async def _lead(self, stop: asyncio.Event) -> None:
        log.info("lease_acquired")
        if not await _first(self._caught_up(), _first(self.lease.lost(), stop.wait())):
            log.info("lease_given_up" if stop.is_set() else "lease_lost")
            return
        self.leads = True
        self._due.clear()  # what became due while another replica led was its to do
        ending = asyncio.Event()
        feeding = asyncio.create_task(self._feed())
        working = asyncio.create_task(self._work(ending))
        self.jobs.every("resync", RESYNC, self._resync)
        await self._resync()
        await _first(self.lease.lost(), stop.wait())
        self.leads = False
        log.info("lease_given_up" if stop.is_set() else "lease_lost")
        ending.set()
        feeding.cancel()
        await self._finish(working)
        await asyncio.gather(feeding, return_exceptions=True)

    async def _caught_up(self) -> None:
        """Return once everything was listed: what another replica wrote a moment ago must be seen before the first write.

        An API server in trouble is asked again: a process that ended for it would be missed by the next leader.
        """
        while True:
            try:
                await self.watch.refresh()
            except (Unreachable, Expired) as error:
                pause = min(error.retry_after or FIRST_BACKOFF, LONGEST_BACKOFF).total_seconds()
                log.warning("lists_failed", error=str(error), again_in_s=pause)
                await asyncio.sleep(pause)
            else:
                return

    async def _finish(self, working: "asyncio.Task[None]") -> None:
        """Let the ticks in hand end; those that only look, and whoever waits for work, stop at once."""
        self.slots.drop()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_TICKS.total_seconds()):
                await self.queue.idle()
                await self.told()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    async def _feed(self) -> None:
        async for work in self.watch.changes():
            self.queue.add(work)

    async def _resync(self) -> None:
        for kind in self.kept:
            for key in kind.objects():
                self.queue.add((kind.name, key))

    async def _work(self, ending: asyncio.Event) -> None:
        """Begin ticks as long as there are slots; whatever still runs at the end is broken off."""
        ticking: set[asyncio.Task[None]] = set()
        try:
            while not ending.is_set():
                work = await self.queue.take()
                try:
                    await self.slots.take()
                except asyncio.CancelledError:
                    self.queue.done(work)
                    raise
                tick = asyncio.create_task(self._begun(work, ending))
                ticking.add(tick)
                tick.add_done_callback(ticking.discard)
                tick.add_done_callback(partial(self._ended, work))
        finally:
            for tick in ticking:
                tick.cancel()
            await asyncio.gather(*ticking, return_exceptions=True)

    async def _begun(self, work: Work, ending: asyncio.Event) -> None:
        if not ending.is_set():  # a key that came while nobody had a slot and the lease was given up
            await self._one(work)

    def _ended(self, work: Work, _: "asyncio.Task[None]") -> None:
        self.queue.done(work)
        self.slots.give()

    async def _one(self, work: Work) -> None:
        name, key = work
        self._tell_lag(work)
        began, started = self.clock.now(), asyncio.get_running_loop().time()
        kind = next(kind for kind in self.kept if kind.name == name)
        try:
            worked = await kind.tick(key)
        except PortError as error:
            worked = Worked(failure=str(error), retry_after=error.retry_after)
        except Exception:
            # The worker outlives a bug in one Rollout; the others must go on.
            log.exception("tick_crashed", kind=name, key=str(key))
            worked = Worked(failure="crashed")
        for other in worked.also:
            self.queue.add((name, other))
        self.reports(name, asyncio.get_running_loop().time() - started, bool(worked.failure))
        self._schedule(work, worked, began)

    def _tell_lag(self, work: Work) -> None:
        """An event may have come first: what is ticked before it is due does not lag."""
        due = self._due.pop(work, None)
        if due is not None and (seconds := (self.clock.now() - due).total_seconds()) >= 0:
            self.lags(work[0], seconds)

    def _schedule(self, work: Work, worked: Worked, began: datetime) -> None:
        name = f"{work[0]}:{work[1]}"
        if worked.gone:
            self.jobs.drop(name)
            self.queue.forget(work)
            return
        now = self.clock.now()
        if worked.failure:
            moment = now + max(self.queue.failed(work), worked.retry_after or timedelta(0))
            if worked.wake_at is not None and worked.wake_at > now:
                moment = min(moment, worked.wake_at)
            log.warning(
                "tick_failed",
                kind=work[0],
                key=str(work[1]),
                error=worked.failure,
                again_in_s=round((moment - now).total_seconds(), 1),
            )
            self._wake(work, moment)
            return
        self.queue.succeeded(work)
        if worked.wake_at is None:
            self.jobs.drop(name)
        elif worked.wake_at <= now or now < began:  # the clock was set back meanwhile: that moment is not of this one
            self._due[work] = now
            self.queue.add(work)
        else:
            self._wake(work, worked.wake_at)

    def _wake(self, work: Work, moment: datetime) -> None:
        self._due[work] = moment
        self.jobs.at(f"{work[0]}:{work[1]}", moment, lambda: self.queue.add(work))


async def _first(wanted: Awaitable[object], other: Awaitable[object]) -> bool:
    """Wait for either; True when `wanted` came. The one that did not come is cancelled."""
    tasks = [asyncio.ensure_future(wanted), asyncio.ensure_future(other)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0] in done:
            tasks[0].result()
        return tasks[0] in done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
