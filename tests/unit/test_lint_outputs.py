"""Do git hosts and scripts read what lint found as it was meant?"""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from rollout.cli.findings import github, gitlab
from rollout.cli.main import main
from rollout.manifest.errors import SpecError
from tests.support.builders import a_rollout_manifest
from tests.support.sync_world import a_migration


def lint(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["lint", *words], input=stdin)


def an_error(message: str = "weight 500 is more than 100", file: str = "a.yaml", line: int = 4) -> SpecError:
    return SpecError(message, file=file, line=line, about="shop/checkout", path="spec.steps")


def a_bad_file(folder: Path) -> Path:
    """A repository's root with one wrong manifest in a folder."""
    (folder / ".git").mkdir()
    (folder / "apps").mkdir()
    file = folder / "apps" / "checkout.yaml"
    file.write_text(yaml.safe_dump(a_rollout_manifest(steps=[{"weight": 500}])))
    return file


def test_json_has_the_same_fields_for_every_error(tmp_path: Path) -> None:
    file = a_bad_file(tmp_path)

    result = lint(str(tmp_path), "-o", "json")

    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "apiVersion": "cli.rollout.dev/v1alpha1",
        "kind": "Lint",
        "errors": [
            {
                "file": str(file),
                "line": 19,
                "column": 0,
                "path": "spec.steps[0].weight",
                "about": "shop/checkout",
                "message": "weight 500 is more than 100",
                "severity": "error",
            }
        ],
        "unread": [],
    }


def test_a_move_of_the_fleet_is_checked_like_all_else_and_has_no_namespace(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(a_migration("fleet"))
    bad.write_text(a_migration("more", soak="0s"))

    fine, wrong = lint(str(good), "-n", "shop"), lint(str(bad), "-n", "shop")

    assert (fine.exit_code, fine.stderr) == (0, "1 file, no errors\n")
    assert (wrong.exit_code, wrong.stdout) == (
        1,
        f"{bad}:6: more: soak 0s is not between 1s and 840h (spec.soak)\n",
    )


def test_github_shows_the_error_at_its_line(tmp_path: Path) -> None:
    a_bad_file(tmp_path)

    result = lint(str(tmp_path), "-o", "github")

    place, message = result.stdout.rstrip("\n").removeprefix("::error ").split("::")
    assert result.exit_code == 1
    assert place == "file=apps/checkout.yaml,line=19,title=rollout lint%3A shop/checkout"
    assert message == "weight 500 is more than 100 (spec.steps[0].weight)"


def test_a_message_for_github_cannot_become_a_command_of_its_own() -> None:
    told = github(an_error("100% wrong,\r\n::error::made up", file="a:b,c%.yaml"))

    head, _, message = told.removeprefix("::error ").partition("::")
    assert "\n" not in told
    assert "\r" not in told
    assert "file=a%3Ab%2Cc%25.yaml," in head
    assert message == "100%25 wrong,%0D%0A::error::made up (spec.steps)"


def test_gitlab_gets_a_code_quality_report(tmp_path: Path) -> None:
    a_bad_file(tmp_path)

    result = lint(str(tmp_path), "-o", "gitlab")

    (entry,) = json.loads(result.stdout)
    fingerprint = entry.pop("fingerprint")
    assert len(fingerprint) == 64
    assert entry == {
        "description": "shop/checkout: weight 500 is more than 100",
        "check_name": "rollout-lint",
        "severity": "major",
        "location": {"path": "apps/checkout.yaml", "lines": {"begin": 19}},
    }


def test_an_error_that_moves_keeps_its_fingerprint_and_two_alike_have_two() -> None:
    first = json.loads(gitlab([an_error(), an_error()]))
    later = json.loads(gitlab([an_error(line=40), an_error(line=50)]))

    prints = [entry["fingerprint"] for entry in first]
    assert prints == [entry["fingerprint"] for entry in later]
    assert len(set(prints)) == 2


def test_gitlab_gets_an_empty_report_when_all_is_well(tmp_path: Path) -> None:
    (tmp_path / "checkout.yaml").write_text(yaml.safe_dump(a_rollout_manifest()))

    result = lint(str(tmp_path), "-o", "gitlab")

    assert (result.exit_code, json.loads(result.stdout)) == (0, [])


@pytest.mark.parametrize("output", ["json", "yaml", "github", "gitlab"])
def test_stdin_is_linted_in_every_format(output: str) -> None:
    result = lint("-", "-o", output, stdin=yaml.safe_dump(a_rollout_manifest(steps=[{"weight": 500}])))

    assert (result.exit_code, "stdin" in result.stdout) == (1, True)


def test_json_files_of_a_folder_are_read_as_the_controller_does(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(yaml.safe_dump(a_rollout_manifest()))
    (tmp_path / "bad.json").write_text(json.dumps(a_rollout_manifest(steps=[{"weight": 500}])))

    assert lint(str(tmp_path)).exit_code == 1


def service(name: str, **selector: str) -> dict[str, object]:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": selector}}


def deployment(revision: str) -> dict[str, object]:
    template = {"metadata": {"labels": {"app": "checkout", "version": revision}}}
    metadata = {"name": f"checkout-{revision}", "namespace": "shop"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template}}


def test_a_service_that_selects_another_revisions_pods_is_an_error(tmp_path: Path) -> None:
    objects = [a_rollout_manifest(), deployment("v1"), deployment("v2"), service("checkout-v1", app="checkout")]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(objects))

    result = lint(str(tmp_path))

    assert result.exit_code == 1
    assert "Service checkout-v1 also selects the pods of Deployment checkout-v2" in result.stdout


def test_services_that_select_their_own_revision_alone_are_right(tmp_path: Path) -> None:
    services = [service(f"checkout-{name}", app="checkout", version=name) for name in ("v1", "v2")]
    objects = [a_rollout_manifest(), deployment("v1"), deployment("v2"), *services, service("checkout", app="checkout")]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(objects))

    assert lint(str(tmp_path)).exit_code == 0


def test_a_former_service_that_selects_the_canary_is_an_error(tmp_path: Path) -> None:
    rollout = a_rollout_manifest(revision="v1", stable={"service": "checkout"})
    objects = [rollout, deployment("v1"), service("checkout", app="checkout")]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(objects))

    result = lint(str(tmp_path))

    assert result.exit_code == 1
    assert "BackendsOverlap" in result.stdout
    assert "make routes name checkout-v1 first" in result.stdout
