"""Does each stage end by what it should end by, and by nothing else?"""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from rollout.migration.drift import drift_hold, opened_by_hand
from rollout.migration.effects import wanted
from rollout.migration.moves import moved
from rollout.migration.stages import AT_LEAST_CANARY, TRANSITIONS, Trigger
from rollout.migration.triggers import RULES, Fired, fired
from rollout.model.mesh import Mtls
from rollout.model.migration import Exemption, Finding, Severity, Stage
from rollout.model.migration_marks import SoakMark
from tests.support.fleets import calling
from tests.support.mesh import API, NOON, peer, pod, root_peer, workload
from tests.support.moving import HOUR, MINUTE, QUIET, STRICT, a_row, a_spec, a_view, enrolled, told
from tests.support.plaintext import an_event

WATCHED = (Stage.STRICT_CANARY, Stage.STRICT, Stage.STRICT_SOAK)
BLOCK = Finding(check="PA-01", severity=Severity.BLOCK, object="x", why="it wins", fix="merge")
WHOLE = Exemption(namespace="shop", workload={}, owner="team-x", expires=date(2027, 3, 1))
CALLED = replace(QUIET, events=(an_event(NOON),))
OPEN = peer(mode=Mtls.PERMISSIVE, writer="kubectl-edit")


def trigger(view: Any) -> Trigger | None:
    """What fires."""
    found = fired(view)
    return found.trigger if found else None


def said(view: Any) -> list[str]:
    """What is to be written, as people read it."""
    return [str(write).replace("PeerAuthentication shop/", "") for write in wanted(view)]


def strict(stage: Stage, **changes: Any) -> Any:
    """A view of a namespace that is STRICT, long enough for nothing to hold it."""
    since = NOON - 25 * HOUR if stage is Stage.STRICT_SOAK else NOON - HOUR
    return a_view(stage, **{"ns": enrolled(STRICT), "in_force": NOON - HOUR, "since": since, **changes})


ON = [
    (a_view(Stage.PENDING), Trigger.BEGAN),
    (a_view(Stage.PREFLIGHT, seen={"findings": ()}), Trigger.PREFLIGHT_PASSED),
    (a_view(Stage.PREFLIGHT, seen={"findings": (BLOCK,)}), Trigger.PREFLIGHT_BLOCKED),
    (a_view(Stage.BASELINE, since=NOON - 25 * HOUR), Trigger.BASELINE_TAKEN),
    (a_view(Stage.ENROLLING, in_force=NOON), Trigger.ENROLLED),
    (a_view(Stage.ENROLLING), None),
    (a_view(Stage.PERMISSIVE), Trigger.CONTROL_SEEN),
    (a_view(Stage.OBSERVING), Trigger.SOAKED),
    (a_view(Stage.REHEARSAL), Trigger.REHEARSED),
    (strict(Stage.STRICT_CANARY), Trigger.CANARY_VERIFIED),
    (strict(Stage.STRICT), Trigger.STRICT_VERIFIED),
    (strict(Stage.STRICT_SOAK), Trigger.STRICT_SOAKED),
    (strict(Stage.DONE), None),
    (a_view(Stage.BLOCKED, seen={"findings": ()}), Trigger.UNBLOCKED),
    (a_view(Stage.BLOCKED), None),
    (a_view(Stage.BLOCKED, seen={"findings": (BLOCK,)}), None),
    (a_view(Stage.FALLING_BACK), Trigger.OPENED),
    (a_view(Stage.FALLING_BACK, ns=enrolled(STRICT)), None),
    (a_view(Stage.FALLING_BACK, ns=enrolled(STRICT, exists=False)), Trigger.OPENED),
    (a_view(Stage.FALLEN_BACK), None),
    (a_view(Stage.FALLEN_BACK, rolls_back=True), Trigger.ROLLBACK_GOES_ON),
    (a_view(Stage.PENDING, spec=a_spec(exceptions=(WHOLE,))), Trigger.EXCEPTED),
    (a_view(Stage.EXCEPTED, spec=a_spec(exceptions=(WHOLE,))), None),
    (a_view(Stage.EXCEPTED), Trigger.EXCEPTION_GONE),
]


@pytest.mark.parametrize(("view", "expected"), ON)
def test_a_stage_ends_by_its_trigger(view: Any, expected: Trigger | None) -> None:
    assert trigger(view) is expected


@pytest.mark.parametrize("stage", RULES)
def test_whatever_fires_is_in_the_table(stage: Stage) -> None:
    views = [a_view(stage), a_view(stage, look=CALLED), a_view(stage, ns=enrolled(exists=False)), strict(stage)]
    found = {trigger(view) for view in views} - {None}

    assert found <= TRANSITIONS[stage].keys()


@pytest.mark.parametrize("stage", [Stage.STRICT_CANARY, Stage.STRICT])
def test_plaintext_while_something_becomes_strict_opens_it(stage: Stage) -> None:
    assert trigger(strict(stage, look=CALLED)) is Trigger.LIMIT_BROKEN


def test_plaintext_after_the_soak_leads_back_to_it() -> None:
    assert trigger(a_view(Stage.REHEARSAL, look=CALLED)) is Trigger.PLAINTEXT_SEEN


@pytest.mark.parametrize("stage", WATCHED)
def test_a_refused_caller_opens_it(stage: Stage) -> None:
    view = strict(stage, answers=told(refused=(a_row(2, pod="api-1"),)))

    found = fired(view)

    assert found == Fired(trigger=Trigger.LIMIT_BROKEN, why="2 connections without mTLS were refused by api-1")


@pytest.mark.parametrize("stage", [*WATCHED, Stage.DONE])
def test_a_namespace_that_was_deleted_has_to_prove_all_of_it_again(stage: Stage) -> None:
    assert trigger(strict(stage, ns=enrolled(exists=False))) is Trigger.LIMIT_BROKEN


def test_a_caller_outside_the_mesh_that_turns_up_opens_the_canary() -> None:
    view = strict(Stage.STRICT_CANARY, fleet={"calls": calling("web>shop", "old>shop")})

    assert trigger(view) is Trigger.LIMIT_BROKEN


@pytest.mark.parametrize("stage", [Stage.PERMISSIVE, Stage.OBSERVING, Stage.REHEARSAL])
def test_a_new_pod_without_a_proxy_is_enrolled(stage: Stage) -> None:
    ns = enrolled(pods=(pod(meshed=False),))

    assert trigger(a_view(stage, ns=ns)) is Trigger.POD_UNMESHED


@pytest.mark.parametrize("stage", [Stage.PERMISSIVE, Stage.OBSERVING, Stage.REHEARSAL])
def test_a_label_that_a_person_took_off_is_not_put_back(stage: Stage) -> None:
    ns = enrolled(pods=(pod(meshed=False),), labels={}, writer="kubectl-edit")
    view = a_view(stage, ns=ns)

    hold = drift_hold(view)

    assert trigger(view) is None
    assert wanted(view) == () or all("label" not in str(write) for write in wanted(view))
    assert hold is not None
    assert "kubectl-edit changed the labels of shop" in hold.message


def test_enrolling_writes_the_label_once_and_does_not_fight() -> None:
    ns = enrolled(labels={})

    first = wanted(a_view(Stage.ENROLLING, ns=ns))
    again = wanted(a_view(Stage.ENROLLING, ns=ns, in_force=NOON - MINUTE))

    assert [str(write) for write in first] == ["label Namespace shop istio-injection=enabled"]
    assert again == ()


@pytest.mark.parametrize("stage", [Stage.STRICT, Stage.STRICT_SOAK, Stage.DONE])
def test_what_a_person_opens_stays_open(stage: Stage) -> None:
    view = strict(stage, ns=enrolled(OPEN))

    found = fired(view)

    assert found is not None
    assert found.trigger is Trigger.OPENED_BY_HAND
    assert found.why == f"kubectl-edit opened shop while it was {stage}"
    assert TRANSITIONS[stage][Trigger.OPENED_BY_HAND] is Stage.FALLING_BACK


def test_a_canary_that_a_person_opens_stays_open() -> None:
    canary = peer("rollout-canary-api-1", Mtls.PERMISSIVE, selector=API, ours="to-strict", writer="kubectl-edit")
    view = strict(Stage.STRICT_CANARY, ns=enrolled(peer(mode=Mtls.PERMISSIVE), canary))

    assert opened_by_hand(view) == "kubectl-edit opened Deployment api"


@pytest.mark.parametrize("stage", [Stage.STRICT, Stage.STRICT_SOAK])
def test_one_workload_that_a_person_opens_holds_and_is_not_closed(stage: Stage) -> None:
    mine = peer("mine", Mtls.PERMISSIVE, selector=API, writer="kubectl-edit")
    view = strict(stage, ns=enrolled(STRICT, mine))

    hold = drift_hold(view)

    assert hold is not None
    assert "kubectl-edit" in hold.message
    assert trigger(view) is None
    assert wanted(view) == ()


def test_strict_that_only_the_root_keeps_holds_and_is_not_written() -> None:
    view = strict(
        Stage.STRICT, ns=enrolled(peer(mode=Mtls.UNSET, writer="kubectl-edit")), root=(root_peer(Mtls.STRICT),)
    )

    assert drift_hold(view) is not None
    assert trigger(view) is None
    assert wanted(view) == ()


def test_strict_made_by_a_person_while_it_is_observed_holds() -> None:
    view = a_view(Stage.OBSERVING, ns=enrolled(peer(mode=Mtls.STRICT, writer="kubectl-edit")))

    hold = drift_hold(view)

    assert hold is not None
    assert "kubectl-edit changed a mode" in hold.message


@pytest.mark.parametrize("stage", [Stage.STRICT_CANARY, Stage.STRICT])
@pytest.mark.parametrize(
    "changes",
    [
        {"look": replace(QUIET, complete=False)},
        {"look": CALLED},
        {"ns": enrolled(pods=(pod(meshed=False),))},
        {"fleet": {"frozen": "freeze"}},
        {"fleet": {"taken": {"shop": "other"}}},
    ],
)
def test_nothing_becomes_strict_without_evidence_of_this_moment(stage: Stage, changes: Any) -> None:
    assert wanted(a_view(stage, **changes)) == ()


@pytest.mark.parametrize(
    ("stage", "expected"),
    [(Stage.STRICT_CANARY, "create rollout-canary-api-"), (Stage.STRICT, "set default STRICT")],
)
def test_with_evidence_it_becomes_strict(stage: Stage, expected: str) -> None:
    found = said(a_view(stage))

    assert [word[: len(expected)] for word in found] == [expected]


def test_a_fallback_is_written_whatever_holds() -> None:
    view = a_view(
        Stage.FALLING_BACK, ns=enrolled(STRICT), look=replace(QUIET, complete=False), fleet={"frozen": "freeze"}
    )

    assert said(view) == ["set default PERMISSIVE"]


@pytest.mark.parametrize("stage", sorted(AT_LEAST_CANARY))
def test_a_fallback_is_counted_and_told(stage: Stage) -> None:
    after = moved(strict(stage), Fired(trigger=Trigger.LIMIT_BROKEN, why="refused"))

    assert (after.stage, after.fallbacks, after.why_back) == (Stage.FALLING_BACK, 1, "refused")


def test_a_retry_begins_with_a_new_soak_and_new_checks() -> None:
    view = a_view(Stage.FALLEN_BACK, why_back="refused", fallbacks=1, dark_since=NOON, rolls_back=False)

    after = moved(view, Fired(trigger=Trigger.RETRIED, why="by ana"))

    assert (after.stage, after.soak, after.canary, after.why_back) == (Stage.OBSERVING, SoakMark(), "", "")
    assert (after.in_force, after.dark_since, after.looked, after.fallbacks) == (None, None, None, 1)


def test_callers_that_came_into_the_mesh_later_are_measured_before_strict() -> None:
    view = a_view(Stage.REHEARSAL, baseline=())

    after = moved(view, Fired(trigger=Trigger.REHEARSED, why=""))

    assert [one.caller for one in after.baseline] == ["web/front"]


def test_a_rollback_of_what_was_never_written_touches_nothing() -> None:
    view = a_view(Stage.ROLLING_BACK, ns=enrolled(STRICT), recorded=False, seen={"snapshot": None})

    assert wanted(view) == ()
    assert trigger(view) is Trigger.RESTORED


def test_a_rollback_without_its_record_waits() -> None:
    view = a_view(Stage.ROLLING_BACK, seen={"snapshot": None})

    assert wanted(view) == ()
    assert trigger(view) is None


def test_a_rollback_waits_while_a_namespace_that_it_calls_is_strict() -> None:
    fleet = a_view(Stage.ROLLING_BACK, fleet={"calls": calling("shop>pay")})
    pay = replace(fleet.status, name="pay", stage=Stage.STRICT)
    status = replace(fleet.fleet.status, namespaces=(fleet.status, pay))
    view = replace(fleet, fleet=replace(fleet.fleet, status=status))

    assert wanted(view) == ()
    assert trigger(view) is None


def test_a_rollback_gives_back_a_strict_that_was_the_users_own() -> None:
    own = peer(mode=Mtls.STRICT)
    view = a_view(Stage.ROLLING_BACK, ns=enrolled(own, pods=(pod(meshed=False),), labels={}, workloads=(workload(),)))

    assert wanted(view) == ()
    assert trigger(view) is Trigger.RESTORED


def test_a_namespace_without_pods_is_not_in_force_before_the_flip() -> None:
    view = a_view(Stage.STRICT, ns=enrolled(pods=(), workloads=()))

    assert said(view) == ["set default STRICT"]


def test_a_rollback_waits_for_all_that_is_strict_while_nobody_knows_who_calls_whom() -> None:
    known = a_view(Stage.ROLLING_BACK, fleet={"calls": calling()})
    pay = replace(known.status, name="pay", stage=Stage.DONE)
    status = replace(known.fleet.status, namespaces=(known.status, pay))
    blind = replace(known, fleet=replace(known.fleet, status=status, frozen="no metrics"))

    assert trigger(blind) is None
    assert wanted(blind) == ()
