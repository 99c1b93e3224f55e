"""Is every key worked on once at a time, in turn, and later after failures?"""

import asyncio
from datetime import timedelta

from rollout.controller.queue import FIRST_BACKOFF, LONGEST_BACKOFF, Queue


def a_queue(jitter: float = 0.0) -> Queue[str]:
    """A queue with constant jitter."""
    return Queue(jitter=lambda: jitter)


async def test_keys_come_in_the_order_they_were_added_each_once() -> None:
    queue = a_queue()
    for key in ("a", "b", "a"):
        queue.add(key)

    assert [await queue.take(), await queue.take()] == ["a", "b"]
    assert len(queue) == 0


async def test_a_key_added_while_worked_on_comes_again_after() -> None:
    queue = a_queue()
    queue.add("a")
    await queue.take()
    queue.add("a")
    waiting = len(queue)

    queue.done("a")

    assert waiting == 0
    assert await queue.take() == "a"


async def test_one_key_is_never_with_two_workers() -> None:
    queue = a_queue()
    with_worker: set[str] = set()

    async def work() -> None:
        for _ in range(20):
            key = await queue.take()
            assert key not in with_worker
            with_worker.add(key)
            queue.add(key)
            await asyncio.sleep(0)
            with_worker.discard(key)
            queue.done(key)

    queue.add("a")
    queue.add("b")
    async with asyncio.timeout(5):
        await asyncio.gather(work(), work())


async def test_all_waiting_workers_get_a_key() -> None:
    queue = a_queue()
    workers = [asyncio.create_task(queue.take()) for _ in range(3)]
    await asyncio.sleep(0)

    for key in ("a", "b", "c"):
        queue.add(key)

    async with asyncio.timeout(5):
        assert sorted(await asyncio.gather(*workers)) == ["a", "b", "c"]


def test_back_off_doubles_to_its_limit() -> None:
    queue = a_queue()

    delays = [queue.failed("a") for _ in range(40)]

    assert delays[:3] == [FIRST_BACKOFF, 2 * FIRST_BACKOFF, 4 * FIRST_BACKOFF]
    assert delays[-1] == LONGEST_BACKOFF


def test_jitter_only_lengthens() -> None:
    assert a_queue(1.0).failed("a") == 1.5 * FIRST_BACKOFF


def test_success_forgets_failures() -> None:
    queue = a_queue()
    queue.failed("a")

    queue.succeeded("a")

    assert queue.failed("a") == FIRST_BACKOFF


async def test_idle_comes_when_the_last_worker_is_done() -> None:
    queue = a_queue()
    queue.add("a")
    await queue.take()
    idle = asyncio.create_task(queue.idle())
    await asyncio.sleep(0)
    before = idle.done()

    queue.done("a")

    async with asyncio.timeout(timedelta(seconds=5).total_seconds()):
        await idle
    assert not before


async def test_who_works_on_a_key_hears_that_it_was_added_meanwhile() -> None:
    stirred: list[str] = []
    queue: Queue[str] = Queue(jitter=lambda: 0.0, stirs=stirred.append)
    queue.add("a")
    queue.add("b")
    await queue.take()

    for key in ("a", "b"):
        queue.add(key)

    assert stirred == ["a"]
