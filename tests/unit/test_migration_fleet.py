"""Does a namespace wait for what the fleet demands, and for nothing else?"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from policies.approval import Identity, Realm
from rollout.migration.fleet import Fleet, admitted, begin_hold, change_hold, strict_hold, unenrol_hold
from rollout.migration.graph import Call, calls_of
from rollout.migration.stages import FORWARD, MUTATING
from rollout.model.approval import ApprovalPolicy
from rollout.model.freeze import Overrun
from rollout.model.migration import NamespaceStatus, Stage
from rollout.model.migration_marks import WaveApproval
from rollout.model.status import Reason
from tests.support.builders import NOON, a_freeze, an_approval_policy
from tests.support.fleets import a_fleet, a_wave, an_exemption, calling, put

PILOT = a_wave("pilot", "tools")
CORE = a_wave("core", "shop", "pay", concurrency=2)
TODAY = NOON.date()


def code(reason: Reason | None) -> str:
    """The reason's code, "" for none."""
    return reason.code if reason else ""


@pytest.mark.parametrize("stage", [Stage.OBSERVING, Stage.REHEARSAL, Stage.STRICT, Stage.DONE, Stage.EXCEPTED])
def test_a_wave_begins_when_the_former_one_observes(stage: Stage) -> None:
    fleet = a_fleet(PILOT, CORE, stages={"tools": stage})

    assert begin_hold(fleet, "shop") is None


@pytest.mark.parametrize("stage", [*FORWARD[:5], Stage.FALLING_BACK, Stage.ROLLING_BACK])
def test_a_wave_waits_for_the_former_one(stage: Stage) -> None:
    fleet = a_fleet(PILOT, CORE, stages={"tools": stage})

    hold = begin_hold(fleet, "shop")

    assert hold is not None
    assert hold.code == "FormerWave"
    assert f"tools is {stage}" in hold.message


@pytest.mark.parametrize("stage", [Stage.BLOCKED, Stage.FALLEN_BACK, Stage.ROLLED_BACK])
def test_a_namespace_that_needs_a_person_is_worth_an_alert_to_the_next_wave(stage: Stage) -> None:
    fleet = a_fleet(a_wave("pilot", "apps", "tools"), CORE, stages={"apps": Stage.BASELINE, "tools": stage})

    hold = begin_hold(fleet, "shop")

    assert hold is not None
    assert hold.message.startswith(f"waits for wave pilot: tools is {stage}, apps is Baseline; tools: ")
    assert hold.warning


def test_findings_of_the_former_wave_hold_the_next() -> None:
    observing = NamespaceStatus(name="tools", stage=Stage.OBSERVING, blocked=2)
    fleet = a_fleet(PILOT, CORE, namespaces=(observing,))

    hold = begin_hold(fleet, "shop")

    assert hold is not None
    assert "clear its 2 findings" in hold.message


def test_a_wave_waits_for_each_of_those_before_it() -> None:
    waves = (PILOT, a_wave("empty", "old"), CORE)
    fleet = a_fleet(*waves, stages={"tools": Stage.FALLEN_BACK, "old": Stage.EXCEPTED})

    assert code(begin_hold(fleet, "pay")) == "FormerWave"


def test_no_wave_waits_for_a_later_one() -> None:
    fleet = a_fleet(PILOT, CORE, stages={"shop": Stage.BLOCKED})

    assert begin_hold(fleet, "tools") is None


def test_a_wave_waits_for_its_approval() -> None:
    fleet = gated(an_approval_policy("security"))

    approved = replace(fleet, status=replace(fleet.status, approved=(WaveApproval(wave="core", by="ana"),)))

    assert begin_hold(fleet, "shop") == Reason(
        code="AwaitingApproval", message="wave core waits for 1 approval by security: `approve` lets it begin"
    )
    assert begin_hold(approved, "shop") is None


def gated(*policies: ApprovalPolicy, **status: Any) -> Fleet:
    """Wave core of shop and pay, which security must approve."""
    wave = a_wave("core", "shop", "pay", approval="security", concurrency=2)
    return a_fleet(wave, approvals={one.key.name: one for one in policies}, **status)


def by(user: str, at: datetime = NOON) -> WaveApproval:
    """This user's approval of wave core."""
    return WaveApproval(wave="core", by=user, at=at, identity=Identity(realm=Realm.CLUSTER, user=user))


def test_a_wave_waits_for_as_many_people_as_its_policy_says() -> None:
    policy = an_approval_policy("security", minimum=2)

    assert code(begin_hold(gated(policy, approved=(by("ana"),)), "shop")) == "AwaitingApproval"
    assert code(begin_hold(gated(policy, approved=(by("ana"), by("ana"))), "shop")) == "AwaitingApproval"
    assert begin_hold(gated(policy, approved=(by("ana"), by("ben"))), "shop") is None


def test_an_approval_that_is_too_old_lets_no_wave_begin_but_holds_none_that_has_begun() -> None:
    policy = an_approval_policy("security", expires_after=timedelta(hours=1))
    fleet = gated(policy, approved=(by("ana", NOON - timedelta(hours=2)),))

    hold = begin_hold(fleet, "shop")

    assert hold is not None
    assert "(1 expired)" in hold.message
    assert begin_hold(put(fleet, "shop", stage=Stage.BASELINE), "pay") is None


def test_a_wave_that_has_begun_waits_all_the_same_when_nobody_approved_it() -> None:
    fleet = put(gated(an_approval_policy("security")), "shop", stage=Stage.OBSERVING)

    assert code(begin_hold(fleet, "pay")) == "AwaitingApproval"


def test_a_wave_whose_policy_is_not_there_waits_for_it() -> None:
    hold = begin_hold(gated(approved=(by("ana"),)), "shop")

    assert hold is not None
    assert (hold.code, hold.warning) == ("PolicyMissing", True)


def test_four_eyes_cannot_be_told_apart_for_a_migration() -> None:
    hold = begin_hold(gated(an_approval_policy("security", four_eyes=True), approved=(by("ana"),)), "shop")

    assert hold is not None
    assert (hold.code, hold.warning) == ("AuthorUnproven", True)


STANDING = [
    (a_fleet(PILOT, suspend=True), "Suspended"),
    (a_fleet(PILOT, paused="ana: lunch"), "Paused"),
    (a_fleet(PILOT, frozen="nobody can say who calls whom"), "CallersUnknown"),
    (a_fleet(PILOT, freezes=(a_freeze(start=NOON, length=timedelta(hours=1), overrun=Overrun.HOLD),)), "Frozen"),
    (a_fleet(PILOT, exceptions=(an_exemption("tools", expires=TODAY),)), "GateClosed"),
    (a_fleet(PILOT, namespaces=(NamespaceStatus(name="tools", fallbacks=2),)), "FallbackBudgetSpent"),
]


@pytest.mark.parametrize(("fleet", "wanted"), STANDING)
def test_what_stops_the_fleet_holds_those_that_would_begin_and_those_that_change(fleet: Fleet, wanted: str) -> None:
    assert code(begin_hold(fleet, "tools")) == wanted
    assert code(change_hold(put(fleet, "tools", stage=Stage.STRICT), "tools")) == wanted


def test_an_exception_holds_from_the_day_on_that_it_expires() -> None:
    lasting = a_fleet(PILOT, exceptions=(an_exemption("tools", expires=TODAY + timedelta(days=1)),))

    assert begin_hold(lasting, "tools") is None


def test_an_expired_exception_holds_its_own_namespace_alone() -> None:
    fleet = a_fleet(CORE, exceptions=(an_exemption("shop", expires=TODAY),))

    assert change_hold(fleet, "pay") is None


@pytest.mark.parametrize(("each", "wanted"), [((1, 0), ""), ((1, 1), "FallbackBudgetSpent")])
def test_the_second_fallback_of_a_wave_pauses_all_waves(each: tuple[int, int], wanted: str) -> None:
    counted = tuple(
        NamespaceStatus(name=name, stage=Stage.OBSERVING, fallbacks=count)
        for name, count in zip(("shop", "pay"), each, strict=True)
    )
    fleet = a_fleet(PILOT, CORE, namespaces=counted)

    assert code(change_hold(fleet, "tools")) == wanted


def test_fallbacks_of_different_waves_are_not_added_up() -> None:
    counted = tuple(NamespaceStatus(name=name, fallbacks=1) for name in ("tools", "shop"))

    assert change_hold(a_fleet(PILOT, CORE, namespaces=counted), "tools") is None


@pytest.mark.parametrize("pair", ["shop>pay", "pay>shop"])
@pytest.mark.parametrize("stage", sorted(MUTATING))
def test_a_namespace_waits_for_a_neighbour_that_changes(pair: str, stage: Stage) -> None:
    fleet = a_fleet(CORE, stages={"shop": stage}, calls=calling(pair))

    assert code(change_hold(fleet, "pay")) == "NeighbourChanging"


@pytest.mark.parametrize("stage", sorted(set(Stage) - MUTATING))
def test_a_neighbour_in_any_other_stage_holds_nobody(stage: Stage) -> None:
    fleet = a_fleet(CORE, stages={"shop": stage}, calls=calling("shop>pay"))

    assert change_hold(fleet, "pay") is None


def test_of_two_neighbours_that_are_both_changing_the_first_goes_on() -> None:
    fleet = a_fleet(CORE, stages={"shop": Stage.STRICT, "pay": Stage.ENROLLING}, calls=calling("pay>shop"))

    assert change_hold(fleet, "shop") is None
    assert code(change_hold(fleet, "pay")) == "NeighbourChanging"


def test_no_more_of_a_wave_change_than_it_allows() -> None:
    fleet = a_fleet(a_wave("core", "shop", "pay"), PILOT, stages={"pay": Stage.STRICT})

    assert code(change_hold(fleet, "shop")) == "WaveFull"
    assert change_hold(fleet, "pay") is None
    assert change_hold(fleet, "tools") is None


def test_a_rollout_in_mid_run_holds_its_namespace() -> None:
    fleet = a_fleet(CORE, rollouts={"shop": ("checkout",)}, calls=calling("shop>pay"))

    assert change_hold(fleet, "shop") == Reason(
        code="RolloutRunning", message="checkout in shop is in mid-run: waits until it has ended"
    )
    assert change_hold(fleet, "pay") is None


def test_of_neighbours_that_want_to_change_at_once_the_first_of_the_spec_is_admitted() -> None:
    fleet = a_fleet(a_wave("all", "a", "b", "c", concurrency=3), calls=calling("a>b", "b>c"))

    assert admitted(fleet, ["c", "b", "a"]) == ("a", "c")


def test_as_many_are_admitted_as_the_wave_allows() -> None:
    fleet = a_fleet(a_wave("all", "a", "b", "c", "d", concurrency=2), stages={"c": Stage.ENROLLING})

    assert admitted(fleet, ["b", "c", "d", "a"]) == ("a", "c")


def test_strict_waits_for_callers_that_are_not_fully_in_the_mesh() -> None:
    fleet = a_fleet(CORE, calls=calls_of([Call(caller="web", callee="shop", seen_mtls=False)]))

    assert strict_hold(fleet, "shop") == Reason(
        code="CallersNotEnrolled",
        message="shop is called by web (seen in plaintext), not fully in the mesh: enrol them, or except the port of shop",
    )


def test_of_many_callers_the_first_are_named_and_the_rest_are_counted() -> None:
    fleet = a_fleet(CORE, calls=calling(*[f"caller{number}>shop" for number in range(7)]))

    hold = strict_hold(fleet, "shop")

    assert hold is not None
    assert "caller4 and 2 more, not fully" in hold.message


def test_strict_does_not_ask_whether_callers_are_strict() -> None:
    fleet = a_fleet(CORE, calls=calling("shop>pay", "pay>shop"), enrolled=("shop", "pay"))

    assert strict_hold(fleet, "shop") is None
    assert strict_hold(fleet, "pay") is None


@pytest.mark.parametrize("caller", ["external", "node"])
def test_callers_from_outside_need_an_exception(caller: str) -> None:
    fleet = a_fleet(CORE, calls=calling(f"{caller}>shop"), enrolled=("shop",))

    excepted = replace(fleet, spec=replace(fleet.spec, exceptions=(an_exemption("shop"),)))
    expired = replace(fleet, spec=replace(fleet.spec, exceptions=(an_exemption("shop", expires=TODAY),)))

    assert code(strict_hold(fleet, "shop")) == "CallersOutside"
    assert strict_hold(excepted, "shop") is None
    assert code(strict_hold(expired, "shop")) == "CallersOutside"


def test_an_exception_of_the_callee_lets_an_unmeshed_caller_be() -> None:
    calls = calling("legacy>shop")

    assert strict_hold(a_fleet(CORE, calls=calls, exceptions=(an_exemption("shop"),)), "shop") is None
    assert strict_hold(a_fleet(CORE, calls=calls, exceptions=(an_exemption("legacy"),)), "shop") is not None


def test_a_caller_that_a_network_policy_keeps_out_counts_no_more() -> None:
    seen = [Call(caller="legacy", callee="shop")]

    calls = calls_of(seen, blocked=frozenset({("legacy", "shop")}))

    assert strict_hold(a_fleet(CORE, calls=calls), "shop") is None


def test_a_caller_that_is_excepted_as_a_whole_is_not_in_the_mesh() -> None:
    whole = an_exemption("legacy", workload={}, port=None)
    fleet = a_fleet(CORE, calls=calling("legacy>shop"), enrolled=("legacy",), exceptions=(whole,))

    assert code(strict_hold(fleet, "shop")) == "CallersNotEnrolled"


def test_a_caller_that_is_leaving_the_mesh_holds_strict() -> None:
    fleet = a_fleet(CORE, calls=calling("pay>shop"), enrolled=("pay",), stages={"pay": Stage.ROLLING_BACK})

    assert code(strict_hold(fleet, "shop")) == "CallersNotEnrolled"


@pytest.mark.parametrize("stage", [*FORWARD[7:], Stage.AUTHZ_DRY_RUN, Stage.AUTHZ_ENFORCED, Stage.FALLING_BACK])
def test_nobody_leaves_the_mesh_while_a_callee_may_be_strict(stage: Stage) -> None:
    fleet = a_fleet(CORE, calls=calling("shop>pay"), stages={"pay": stage})

    hold = unenrol_hold(fleet, "shop")

    assert hold is not None
    assert hold.code == "CalleesStrict"
    assert hold.message.startswith("pay may be STRICT")


@pytest.mark.parametrize("stage", [*FORWARD[:7], Stage.FALLEN_BACK, Stage.ROLLING_BACK, Stage.EXCEPTED])
def test_callees_that_are_open_hold_nobody_in_the_mesh(stage: Stage) -> None:
    fleet = a_fleet(CORE, calls=calling("shop>pay", "shop>unknown"), stages={"pay": stage})

    assert unenrol_hold(fleet, "shop") is None


def test_nobody_leaves_the_mesh_while_being_strict() -> None:
    assert unenrol_hold(a_fleet(PILOT, stages={"tools": Stage.STRICT}), "tools") is not None


def test_a_strict_caller_keeps_nobody_in_the_mesh() -> None:
    assert unenrol_hold(a_fleet(CORE, calls=calling("pay>shop"), stages={"pay": Stage.DONE}), "shop") is None
