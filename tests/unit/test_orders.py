"""Does every command do what it says where it may, and say what is allowed where it may not?"""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from rollout.model.actions import Answer
from rollout.model.commands import Result, Verb
from rollout.model.status import HANDLED_KEPT, Phase
from tests.support.builders import NOON, a_step
from tests.support.pure_world import PureWorld

MINUTE = timedelta(minutes=1)
GATE = (a_step(5, approval="release-managers"), a_step(50))


def in_phase(phase: Phase) -> PureWorld:
    """A world whose Rollout rests in this phase."""
    return _in_phase(phase).twin()


@cache
def _in_phase(phase: Phase) -> PureWorld:
    world = PureWorld()
    world.spec = replace(world.spec, analysis=replace(world.spec.analysis, bake=60 * MINUTE))
    world.settle()
    if phase is Phase.IDLE:
        return world
    world.spec = replace(world.spec, revision="v2")
    world.settle()
    if phase is Phase.PAUSED:
        world.command(Verb.PAUSE)
    if phase in (Phase.FAILED, Phase.ROLLING_BACK):
        world.services["v1"].ready = 0 if phase is Phase.ROLLING_BACK else 4
        world.command(Verb.ABORT)
    if phase is Phase.PROMOTING:
        world.pass_time(11 * MINUTE)
    world.settle()
    assert world.status.phase is phase
    return world


def answer_to(world: PureWorld, verb: Verb, **made_for: object) -> Answer:
    """What the command was answered."""
    uid = world.command(verb, **made_for)
    world.settle()
    return world.answers[uid]


LEADS_TO = {
    (Phase.PROGRESSING, Verb.PROMOTE): Phase.PROGRESSING,
    (Phase.PROGRESSING, Verb.PROMOTE_FULL): Phase.IDLE,
    (Phase.PROGRESSING, Verb.PAUSE): Phase.PAUSED,
    (Phase.PROGRESSING, Verb.ABORT): Phase.FAILED,
    (Phase.PAUSED, Verb.RESUME): Phase.PROGRESSING,
    (Phase.PAUSED, Verb.ABORT): Phase.FAILED,
    (Phase.PROMOTING, Verb.PROMOTE): Phase.IDLE,
    (Phase.PROMOTING, Verb.PROMOTE_FULL): Phase.IDLE,
    (Phase.PROMOTING, Verb.PAUSE): Phase.PAUSED,
    (Phase.PROMOTING, Verb.ABORT): Phase.FAILED,
    (Phase.FAILED, Verb.RETRY): Phase.PROGRESSING,
}


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("phase", list(Phase))
def test_a_command_is_accepted_only_where_it_means_something(phase: Phase, verb: Verb) -> None:
    world = in_phase(phase)

    answer = answer_to(world, verb)

    expected = LEADS_TO.get((phase, verb))
    assert answer.result is (Result.ACCEPTED if expected else Result.REFUSED), answer.message
    assert world.status.phase is (expected or phase)
    assert answer.message


def test_a_refusal_says_what_is_possible_now() -> None:
    answer = answer_to(in_phase(Phase.FAILED), Verb.PAUSE)

    assert answer.message == "pause is not possible in phase Failed; possible now: retry"


@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.PROMOTE, Verb.PROMOTE_FULL])
@pytest.mark.parametrize("made_for", [{"run": 9}, {"step": 9}, {"revision": "v9"}, {"run": None}, {"step": None}])
def test_what_binds_to_a_step_says_which(verb: Verb, made_for: dict[str, object]) -> None:
    world = in_phase(Phase.PROGRESSING)
    before = world.status.run

    answer = answer_to(world, verb, **made_for)

    assert answer.result is Result.REFUSED
    assert world.status.run == before


@pytest.mark.parametrize("verb", [Verb.ABORT, Verb.PAUSE])
def test_abort_and_pause_bind_to_the_run_alone(verb: Verb) -> None:
    assert answer_to(in_phase(Phase.PROGRESSING), verb, run=9).result is Result.REFUSED
    assert answer_to(in_phase(Phase.PROGRESSING), verb, step=9, revision="v9").result is Result.ACCEPTED


def test_an_approval_opens_the_present_gate_once() -> None:
    world = PureWorld()
    world.spec = replace(world.spec, revision="v2", steps=GATE)
    world.settle()

    first, second = answer_to(world, Verb.APPROVE), answer_to(world, Verb.APPROVE)

    assert first.result is Result.ACCEPTED
    assert second.message == "step 1 is approved already"


def test_abort_wins_whatever_came_first() -> None:
    world = in_phase(Phase.PROGRESSING)
    full = world.command(Verb.PROMOTE_FULL, created=NOON - MINUTE)
    abort = world.command(Verb.ABORT)

    world.settle()

    assert world.answers[abort].result is Result.ACCEPTED
    assert world.answers[full].result is Result.REFUSED
    assert world.share("v2") == 0


def test_a_command_answered_before_a_crash_is_answered_the_same_again() -> None:
    world = in_phase(Phase.PROGRESSING)
    uid = world.command(Verb.PAUSE)
    decision = world.decided()
    world.status = decision.status  # saved; the answer was not written

    world.settle()

    assert world.answers[uid].result is Result.ACCEPTED
    assert world.status.phase is Phase.PAUSED
    assert [item.uid for item in world.status.handled] == [uid]


def test_a_first_deployment_cannot_be_aborted() -> None:
    world = PureWorld()
    world.pools = {ref: (replace(pools[0], entries=()),) for ref, pools in world.pools.items()}
    world.services["v1"].ready = 0
    world.settle()

    answer = answer_to(world, Verb.ABORT)

    assert answer.message.startswith("a first deployment has nothing to go back to")


def test_a_flood_of_commands_is_answered_each_once() -> None:
    world = in_phase(Phase.PROGRESSING)
    uids = [world.command(Verb.PAUSE if number % 2 == 0 else Verb.RESUME) for number in range(251)]

    world.settle()

    assert set(world.answers) == set(uids)
    assert len(world.status.handled) == HANDLED_KEPT


def test_a_flood_does_not_make_a_restarted_controller_obey_twice() -> None:
    world = in_phase(Phase.PROGRESSING)
    for _ in range(HANDLED_KEPT + 1):
        world.command(Verb.PAUSE)
    world.status = world.decided().status  # saved; nothing was answered
    again = world.command(Verb.ABORT)

    told = world.decided().status

    assert {item.uid for item in world.status.handled} <= {item.uid for item in told.handled}
    world.settle()
    assert world.answers[again].result is Result.ACCEPTED
