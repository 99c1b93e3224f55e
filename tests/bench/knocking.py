"""How long do webhooks wait for their answer when many come?"""

import asyncio
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time

import aiohttp

from rollout.logs import LogFormat, set_up
from rollout.web.listen import served
from tests.support.every_door import WHSEC, EveryDoor, every_door
from tests.support.git_knocks import HOSTS, PUSH
from tests.support.hooked import body_of, signed
from tests.support.slack import ANA
from tests.support.slack_knocks import VALUE, form, headers_of, payload

KINDS = ("git", "callbacks", "slack")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Seconds to the answer: of half, and of 99 in 100."""

    middle: float
    slow: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    kind: str
    code: int
    seconds: float


async def answered(per_second: int = 200, seconds: int = 10) -> tuple[dict[str, Waits], float, int]:
    """How long GitHub's pushes, callbacks and presses in Slack wait, by kind and of all; the share of the core that was busy;
    and how many commands came of them.

    The apps as they are wired, over HTTP on loopback. Sent in turn, at even distances whatever the answers take, by the same
    process: one core does both, and what follows the answers besides.
    """
    async with (
        every_door() as door,
        served(door.hooks, "127.0.0.1:0") as url,
        aiohttp.ClientSession(url) as session,
    ):
        with _on_one_core():
            began, used, tasks = perf_counter(), process_time(), []
            async with asyncio.TaskGroup() as group:
                for number, kind in zip(range(per_second * seconds), cycle(KINDS), strict=False):
                    due = began + number / per_second
                    await asyncio.sleep(max(due - perf_counter(), 0))
                    tasks.append(group.create_task(_one(door, session, kind, number, due)))
            await door.slack.idle()
            busy = (process_time() - used) / (perf_counter() - began)
        found = [task.result() for task in tasks]
        refused = {one.code for one in found} - {200, 202}
        assert not refused, f"answered {refused}"
        return _by_kind(found), busy, len(door.commands())


@contextmanager
def _on_one_core() -> Iterator[None]:
    """As `rollout serve` runs, its log written and thrown away."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    gc.freeze()
    try:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
            set_up(LogFormat.JSON, "info")
            yield
    finally:
        gc.unfreeze()
        os.sched_setaffinity(0, cores)


def _by_kind(found: list[_Heard]) -> dict[str, Waits]:
    """Each kind, and "all"."""
    told = {kind: sorted(one.seconds for one in found if one.kind == kind) for kind in KINDS}
    told["all"] = sorted(one.seconds for one in found)
    return {kind: Waits(middle=median(times), slow=quantiles(times, n=100)[98]) for kind, times in told.items()}


async def _one(door: EveryDoor, session: aiohttp.ClientSession, kind: str, number: int, due: float) -> _Heard:
    path, body, headers = _request(door, kind, number)
    async with session.post(path, data=body, headers=headers) as answer:
        await answer.read()
        return _Heard(kind=kind, code=answer.status, seconds=perf_counter() - due)


def _request(door: EveryDoor, kind: str, number: int) -> tuple[str, bytes, dict[str, str]]:
    """A path, a body and its headers, all of them new and right."""
    match kind:
        case "git":
            body = body_of(**PUSH, number=number)
            return door.path("git", "git"), body, HOSTS["github"].sign(body, f"d{number}", door.now, b"open sesame")
        case "callbacks":
            body = body_of(reason=str(number))
            return door.path("callbacks", "ci"), body, signed(body, delivery=f"m{number}", secret=WHSEC)
        case _:
            body = form(payload({**VALUE, "r": str(number)}, user={"id": ANA}, trigger_id=f"{number}.1.a"))
            headers = {**headers_of(body), "content-type": "application/x-www-form-urlencoded"}
            return door.path("slack", "slack"), body, headers
