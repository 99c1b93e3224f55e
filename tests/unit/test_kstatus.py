"""Do the rules of kstatus, by which Flux and others wait, hold in these tests as they are published?"""

from typing import Any

import pytest

from rollout.model.status import Phase, Reason
from tests.support.builders import a_run, a_status
from tests.support.kstatus import computed, is_honest
from tests.support.statuses import told


def obj(*conditions: tuple[str, str], generation: int = 3, observed: int | None = 3, **meta: Any) -> dict[str, Any]:
    status: dict[str, Any] = {"conditions": [{"type": kind, "status": value} for kind, value in conditions]}
    if observed is not None:
        status["observedGeneration"] = observed
    return {"metadata": {"generation": generation, **meta}, "status": status}


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (obj(), "Current"),
        ({"metadata": {"generation": 1}}, "Current"),
        (obj(("Ready", "True")), "Current"),
        (obj(("Ready", "True"), observed=2), "InProgress"),
        (obj(("Ready", "True"), observed=None), "Current"),
        (obj(("Ready", "False")), "InProgress"),
        (obj(("Ready", "Unknown")), "InProgress"),
        (obj(("Stalled", "True"), ("Ready", "False")), "Failed"),
        (obj(("Stalled", "False"), ("Ready", "True")), "Current"),
        (obj(("Reconciling", "True"), ("Stalled", "True")), "InProgress"),
        (obj(("Ready", "True"), deletionTimestamp="2026-11-21T12:00:00Z"), "Terminating"),
    ],
)
def test_a_status_means_what_the_published_rules_say(given: dict[str, Any], answer: str) -> None:
    assert computed(given) == answer


@pytest.mark.parametrize(
    "code",
    [
        "AwaitingApproval",
        "Frozen",
        "PolicyMissing",
        "AuthorUnproven",
        "Paused",
        "RouteFought",
        "StableUnknown",
        "Suspended",
    ],
)
def test_waiting_for_a_person_or_a_freeze_is_never_a_failure(code: str) -> None:
    status = told(a_status(run=a_run()), Reason(code=code, message="wait"))

    assert is_honest(status)
    assert {item.type: item.status for item in status.conditions} == {"Ready": "Unknown", "Reconciling": "True"}


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in (Phase.IDLE, Phase.FAILED)])
def test_a_run_on_its_way_is_in_progress(phase: Phase) -> None:
    assert is_honest(told(a_status(run=a_run(), phase=phase)))


def test_a_status_that_calls_a_failure_ready_is_found_out() -> None:
    ready = told(a_status()).conditions

    assert not is_honest(a_status(phase=Phase.FAILED, conditions=ready))
