"""How much is remembered of what was told, and may what is forgotten be told twice or never?"""

from dataclasses import replace
from datetime import timedelta

from rollout.model.names import Key
from rollout.model.notifier import TOLD_KEPT, ToldOf
from rollout.model.status import Outcome, Phase, Reason
from tests.support.builders import CHECKOUT, NOON, a_run, a_status
from tests.support.notice_world import NEWS, NoticeWorld, a_past, a_past_status

WAITS = Reason(code="AwaitingApproval", message="waiting for 1 approval of v2 by security")
FIRST = a_status(run=a_run())
SECOND = a_status(run=a_run(step=2, weight=50, step_started=NOON + timedelta(minutes=9)))
ENDED = a_past_status(a_past(1, Outcome.FAILED), phase=Phase.FAILED)
PAY = Key(namespace="pay", name="cart")


async def test_what_ended_is_forgotten_once_since_says_as_much() -> None:
    world = NoticeWorld()
    await world.told(ENDED)
    early = world.status()

    world.clock.advance(timedelta(minutes=30))
    world.rollouts.put(FIRST, Key(namespace="shop", name="search"))
    await world.look()

    assert [one.subject for one in early.told] == ["shop/checkout"]
    assert [one.subject for one in world.status().told] == ["shop/search"]
    assert world.status().since == NOON + timedelta(minutes=21)
    world.restart()
    assert await world.told(ENDED) == ()


async def test_since_does_not_pass_an_end_that_is_not_told() -> None:
    world = NoticeWorld(most_per_minute=2)
    world.rollouts.put(a_past_status(a_past(1), phase=Phase.FAILED), Key(namespace="shop", name="z"))
    world.clock.advance(timedelta(hours=1))
    world.rollouts.put(FIRST, Key(namespace="shop", name="a"))

    await world.look()

    assert world.receiver.codes() == ("Started", "Step")
    assert world.status().since == NOON + timedelta(seconds=59)


async def test_a_list_that_is_full_lets_others_wait_and_says_so() -> None:
    world = NoticeWorld()
    stored = world.notifiers.held[NEWS]
    busy = tuple(ToldOf(subject=f"shop/app-{number:04}", mark="x") for number in range(TOLD_KEPT))
    for one in busy:
        world.rollouts.put(FIRST, Key(namespace="shop", name=one.subject.removeprefix("shop/")))
    world.notifiers.held[NEWS] = replace(stored, status=replace(stored.status, told=busy))
    waiting = world.rollouts.put(FIRST, Key(namespace="shop", name="zebra"))

    looked = await world.notify.look(NEWS, {waiting})

    assert looked.left == {waiting}
    assert world.ready() == ("True", "Full")


async def test_a_rollout_that_was_deleted_in_mid_run_is_said_to_be_gone() -> None:
    world = NoticeWorld()
    await world.told(FIRST)
    del world.rollouts.held[CHECKOUT]

    await world.look()
    await world.look()

    assert world.receiver.codes() == ("Started", "Step", "Gone")
    assert world.status().told == ()


async def test_a_rollout_that_was_made_anew_begins_anew() -> None:
    world = NoticeWorld()
    await world.told(a_past_status(a_past(1), a_past(2)))
    world.rollouts.put(a_past_status(a_past(1), phase=Phase.IDLE), uid="another")

    await world.look()

    assert world.receiver.codes() == ("Promoted", "Promoted", "Promoted")
