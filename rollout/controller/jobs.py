"""What does time alone set off? Jobs only put keys into the queue; all of them can be made again from status."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

# A job that is late still runs, once: APScheduler's own grace of 1 s would drop it (ecosystem of 3.11.3, measured).
_JOB = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


_LOOKS_EVERY = timedelta(seconds=5)
_JUMP = timedelta(seconds=1)  # less is how clocks are kept right, and puts nothing off for long


def _wall() -> datetime:
    return datetime.now(UTC)


class Jobs:
    """Wake-ups by key, and periodic calls, on APScheduler in the running loop.

    APScheduler goes by the machine's clock alone: when that is set back by an hour, whatever waits would wait an hour
    longer. So every `looks_every` `now` is held against the time that has passed, and jobs are moved along with it.
    """

    def __init__(self, *, now: Callable[[], datetime] = _wall, looks_every: timedelta = _LOOKS_EVERY) -> None:
        self._scheduler: Any = AsyncIOScheduler(timezone=UTC, job_defaults=_JOB)
        self._now = now
        self._looks_every = looks_every.total_seconds()
        self._known = now(), time.monotonic()
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; jobs added before start then."""
        self._scheduler.start()
        self._looking = asyncio.create_task(self._follow_clock(), name="clock")

    def stop(self) -> None:
        """Drop all jobs."""
        if self._looking is not None:
            self._looking.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def at(self, name: str, moment: datetime, call: Callable[[], None]) -> None:
        """Call once at `moment`; a later call with the same name replaces it."""
        self._mind_clock()  # a clock that is wrong for less than `looks_every` would else leave its jobs behind
        self._scheduler.add_job(_called, "date", run_date=moment, args=(call,), id=name, replace_existing=True)

    def every(self, name: str, interval: timedelta, call: Callable[[], Awaitable[None]]) -> None:
        """Call again and again, the first time after one interval, with up to a tenth of it as jitter."""
        seconds = interval.total_seconds()
        self._scheduler.add_job(call, "interval", seconds=seconds, jitter=seconds / 10, id=name, replace_existing=True)

    def drop(self, name: str) -> None:
        """Forget the job of this name, if there is one."""
        if self._scheduler.get_job(name) is not None:
            self._scheduler.remove_job(name)

    async def _follow_clock(self) -> None:
        while True:
            await asyncio.sleep(self._looks_every)
            self._mind_clock()

    def _mind_clock(self) -> None:
        """Move all jobs along with a clock that was set back since the last call."""
        known, measured = self._known
        self._known = self._now(), time.monotonic()
        jump = self._known[0] - known - timedelta(seconds=self._known[1] - measured)
        for job in self._scheduler.get_jobs() if jump < -_JUMP else ():
            job.modify(next_run_time=job.next_run_time + jump)


async def _called(call: Callable[[], None]) -> None:
    call()
