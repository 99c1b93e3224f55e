"""Is every end of a run, and every wait for a person, told at least once and in order, whatever happens meanwhile?

Random histories of three Rollouts, driven by hand through what a status can become, with a receiver that dies, refuses or
loses its answer, a status that cannot be written, and a controller that is killed between any two looks.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from rollout.model.deeds import Pause
from rollout.model.names import Key
from rollout.model.notifier import Channel, Severity
from rollout.model.status import HISTORY_KEPT, Outcome, Past, Phase, Reason, RolloutStatus
from rollout.ports.errors import Conflict, LeaseLost, PortError, Unreachable
from tests.support.builders import a_revision, a_run, a_status
from tests.support.examples import examples
from tests.support.notice_world import NoticeWorld

KEYS = tuple(Key(namespace="shop", name=name) for name in ("cart", "checkout", "search"))
WAITS = Reason(code="AwaitingApproval", message="waiting for 1 approval by security")
PAUSED = Reason(code="Paused", message="lunch")
DEEDS = ("begin", "begin", "step", "wait", "pause", "go on", "promote", "fail", "supersede", "rush", "rush")
MISHAPS = (
    "dead",
    "refuses",
    "refuses",
    "refuses",
    "alive",
    "unwritten",
    "killed",
    "without lease",
    "look",
    "look",
    "look",
)

# A whole run of which nothing is taken, and another object of which something is told so much later that `since` moves on.
UNHEARD: list[tuple[object, int]] = [
    *((KEYS[0], 1), ((KEYS[0], "rush", False), 1), ("look", 700), ((KEYS[1], "begin", False), 1)),
    *(("look", 1), ("alive", 1)),
]


@dataclass(slots=True)
class Life:
    """One Rollout and what must be told of it. ended: its runs, in order; failed: those of them that did."""

    key: Key
    status: RolloutStatus = field(default_factory=a_status)
    ended: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    def become(self, deed: str, world: NoticeWorld) -> None:
        """Do it, where the status allows it. A rush is a whole run that nobody can have seen."""
        if deed == "rush":
            self.become("begin", world)
            self.become("promote", world)
            return
        now, run = world.clock.now(), self.status.run
        if deed == "begin":
            if run is not None:
                self._end(Outcome.SUPERSEDED, world)
            runs = self.status.runs + 1
            fresh = a_run(canary=a_revision(f"v{runs}"), step=0, weight=0, started=now, step_started=now)
            self.status = replace(self.status, run=fresh, runs=runs, phase=Phase.PROGRESSING, reasons=())
        elif run is not None and deed in ("promote", "fail", "supersede"):
            outcomes = {"promote": Outcome.PROMOTED, "fail": Outcome.FAILED, "supersede": Outcome.SUPERSEDED}
            self._end(outcomes[deed], world)
        elif run is not None and deed == "step":
            moved = replace(run, step=run.step + 1, weight=50, step_started=now, pause=None)
            self.status = replace(self.status, run=moved, phase=Phase.PROGRESSING, reasons=())
        elif run is not None and deed == "wait":
            self.status = replace(self.status, reasons=(WAITS,))
        elif run is not None and deed == "pause":
            paused = replace(run, pause=Pause(by="ana", at=now, why="lunch"))
            self.status = replace(self.status, run=paused, phase=Phase.PAUSED, reasons=(PAUSED,))
        elif run is not None and deed == "go on":
            going = replace(run, pause=None)
            self.status = replace(self.status, run=going, phase=Phase.PROGRESSING, reasons=())

    def _end(self, outcome: Outcome, world: NoticeWorld) -> None:
        status, run = self.status, self.status.run
        assert run is not None
        past = Past(
            run=status.runs,
            revision=run.canary.name,
            stable="v0",
            outcome=outcome,
            started=run.started,
            ended=world.clock.now(),
            message=outcome.value,
        )
        self.ended.append(status.runs)
        self.failed += [status.runs] if outcome is Outcome.FAILED else []
        history = (past, *status.history)[:HISTORY_KEPT]
        phase = Phase.FAILED if outcome is Outcome.FAILED else Phase.IDLE
        self.status = replace(status, run=None, history=history, phase=phase, reasons=())


deeds = st.tuples(st.sampled_from(KEYS), st.sampled_from(DEEDS), st.booleans())
moments = st.lists(
    st.tuples(st.one_of(deeds, deeds, st.sampled_from(MISHAPS)), st.sampled_from((1, 20, 700))), min_size=8, max_size=60
)


async def lived(
    channel: Channel, moments_: list[tuple[object, int]], severity: Severity = Severity.INFO
) -> tuple[NoticeWorld, list[Life]]:
    """The world after all that, once everybody is well again and everything was looked at."""
    world = NoticeWorld(channel=channel, severity=severity)
    world.rollouts.held.clear()
    lives = {key: Life(key) for key in KEYS}
    for key in KEYS:
        world.rollouts.put(a_status(), key)
    for what, seconds in moments_:
        world.clock.advance(timedelta(seconds=seconds))
        if isinstance(what, tuple):
            key, deed, late = what
            lives[key].become(deed, world)
            if late:  # it is written down by now, but a look takes place before that is seen
                await happened(world, "look")
            world.rollouts.put(lives[key].status, key)
        else:
            assert isinstance(what, str | Key)
            await happened(world, what)
    recover(world)
    world.notifiers.troubles, world.leads = [], True
    for _ in range(20):
        world.clock.advance(timedelta(minutes=2))
        await world.look()
    return world, list(lives.values())


def recover(world: NoticeWorld) -> None:
    """The receiver takes everything again."""
    world.receiver.trouble, world.receiver.refuses = None, set()


async def happened(world: NoticeWorld, what: str | Key) -> None:
    """One mishap, and a look after it. A Key: nothing of that object is taken from now on."""
    if isinstance(what, Key):
        world.receiver.refuses.add(what)
    settings_: dict[str | Key, Callable[[], None]] = {
        "dead": lambda: setattr(world.receiver, "trouble", Unreachable("dead")),
        "alive": lambda: recover(world),
        "unwritten": lambda: world.notifiers.troubles.append(Conflict("somebody wrote")),
        "killed": world.restart,
        "without lease": lambda: setattr(world, "leads", False),
    }
    settings_.get(what, lambda: None)()
    try:
        await world.look()
    except (Conflict, LeaseLost):
        pass
    except PortError as error:
        raise AssertionError(str(what)) from error
    if what == "unwritten":
        world.restart()  # the process died there
    world.leads = True


def first_told(world: NoticeWorld, key: Key) -> list[int]:
    """The runs whose ends were told, each when that was for the first time; those said to be forgotten among them."""
    runs: list[int] = []
    for sent in world.receiver.came:
        for one in sent.message.news if sent.message.key == key else ():
            if one.ends and one.code != "WaitOver" and one.run not in runs:
                runs.append(one.run)
    return runs


@examples(100)
@example(channel=Channel.WEBHOOK, moments_=UNHEARD)
@given(channel=st.sampled_from([Channel.WEBHOOK, Channel.SLACK, Channel.TEAMS]), moments_=moments)
def test_every_end_is_told_at_least_once_and_in_order(channel: Channel, moments_: list[tuple[object, int]]) -> None:
    world, lives = asyncio.run(lived(channel, moments_))

    for life in lives:
        told = first_told(world, life.key)
        remembered = [past.run for past in reversed(life.status.history)]
        assert told == sorted(told)
        assert set(remembered) <= set(told)
        if len(life.ended) <= HISTORY_KEPT:
            assert told == life.ended


@examples(100)
@given(channel=st.sampled_from([Channel.WEBHOOK, Channel.SLACK]), moments_=moments)
def test_every_failure_is_told_where_only_what_went_wrong_is(
    channel: Channel, moments_: list[tuple[object, int]]
) -> None:
    world, lives = asyncio.run(lived(channel, moments_, Severity.WARNING))

    for life in lives:
        sent = [one for one in world.receiver.came if one.message.key == life.key and one.how != "update"]
        told = {one.run for each in sent for one in each.message.news if one.code == "Failed"}
        if len(life.ended) <= HISTORY_KEPT:
            assert told == set(life.failed)


@examples(100)
@given(channel=st.sampled_from([Channel.WEBHOOK, Channel.SLACK, Channel.TEAMS]), moments_=moments)
def test_every_wait_that_stands_is_told_at_least_once(channel: Channel, moments_: list[tuple[object, int]]) -> None:
    world, lives = asyncio.run(lived(channel, moments_))

    for life in lives:
        run = life.status.run
        waits = {(life.status.runs, run.step, reason.code) for reason in life.status.reasons} if run else set()
        told = {
            (one.run, one.step, one.code)
            for sent in world.receiver.came
            for one in sent.message.news
            if sent.message.key == life.key and one.needs_person
        }
        assert waits <= told


@examples(50)
@given(channel=st.sampled_from([Channel.WEBHOOK, Channel.SLACK, Channel.TEAMS]), moments_=moments)
def test_once_all_is_told_nothing_is_told_or_written_again(
    channel: Channel, moments_: list[tuple[object, int]]
) -> None:
    world, _ = asyncio.run(lived(channel, moments_))
    came, saves = len(world.receiver.came), world.notifiers.saves

    world.restart()
    asyncio.run(world.look())

    assert (len(world.receiver.came), world.notifiers.saves) == (came, saves)
