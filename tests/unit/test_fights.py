"""Is a GitOps tool's reversal told from a person's edit, counted once, and answered at most once a minute?"""

from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.manifest.status import status_from_dict, status_to_dict
from rollout.model.commands import Verb
from rollout.model.status import FIGHTS_COUNTED, FIGHTS_KEPT, Phase
from rollout.progression.fights import QUIET, WITHIN
from tests.support.builders import VIRTUAL_SERVICE, a_run, a_status
from tests.support.pure_world import FLUX, OUTER, PureWorld, running

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def set_back(world: PureWorld, times: int = 1) -> None:
    """Flux applies git's version, which says v1, whenever we have raised the weight again."""
    for number in range(times):
        world.pass_time(QUIET + SECOND if number else SECOND)
        world.give_by(FLUX, VIRTUAL_SERVICE, v1=100, v2=0)
        world.settle()


def weight(world: PureWorld) -> int:
    """What the canary has in the route that Flux applies."""
    return int(world.pools[VIRTUAL_SERVICE][0].entries[1].weight)


def codes(world: PureWorld) -> set[str]:
    return {reason.code for reason in world.status.reasons}


@pytest.mark.parametrize(
    ("writer", "phase", "code"), [(FLUX, Phase.PROGRESSING, "WeightReversed"), ("kubectl-edit", Phase.PAUSED, "Paused")]
)
def test_a_tool_that_lowers_does_not_pause_the_run_and_a_person_does(writer: str, phase: Phase, code: str) -> None:
    world = running(1)

    world.give_by(writer, VIRTUAL_SERVICE, v1=100, v2=0)
    world.settle()

    assert world.status.phase is phase
    assert code in codes(world)


def test_a_tool_that_lowers_a_paused_run_leaves_it_paused() -> None:
    world = running(1)
    world.command(Verb.PAUSE)
    world.settle()

    set_back(world)

    assert (world.status.phase, world.status.fights) == (Phase.PAUSED, ())


@pytest.mark.parametrize(("passed", "expected"), [(QUIET - SECOND, 0), (QUIET, 5)])
def test_what_a_tool_lowered_is_raised_again_after_a_minute_and_not_before(passed: timedelta, expected: int) -> None:
    world = running(1)
    set_back(world)

    world.pass_time(passed)

    assert weight(world) == expected


def test_a_step_soaks_anew_after_a_reversal() -> None:
    world = running(4)
    set_back(world)

    world.pass_time(5 * MINUTE)

    assert world.status.run is not None
    assert world.status.run.step == 1
    world.pass_time(MINUTE)
    assert world.status.run.step == 2


def test_the_same_reversal_counts_once_however_often_it_is_seen() -> None:
    world = running(1)
    set_back(world)

    world.pass_time(20 * SECOND)
    for _ in range(5):
        world.tick()

    assert [len(fight.at) for fight in world.status.fights] == [1]


@pytest.mark.parametrize(("times", "code"), [(2, "WeightReversed"), (3, "RouteFought"), (5, "RouteFought")])
def test_three_reversals_in_ten_minutes_are_a_fight(times: int, code: str) -> None:
    world = running(1)

    set_back(world, times)

    assert code in codes(world)
    reason = next(reason for reason in world.status.reasons if reason.code == code)
    assert f"{FLUX} (Flux) set VirtualService/checkout" in reason.message


def test_three_reversals_in_more_than_ten_minutes_are_none() -> None:
    world = running(1)

    for _ in range(4):
        set_back(world)
        world.pass_time(5 * MINUTE)

    assert "RouteFought" not in codes(world)


def test_reversals_of_two_routes_are_counted_apart() -> None:
    world = running(1)

    for ref in (VIRTUAL_SERVICE, OUTER):
        world.give_by(FLUX, ref, v1=100, v2=0)
    world.settle()

    assert sorted((str(fight.route), len(fight.at)) for fight in world.status.fights) == [
        ("VirtualService/checkout", 1),
        ("VirtualService/outer", 1),
    ]


def test_in_a_fight_no_step_ends_until_the_tool_was_quiet_for_ten_minutes() -> None:
    world = running(1)
    set_back(world, 3)

    world.pass_time(WITHIN - SECOND)
    held = world.status.run
    world.pass_time(2 * SECOND)

    assert held is not None
    assert held.step == 1
    assert world.status.run is not None
    assert world.status.run.step == 2
    assert world.status.fights == ()


def test_resume_ends_the_hold_and_raises_at_once() -> None:
    world = running(1)
    set_back(world, 3)
    lowered = weight(world)
    world.command(Verb.RESUME)

    world.settle()

    assert (lowered, weight(world)) == (0, 5)
    assert "RouteFought" not in codes(world)


def test_resume_is_refused_where_nobody_fights() -> None:
    world = running(1)
    command = world.command(Verb.RESUME)

    world.settle()

    assert "resume is not possible in phase Progressing" in world.answers[command].message


def test_after_resume_the_old_reversal_is_not_counted_again() -> None:
    world = running(1)
    set_back(world, 3)
    world.spec = replace(world.spec, suspend=True)  # nothing is raised, so the route stays as the tool left it
    world.command(Verb.RESUME)

    world.pass_time(30 * MINUTE)

    assert all(fight.at == () for fight in world.status.fights)


def test_a_tool_that_raises_a_weight_is_lowered_at_once_and_counted() -> None:
    world = running(1)

    for _ in range(3):
        world.now += SECOND
        world.give_by(FLUX, VIRTUAL_SERVICE, v1=50, v2=50)
        world.settle()
        assert weight(world) == 5

    assert "RouteFought" in codes(world)


def test_a_person_who_lowers_another_route_beside_a_tool_pauses_the_run() -> None:
    world = running(1)

    world.give_by(FLUX, VIRTUAL_SERVICE, v1=100, v2=0)
    world.give(OUTER, v1=100, v2=0)
    world.settle()

    assert world.status.phase is Phase.PAUSED


def test_a_person_who_lowers_after_a_tool_did_pauses_the_run() -> None:
    world = running(1)
    set_back(world)
    world.now += SECOND

    world.give(OUTER, v1=98, v2=2)
    world.settle()

    assert world.status.phase is Phase.PAUSED


def test_abort_is_not_kept_waiting_by_a_fight() -> None:
    world = running(1)
    set_back(world, 3)
    world.pass_time(QUIET)
    raised = weight(world)
    world.command(Verb.ABORT)

    world.settle()

    assert raised == 5
    assert (world.status.phase, weight(world)) == (Phase.FAILED, 0)


def test_a_reversal_that_was_never_seen_in_force_is_counted_too() -> None:
    world = running(1)
    set_back(world)
    world.now += QUIET
    world.tick()  # raises
    world.give_by(FLUX, VIRTUAL_SERVICE, v1=100, v2=0)  # before it was read back

    world.settle()

    assert [len(fight.at) for fight in world.status.fights] == [2]
    assert weight(world) == 0


def test_a_route_that_a_tool_wrote_before_the_step_is_no_reversal() -> None:
    world = PureWorld()
    world.give_by(FLUX, VIRTUAL_SERVICE, v1=100)
    world.settle()
    world.pass_time(MINUTE)
    world.spec = replace(world.spec, revision="v2")

    world.settle()

    assert world.status.fights == ()
    assert weight(world) == 5


def test_what_is_remembered_of_fights_is_bounded() -> None:
    world = running(1)

    set_back(world, 8)

    assert len(world.status.fights) <= FIGHTS_KEPT
    assert all(len(fight.at) <= FIGHTS_COUNTED for fight in world.status.fights)


def test_a_run_of_the_version_before_goes_on_in_mid_run() -> None:
    body = status_to_dict(a_status(run=a_run()))
    for name in ("fights", "rescue"):
        body["machine"].pop(name, None)

    status = status_from_dict(body)

    assert (status.fights, status.rescue, status.phase) == ((), None, Phase.PROGRESSING)


def test_fields_are_released_only_once_and_not_in_a_run() -> None:
    world = running(1)
    during = set(world.owned)
    world.pass_time(12 * MINUTE)

    assert during == {VIRTUAL_SERVICE, OUTER}
    assert world.status.phase is Phase.IDLE
    assert world.owned == set()
