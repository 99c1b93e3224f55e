"""Does Argo CD's health check say how a Rollout, a GitSource or a MeshMigration stands? Run in a real Lua 5.1, as Argo CD does."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import lupa.lua51
import pytest
import yaml

from rollout.manifest.migration_status import migration_status_to_dict
from rollout.manifest.status import status_to_dict
from rollout.migration.telling import NEEDS_A_PERSON, conditions
from rollout.model.commands import Verb
from rollout.model.freeze import Overrun
from rollout.model.migration import MigrationSpec, MigrationStatus, NamespaceStatus, Stage, Wave
from rollout.model.status import Phase, Reason, RolloutStatus
from tests.support.builders import NOON, a_freeze, a_run, a_status, a_step
from tests.support.pure_world import PureWorld, running
from tests.support.statuses import told

ROOT = Path(__file__).parents[2]
CHECK = (ROOT / "deploy" / "argocd" / "health.lua").read_text()
MINUTE = timedelta(minutes=1)
NOT_WAITING = {"InvalidSpec", "Failed"}
FREEZE = "Frozen"  # it ends by itself, in hours or days: nobody should watch it as something that progresses


def health(obj: dict[str, Any]) -> tuple[str, str]:
    """Status and message, as Argo CD gets them."""
    lua = lupa.lua51.LuaRuntime(unpack_returned_tuples=True)
    lua.globals().obj = lua.table_from(json.loads(json.dumps(obj)), recursive=True)
    answer = lua.execute(CHECK)
    return answer["status"], answer["message"]


def of(status: RolloutStatus, generation: int | None = None) -> str:
    seen = status.observed_generation
    obj = {"metadata": {"generation": seen if generation is None else generation}, "status": status_to_dict(status)}
    return health(obj)[0]


def holds(chapter: str) -> list[str]:
    """The codes in a table of the page of reasons."""
    page = (ROOT / "docs" / "reasons.md").read_text().split(f"## {chapter}")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| ")]
    return [code.strip() for cell in cells for code in cell.split(",") if code.strip() != "code"]


@pytest.mark.parametrize("code", sorted(set(holds("Holds that need a person")) - NOT_WAITING))
def test_what_waits_for_a_person_is_suspended(code: str) -> None:
    assert of(told(a_status(run=a_run()), Reason(code=code, message="wait"))) == "Suspended"


@pytest.mark.parametrize(
    "code",
    sorted({*holds("Holds that need the cluster to be mended"), *holds("Holds that end by themselves")} - {FREEZE}),
)
def test_any_other_hold_is_progressing(code: str) -> None:
    assert of(told(a_status(run=a_run()), Reason(code=code, message="wait"))) == "Progressing"


@pytest.mark.parametrize(
    ("phase", "answer"),
    [
        (Phase.IDLE, "Healthy"),
        (Phase.PROGRESSING, "Progressing"),
        (Phase.PAUSED, "Suspended"),
        (Phase.PROMOTING, "Progressing"),
        (Phase.ROLLING_BACK, "Progressing"),
        (Phase.FAILED, "Degraded"),
    ],
)
def test_every_phase_has_a_health(phase: Phase, answer: str) -> None:
    run = None if phase in (Phase.IDLE, Phase.FAILED) else a_run()

    assert of(told(a_status(run=run, phase=phase))) == answer


def test_a_whole_run_is_followed() -> None:
    world = PureWorld(spec=replace(PureWorld().spec, steps=(a_step(5, approval="team"), a_step(50))))
    world.settle()
    found = [of(world.status)]
    world.spec = replace(world.spec, revision="v2")
    world.pass_time(MINUTE)
    found.append(of(world.status))
    world.pass_time(6 * MINUTE)
    found.append(of(world.status))
    world.command(Verb.APPROVE)
    world.pass_time(MINUTE)
    found.append(of(world.status))
    world.command(Verb.PAUSE)
    world.pass_time(MINUTE)
    found.append(of(world.status))
    world.bad = 500
    world.pass_time(MINUTE)
    found.append(of(world.status))

    assert found == ["Healthy", "Suspended", "Suspended", "Progressing", "Suspended", "Degraded"]


def test_a_frozen_run_is_suspended() -> None:
    world = running(2)
    world.freezes = (a_freeze(start=world.now, length=MINUTE, overrun=Overrun.HOLD),)
    world.settle()

    assert of(world.status) == "Suspended"


def test_a_spec_that_was_not_seen_yet_is_progressing() -> None:
    assert of(told(a_status(observed_generation=2)), generation=3) == "Progressing"


@pytest.mark.parametrize(
    "obj", [{}, {"metadata": {}}, {"metadata": {"generation": 1}, "status": {}}, {"status": {"conditions": []}}]
)
def test_without_a_status_it_is_progressing_and_says_what_is_awaited(obj: dict[str, Any]) -> None:
    assert health(obj) == ("Progressing", "Waiting for the controller's first look")


@pytest.mark.parametrize(
    ("conditions", "answer"),
    [
        ([("Ready", "True", "Synced")], "Healthy"),
        ([("Ready", "False", "FetchFailed"), ("Reconciling", "True", "FetchFailed")], "Progressing"),
        ([("Ready", "False", "InvalidSpecs"), ("Stalled", "True", "InvalidSpecs")], "Degraded"),
        ([("Ready", "Unknown", "Suspended")], "Suspended"),
    ],
)
def test_a_git_source_has_a_health(conditions: list[tuple[str, str, str]], answer: str) -> None:
    said = [{"type": kind, "status": value, "reason": why, "message": f"{why}!"} for kind, value, why in conditions]
    obj = {"metadata": {"generation": 1}, "status": {"observedGeneration": 1, "conditions": said}}

    assert health(obj) == (answer, f"{conditions[0][2]}!")


def migrated(*namespaces: NamespaceStatus, seen: int = 1) -> dict[str, Any]:
    """A MeshMigration of these namespaces, with the conditions that the controller gives."""
    spec = MigrationSpec(name="to-strict", waves=(Wave(name="one", namespaces=tuple(one.name for one in namespaces)),))
    status = MigrationStatus(namespaces=namespaces, observed_generation=seen)
    status = replace(status, conditions=conditions(spec, status, NOON))
    return {"metadata": {"generation": 1}, "status": migration_status_to_dict(status)}


@pytest.mark.parametrize("code", sorted(NEEDS_A_PERSON | {FREEZE}))
def test_a_migration_that_waits_for_a_person_is_suspended(code: str) -> None:
    held = NamespaceStatus(name="shop", reasons=(Reason(code=code, message="wait"),))

    assert health(migrated(held)) == ("Suspended", "wait")


@pytest.mark.parametrize("code", sorted({*holds("A migration waits for something else")} - {FREEZE}))
def test_a_migration_that_goes_on_by_itself_is_progressing(code: str) -> None:
    held = NamespaceStatus(name="shop", reasons=(Reason(code=code, message="wait"),))

    assert health(migrated(held))[0] == "Progressing"


@pytest.mark.parametrize(("stage", "answer"), [(Stage.DONE, "Healthy"), (Stage.STRICT_SOAK, "Progressing")])
def test_a_migration_is_healthy_once_all_its_namespaces_are_done(stage: Stage, answer: str) -> None:
    done, last = NamespaceStatus(name="shop", stage=Stage.DONE), NamespaceStatus(name="pay", stage=stage)

    assert health(migrated(done, last))[0] == answer


def test_a_done_migration_whose_spec_has_changed_is_progressing() -> None:
    done = NamespaceStatus(name="shop", stage=Stage.DONE)

    assert health(migrated(done, seen=2))[0] == "Progressing"


def test_the_config_map_carries_this_check_for_each_kind() -> None:
    data = yaml.safe_load((ROOT / "deploy" / "argocd" / "argocd-cm.yaml").read_text())["data"]

    names = {f"resource.customizations.health.rollout.dev_{kind}" for kind in ("Rollout", "GitSource", "MeshMigration")}
    assert data == dict.fromkeys(names, CHECK)
