"""Does the plan say what a migration writes, and never promise more than it can keep?"""

from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.migration.fleet import Fleet
from rollout.migration.plan import Plan, planned
from rollout.migration.spans import Durations
from rollout.migration.unblock import Unblock
from rollout.model.mesh_writes import LogPlaintext, MeshWrite, RestartWorkload
from rollout.model.migration import Exemption, Stage
from tests.support.builders import NOON, an_approval_policy
from tests.support.fleets import a_fleet, a_wave, an_exemption, calling, put

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DURATIONS = Durations(restart=HOUR, evict=MINUTE)
ENROL, VERIFY, SOAK = 2 * HOUR, 30 * MINUTE, 24 * HOUR
ALONE = SOAK + ENROL + SOAK + VERIFY + SOAK  # baseline, enrolling, soak, twice verify, strict soak


def two_workloads(name: str) -> tuple[MeshWrite, ...]:
    """What a namespace with two workloads gets."""
    restarts = [
        RestartWorkload(kind="Deployment", namespace=name, name=workload, version="1", at=NOON)
        for workload in ("api", "jobs")
    ]
    return (LogPlaintext(namespace=name, present=True), *restarts)


def plan_of(fleet: Fleet) -> Plan:
    """The plan where every namespace has two workloads, an hour each."""
    return planned(fleet, two_workloads, DURATIONS)


def done_after(fleet: Fleet) -> dict[str, timedelta]:
    """When each namespace is done at the earliest."""
    return {one.name: one.estimate for wave in plan_of(fleet).waves for one in wave.namespaces}


def test_a_plan_names_waves_and_namespaces_in_order_with_their_writes() -> None:
    plan = plan_of(a_fleet(a_wave("pilot", "tools"), a_wave("core", "shop", "pay", approval="security")))

    told = [(wave.name, wave.approval, [one.name for one in wave.namespaces]) for wave in plan.waves]

    assert told == [("pilot", "", ["tools"]), ("core", "security", ["shop", "pay"])]
    assert plan.waves[0].namespaces[0].writes == two_workloads("tools")


def test_a_way_takes_baseline_restarts_soak_both_verifications_and_the_strict_soak() -> None:
    plan = plan_of(a_fleet(a_wave("pilot", "tools")))

    assert plan.waves[0].namespaces[0].least == ALONE
    assert plan.estimate == ALONE


def test_a_verification_takes_no_less_than_twice_the_drain() -> None:
    fleet = a_fleet(a_wave("pilot", "tools"))
    slow = replace(fleet, spec=replace(fleet.spec, drain=HOUR))

    assert plan_of(slow).estimate == ALONE - VERIFY + 4 * HOUR


@pytest.mark.parametrize(
    ("stage", "left"),
    [
        (Stage.BASELINE, ALONE - HOUR),
        (Stage.OBSERVING, SOAK - HOUR + VERIFY + SOAK),
        (Stage.STRICT_SOAK, SOAK - HOUR),
        (Stage.DONE, timedelta(0)),
        (Stage.EXCEPTED, timedelta(0)),
        (Stage.FALLEN_BACK, SOAK + VERIFY + SOAK),
        (Stage.BLOCKED, ALONE),
    ],
)
def test_what_has_passed_of_the_present_stage_is_taken_off(stage: Stage, left: timedelta) -> None:
    fleet = put(a_fleet(a_wave("pilot", "tools")), "tools", stage=stage, since=NOON - HOUR)

    assert plan_of(fleet).estimate == left


def test_a_stage_that_lasts_longer_than_its_time_leaves_the_rest_of_the_way() -> None:
    fleet = put(a_fleet(a_wave("pilot", "tools")), "tools", stage=Stage.OBSERVING, since=NOON - 9 * SOAK)

    assert plan_of(fleet).estimate == VERIFY + SOAK


def test_namespaces_of_a_wave_change_one_after_the_other() -> None:
    assert done_after(a_fleet(a_wave("core", "shop", "pay"))) == {"shop": ALONE, "pay": ALONE + ENROL}


def test_as_many_change_together_as_the_wave_allows() -> None:
    assert done_after(a_fleet(a_wave("core", "shop", "pay", concurrency=2))) == {"shop": ALONE, "pay": ALONE}


def test_neighbours_never_change_together() -> None:
    fleet = a_fleet(a_wave("core", "shop", "pay", concurrency=2), calls=calling("pay>shop"))

    assert done_after(fleet) == {"shop": ALONE, "pay": ALONE + ENROL}


def test_nobody_comes_between_a_strict_canary_and_strict() -> None:
    fleet = put(a_fleet(a_wave("core", "shop", "pay")), "pay", stage=Stage.REHEARSAL)
    almost = put(fleet, "shop", stage=Stage.OBSERVING, since=NOON - SOAK + MINUTE)

    assert done_after(almost) == {"pay": VERIFY + SOAK, "shop": VERIFY + VERIFY + SOAK}


def test_a_wave_begins_when_the_former_one_observes() -> None:
    fleet = a_fleet(a_wave("pilot", "tools"), a_wave("core", "shop"))

    assert done_after(fleet) == {"tools": ALONE, "shop": SOAK + ENROL + ALONE}


def test_strict_waits_for_a_caller_of_a_later_wave_to_enrol() -> None:
    fleet = a_fleet(a_wave("pilot", "tools"), a_wave("core", "shop"), calls=calling("shop>tools"))

    both_enrolled = 2 * (SOAK + ENROL)

    assert done_after(fleet)["tools"] == both_enrolled + VERIFY + SOAK


def test_callers_that_call_each_other_hold_up_nobody_for_ever() -> None:
    fleet = a_fleet(a_wave("core", "a", "b", "c", concurrency=3), calls=calling("a>b", "b>c", "c>a"))

    # Enrolled one after the other; c has yet to enrol when the soak of a is long under way.
    assert done_after(fleet) == {"a": ALONE, "b": ALONE + ENROL, "c": ALONE + 2 * ENROL}


SECURITY = {"security": an_approval_policy("security")}


def holding(stage: Stage, *exceptions: Exemption) -> list[str]:
    """The codes of what holds shop in the stage, with a neighbour changing and callers missing."""
    calls = calling("pay>shop", "external>shop", "shop>data")
    stages = {"shop": stage, "pay": Stage.ENROLLING, "data": Stage.DONE}
    waves = (a_wave("core", "shop", "pay", "data", concurrency=3, approval="security"),)
    plan = plan_of(a_fleet(*waves, calls=calls, stages=stages, exceptions=exceptions, approvals=SECURITY))
    return [hold.code for hold in plan.waves[0].namespaces[0].holds]


@pytest.mark.parametrize(
    ("stage", "codes"),
    [
        (Stage.PENDING, ["AwaitingApproval"]),
        (Stage.PREFLIGHT, []),
        (Stage.BASELINE, ["NeighbourChanging"]),
        (Stage.OBSERVING, ["CallersNotEnrolled"]),
        (Stage.REHEARSAL, ["CallersNotEnrolled", "NeighbourChanging"]),
        (Stage.ROLLING_BACK, ["CalleesStrict"]),
        (Stage.FALLING_BACK, []),
    ],
)
def test_a_plan_says_what_holds_each_namespace_now(stage: Stage, codes: list[str]) -> None:
    assert holding(stage) == codes


def test_an_exception_clears_the_callers_from_the_plan() -> None:
    assert holding(Stage.OBSERVING, an_exemption("shop")) == []


def test_a_plan_names_whom_to_enrol_first() -> None:
    fleet = a_fleet(a_wave("core", "shop"), calls=calling("legacy>shop"))

    assert plan_of(fleet).unblock == (Unblock(namespace="legacy", unlocks=("shop",)),)


def test_a_fleet_without_waves_has_nothing_to_do() -> None:
    assert plan_of(a_fleet()) == Plan(waves=(), estimate=timedelta(0), unblock=())
