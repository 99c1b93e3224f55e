"""What does `rollout explain` tell of kinds and fields, and of those that are not there?"""

import json

import pytest
from click.testing import CliRunner, Result

from rollout.cli.main import main
from rollout.crds import definitions
from tests.support.cli import same_screen, typed

HEAVY = ("kubernetes", "aiohttp", "fastapi", "rich", "git", "prometheus_api_client")


def explain(*words: str) -> Result:
    return CliRunner().invoke(main, ["explain", *words])


def told(*words: str) -> list[str]:
    result = explain(*words)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


def test_a_kind_shows_what_every_object_has() -> None:
    same_screen("explain_kind", told("Rollout"))


def test_a_field_with_fields_shows_their_types_defaults_and_meaning() -> None:
    same_screen("explain_analysis", told("rollout.spec.analysis"))


def test_a_single_field_shows_default_limits_and_rules() -> None:
    same_screen("explain_field", told("rollout.spec.settle"))


def test_a_list_shows_its_limits_and_those_of_its_entries() -> None:
    same_screen("explain_list", told("rollout.spec.routes"))


def test_a_choice_shows_what_may_be_chosen() -> None:
    assert "ENUM:      keep-all, skip-file" in told("gitsource.spec.onInvalid")


def test_a_map_shows_what_each_value_may_be() -> None:
    lines = told("rollout.spec.backend.subset.labels")

    assert lines[4:8] == [
        "FIELD:     labels <map[string]string>",
        "REQUIRED:  yes",
        "LIMITS:    1 to 8 entries",
        "LIMITS:    each at most 253 characters",
    ]


def test_recursive_shows_all_fields_below() -> None:
    same_screen("explain_recursive", told("rollout.spec", "--recursive"))


@pytest.mark.parametrize("name", ["Rollout", "rollout", "ROLLOUTS", "rlt", "rollouts.rollout.dev", "rlt.rollout.dev"])
def test_a_kind_may_be_named_as_kubectl_names_it(name: str) -> None:
    assert told(f"{name}.spec.steps.soak") == told("Rollout.spec.steps.soak")


@pytest.mark.parametrize("name", ["meshmigration", "MeshMigrations", "mm", "meshmigrations.rollout.dev"])
def test_a_kind_of_the_whole_cluster_may_be_named_so_too(name: str) -> None:
    lines = told(f"{name}.spec.waves.concurrency")

    assert lines == told("MeshMigration.spec.waves.concurrency")
    assert "FIELD:     concurrency <integer>" in lines


def test_a_place_in_a_list_names_the_field() -> None:
    assert told("rlt.spec.steps[0].soak") == told("rlt.spec.steps.soak")


@pytest.mark.parametrize("kind", sorted(definitions()))
def test_every_kind_is_explained_to_its_last_field(kind: str) -> None:
    lines = told(kind, "--recursive")

    assert f"KIND:      {kind}" in lines
    assert len(lines) > 12


def test_machines_get_the_schema_too() -> None:
    explained = json.loads(explain("rlt.spec.capacity", "-o", "json").stdout)

    assert (explained["type"], explained["required"], explained["schema"]["default"]) == ("string", False, "100%")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("rolout", "error: there is no kind rolout of ours; did you mean Rollout?\n"),
        (
            "pods",
            "there is no kind pods of ours; known here: Rollout, GitSource, SloPolicy, MeshMigration, ApprovalPolicy, ",
        ),
        ("freezewindw", "error: there is no kind freezewindw of ours; did you mean FreezeWindow?\n"),
        ("rlt.spec.stepps", "error: Rollout.spec has no field stepps; did you mean steps?\n"),
        ("rlt.spec.analysis.Interval", "Rollout.spec.analysis has no field Interval; did you mean interval?"),
        ("rlt.spec.revision.x", "error: Rollout.spec.revision has no field x\n"),
        ("rlt.spec.", "error: Rollout.spec has no field "),
    ],
)
def test_what_is_not_there_is_exit_code_6_and_the_nearest_name(wanted: str, said: str) -> None:
    result = explain(wanted)

    assert (result.exit_code, result.stdout) == (6, "")
    assert said in result.stderr


def test_nothing_to_explain_is_a_usage_error() -> None:
    assert explain().exit_code == 2


@pytest.mark.slow
async def test_no_cluster_and_nothing_heavy_is_needed() -> None:
    code = "import sys; from rollout.cli.main import main; main(['explain', 'rlt'], standalone_mode=False); print(*sys.modules)"
    process = await typed("-c", code, KUBECONFIG="absent")
    out, err = await process.communicate()

    loaded = set(out.decode().splitlines()[-1].split())
    assert (process.returncode, err) == (0, b"")
    assert [name for name in HEAVY if name in loaded] == []
