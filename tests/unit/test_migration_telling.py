"""Are people told why a namespace stands where it stands, what is next, and before what they lose connections?"""

from datetime import timedelta
from typing import Any

import pytest

from rollout.migration.needs import needs
from rollout.migration.stages import TRANSITIONS, Trigger
from rollout.migration.telling import MOST_REASONS, conditions, cut_announced, next_sentence, reasons, wake_at
from rollout.model.mesh import Mtls
from rollout.model.migration import MigrationStatus, Stage
from rollout.model.telemetry import Asked
from tests.support.mesh import NOON, peer, pod
from tests.support.moving import BLIND, HOUR, SECOND, STRICT, a_spec, a_view, codes, enrolled, standing, told

ASIDE = {
    Stage.BLOCKED: "Blocked",
    Stage.FALLING_BACK: "FallingBack",
    Stage.FALLEN_BACK: "FallenBack",
    Stage.ROLLING_BACK: "RollingBack",
    Stage.ROLLED_BACK: "RolledBack",
    Stage.EXCEPTED: "Excepted",
}


@pytest.mark.parametrize(("stage", "code"), ASIDE.items())
def test_a_stage_aside_says_itself(stage: Stage, code: str) -> None:
    assert codes(reasons(a_view(stage, why_back="refused"))) == [code]


@pytest.mark.parametrize("stage", TRANSITIONS)
def test_every_stage_says_what_is_next(stage: Stage) -> None:
    view = a_view(stage, why_back="refused")

    assert next_sentence(view, reasons(view)) != ""


def test_a_namespace_that_is_done_has_no_reasons() -> None:
    assert reasons(a_view(Stage.DONE, ns=enrolled(STRICT))) == ()


def test_a_namespace_that_is_done_tells_of_drift() -> None:
    view = a_view(Stage.DONE, ns=enrolled(STRICT, labels={}, writer="kubectl-edit"))

    assert codes(reasons(view)) == ["Drift"]


def test_a_rollback_says_what_it_waits_for() -> None:
    (reason,) = reasons(a_view(Stage.ROLLING_BACK, seen={"snapshot": None}, why_back="by ana"))

    assert reason.message == "put back as it was: by ana; waits: the record of how it was cannot be read"


def test_reasons_are_few() -> None:
    ns = enrolled(peer(mode=Mtls.STRICT), pods=(pod(meshed=False),))
    view = a_view(
        Stage.REHEARSAL,
        ns=ns,
        look=BLIND,
        answers=told(refusals_exist=None, plaintext_open=None),
        fleet={"frozen": "friday", "taken": {"shop": "other"}},
        blocked=1,
        warned=1,
    )

    assert len(reasons(view)) == MOST_REASONS


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        (Trigger.REHEARSED, "Deployment api becomes STRICT now"),
        (Trigger.CANARY_VERIFIED, "all of shop becomes STRICT now"),
    ],
)
def test_what_is_cut_is_announced_with_its_moment(trigger: Trigger, words: str) -> None:
    reason = cut_announced(a_view(Stage.STRICT, spec=a_spec(drain=timedelta(seconds=7))), trigger)

    assert reason is not None
    assert reason.message.startswith(words)
    assert "cut 7 s later" in reason.message


@pytest.mark.parametrize("trigger", sorted(set(Trigger) - {Trigger.REHEARSED, Trigger.CANARY_VERIFIED}))
def test_where_nothing_becomes_strict_nothing_is_announced(trigger: Trigger) -> None:
    assert cut_announced(a_view(Stage.STRICT), trigger) is None


@pytest.mark.parametrize(
    ("stage", "wait"),
    [
        (Stage.FALLING_BACK, timedelta(seconds=2)),
        (Stage.BLOCKED, timedelta(minutes=5)),
        (Stage.OBSERVING, 15 * SECOND),
        (Stage.STRICT, 15 * SECOND),
        (Stage.DONE, None),
        (Stage.FALLEN_BACK, None),
    ],
)
def test_each_stage_is_looked_at_again_in_time(stage: Stage, wait: Any) -> None:
    assert wake_at(a_view(stage)) == (NOON + wait if wait else None)


@pytest.mark.parametrize("stage", [Stage.OBSERVING, Stage.REHEARSAL, Stage.STRICT_CANARY, Stage.STRICT])
def test_plaintext_is_listened_for_until_the_flip_is_verified(stage: Stage) -> None:
    asked = {one.asked for one in needs(a_spec(), standing(stage), NOON).questions}

    assert {Asked.PLAINTEXT, Asked.PLAINTEXT_IN_WINDOW, Asked.PROXIES, Asked.SCRAPED} <= asked


def test_a_look_back_reaches_to_the_last_look_that_was_kept() -> None:
    status = standing(Stage.OBSERVING)

    (window,) = [
        one.window
        for one in needs(a_spec(), status, NOON + 3 * HOUR).questions
        if one.asked is Asked.PLAINTEXT_IN_WINDOW
    ]

    assert window == 3 * HOUR


def test_a_migration_that_waits_for_a_person_is_not_stalled() -> None:
    found = conditions(a_spec(), MigrationStatus(namespaces=(standing(Stage.FALLEN_BACK),)), NOON)

    assert [(one.type, one.status) for one in found] == [("Ready", "Unknown"), ("Reconciling", "True")]


def test_a_migration_is_ready_when_all_of_it_is_done() -> None:
    found = conditions(a_spec(), MigrationStatus(namespaces=(standing(Stage.DONE),)), NOON)

    assert [(one.type, one.status) for one in found] == [("Ready", "True")]
