"""Are webhooks asked beside the ticks, not too often, and never for what is over?"""

import asyncio
from dataclasses import replace
from datetime import timedelta

from adapters.memory.clock import ManualClock
from adapters.memory.hooks import MemoryHooks
from rollout.model.hooks import Hook, HookQuestion, HookType
from rollout.model.status import RolloutStatus
from rollout.services.hook_memory import Heard, HookMemory
from tests.support.builders import CHECKOUT, NOON, a_run, a_spec, a_status

SECOND = timedelta(seconds=1)
LOAD = Hook(name="load", type=HookType.ROLLOUT, url="http://tester.test/")


class Stand:
    """A memory of hooks, and time."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.hooks = MemoryHooks(self.clock)
        self.memory = HookMemory(self.hooks, moment=timedelta(milliseconds=20))

    async def heard(self, *, step: int = 1, status: RolloutStatus | None = None, asks: bool = True) -> Heard:
        """What a look hears that asks `load` in this step of run 1."""
        question = HookQuestion(
            key=CHECKOUT,
            hook=LOAD,
            phase="Progressing",
            checksum="abc",
            run=1,
            step=step,
            metadata=(),
            asked=self.clock.now(),
        )
        status = status or a_status(run=a_run(step=step))
        return await self.memory.heard(a_spec(), status, (question,) if asks else (), self.clock.now())


async def test_a_fast_answer_is_heard_in_the_same_look() -> None:
    stand = Stand()

    heard = await stand.heard()

    assert heard.answers["load"].passed
    assert heard.calling == frozenset()


async def test_a_slow_answer_keeps_no_look_waiting_and_is_heard_later() -> None:
    stand = Stand()
    stand.hooks.silence("load")
    async with asyncio.timeout(5):
        first = await stand.heard()
    stand.hooks.tell("load", passed=False)
    await asyncio.sleep(0)

    second = await stand.heard()

    assert (dict(first.answers), first.calling) == ({}, frozenset({"load"}))
    assert not second.answers["load"].passed
    assert len(stand.hooks.asked) == 1


async def test_a_hook_is_asked_once_per_analysis_interval() -> None:
    stand = Stand()
    for _ in range(31):
        await stand.heard()
        stand.clock.advance(SECOND)

    assert [question.asked for question in stand.hooks.asked] == [NOON + number * 15 * SECOND for number in range(3)]


async def test_the_last_answer_stays_while_the_next_one_is_on_its_way() -> None:
    stand = Stand()
    await stand.heard()
    stand.clock.advance(15 * SECOND)
    stand.hooks.silence("load")

    heard = await stand.heard()

    assert heard.answers["load"].at == NOON
    assert heard.calling == frozenset({"load"})
    await stand.memory.close()


async def test_the_last_answer_stays_while_nobody_asks_in_the_same_step() -> None:
    stand = Stand()
    await stand.heard()

    heard = await stand.heard(asks=False)

    assert heard.answers["load"].passed


async def test_another_step_is_asked_for_at_once_and_the_old_call_is_ended() -> None:
    stand = Stand()
    stand.hooks.silence("load")
    await stand.heard(step=1)
    stand.hooks.tell("load", passed=True)

    heard = await stand.heard(step=2)

    assert [question.step for question in stand.hooks.asked] == [1, 2]
    assert heard.answers["load"].step == 2


async def test_nothing_is_known_any_more_once_the_run_has_ended() -> None:
    stand = Stand()
    await stand.heard()

    heard = await stand.heard(status=a_status(runs=1), asks=False)

    assert dict(heard.answers) == {}


async def test_a_rollout_that_is_gone_is_forgotten_with_its_calls() -> None:
    stand = Stand()
    stand.hooks.silence("load")
    await stand.heard()

    stand.memory.forget(CHECKOUT)
    await asyncio.sleep(0)

    heard = await stand.heard(asks=False, status=replace(a_status(), runs=1))
    assert heard == Heard(answers={}, calling=frozenset())
