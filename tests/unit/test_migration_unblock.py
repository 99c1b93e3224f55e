"""Which namespaces does the unblock set name, and in which order?"""

import pytest

from rollout.migration.fleet import Fleet
from rollout.migration.unblock import Unblock, unblock_set
from rollout.model.migration import Stage
from tests.support.fleets import a_fleet, a_wave, an_exemption, calling

WAVE = a_wave("core", "a", "b", "c", "d")


def told(fleet: Fleet) -> list[str]:
    """The set as texts such as "legacy: a b"."""
    return [f"{one.namespace}: {' '.join(one.unlocks)}".rstrip() for one in unblock_set(fleet)]


def test_the_namespace_that_unlocks_the_most_comes_first() -> None:
    calls = calling("one>a", "three>b", "three>c", "three>d")

    assert told(a_fleet(WAVE, calls=calls)) == ["three: b c d", "one: a"]


def test_a_namespace_with_several_missing_callers_is_unlocked_by_the_last() -> None:
    calls = calling("x>a", "y>a")

    assert unblock_set(a_fleet(WAVE, calls=calls)) == (
        Unblock(namespace="x", unlocks=()),
        Unblock(namespace="y", unlocks=("a",)),
    )


def test_the_nearest_comes_first_when_nobody_unlocks_anything_alone() -> None:
    calls = calling("x>a", "y>a", "p>b", "q>b", "r>b", "p>c", "q>c", "r>c")

    assert told(a_fleet(WAVE, calls=calls)) == ["x:", "y: a", "p:", "q:", "r: b c"]


def test_a_caller_that_is_wanted_by_more_comes_before_its_mate() -> None:
    calls = calling("x>a", "y>a", "y>b", "z>b", "z>c", "w>c", "v>c")

    assert told(a_fleet(WAVE, calls=calls)) == ["y:", "z: b", "x: a", "v:", "w: c"]


def test_those_in_the_mesh_are_named_no_more() -> None:
    calls = calling("x>a", "y>a")

    assert told(a_fleet(WAVE, calls=calls, enrolled=("x",))) == ["y: a"]


@pytest.mark.parametrize("stage", [Stage.STRICT_CANARY, Stage.STRICT, Stage.DONE, Stage.EXCEPTED])
def test_nothing_is_unlocked_that_is_strict_or_need_not_become_so(stage: Stage) -> None:
    assert told(a_fleet(WAVE, calls=calling("x>a"), stages={"a": stage})) == []


@pytest.mark.parametrize("caller", ["external", "node"])
def test_no_enrolment_unlocks_what_is_called_from_outside(caller: str) -> None:
    assert told(a_fleet(WAVE, calls=calling("x>a", f"{caller}>a", "y>b"))) == ["y: b"]


def test_an_excepted_port_waits_for_no_caller() -> None:
    assert told(a_fleet(WAVE, calls=calling("x>a"), exceptions=(an_exemption("a"),))) == []


def test_a_namespace_does_not_wait_for_itself() -> None:
    assert told(a_fleet(WAVE, calls=calling("a>a"))) == []
