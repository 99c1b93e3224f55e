"""Does each gate stay closed for what it is there for, and open when nothing is missing?"""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from rollout.migration.gates import GATES, holds
from rollout.model.migration import Finding, Severity, Stage
from rollout.model.migration_marks import Acknowledged, SoakMark
from rollout.model.migration_seen import Budget
from rollout.model.telemetry import Asked
from tests.support.fleets import an_exemption
from tests.support.mesh import NOON, pod, workload
from tests.support.moving import BLIND, HOUR, MINUTE, STRICT, a_row, a_spec, a_view, codes, enrolled, outcomes, told

BLOCK = Finding(check="PA-01", severity=Severity.BLOCK, object="PeerAuthentication shop/x", why="it wins", fix="merge")
WARN = replace(BLOCK, check="PORT-01", severity=Severity.WARN)
UNKNOWN = replace(BLOCK, check="CALLER-01", severity=Severity.WARN, object="Namespace unknown")
LISTENS = (Stage.OBSERVING, Stage.REHEARSAL)
WATCHES = (Stage.STRICT_CANARY, Stage.STRICT, Stage.STRICT_SOAK)
IN_FORCE = NOON - 30 * MINUTE


def at(stage: Stage, **changes: Any) -> Any:
    """A view in which nothing holds this stage."""
    known: dict[str, Any] = {"in_force": IN_FORCE} if stage is Stage.ENROLLING else {}
    if stage in WATCHES:
        known = {"ns": enrolled(STRICT), "in_force": IN_FORCE}
    if stage is Stage.BASELINE or stage is Stage.STRICT_SOAK:
        known["since"] = NOON - 25 * HOUR
    if stage in (Stage.PREFLIGHT, Stage.OBSERVING):
        changes.setdefault("seen", {"findings": ()})
    return a_view(stage, **{**known, **changes})


@pytest.mark.parametrize("stage", GATES)
def test_nothing_holds_a_namespace_that_is_well(stage: Stage) -> None:
    assert holds(at(stage)) == ()


@pytest.mark.parametrize("stage", GATES)
def test_a_namespace_that_is_gone_goes_nowhere(stage: Stage) -> None:
    view = at(stage, ns=enrolled(exists=False))

    assert codes(holds(view)) == ["NamespaceGone"]


@pytest.mark.parametrize("stage", GATES)
def test_a_record_that_cannot_be_written_holds(stage: Stage) -> None:
    view = at(stage, view={"unkept": "quota"})

    assert codes(holds(view)) == ["RecordNotKept"]


@pytest.mark.parametrize("asked", [Asked.PLAINTEXT_OPEN, Asked.REFUSALS_EXIST])
def test_an_answer_that_is_missing_holds_the_rehearsal(asked: Asked) -> None:
    view = at(Stage.REHEARSAL, answers=told(**{asked.name: None}))

    assert codes(holds(view)) == ["TelemetryMissing"]


@pytest.mark.parametrize("stage", [Stage.PERMISSIVE, *LISTENS, Stage.STRICT_CANARY, Stage.STRICT])
def test_a_look_that_proves_nothing_holds(stage: Stage) -> None:
    assert "CoverageIncomplete" in codes(holds(at(stage, look=BLIND)))


@pytest.mark.parametrize("stage", [Stage.ENROLLING, Stage.PERMISSIVE, *LISTENS, *WATCHES])
def test_a_pod_without_a_proxy_holds(stage: Stage) -> None:
    view = at(stage)
    ns = replace(view.namespace, pods=(*view.namespace.pods, pod("web-1", {"app": "web"}, meshed=False)))

    assert "PodsUnmeshed" in codes(holds(view_of(view, ns)))


def view_of(view: Any, ns: Any) -> Any:
    """The view of another namespace."""
    return replace(view, seen=replace(view.seen, namespace=ns))


@pytest.mark.parametrize(
    ("findings", "code"),
    [((BLOCK,), "PreflightBlocks"), ((WARN,), "Unacknowledged"), ((replace(WARN, severity=Severity.INFO),), None)],
)
@pytest.mark.parametrize("stage", [Stage.PREFLIGHT, *LISTENS])
def test_findings_hold_by_their_severity(stage: Stage, findings: tuple[Finding, ...], code: str | None) -> None:
    view = at(stage, seen={"findings": findings})

    assert codes(holds(view)) == ([code] if code else [])


@pytest.mark.parametrize("key", [WARN.key, WARN.check])
def test_an_acknowledged_warning_holds_no_more(key: str) -> None:
    view = at(
        Stage.PREFLIGHT, seen={"findings": (WARN,)}, acknowledged=(Acknowledged(key=key, by="ana", reason="known"),)
    )

    assert holds(view) == ()


def test_an_acknowledgement_helps_against_no_finding_that_blocks() -> None:
    view = at(
        Stage.PREFLIGHT,
        seen={"findings": (BLOCK,)},
        acknowledged=(Acknowledged(key=BLOCK.key, by="ana", reason="known"),),
    )

    assert codes(holds(view)) == ["PreflightBlocks"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ({"blocked": 1}, "PreflightBlocks"),
        ({"warned": 2}, "Unacknowledged"),
        ({"looked": None}, "NotChecked"),
        ({"looked": NOON - HOUR}, "NotChecked"),
    ],
)
@pytest.mark.parametrize("stage", LISTENS)
def test_what_the_last_checks_found_counts_until_they_run_again(stage: Stage, status: Any, code: str) -> None:
    view = at(stage, seen={"findings": None}, **status)

    assert codes(holds(view)) == [code]


@pytest.mark.parametrize("stage", LISTENS)
def test_a_caller_whom_nobody_can_name_is_the_soaks_matter(stage: Stage) -> None:
    assert holds(at(stage, seen={"findings": (UNKNOWN,)})) == ()


@pytest.mark.parametrize("stage", [Stage.PENDING, Stage.PREFLIGHT, *LISTENS, Stage.ENROLLING])
def test_an_expired_exception_is_told_once(stage: Stage) -> None:
    spec = a_spec(exceptions=(an_exemption("shop", expires=date(2026, 11, 21)),))

    assert codes(holds(at(stage, spec=spec))).count("GateClosed") == 1


@pytest.mark.parametrize("stage", [Stage.PENDING, Stage.BASELINE, Stage.ENROLLING, Stage.REHEARSAL])
def test_a_namespace_of_another_migration_is_left_to_it(stage: Stage) -> None:
    view = at(stage, fleet={"taken": {"shop": "other"}})

    assert codes(holds(view)) == ["OwnedByAnother"]


def test_the_baseline_takes_its_time() -> None:
    view = at(Stage.BASELINE, since=NOON - 23 * HOUR)

    assert codes(holds(view)) == ["MeasuringBaseline"]


def test_proxies_that_count_nothing_prove_nothing() -> None:
    view = at(Stage.PERMISSIVE, answers=told(mtls=(), plaintext=()))

    assert codes(holds(view)) == ["NoPositiveControl"]


def test_nobody_need_be_counted_where_nobody_called_before() -> None:
    view = at(Stage.PERMISSIVE, answers=told(mtls=(), plaintext=()), baseline=())

    assert holds(view) == ()


@pytest.mark.parametrize("stage", LISTENS)
def test_an_open_plaintext_connection_holds(stage: Stage) -> None:
    view = at(stage, answers=told(plaintext_open=(a_row(1, pod="api-1"),)))

    assert codes(holds(view)) == ["PlaintextOpen"]


@pytest.mark.parametrize("stage", LISTENS)
def test_an_open_plaintext_connection_that_is_excepted_holds_nothing(stage: Stage) -> None:
    spec = a_spec(exceptions=(an_exemption("shop", workload={"app": "api"}, port=None),))
    view = at(stage, answers=told(plaintext_open=(a_row(1, pod="api-1"),)), spec=spec)

    assert "PlaintextOpen" not in codes(holds(view))


@pytest.mark.parametrize("stage", LISTENS)
def test_a_soak_that_is_not_over_holds_also_the_rehearsal(stage: Stage) -> None:
    view = at(stage, soak=SoakMark(clock=NOON - HOUR, looked=NOON))

    assert codes(holds(view)) == ["Soaking"]


def test_callers_that_cannot_be_listed_hold_the_soak() -> None:
    assert codes(holds(at(Stage.OBSERVING, view={"periods": None}))) == ["CallersUnread"]


@pytest.mark.parametrize("stage", [Stage.REHEARSAL, Stage.STRICT, Stage.STRICT_SOAK])
def test_a_proxy_that_would_not_tell_of_refused_callers_holds(stage: Stage) -> None:
    view = at(stage, answers=told(refusals_exist=()))

    assert codes(holds(view)) == ["RefusalsUnseen"]


def test_pods_that_are_not_ready_hold_the_rehearsal() -> None:
    ns = enrolled(workloads=(workload(wanted=4, ready=1),))

    assert codes(holds(at(Stage.REHEARSAL, ns=ns))) == ["Restarting"]


def test_strict_is_verified_from_the_moment_it_is_in_force() -> None:
    view = at(Stage.STRICT, in_force=NOON - 14 * MINUTE)

    assert codes(holds(view)) == ["Verifying"]


def test_strict_that_is_not_in_force_is_not_verified() -> None:
    view = at(Stage.STRICT, in_force=None, ns=enrolled())

    assert codes(holds(view)) == ["NotInForce"]


@pytest.mark.parametrize("stage", [Stage.STRICT_CANARY, Stage.STRICT, Stage.STRICT_SOAK])
def test_darkness_holds_a_watch(stage: Stage) -> None:
    view = at(stage, dark_since=NOON - MINUTE)

    assert codes(holds(view)) == ["TelemetryMissing"]


def test_callers_that_suffer_hold_the_enrolment() -> None:
    view = at(Stage.ENROLLING, answers=told(requests=outcomes(100)))

    assert codes(holds(view)) == ["CallersSuffer"]


def test_a_policy_that_is_not_there_holds_every_stage_and_is_named() -> None:
    why = "there is no SloPolicy http in rollout-system: create it, or take it out of spec.policies"

    for stage in (Stage.PENDING, Stage.OBSERVING, Stage.REHEARSAL, Stage.STRICT_SOAK):
        found = holds(at(stage, view={"unbudgeted": (why,)}))

        assert [one.message for one in found if one.code == "BudgetMissing"] == [why]


@pytest.mark.parametrize("asked", [Asked.REQUESTS, Asked.CONNECTIONS, Asked.CERTIFICATES, Asked.WEBHOOKS])
def test_nothing_becomes_strict_before_it_can_be_seen_what_breaks(asked: Asked) -> None:
    view = at(Stage.REHEARSAL, answers=told(**{asked.name: None}))

    assert codes(holds(view)) == ["TelemetryMissing"]


def test_a_budget_whose_burn_is_unknown_holds_strict() -> None:
    budget = Budget(policy="http", objective="errors", max_ratio=0.01)

    assert codes(holds(at(Stage.REHEARSAL, view={"budgets": (budget,)}))) == ["TelemetryMissing"]
    assert codes(holds(at(Stage.REHEARSAL))) == []


def test_a_certificate_that_ends_holds_strict() -> None:
    view = at(Stage.REHEARSAL, answers=told(certificates=(a_row(30, pod="api-1", resource_name="default"),)))

    assert codes(holds(view)) == ["CertificateEnding"]


def test_a_webhook_that_fails_already_holds_strict() -> None:
    answers = told(webhooks=(a_row(1, name="check.example.com"),))

    assert codes(holds(at(Stage.REHEARSAL, answers=answers))) == []
    assert codes(holds(at(Stage.REHEARSAL, answers=answers, seen={"webhooks": ("check.example.com",)}))) == [
        "WebhookUncallable"
    ]


@pytest.mark.parametrize("stage", [Stage.REHEARSAL, Stage.STRICT, Stage.STRICT_SOAK])
def test_webhooks_that_cannot_be_listed_hold(stage: Stage) -> None:
    assert codes(holds(at(stage, seen={"webhooks": None}))) == ["WebhooksUnread"]
