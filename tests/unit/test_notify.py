"""What does one look tell for a Notifier, what does it remember, and what becomes of trouble?"""

from datetime import timedelta

import pytest

from rollout.model.names import Key
from rollout.model.status import Outcome, Phase, Reason
from rollout.ports.errors import Conflict, Forbidden, LeaseLost, Rejected, Unreachable
from rollout.ports.specs import ObjectRef
from rollout.services.notify_delivery import MOST_PER_LOOK
from tests.support.builders import CHECKOUT, NOON, a_run, a_status
from tests.support.notice_world import NoticeWorld, a_notifier, a_past, a_past_status

WAITS = Reason(code="AwaitingApproval", message="waiting for 1 approval of v2 by security")
FIRST = a_status(run=a_run())
SECOND = a_status(run=a_run(step=2, weight=50, step_started=NOON + timedelta(minutes=9)))
ENDED = a_past_status(a_past(1, Outcome.FAILED), phase=Phase.FAILED)
PAY = Key(namespace="pay", name="cart")


async def test_a_run_is_told_step_by_step_and_nothing_twice() -> None:
    world = NoticeWorld()

    told = [await world.told(status) for status in (a_status(), FIRST, FIRST, SECOND, ENDED, ENDED)]

    assert told == [(), ("Started", "Step"), (), ("Step",), ("Failed",), ()]


async def test_a_restarted_controller_tells_nothing_again() -> None:
    world = NoticeWorld()
    await world.told(FIRST)

    world.restart()

    assert await world.told(FIRST) == ()


async def test_what_was_sent_and_not_written_down_comes_again_with_the_same_ids() -> None:
    world = NoticeWorld()
    world.rollouts.put(FIRST)
    world.notifiers.troubles = [Unreachable("the API server is away")]
    with pytest.raises(Unreachable):
        await world.look()

    world.restart()
    await world.look()

    ids = [sent.message.id for sent in world.receiver.came]
    assert world.receiver.codes() == ("Started", "Step", "Started", "Step")
    assert ids[:2] == ids[2:]
    assert len(set(ids)) == 2


async def test_a_status_that_could_not_be_written_is_written_later_without_telling_again() -> None:
    world = NoticeWorld()
    world.rollouts.put(FIRST)
    world.notifiers.troubles = [Conflict("somebody edited it")]
    with pytest.raises(Conflict):
        await world.look()

    await world.look()

    assert world.receiver.codes() == ("Started", "Step")
    assert [one.subject for one in world.status().told] == ["shop/checkout"]


async def test_while_the_receiver_is_dead_nothing_is_lost_and_people_are_told_once() -> None:
    world = NoticeWorld()
    world.receiver.trouble = Unreachable("https://hook does not answer", retry_after=timedelta(minutes=3))
    for run in range(1, 4):
        world.rollouts.put(a_past_status(*(a_past(one) for one in range(1, run + 1))))
        looked = await world.look()
        assert looked.trouble is world.receiver.trouble
        assert looked.left == {ObjectRef(kind="Rollout", key=CHECKOUT)}
    dead = world.ready()

    world.receiver.trouble = None
    await world.look()

    assert [sent.message.last.run for sent in world.receiver.came] == [1, 2, 3]
    assert (dead, world.ready()) == (("False", "NotDelivered"), ("True", "Delivered"))
    assert [(reason.code, reason.warning) for _, reason in world.events.told] == [
        ("NotDelivered", True),
        ("Delivered", False),
    ]


async def test_the_condition_says_since_when_nothing_arrives() -> None:
    world = NoticeWorld()
    world.receiver.trouble = Unreachable("https://hook does not answer")
    world.rollouts.put(FIRST)
    await world.look()
    began = world.clock.now()

    world.clock.advance(timedelta(hours=1))
    world.receiver.trouble = Forbidden("https://hook does not let us in (401)")
    await world.look()

    condition = world.status().conditions[0]
    assert (condition.since, condition.reason, condition.message) == (
        began,
        "NotAccepted",
        "https://hook does not let us in (401)",
    )


async def test_a_message_that_is_refused_does_not_hold_up_the_others() -> None:
    world = NoticeWorld()
    poison = world.rollouts.put(FIRST)
    world.rollouts.put(FIRST, Key(namespace="shop", name="search"))
    world.receiver.troubles = [Rejected("https://hook refuses the message (400)")]

    looked = await world.look()

    assert looked.refused == {poison}
    assert [str(sent.message.key) for sent in world.receiver.came] == ["shop/search", "shop/search"]
    assert world.ready() == ("False", "NotAccepted")


async def test_a_receiver_that_refuses_everything_is_left_alone() -> None:
    world = NoticeWorld()
    for number in range(10):
        world.rollouts.put(FIRST, Key(namespace="shop", name=f"app-{number}"))
    world.receiver.trouble = Rejected("https://hook refuses the message (400)")

    looked = await world.look()

    assert (len(looked.left), looked.refused) == (10, frozenset())
    assert world.notify.results["failed"] == 3


async def test_only_so_many_are_sent_in_a_minute_and_the_rest_is_merged() -> None:
    world = NoticeWorld(most_per_minute=2)
    await world.told(FIRST)

    deferred = await world.told(SECOND)
    looked = await world.look()
    world.clock.advance(timedelta(minutes=1))
    third = a_status(run=a_run(step=3, weight=80, step_started=NOON + timedelta(minutes=11)))

    assert deferred == ()
    assert looked.wake_at == world.clock.now()
    assert await world.told(third) == ("Step",)
    assert world.receiver.came[-1].message.last.step == 3


async def test_a_clock_that_is_set_back_stops_no_messages() -> None:
    world = NoticeWorld(most_per_minute=2)
    await world.told(FIRST)

    world.clock.advance(-timedelta(hours=1))

    assert await world.told(SECOND) == ("Step",)


async def test_what_waits_for_a_person_is_told_before_what_does_not() -> None:
    world = NoticeWorld(most_per_minute=3)
    world.rollouts.put(FIRST, Key(namespace="shop", name="a"))
    world.rollouts.put(a_status(run=a_run(), reasons=(WAITS,)), Key(namespace="shop", name="z"))

    await world.look()

    assert {str(sent.message.key) for sent in world.receiver.came} == {"shop/z"}


async def test_one_look_sends_a_bounded_number_and_writes_down_how_far_it_came() -> None:
    world = NoticeWorld(most_per_minute=10_000)
    for number in range(40):
        world.rollouts.put(FIRST, Key(namespace="shop", name=f"app-{number:02}"))

    looked = await world.look()

    assert len(world.receiver.came) == MOST_PER_LOOK
    assert looked.wake_at == world.clock.now()
    assert len(world.status().told) == MOST_PER_LOOK / 2


async def test_a_suspended_notifier_sends_nothing_and_makes_up_for_it() -> None:
    world = NoticeWorld(suspend=True)
    assert await world.told(ENDED) == ()
    assert world.ready() == ("True", "Suspended")

    world.notifiers.put(a_notifier())

    assert await world.told(ENDED) == ("Failed",)


async def test_a_notifier_that_cannot_be_read_says_so() -> None:
    world = NoticeWorld()
    world.notifiers.put(None, error="spec.type: unknown")

    await world.look()

    assert world.ready() == ("False", "InvalidSpec")
    assert world.status().conditions[0].message == "spec.type: unknown"


async def test_a_replica_that_may_have_lost_its_lease_tells_nothing() -> None:
    world = NoticeWorld()
    world.rollouts.put(FIRST)
    world.leads = False

    with pytest.raises(LeaseLost):
        await world.look()

    assert (len(world.receiver.came), world.notifiers.saves) == (0, 0)


async def test_a_look_without_news_writes_nothing() -> None:
    world = NoticeWorld()
    await world.told(FIRST)
    saves = world.notifiers.saves

    await world.look()

    assert world.notifiers.saves == saves


async def test_messages_are_counted_by_what_came_of_them() -> None:
    world = NoticeWorld(most_per_minute=2)
    await world.told(FIRST)
    await world.told(SECOND)
    world.clock.advance(timedelta(minutes=1))
    world.receiver.trouble = Unreachable("away")
    await world.look()

    assert dict(world.notify.results) == {"delivered": 2, "deferred": 1, "failed": 1}
