"""May ticks that wait for answers be many, while few act at the same time?"""

import asyncio

from rollout.controller.loop import Controller, Worked
from rollout.controller.slots import Slots
from rollout.model.names import Key
from tests.unit.test_loop import A, B, a_controller

MANY = tuple(Key(namespace="shop", name=f"n{number}") for number in range(20))


async def turns(count: int = 50) -> None:
    """Let everybody go on who can."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_all_that_are_due_ask_together_though_slots_are_few() -> None:
    asking: set[Key] = set()
    answered = asyncio.Event()

    async def ask(key: Key) -> Worked:
        async with stand.controller.slots.aside():
            asking.add(key)
            await answered.wait()
        return Worked()

    async with a_controller(ask) as stand:
        for key in MANY:
            stand.watch.keys.put_nowait(key)
        await turns(200)
        together = set(asking)
        answered.set()

    assert together == {A, B, *MANY}


async def test_no_more_act_at_once_than_there_are_slots() -> None:
    acting: set[Key] = set()
    most: list[int] = []

    async def act(key: Key) -> Worked:
        async with stand.controller.slots.aside():
            await asyncio.sleep(0)
        acting.add(key)
        most.append(len(acting))
        await turns(3)
        acting.remove(key)
        return Worked()

    async with a_controller(act) as stand:
        for key in MANY:
            stand.watch.keys.put_nowait(key)
        await stand.kept.until(22)
        await stand.controller.queue.idle()

    assert max(most) == 2


async def test_who_begins_comes_before_who_has_its_answer() -> None:
    slots, order = Slots(1), list[str]()
    await slots.take()

    async def answered() -> None:
        async with slots.aside():
            pass
        order.append("answered")
        slots.give()

    async def begin() -> None:
        await slots.take()
        order.append("begun")
        slots.give()

    other = asyncio.create_task(begin())
    looking = asyncio.create_task(answered())
    await asyncio.gather(other, looking)

    assert order == ["begun", "answered"]


async def test_a_stop_does_not_wait_for_ticks_that_only_look() -> None:
    ended: list[Key] = []

    async def look(key: Key) -> Worked:
        async with stand.controller.slots.aside():
            await asyncio.Event().wait()
        ended.append(key)
        return Worked()

    async with a_controller(look) as stand:
        await stand.kept.until(2)
        await turns()
        stand.stop.set()
        async with asyncio.timeout(2):
            await stand.running

    assert ended == []


async def test_slots_are_as_many_as_before_after_ticks_were_broken_off() -> None:
    async def look(_: Key) -> Worked:
        async with stand.controller.slots.aside():
            await asyncio.Event().wait()
        return Worked()

    async with a_controller(look) as stand:
        await stand.kept.until(2)
        await turns()
        stand.stop.set()
        await stand.running

    assert await free(stand.controller) == 2


async def test_a_tick_that_is_broken_off_while_it_waits_for_its_slot_owes_none() -> None:
    slots = Slots(1)
    await slots.take()
    answered = asyncio.Event()

    async def look() -> None:
        async with slots.aside():
            await answered.wait()

    looking = asyncio.create_task(look())
    await turns()
    await slots.take()  # another, before the tick is back
    answered.set()
    await turns()
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    slots.give()  # of the tick that ended
    slots.give()  # of the other

    await slots.take()
    assert not await is_free(slots)


async def free(controller: Controller) -> int:
    """How many slots can be had at once."""
    count = 0
    while await is_free(controller.slots):
        count += 1
    return count


async def is_free(slots: Slots) -> bool:
    try:
        await asyncio.wait_for(slots.take(), 0.01)
    except TimeoutError:
        return False
    return True


async def test_who_writes_beside_the_ticks_has_a_slot_after_all_who_waited_before() -> None:
    slots, order = Slots(1), list[str]()
    await slots.take()

    async def tick() -> None:
        await slots.take()
        order.append("ticked")
        slots.give()

    async def beside() -> None:
        async with slots.turn():
            order.append("told")

    ticks = [asyncio.create_task(one()) for one in (tick, beside, tick)]
    await turns()
    slots.give()
    await asyncio.gather(*ticks)

    assert order == ["ticked", "ticked", "told"]
    await slots.take()  # it was given back
