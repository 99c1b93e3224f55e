"""What is shown of a MeshMigration over HTTP, and what is told of the commands for it?"""

import json
from datetime import timedelta

import pytest

from rollout.model.migration import MigrationSpec, MigrationStatus, NamespaceStatus, Stage, Wave
from rollout.model.migration_marks import PlaintextCaller, SoakMark, WaveApproval
from rollout.model.names import Key
from rollout.model.status import Reason
from rollout.ports.migrations import StoredMigration
from rollout.web.shapes import Migration
from rollout.web.shown import migration
from tests.support.builders import NOON
from tests.support.receivers import HOME
from tests.support.web import a_front, may
from tests.unit.conftest import Front

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOVES = "/api/v1/meshmigrations/to-strict/commands"
WAVES = (Wave(name="pilot", namespaces=("tools",)), Wave(name="core", namespaces=("shop", "pay"), approval="security"))
SOAKING = SoakMark(clock=NOON, window=timedelta(hours=24))


def shown(*namespaces: NamespaceStatus, approved: tuple[WaveApproval, ...] = ()) -> Migration:
    """to-strict with two waves, as it is sent."""
    spec = MigrationSpec(name="to-strict", waves=WAVES)
    kept = MigrationStatus(namespaces=namespaces, approved=approved)
    return migration(StoredMigration(name="to-strict", uid="u", version="1", generation=1, spec=spec, status=kept))


async def test_waves_are_shown_in_order_with_who_approved_and_whether_they_began() -> None:
    approved = (WaveApproval(wave="core", by="ana", at=NOON, channel="slack"),)

    found = shown(NamespaceStatus(name="tools", stage=Stage.DONE), approved=approved)

    assert [(wave.name, wave.approval, wave.begun) for wave in found.waves] == [
        ("pilot", "", True),
        ("core", "security", False),
    ]
    assert [(one.by, one.channel) for one in found.waves[1].approved] == [("ana", "slack")]
    assert [(one.name, one.wave, one.stage) for one in found.namespaces] == [
        ("tools", "pilot", "Done"),
        ("shop", "core", "Pending"),
        ("pay", "core", "Pending"),
    ]


@pytest.mark.parametrize(
    ("known", "verbs"),
    [
        (NamespaceStatus(name="shop"), []),
        (NamespaceStatus(name="shop", stage=Stage.PREFLIGHT), ["rollback"]),
        (NamespaceStatus(name="shop", stage=Stage.PREFLIGHT, warned=1), ["rollback", "acknowledge"]),
        (NamespaceStatus(name="shop", stage=Stage.OBSERVING), ["rollback"]),
        (NamespaceStatus(name="shop", stage=Stage.OBSERVING, soak=SOAKING), ["rollback", "promote"]),
        (NamespaceStatus(name="shop", stage=Stage.STRICT), ["fallback", "rollback"]),
        (NamespaceStatus(name="shop", stage=Stage.FALLEN_BACK), ["rollback", "retry"]),
    ],
)
async def test_a_namespace_says_what_may_be_asked_for_it_now(known: NamespaceStatus, verbs: list[str]) -> None:
    found = shown(known)

    assert found.namespaces[1].verbs == verbs


async def test_plaintext_callers_and_the_need_for_a_person_are_shown() -> None:
    caller = PlaintextCaller(workload="Deployment api", source="legacy/cron", calls=182, last=NOON)
    reason = Reason(code="Unacknowledged", message="acknowledge or mend PA-01")

    found = shown(NamespaceStatus(name="shop", callers=(caller,), reasons=(reason,)))

    assert found.namespaces[1].callers[0].model_dump() == {
        "source": "legacy/cron",
        "workload": "Deployment api",
        "calls": 182,
        "last": NOON,
    }
    assert (found.needs_person, [one.needs_person for one in found.namespaces]) == (True, [False, True, False])


@pytest.mark.parametrize(
    ("kind", "name", "rights", "code"),
    [
        ("MeshMigration", "to-strict", may("ana", "list", namespace=HOME, kind="RolloutCommand"), 200),
        ("MeshMigration", "other", may("ana", "list", namespace=HOME, kind="RolloutCommand"), 404),
        ("Rollout", "to-strict", may("ana", "list", namespace=HOME, kind="RolloutCommand"), 404),
        ("MeshMigration", "to-strict", may("ana", "list", namespace=HOME), 403),
    ],
)
async def test_what_became_of_a_command_is_told_for_its_own_migration_only(
    front: Front, kind: str, name: str, rights: set[tuple[str, str, str, Key]], code: int
) -> None:
    here = a_front(rights=rights)
    spec = {"target": {"kind": kind, "name": name}, "verb": "pause", "actor": {"user": "ana"}, "channel": "dashboard"}
    status = {"result": "Refused", "message": "it is paused already", "handledAt": "2026-11-21T12:00:00Z"}
    meta = {"name": "one", "namespace": HOME}
    here.cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}})
    obj = {"apiVersion": "rollout.dev/v1alpha1", "kind": "RolloutCommand", "metadata": meta, "spec": spec}
    here.cluster.seed({**obj, "status": status})

    found, text = await front.ask(here.app(), f"{MOVES}/one", headers={"Authorization": "Bearer ana"})

    assert found == code
    if code == 200:
        assert json.loads(text) == {"command": "one", "result": "Refused", "message": "it is paused already"}
