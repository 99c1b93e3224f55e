"""Which status should a commit carry, from what the cluster holds?"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.model.names import Key
from rollout.model.status import Condition, Outcome, Past, Phase, Reason, RolloutStatus
from rollout.ports.forges import CommitState
from rollout.services.commit_wishes import VALIDATE, Wish, context_of, wishes
from tests.support.builders import CHECKOUT, NOON, a_revision, a_run, a_spec, a_status
from tests.support.commit_world import FIRST, SECOND, a_source_status, a_stored

PENDING, SUCCESS, FAILURE, _ = CommitState
SOAKING = Reason(code="Soaking", message="soaking at 5 % until 12:05:00 UTC")
GATE = Reason(code="AwaitingApproval", message="waiting for 1 approval of v2 by leads (step 1)")


def of_checkout(status: RolloutStatus, **changes: Any) -> tuple[CommitState | None, str]:
    """State and text that shop/checkout's commit should carry."""
    (wish,) = [
        wish for wish in wishes(a_source_status(), [a_stored(status=status, **changes)]) if wish.context != VALIDATE
    ]
    assert (wish.commit, wish.context) == (FIRST, "rollout/shop/checkout")
    return wish.state, wish.text


def validated(reason: str, message: str, *, commit: str = FIRST) -> Wish:
    """What is wished for SECOND, which was looked at last; `commit` is the one in force."""
    (wish,) = wishes(a_source_status(commit, reason, message, attempted=SECOND), [])
    assert (wish.commit, wish.context) == (SECOND, VALIDATE)
    return wish


def past(outcome: Outcome, message: str) -> Past:
    """The last run, of v2."""
    ended = NOON + timedelta(minutes=3)
    return Past(run=1, revision="v2", stable="v1", outcome=outcome, started=NOON, ended=ended, message=message)


@pytest.mark.parametrize(
    ("status", "state", "text"),
    [
        (a_status(run=a_run(), reasons=(SOAKING,)), PENDING, f"v2: step 1 of 2 at 5 %: {SOAKING.message}"),
        (a_status(run=a_run(), reasons=(SOAKING, GATE)), PENDING, f"v2: step 1 of 2 at 5 %: {GATE.message}"),
        (a_status(run=a_run(step=0, weight=0), next="then 5 %"), PENDING, "v2: before step 1 of 2: then 5 %"),
        (a_status(run=a_run(step=3, weight=100), phase=Phase.PROMOTING), PENDING, "v2: at 100 %"),
        (a_status(run=a_run(step=1, plan=(), weight=100, straight=True)), PENDING, "v2: at 100 %"),
        (a_status(stable=a_revision("v2")), SUCCESS, "v2 serves all traffic"),
        (
            a_status(
                run=a_run(weight=0, ending=Outcome.FAILED, ending_why="errors: 3 of 5 requests failed"),
                phase=Phase.ROLLING_BACK,
            ),
            FAILURE,
            "v2 failed: errors: 3 of 5 requests failed",
        ),
        (
            a_status(run=a_run(weight=0, ending=Outcome.ABORTED, ending_why="ana: no"), phase=Phase.ROLLING_BACK),
            FAILURE,
            "v2 was aborted: ana: no",
        ),
        (
            a_status(phase=Phase.FAILED, failed=a_revision("v2"), history=(past(Outcome.FAILED, "errors: 3 of 5"),)),
            FAILURE,
            "v2 failed: errors: 3 of 5",
        ),
        (
            a_status(phase=Phase.FAILED, failed=a_revision("v2"), history=(past(Outcome.ABORTED, "ana: no"),)),
            FAILURE,
            "v2 was aborted: ana: no",
        ),
        (
            a_status(reasons=(Reason(code="Suspended", message="spec.suspend is true"),)),
            PENDING,
            "v2: spec.suspend is true",
        ),
        (
            a_status(
                phase=Phase.ROLLING_BACK,
                run=a_run(canary=a_revision("v3"), ending=Outcome.SUPERSEDED),
                reasons=(SOAKING,),
            ),
            PENDING,
            f"v2: {SOAKING.message}",
        ),
        (
            a_status(stable=None, reasons=(Reason(code="StableUnknown", message="name it once"),)),
            PENDING,
            "v2: name it once",
        ),
    ],
)
def test_the_commit_that_asked_for_a_revision_says_how_it_fares(
    status: RolloutStatus, state: CommitState, text: str
) -> None:
    assert of_checkout(status) == (state, text)


def test_a_revision_that_goes_back_for_a_newer_commit_is_not_that_commits_failure() -> None:
    back = a_status(run=a_run(ending=Outcome.ABORTED, ending_why="ana: no"), phase=Phase.ROLLING_BACK)

    state, _ = of_checkout(back, spec=a_spec(revision="v3"))

    assert state is PENDING


def test_a_spec_that_cannot_be_read_is_the_commits_failure() -> None:
    state, text = of_checkout(a_status(), spec=None, error="shop/checkout: no such policy (spec.policies, a.yaml:7)")

    assert (state, text) == (
        FAILURE,
        "the spec cannot be read: shop/checkout: no such policy (spec.policies, a.yaml:7)",
    )


@pytest.mark.parametrize("behind", [{"generation": 2}, {"commit": SECOND}])
def test_nothing_is_said_of_a_spec_that_was_not_looked_at_yet(behind: dict[str, Any]) -> None:
    stored = replace(a_stored(status=a_status(stable=a_revision("v2"))), **behind)

    (wish,) = [wish for wish in wishes(a_source_status(), [stored]) if wish.context != VALIDATE]

    assert wish.state is None


def test_a_rollout_that_is_being_deleted_wishes_nothing() -> None:
    assert [wish.context for wish in wishes(a_source_status(), [a_stored(deleting=True)])] == [VALIDATE]


@pytest.mark.parametrize("commit", ["", "main", "c0ffee", f"{FIRST}/../x", FIRST.replace("1", "G")])
def test_what_is_no_id_of_a_commit_carries_nothing(commit: str) -> None:
    assert [wish.context for wish in wishes(a_source_status(), [a_stored(commit=commit)])] == [VALIDATE]


def test_a_commit_that_was_taken_is_a_success() -> None:
    wish = validated("Synced", f"commit {SECOND[:12]}: 3 specs, 2 objects of other kinds ignored", commit=SECOND)

    assert (wish.state, wish.text) == (SUCCESS, "3 specs, 2 objects of other kinds ignored")


@pytest.mark.parametrize("reason", ["InvalidSpecs", "FilesSkipped", "ApplyRefused", "NotVerified"])
def test_a_commit_that_was_not_taken_is_a_failure(reason: str) -> None:
    assert validated(reason, "no").state is FAILURE


def test_the_first_error_stands_first_with_file_and_line() -> None:
    message = (
        f"commit {SECOND[:12]} is not taken: shop/checkout: weight 0 is below 1 (spec.steps[0], apps/a.yaml:14); "
        "b: no (b.yaml:2); commit 111 stays in force"
    )

    text = validated("InvalidSpecs", message).text

    assert text.startswith("apps/a.yaml:14: shop/checkout: weight 0 is below 1 (spec.steps[0]")


@pytest.mark.parametrize("reason", ["ApplyFailed", "PruneHeld", "HistoryHeld"])
def test_a_commit_that_is_tried_again_or_waits_for_a_person_is_pending(reason: str) -> None:
    assert validated(reason, "again").state is PENDING


@pytest.mark.parametrize(
    "reason", ["FetchFailed", "AccessDenied", "NotFound", "Refused", "InvalidSource", "Suspended", "SomethingNew"]
)
def test_trouble_of_the_source_says_nothing_of_the_commit(reason: str) -> None:
    assert validated(reason, "git does not answer").state is None


def test_a_source_that_has_read_no_commit_wishes_nothing() -> None:
    assert wishes(a_source_status("", "FetchFailed", "no answer"), []) == ()


def test_a_context_that_no_forge_takes_is_cut_and_stays_one_of_its_own() -> None:
    names = ["n" * 253, "n" * 252 + "m"]

    contexts = [context_of(Key(namespace="s" * 63, name=name)) for name in names]

    assert [len(context) for context in contexts] == [255, 255]
    assert contexts[0] != contexts[1]
    assert context_of(CHECKOUT) == "rollout/shop/checkout"


def test_an_ending_says_since_when_it_holds_unless_its_commit_is_the_newest() -> None:
    ready = Condition(type="Ready", status="True", reason="Stable", message="", since=NOON)
    stored = a_stored(status=a_status(stable=a_revision("v2"), conditions=(ready,)))

    newest, later = (wishes(a_source_status(commit), [stored])[0] for commit in (FIRST, SECOND))

    assert (newest.context, newest.since) == ("rollout/shop/checkout", None)
    assert (later.context, later.since) == ("rollout/shop/checkout", NOON)
