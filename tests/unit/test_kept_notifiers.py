"""Are Notifiers served beside the workers, one look at a time each, with a back-off, and only when something happened?"""

import asyncio
from datetime import timedelta

from adapters.memory.messages import MemoryMessenger
from rollout.controller.kept_notifiers import KeptNotifiers
from rollout.controller.loop import Worked
from rollout.model.names import Key
from rollout.model.notifier import Notifier
from rollout.ports.errors import Unreachable
from rollout.ports.messages import Message
from rollout.ports.notifiers import EVERY_NOTIFIER
from tests.support.builders import CHECKOUT, NOON, a_run, a_status
from tests.support.commit_rounds import settled
from tests.support.notice_world import NoticeWorld, a_notifier

FIRST = a_status(run=a_run())
SECOND = a_status(run=a_run(step=2, weight=50, step_started=NOON + timedelta(minutes=9)))
ALL = Key(namespace="shop", name="second")
SECONDS = timedelta(seconds=1)


class Kept:
    """What the controller keeps of a world, a second at a time."""

    def __init__(self, world: NoticeWorld) -> None:
        self.world = world
        self.kept = KeptNotifiers(
            notifiers=world.notifiers,
            subjects=world.subjects,
            notify=world.notify,
            clock=world.clock,
            jitter=lambda: 0.0,
            may_write=lambda: world.leads,
        )

    async def round(self, wait: timedelta = SECONDS) -> Worked:
        """One round after this wait, and all looks that end by themselves."""
        self.world.clock.advance(wait)
        worked = await self.kept.tick(EVERY_NOTIFIER)
        await settled()
        return worked

    def came(self) -> int:
        """How many messages came so far."""
        return len(self.world.receiver.came)


class SlowMessenger(MemoryMessenger):
    """A receiver that answers once `go` is set. at_once: how many wait now."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.at_once = 0

    async def send(self, notifier: Notifier, message: Message) -> str:
        """As it is behind it, but late."""
        self.at_once += 1
        await self.go.wait()
        self.at_once -= 1
        return await super().send(notifier, message)


def slow(world: NoticeWorld) -> SlowMessenger:
    world.receiver = SlowMessenger()
    world.restart()
    return world.receiver


async def test_what_changed_is_told_in_the_next_round() -> None:
    kept = Kept(NoticeWorld())
    await kept.round()
    kept.world.rollouts.put(FIRST)

    await kept.round()

    assert kept.world.receiver.codes() == ("Started", "Step")


async def test_a_second_wake_within_the_second_waits_for_its_end() -> None:
    kept = Kept(NoticeWorld())
    await kept.round()
    kept.world.rollouts.put(FIRST)

    worked = await kept.round(timedelta(milliseconds=300))

    assert worked.wake_at == kept.world.clock.now() + timedelta(milliseconds=700)
    assert kept.came() == 0


async def test_a_clock_that_is_set_back_stops_no_round() -> None:
    kept = Kept(NoticeWorld())
    await kept.round()
    kept.world.rollouts.put(FIRST)

    await kept.round(-timedelta(hours=1))

    assert kept.came() == 2


async def test_without_a_change_no_object_is_looked_at_and_no_further_round_is_asked_for() -> None:
    kept = Kept(NoticeWorld())
    await kept.round()
    saves = kept.world.notifiers.saves

    worked = await kept.round()

    assert (worked.wake_at, kept.world.notifiers.saves) == (None, saves)


async def test_without_a_notifier_there_is_no_work() -> None:
    kept = Kept(NoticeWorld())
    kept.world.notifiers.held.clear()

    assert kept.kept.objects() == ()
    assert (await kept.round()).gone


async def test_a_round_does_not_wait_for_a_slow_receiver_and_one_notifier_never_looks_twice_at_once() -> None:
    world = NoticeWorld()
    receiver = slow(world)
    kept = Kept(world)
    world.rollouts.put(FIRST)
    await kept.round()

    world.rollouts.put(SECOND)
    await kept.round()
    waiting = receiver.at_once
    receiver.go.set()
    await settled()
    await kept.round()

    assert waiting == 1
    assert receiver.codes() == ("Started", "Step", "Step")
    assert receiver.came[-1].message.last.step == 2


async def test_a_dead_receiver_holds_up_no_other_notifier() -> None:
    world = NoticeWorld()
    receiver = slow(world)
    kept = Kept(world)
    world.notifiers.put(a_notifier(ALL), ALL)
    world.rollouts.put(FIRST)

    await kept.round()

    assert receiver.at_once == 2


async def test_a_dead_receiver_is_tried_more_and_more_rarely() -> None:
    world = NoticeWorld()
    kept = Kept(world)
    world.rollouts.put(FIRST)
    world.receiver.trouble = Unreachable("dead")
    waits = []
    await kept.round()
    for _ in range(9):
        worked = await kept.round()
        assert worked.wake_at is not None
        waits.append(round((worked.wake_at - world.clock.now() + SECONDS).total_seconds()))
        await kept.round(worked.wake_at - world.clock.now())

    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]


async def test_changes_do_not_wake_a_dead_receiver_before_its_time() -> None:
    world = NoticeWorld()
    kept = Kept(world)
    world.rollouts.put(FIRST)
    world.receiver.trouble = Unreachable("dead", retry_after=timedelta(minutes=5))
    await kept.round()
    failed = world.notify.results["failed"]

    world.rollouts.put(SECOND)
    await kept.round(timedelta(minutes=4))
    early = world.notify.results["failed"]
    world.receiver.trouble = None
    await kept.round(timedelta(minutes=1))

    assert (failed, early) == (1, 1)
    assert world.receiver.codes()[-1] == "Step"


async def test_a_changed_notifier_is_tried_at_once() -> None:
    world = NoticeWorld()
    kept = Kept(world)
    world.rollouts.put(FIRST)
    world.receiver.trouble = Unreachable("dead", retry_after=timedelta(minutes=5))
    await kept.round()
    world.receiver.trouble = None

    world.notifiers.put(a_notifier(secret="another"))
    await kept.round()

    assert kept.came() == 2


async def test_an_object_that_is_refused_is_tried_again_later_and_the_others_at_once() -> None:
    world = NoticeWorld()
    kept = Kept(world)
    search = Key(namespace="shop", name="search")
    world.rollouts.put(FIRST)
    world.rollouts.put(FIRST, search)
    world.receiver.refuses = {CHECKOUT}
    await kept.round()

    world.rollouts.put(SECOND, search)
    await kept.round()
    meanwhile = {sent.message.key for sent in world.receiver.came}
    world.receiver.refuses = set()
    await kept.round(timedelta(seconds=5))

    assert meanwhile == {search}
    assert CHECKOUT in {sent.message.key for sent in world.receiver.came}


async def test_what_waits_for_its_minute_is_told_then() -> None:
    world = NoticeWorld(most_per_minute=1)
    kept = Kept(world)
    world.rollouts.put(FIRST)
    await kept.round()

    worked = await kept.round()
    assert worked.wake_at is not None
    await kept.round(worked.wake_at - world.clock.now())

    assert world.receiver.codes() == ("Started", "Step")


async def test_a_replica_that_does_not_lead_tells_nothing_and_tells_all_of_it_when_it_does() -> None:
    world = NoticeWorld()
    kept = Kept(world)
    world.leads = False
    world.rollouts.put(FIRST)
    await kept.round()
    silent = kept.came()

    world.leads = True
    await kept.round()

    assert (silent, kept.came()) == (0, 2)


async def test_a_new_lead_looks_at_everything_again_and_repeats_nothing() -> None:
    world = NoticeWorld()
    kept = Kept(world)
    world.rollouts.put(FIRST)
    await kept.round()

    assert kept.kept.objects() == (EVERY_NOTIFIER,)
    await kept.round()

    assert kept.came() == 2


async def test_a_bug_in_one_look_does_not_end_the_next() -> None:
    world = NoticeWorld()
    kept = Kept(world)
    world.rollouts.put(FIRST)
    world.notifiers.troubles = [ValueError("a bug")]
    await kept.round()

    await kept.round(timedelta(seconds=5))

    assert world.receiver.codes() == ("Started", "Step")
    assert world.status().told != ()


async def test_a_deleted_notifier_is_forgotten_and_its_look_ended() -> None:
    world = NoticeWorld()
    receiver = slow(world)
    kept = Kept(world)
    world.rollouts.put(FIRST)
    await kept.round()

    world.notifiers.held.clear()
    worked = await kept.round()
    receiver.go.set()
    await settled()

    assert worked.gone
    assert kept.came() == 0


async def test_closing_ends_the_looks_under_way() -> None:
    world = NoticeWorld()
    receiver = slow(world)
    kept = Kept(world)
    world.rollouts.put(FIRST)
    await kept.round()

    await kept.kept.close()
    receiver.go.set()
    await settled()

    assert (kept.came(), world.status().told) == (0, ())
