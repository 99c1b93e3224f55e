"""Is what an auditor gets whole, and is it said when the record is not as it was written?"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.kube.api import Patch
from rollout.manifest.records import PROOFS
from rollout.manifest.rolloutcommand import command_to_dict
from rollout.model.commands import Command, Verb
from rollout.model.migration_marks import SoakMark
from rollout.model.names import Key
from rollout.services.evidence_account import markdown
from rollout.services.migration_evidence import as_data, given
from rollout.services.migration_reads import silence
from tests.support.fleet_world import HOME, NAME, START, a_fleet
from tests.support.mesh_reads import an_evidence
from tests.support.mesh_terminal import a_mesh_terminal

HOUR = timedelta(hours=1)
RECORD = f"/api/v1/namespaces/{HOME}/configmaps/mesh-{NAME}.shop"


def a_command(verb: Verb, subject: str = "", *, target: str = NAME, minutes: int = 0) -> dict[str, Any]:
    """A stored command, not answered yet."""
    made = Command(
        uid="", name="one", verb=verb, actor="ana", channel="cli", created=START, subject=subject, finding="F"
    )
    made_for = Key(namespace=HOME, name=target)
    body = command_to_dict(made_for, made, kind="MeshMigration")
    if verb is not Verb.ACKNOWLEDGE:
        del body["spec"]["finding"]
    else:
        body["spec"]["reason"] = "it is known"
    created = (START + timedelta(minutes=minutes)).isoformat()
    body["metadata"] |= {"uid": f"{verb}-{subject}", "creationTimestamp": created}
    return body


@pytest.mark.slow
async def test_the_evidence_has_every_gate_with_queries_values_and_an_intact_digest(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        await world.pass_time(HOUR, until="shop StrictSoak")
        shown = await terminal.mesh("evidence", "shop", "-o", "json")

    found = json.loads(shown.out)
    assert (shown.code, found["kind"], found["intact"]) == (0, "MeshEvidence", True)
    assert [gate["to"] for gate in found["gates"]][-3:] == ["StrictCanary", "Strict", "StrictSoak"]
    assert all(gate["facts"] and gate["record"] == "intact" for gate in found["gates"])
    assert {one["kind"] for one in found["snapshot"]["objects"]} == {"Namespace", "Deployment"}
    assert found["confidence"].startswith("no plaintext in 2 min")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "value"), [("at", "2026-11-21T08:00:00Z"), ("by", "eve"), ("facts", [["a", "b", "c"]])]
)
async def test_a_record_that_somebody_changed_is_called_altered(tmp_path: Path, field: str, value: object) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        await world.pass_time(HOUR, until="shop Observing")
        stored = await world.api.get(RECORD)
        proofs = json.loads(stored["data"][PROOFS])
        proofs[1][field] = value
        await world.api.patch(RECORD, Patch.MERGE, {"data": {PROOFS: json.dumps(proofs)}})
        shown = await terminal.mesh("evidence", "shop")

    assert (shown.code, "**Altered: Preflight to Baseline.**" in shown.out) == (1, True)


def test_commands_of_the_namespace_its_wave_and_the_whole_migration_are_evidence() -> None:
    stored = (
        a_command(Verb.ACKNOWLEDGE, "shop", minutes=4),
        a_command(Verb.APPROVE, "core", minutes=1),
        a_command(Verb.PAUSE, minutes=2),
        a_command(Verb.ACKNOWLEDGE, "pay"),
        a_command(Verb.APPROVE, "pilot"),
        a_command(Verb.PAUSE, target="another"),
    )

    found = given(stored, NAME, "shop", "core")

    assert [(one.command.verb, one.command.subject) for one in found] == [
        (Verb.APPROVE, "core"),
        (Verb.PAUSE, ""),
        (Verb.ACKNOWLEDGE, "shop"),
    ]


def test_a_namespace_with_the_name_of_a_wave_has_no_approval_of_its_own() -> None:
    assert given((a_command(Verb.APPROVE, "shop"),), NAME, "shop", "core") == ()


def test_commands_that_could_not_be_read_are_said() -> None:
    lines = markdown(an_evidence(unread="cannot list rolloutcommands", given=()))

    assert "The commands could not be read: cannot list rolloutcommands" in lines


def test_without_any_record_the_page_says_so_and_claims_nothing() -> None:
    lines = markdown(an_evidence(gates=(), snapshot=None))

    assert "No gate was passed yet, or no record of it is kept." in lines
    assert not any("digest" in line for line in lines)


def test_who_approved_and_who_answers_for_what_is_there_for_machines() -> None:
    data = as_data(an_evidence())

    assert data["approvals"] == [{"wave": "core", "by": "ana"}]
    assert data["acknowledged"] == [{"finding": "CALLER-01", "by": "ana", "reason": "it is the health check"}]
    assert data["soakSkipped"] == {"by": "ben", "reason": "the release is waiting"}
    assert [gate["record"] for gate in data["gates"]] == ["intact", "altered"]


@pytest.mark.parametrize(
    ("soak", "sentence"),
    [
        (SoakMark(), "nothing was observed yet"),
        (SoakMark(clock=START, looked=START + 24 * HOUR), "fewer than 3 calls a day"),
        (SoakMark(clock=START, looked=START), "nothing was observed yet"),
    ],
)
def test_silence_counts_from_the_clock_to_the_last_look(soak: SoakMark, sentence: str) -> None:
    assert sentence in silence(soak, START + 48 * HOUR)
