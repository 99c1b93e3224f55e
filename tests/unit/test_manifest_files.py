"""What does a file of a repository hold, and what is said about a wrong one?"""

from typing import Any

import pytest
import yaml

from rollout.manifest.errors import SpecErrors
from rollout.manifest.lint import lint
from rollout.manifest.parse import parse_file
from rollout.model.names import Key
from tests.support.builders import CHECKOUT, a_rollout_manifest, a_spec

FILE = "rollouts/checkout.yaml"


def text_of(*objects: dict[str, Any]) -> bytes:
    return yaml.safe_dump_all(objects, sort_keys=False).encode()


def an_object(kind: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    named = {"name": "one", "namespace": "shop", **metadata}
    return {"apiVersion": "rollout.dev/v1alpha1", "kind": kind, "metadata": named, "spec": spec}


def errors_of(content: bytes) -> list[str]:
    with pytest.raises(SpecErrors) as caught:
        parse_file(FILE, content)
    return [str(error) for error in caught.value.errors]


def test_a_file_is_read_with_the_place_of_each_object() -> None:
    content = b"# the shop\n---\n" + text_of(a_rollout_manifest())

    (manifest,) = parse_file(FILE, content).manifests

    assert (manifest.kind, manifest.key, manifest.file, manifest.line) == ("Rollout", CHECKOUT, FILE, 3)
    assert manifest.spec == a_spec(source=f"{FILE}:3")
    assert manifest.obj == a_rollout_manifest()


def test_an_object_without_namespace_gets_the_one_of_its_source() -> None:
    manifest = a_rollout_manifest()
    del manifest["metadata"]["namespace"]

    (found,) = parse_file(FILE, text_of(manifest), namespace="pay").manifests

    assert found.key == Key(namespace="pay", name="checkout")
    assert found.obj["metadata"] == {"name": "checkout", "namespace": "pay"}


def test_what_is_not_ours_is_counted_and_left_alone() -> None:
    foreign = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "a"}, "spec": {"x": 1}}
    values: dict[str, Any] = {"image": {"tag": "v1"}}

    parsed = parse_file(FILE, text_of(foreign, values) + b"---\n")

    assert (parsed.manifests, parsed.foreign) == ((), 2)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ({"apiVersion": "rollout.dev/v1alpha1", "kind": "Rolout"}, "kind Rolout is not known; did you mean Rollout?"),
        ({"apiVersion": "rollout.dev/v1alpha1"}, "kind is missing; known here: Rollout, GitSource"),
        ({"apiVersion": "rollout.dev/v9", "kind": "Rollout"}, "this version reads rollout.dev/v1alpha1 (apiVersion"),
        ({"apiVersion": "rollout.dev/v1alpha1", "kind": "FreezeWindw"}, "did you mean FreezeWindow?"),
        ({"kind": "Rollout"}, "Rollout without apiVersion; write apiVersion: rollout.dev/v1alpha1"),
        ({"apiVersion": "rollout.dev/v1alpha1", "kind": "RolloutCommand"}, "comes from a person, not from git"),
    ],
)
def test_a_kind_of_our_group_is_known_or_refused(head: dict[str, Any], said: str) -> None:
    (error,) = errors_of(text_of({**head, "metadata": {"name": "a"}, "spec": {}}))

    assert said in error


def test_a_list_does_not_hide_our_objects() -> None:
    (error,) = errors_of(text_of({"apiVersion": "v1", "kind": "List", "items": [a_rollout_manifest()]}))

    assert "a List hides objects of rollout.dev" in error


def test_an_error_names_object_path_file_and_line() -> None:
    content = text_of(a_rollout_manifest()) + b"---\n" + text_of(a_rollout_manifest("pay", steps=[{"weight": 120}]))

    (error,) = errors_of(content)

    line = content.splitlines().index(b"  - weight: 120") + 1
    assert error == f"shop/pay: weight 120 is more than 100 (spec.steps[0].weight, {FILE}:{line})"


def test_the_errors_of_all_objects_are_told() -> None:
    bad = [a_rollout_manifest(name, steps=[{"weight": 120}]) for name in ("a", "b")]

    assert len(errors_of(text_of(*bad))) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metadata": {"name": "Shop_1"}}, "name Shop_1 is not a name of lower-case letters, digits and dashes"),
        ({"metadata": {"name": "n" * 64}}, "has 64 characters, at most 63 are allowed (metadata.name"),
        ({"metadata": {"name": "a", "labels": {"b": 1}}}, "b is the number 1, expected text; put it in quotes"),
        ({"metadata": {"name": "a", "label": {}}}, "unknown field label; did you mean labels?"),
        ({"metadata": {"name": "a", "labels": {"a b": "c"}}}, "labels.a b"),
        ({"metadata": {"name": "a", "labels": {"a": "b c"}}}, "a b c is not the value of a label (metadata.labels.a"),
        ({"metadata": {"name": "a", "uid": "1"}}, "uid: set by the API server; leave it out (metadata.uid"),
        (
            {"metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"}},
            "creationTimestamp: set by the API server; leave it out",
        ),
        ({"metadata": {}}, "name is missing: the object's name (metadata.name"),
        ({"status": {}}, "status: belongs to the controller, not to git; leave it out"),
        ({"Spec": {}}, "unknown field Spec; did you mean spec?"),
    ],
)
def test_the_outside_of_an_object_is_checked(change: dict[str, Any], said: str) -> None:
    (error,) = errors_of(text_of({**a_rollout_manifest(), **change}))

    assert said in error


def test_a_spec_must_be_there() -> None:
    manifest = a_rollout_manifest()
    del manifest["spec"]

    (error,) = errors_of(text_of(manifest))

    assert "spec is missing: what is wanted" in error


def test_what_kubectl_generates_is_read() -> None:
    manifest = a_rollout_manifest()
    manifest["metadata"]["creationTimestamp"] = None

    (found,) = parse_file(FILE, text_of(manifest)).manifests

    assert "creationTimestamp" not in found.obj["metadata"]


def test_an_object_is_there_once() -> None:
    (error,) = errors_of(text_of(a_rollout_manifest(), a_rollout_manifest()))

    assert "shop/checkout: Rollout is here twice, first in rollouts/checkout.yaml:1; remove one" in error


def test_lint_finds_an_object_in_two_files() -> None:
    content = text_of(a_rollout_manifest())

    (error,) = lint([("a.yaml", content), ("b.yaml", content)])

    assert str(error) == "shop/checkout: Rollout is here twice, first in a.yaml:1; remove one (b.yaml:1)"


def test_lint_tells_the_errors_of_all_files_in_their_order() -> None:
    files = [("b.yaml", b"a: ["), ("a.yaml", text_of(a_rollout_manifest(suspend="no"))), ("c.yaml", b"x: 1")]

    assert [error.file for error in lint(files)] == ["a.yaml", "b.yaml"]


def test_lint_is_silent_when_all_is_well() -> None:
    assert lint([(FILE, text_of(a_rollout_manifest(policies=["in-the-cluster"])))]) == []


def test_lint_tries_policies_of_the_same_files() -> None:
    policy = an_object("SloPolicy", {"objectives": [{"name": "errors", "kind": "error-ratio", "max": "2%"}]})
    files = [("a.yaml", text_of(a_rollout_manifest(policies=["one"]))), ("b.yaml", text_of(policy))]

    (error,) = lint(files)

    assert "objective errors of SloPolicy one is there already; rename one (spec.policies, a.yaml:1)" in str(error)
