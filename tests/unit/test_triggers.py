"""Does a Rollout leave its phase for the right reason, and only for it?"""

from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.model.commands import Verb
from rollout.model.rollout import Analysis, OnInconclusive
from rollout.model.status import Outcome, Phase
from tests.support.builders import VIRTUAL_SERVICE
from tests.support.pure_world import OUTER, PureWorld, running

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def last(world: PureWorld) -> tuple[str, Outcome]:
    """Which revision's run ended last, and how."""
    past = world.status.history[0]
    return past.revision, past.outcome


@pytest.mark.parametrize(("seconds", "phase"), [(9, Phase.PROGRESSING), (11, Phase.FAILED)])
def test_a_canary_may_be_dark_for_ten_seconds(seconds: int, phase: Phase) -> None:
    world = running()
    world.services["v2"].ready = 0

    world.pass_time(seconds * SECOND)

    assert world.status.phase is phase


def test_a_canary_without_weight_may_be_dark() -> None:
    world = PureWorld()
    world.settle()
    world.services["v2"].ready = 0
    world.spec = replace(world.spec, revision="v2")

    world.pass_time(9 * MINUTE)

    assert world.status.phase is Phase.PROGRESSING


@pytest.mark.parametrize(
    ("way", "phase"), [(OnInconclusive.HOLD, Phase.PROGRESSING), (OnInconclusive.ROLLBACK, Phase.FAILED)]
)
def test_the_step_deadline_goes_back_only_where_the_spec_says_so(way: OnInconclusive, phase: Phase) -> None:
    world = running()
    world.bad = None
    world.spec = replace(world.spec, analysis=Analysis(interval=MINUTE, on_inconclusive=way, step_deadline=20 * MINUTE))

    world.pass_time(60 * MINUTE)

    assert world.status.phase is phase


@pytest.mark.parametrize("verb", [Verb.ABORT, None])
def test_the_failed_run_is_remembered_until_git_names_something_else(verb: Verb | None) -> None:
    world = running()
    if verb:
        world.command(verb)
    world.bad = 500
    world.pass_time(5 * MINUTE)
    world.bad = 0
    world.pass_time(60 * MINUTE)
    stands = world.status.runs

    world.spec = replace(world.spec, revision="v1")
    world.settle()
    world.spec = replace(world.spec, revision="v2")
    world.settle()

    assert stands == 1
    assert world.status.runs == 2


def test_the_failed_revision_with_another_template_is_tried() -> None:
    world = running()
    world.command(Verb.ABORT)
    world.settle()
    world.services["v2"].template = "b"

    world.settle()

    assert world.status.runs == 2


def test_a_superseded_run_is_told_as_such() -> None:
    world = running()
    world.spec = replace(world.spec, revision="v3")

    world.settle()

    assert last(world) == ("v2", Outcome.SUPERSEDED)


def test_a_revert_needs_the_former_template() -> None:
    world = running(12)
    world.services["v1"].template = "b"
    world.spec = replace(world.spec, revision="v1")

    world.settle()

    assert world.share("v1") == 5


@pytest.mark.parametrize(("ready", "share"), [(4, 100), (1, 5)])
def test_a_revert_needs_the_former_capacity(ready: int, share: int) -> None:
    world = running(12)
    world.services["v1"].ready = ready
    world.spec = replace(world.spec, revision="v1")

    world.settle()

    assert world.share("v1") == share


def test_a_weight_lowered_on_one_of_two_routes_pauses_both() -> None:
    world = running(6)
    world.give(OUTER, v1=90, v2=10)

    world.settle()

    assert world.status.phase is Phase.PAUSED
    assert world.share("v2") == 10


def test_a_weight_raised_by_hand_is_taken_back_on_that_route() -> None:
    world = running()
    world.give(VIRTUAL_SERVICE, v1=10, v2=90)

    world.settle()

    assert world.status.phase is Phase.PROGRESSING
    assert world.share("v2") == 5


def test_stables_own_new_template_is_no_run_while_nothing_runs() -> None:
    world = PureWorld()
    world.settle()
    world.services["v1"].template = "b"

    decision = world.tick()

    assert [event.code for event in decision.events] == ["StableChanged"]
    assert world.status.runs == 0
