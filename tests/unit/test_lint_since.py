"""Does `rollout lint --since` see what a change takes away from revisions that may still need it?"""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rollout.cli.main import main
from tests.support.builders import a_rollout_manifest
from tests.support.checkouts import Checkout, parts, released

GONE = ("Deployment/checkout-{0} is gone", "Service/checkout-{0} is gone")

pytestmark = pytest.mark.slow  # whole commands on real repositories


def found(checkout: Checkout, since: str = "HEAD~1", *words: str) -> list[dict[str, Any]]:
    """The errors since a commit, as data."""
    result = checkout.lint("--since", since, "-o", "json", *words)
    assert result.exit_code in (0, 1), result.output
    return list(json.loads(result.stdout)["errors"])


def messages(checkout: Checkout, since: str = "HEAD~1") -> list[str]:
    return [error["message"].partition(":")[0] for error in found(checkout, since)]


def gone(*revisions: str) -> list[str]:
    return sorted(text.format(revision) for revision in revisions for text in GONE)


def test_a_release_adds_and_takes_nothing_away(tmp_path: Path) -> None:
    assert found(released(tmp_path / "specs", "v1", "v2")) == []


def test_a_workload_that_the_present_revision_needs_may_not_go(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1", "v2")
    checkout.remove("apps/v2.yaml")
    checkout.commit()

    assert sorted(messages(checkout)) == gone("v2")


def test_the_former_revision_may_not_go_in_the_commit_that_replaces_it(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.remove("apps/v1.yaml")
    checkout.release("v2")

    assert sorted(messages(checkout)) == gone("v1")


def test_the_error_stands_where_the_object_stood_and_says_what_to_do(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1", "v2")
    checkout.remove("apps/v1.yaml")
    checkout.commit()

    error = found(checkout)[0]

    assert (Path(error["file"]).resolve(), error["line"]) == (tmp_path / "specs/apps/v1.yaml", 1)
    assert error["about"] == "shop/checkout"
    assert "once status.removable of shop/checkout lists Deployment/checkout-v1" in error["message"]


def test_the_last_ten_changes_of_revision_are_kept_and_no_more(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", *(f"v{number}" for number in range(1, 13)))
    checkout.remove("apps/v1.yaml")
    checkout.remove("apps/v2.yaml")
    checkout.commit()

    assert sorted(messages(checkout)) == gone("v2")


def test_commits_that_change_no_revision_are_not_counted(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1", "v2")
    for number in range(12):
        manifest = a_rollout_manifest(revision="v2")
        manifest["metadata"]["annotations"] = {"revision-of-this-file": str(number)}
        checkout.write("rollouts/checkout.yaml", manifest)
        checkout.commit()
    checkout.remove("apps/v1.yaml")
    checkout.commit()

    assert sorted(messages(checkout)) == gone("v1")


def test_a_revision_that_was_named_and_taken_back_within_the_range_counts(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.write("apps/v2.yaml", *parts("v2"))
    before = checkout.commit("v2 is deployed, not named")
    checkout.release("v2")
    checkout.write("rollouts/checkout.yaml", a_rollout_manifest(revision="v1"))
    checkout.remove("apps/v2.yaml")
    checkout.commit("back to v1")

    assert sorted(messages(checkout, before)) == gone("v2")


def test_a_template_that_changed_in_place_needs_a_new_revision_name(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1", "v2")
    checkout.write("apps/v1.yaml", *parts("v1", image="v1-patched"))
    checkout.commit()

    error = found(checkout)[0]

    assert error["message"].startswith("the pod template of Deployment/checkout-v1 changed in place")
    assert error["message"].endswith("give the new template a new revision name")


def test_a_selector_that_changed_in_place_is_an_error(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    deployment, service = parts("v1")
    checkout.write("apps/v1.yaml", deployment, {**service, "spec": {**service["spec"], "selector": {"app": "cart"}}})
    checkout.commit()

    assert messages(checkout) == ["the selector of Service/checkout-v1 changed in place"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("replicas", 7), ("strategy", {"type": "Recreate"})],
)
def test_what_is_no_pod_template_may_change(tmp_path: Path, field: str, value: object) -> None:
    checkout = released(tmp_path / "specs", "v1")
    deployment, service = parts("v1")
    checkout.write("apps/v1.yaml", {**deployment, "spec": {**deployment["spec"], field: value}}, service)
    checkout.commit()

    assert found(checkout) == []


def test_a_restart_annotation_is_no_change(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    deployment, service = parts("v1")
    deployment["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}
    checkout.write("apps/v1.yaml", deployment, service)
    checkout.commit()

    assert found(checkout) == []


def test_a_revision_that_the_range_names_first_may_still_change_before_its_run(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.write("apps/v2.yaml", *parts("v2", image="early"))
    before = checkout.commit("v2 is deployed, not named")
    checkout.release("v2")

    assert found(checkout, before) == []


def test_files_may_move_and_split_and_become_json(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    deployment, service = parts("v1")
    checkout.remove("apps/v1.yaml")
    checkout.write("elsewhere/service.yml", service)
    (checkout.path / "deployment.json").write_text(json.dumps({"kind": "List", "items": [deployment]}))
    checkout.commit()

    assert found(checkout) == []


def test_a_rollout_that_moves_keeps_its_history(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1", "v2")
    checkout.remove("rollouts/checkout.yaml")
    checkout.write("moved/rollout.yaml", a_rollout_manifest(revision="v2"))
    checkout.commit("move")
    checkout.remove("apps/v1.yaml")
    checkout.commit()

    assert sorted(messages(checkout)) == gone("v1")


def test_the_default_namespace_is_one_and_the_same_thing_as_its_name(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    deployment, service = parts("v1")
    for obj in (deployment, service):
        obj["metadata"] = {"name": "checkout-v1"}
    checkout.write("apps/v1.yaml", deployment, service)
    checkout.commit()

    assert found(checkout, "HEAD~1", "-n", "shop") == []
    assert len(found(checkout, "HEAD~1", "-n", "other")) == 2


def test_one_of_two_clusters_folders_may_not_lose_it_either(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.write("staging/v1.yaml", *parts("v1"))
    checkout.commit()
    checkout.remove("staging/v1.yaml")
    checkout.commit()

    errors = found(checkout)

    assert [Path(error["file"]).parent.name for error in errors] == ["staging", "staging"]


def test_what_is_not_committed_yet_counts(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.remove("apps/v1.yaml")

    assert sorted(messages(checkout, "HEAD")) == gone("v1")


def test_a_branch_is_not_blamed_for_what_main_added_since(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.git("checkout", "--quiet", "-b", "topic")
    checkout.git("checkout", "--quiet", "main")
    checkout.release("v2")
    checkout.git("checkout", "--quiet", "topic")
    checkout.release("v3")

    assert found(checkout, "main") == []


def test_an_object_that_cannot_be_read_any_more_is_gone_and_its_file_is_named(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    (checkout.path / "apps/v1.yaml").write_text("kind: Deployment\nspec: [")
    checkout.commit()

    result = checkout.lint("--since", "HEAD~1")

    assert result.exit_code == 1
    assert "Deployment/checkout-v1 is gone" in result.stdout
    assert "not looked into: apps/v1.yaml: this is not YAML" in result.stderr


def test_an_invalid_manifest_in_the_past_does_not_hide_what_was_before_it(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.write("rollouts/checkout.yaml", a_rollout_manifest(revision="v2", steps=[]))
    checkout.commit("broken")
    checkout.release("v3")
    checkout.remove("apps/v1.yaml")
    checkout.commit()

    assert sorted(messages(checkout)) == gone("v1")


def test_objects_of_others_come_and_go_as_they_like(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.write("apps/cart.yaml", *parts("v1", name="cart"))
    checkout.commit()
    checkout.remove("apps/cart.yaml")
    checkout.commit()

    assert found(checkout) == []


def test_the_service_that_served_before_the_first_run_may_not_go(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    _, old = parts("old", name="checkout-legacy")
    checkout.write("apps/old.yaml", old)
    checkout.write("rollouts/checkout.yaml", a_rollout_manifest(revision="v1", stable={"service": "checkout-legacy"}))
    checkout.commit()
    checkout.remove("apps/old.yaml")
    checkout.commit()

    assert messages(checkout) == ["Service/checkout-legacy is gone"]


def test_the_host_of_subsets_may_not_go(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    subset = {"subset": {"host": "checkout", "name": "{revision}", "labels": {"version": "{revision}"}}}
    checkout.write("apps/host.yaml", parts("v1", name="checkout")[1])
    checkout.write("rollouts/checkout.yaml", a_rollout_manifest(revision="v1", backend=subset))
    checkout.commit()
    checkout.remove("apps/host.yaml")
    checkout.commit()

    assert messages(checkout) == ["Service/checkout is gone"]


def test_a_repository_is_found_from_any_of_its_folders(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1", "v2")
    checkout.remove("apps/v1.yaml")

    result = CliRunner().invoke(main, ["lint", str(checkout.path / "rollouts"), "--since", "HEAD", "-o", "github"])

    assert result.exit_code == 1
    assert "::error file=apps/v1.yaml,line=1," in result.stdout


def test_a_clone_that_is_too_shallow_is_a_usage_error_that_says_what_to_fetch(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1", "v2", "v3")
    checkout.git("clone", "--quiet", "--depth=2", f"file://{checkout.path}", str(tmp_path / "shallow"))

    result = CliRunner().invoke(main, ["lint", str(tmp_path / "shallow"), "--since", "HEAD~1", "-o", "json"])

    error = json.loads(result.stderr)
    assert (result.exit_code, result.stdout, error["code"]) == (2, "", "NoHistory")
    assert "fetch-depth: 0" in error["message"]


def test_people_are_told_what_it_was_compared_with(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1", "v2")

    result = checkout.lint("--since", "HEAD~1")

    assert result.stderr == f"compared with {checkout.git('rev-parse', '--short=12', 'HEAD~1')}\n3 files, no errors\n"


def test_a_rollout_may_not_take_what_serves_with_it(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.remove("rollouts/checkout.yaml")
    checkout.remove("apps/v1.yaml")
    checkout.write("readme.yaml", {"kind": "ConfigMap"})
    checkout.commit()

    errors = found(checkout)

    assert len(errors) == 2
    assert all("delete it in a later change" in error["message"] for error in errors)


def test_what_a_deleted_rollout_left_behind_may_go_later(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.remove("rollouts/checkout.yaml")
    checkout.write("readme.yaml", {"kind": "ConfigMap"})
    checkout.commit()
    checkout.remove("apps/v1.yaml")
    checkout.commit()

    assert found(checkout) == []


def test_cluster_options_without_since_are_a_usage_error(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")

    assert checkout.lint("--context", "prod").exit_code == 2
