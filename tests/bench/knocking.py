"""How long do webhooks wait for their answer when many come?"""

import asyncio
import gc
from statistics import median, quantiles
from time import perf_counter

import aiohttp

from rollout.web.listen import served
from tests.support.hooked import Desk, a_callback, a_desk, body_of, signed


async def answered(per_second: int = 200, seconds: int = 10) -> tuple[float, float, int]:
    """Seconds to the answer, median and of 99 in 100, of signed callbacks that become commands; and how many those were.

    Sent at even distances whatever the answers take, over HTTP, by the same process: one core does both.
    """
    async with (
        a_desk(*a_callback(mostPerMinute=100_000)) as desk,
        served(desk.app, "127.0.0.1:0") as url,
        aiohttp.ClientSession(url) as session,
    ):
        gc.freeze()  # as `rollout serve` does
        began, times = perf_counter(), []
        async with asyncio.TaskGroup() as group:
            for number in range(per_second * seconds):
                due = began + number / per_second
                await asyncio.sleep(max(due - perf_counter(), 0))
                times.append(group.create_task(_one(desk, session, number, due)))
        found = sorted(one.result() for one in times)
        gc.unfreeze()
        return median(found), quantiles(found, n=100)[98], len(desk.commands())


async def _one(desk: Desk, session: aiohttp.ClientSession, number: int, due: float) -> float:
    body = body_of(reason=str(number))
    async with session.post(desk.path(), data=body, headers=signed(body, delivery=f"msg_{number}")) as answer:
        await answer.read()
    return perf_counter() - due
