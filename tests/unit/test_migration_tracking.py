"""Does a look remember what it saw, and no more than it must?"""

from dataclasses import replace
from typing import Any

import pytest

from rollout.migration.tracking import tracked
from rollout.model.mesh import Mtls, PeerAuth
from rollout.model.mesh_writes import KeptObject, Snapshot
from rollout.model.migration import Finding, Severity, Stage
from tests.support.mesh import API, NOON, peer, pod
from tests.support.moving import MINUTE, STRICT, a_view, enrolled, told

OURS = peer(mode=Mtls.PERMISSIVE, ours="to-strict", uid="made")
BLOCK = Finding(check="PA-01", severity=Severity.BLOCK, object="x", why="it wins", fix="merge")


def created(*peers: PeerAuth, **changes: Any) -> tuple[str, ...]:
    """What counts as ours after a look at these objects."""
    return tracked(a_view(Stage.OBSERVING, ns=enrolled(*peers), **changes)).created


def kept(*uids: str) -> Snapshot:
    """A record of objects that were there before."""
    objects = tuple(
        KeptObject(kind="PeerAuthentication", name=uid, uid=uid, spec="{}", labels={}, annotations={}) for uid in uids
    )
    return Snapshot(namespace="shop", taken=NOON, objects=objects)


def test_what_was_made_before_a_crash_is_found_by_its_mark() -> None:
    assert created(OURS) == ("made",)


NOT_OURS = {
    "a user's": replace(OURS, ours=""),
    "another migration's": replace(OURS, ours="other"),
    "under a name that we never give": replace(OURS, name="users-own"),
}


@pytest.mark.parametrize("one", NOT_OURS.values(), ids=NOT_OURS)
def test_what_others_made_is_never_ours(one: PeerAuth) -> None:
    assert created(one) == ()


def test_what_was_there_before_is_not_ours_whatever_its_marks_say() -> None:
    assert created(OURS, seen={"snapshot": kept("made")}) == ()


def test_what_is_gone_is_forgotten() -> None:
    assert created(OURS, created=("made", "gone-1", "gone-2")) == ("made",)


def test_a_mark_that_a_person_took_off_makes_it_no_less_ours() -> None:
    assert created(replace(OURS, ours=""), created=("made",)) == ("made",)


def test_without_the_record_nothing_is_found_or_forgotten() -> None:
    assert created(OURS, created=("x",), seen={"snapshot": None}) == ("x",)
    assert created(OURS, created=(), recorded=False) == ()


def test_what_the_checks_found_is_counted() -> None:
    status = tracked(a_view(Stage.PREFLIGHT, seen={"findings": (BLOCK,)}, looked=None))

    assert (status.looked, status.blocked, status.warned) == (NOON, 1, 0)


def test_checks_that_did_not_run_change_no_count() -> None:
    status = tracked(a_view(Stage.OBSERVING, looked=NOON - MINUTE, blocked=2))

    assert (status.looked, status.blocked) == (NOON - MINUTE, 2)


@pytest.mark.parametrize(
    ("stage", "peers", "in_force"),
    [
        (Stage.STRICT, (STRICT,), NOON),
        (Stage.STRICT, (peer(mode=Mtls.PERMISSIVE),), None),
        (Stage.STRICT_SOAK, (STRICT,), NOON),
        (Stage.STRICT_CANARY, (peer(mode=Mtls.PERMISSIVE), peer("c", Mtls.STRICT, selector=API)), NOON),
        (Stage.STRICT_CANARY, (peer(mode=Mtls.PERMISSIVE),), None),
        (Stage.ENROLLING, (peer(mode=Mtls.PERMISSIVE),), NOON),
        (Stage.ENROLLING, (), NOON),
        (Stage.ENROLLING, (peer(mode=Mtls.DISABLE),), None),
    ],
)
def test_a_stage_is_in_force_by_the_live_objects(stage: Stage, peers: Any, in_force: Any) -> None:
    assert tracked(a_view(stage, ns=enrolled(*peers))).in_force == in_force


def test_that_it_was_in_force_is_remembered_when_somebody_changes_it() -> None:
    view = a_view(Stage.STRICT, ns=enrolled(peer(mode=Mtls.PERMISSIVE)), in_force=NOON - MINUTE)

    assert tracked(view).in_force == NOON - MINUTE


def test_darkness_begins_once_and_ends_with_the_first_answer() -> None:
    blind = told(refused=None)

    assert tracked(a_view(Stage.STRICT, answers=blind)).dark_since == NOON
    assert tracked(a_view(Stage.STRICT, answers=blind, dark_since=NOON - MINUTE)).dark_since == NOON - MINUTE
    assert tracked(a_view(Stage.STRICT, dark_since=NOON - MINUTE)).dark_since is None


def test_pods_that_went_take_their_restarts_with_them() -> None:
    view = a_view(Stage.STRICT, ns=enrolled(pods=(pod(restarts=1),)), restarts=5)

    assert tracked(view).restarts == 1
