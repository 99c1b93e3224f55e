"""Are people told why, what is next and when, and machines how it stands?"""

from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.model.commands import Verb
from rollout.model.status import RolloutStatus
from tests.support.builders import NOON, a_step
from tests.support.pure_world import PureWorld

MINUTE = timedelta(minutes=1)


def standing(world: PureWorld) -> dict[str, str]:
    """The conditions by type."""
    return {condition.type: condition.status for condition in world.status.conditions}


def at(phase: str) -> PureWorld:
    """A world whose Rollout rests there."""
    world = PureWorld()
    world.settle()
    if phase == "Idle":
        return world
    world.spec = replace(world.spec, revision="v2", steps=(a_step(5, approval="team"), a_step(50)))
    world.settle()
    verb = {"Paused": Verb.PAUSE, "Failed": Verb.ABORT}.get(phase)
    if verb:
        world.command(verb)
    world.pass_time(6 * MINUTE)
    return world


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("Idle", {"Ready": "True"}),
        ("Awaiting", {"Ready": "Unknown", "Reconciling": "True"}),
        ("Paused", {"Ready": "Unknown", "Reconciling": "True"}),
        ("Failed", {"Ready": "False", "Stalled": "True"}),
    ],
)
def test_conditions_follow_kstatus_and_waiting_for_a_person_is_not_stalled(
    phase: str, expected: dict[str, str]
) -> None:
    assert standing(at(phase)) == expected


def test_an_unknown_stable_is_not_ready() -> None:
    world = PureWorld(status=RolloutStatus())
    world.services["v1"].ready = 0
    world.settle()

    assert standing(world)["Ready"] == "Unknown"
    assert world.status.reasons[0].code == "StableUnknown"


def test_what_is_next_names_the_gate() -> None:
    world = at("Awaiting")

    assert world.status.next == "then 50 %: waiting for 1 approval of v2 by team (step 1)"


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    world = PureWorld()
    world.settle()
    world.pass_time(60 * MINUTE)

    assert {condition.since for condition in world.status.conditions} == {NOON}


def test_a_failed_run_is_named_even_when_git_has_gone_on() -> None:
    world = at("Failed")
    world.spec = replace(world.spec, revision="v3", suspend=True)

    world.settle()

    assert [reason.code for reason in world.status.reasons] == ["Failed", "Suspended"]
    assert world.status.reasons[0].message.startswith("v2 failed: ")


def test_a_hold_is_announced_once() -> None:
    world = PureWorld()
    world.settle()
    world.spec = replace(world.spec, revision="v2")
    world.services["v2"].ready = 0
    events = []
    for _ in range(10):
        events += [event.code for event in world.tick().events]
        world.now += timedelta(seconds=1)

    assert events.count("NotAvailable") == 1


def test_the_next_look_is_when_time_may_change_something() -> None:
    world = PureWorld()
    world.settle()
    idle = world.wake_at
    world.spec = replace(world.spec, revision="v2", objectives=())
    world.settle()

    assert idle is None
    assert world.wake_at == NOON + 5 * MINUTE
