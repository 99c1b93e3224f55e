"""What of a commit is taken, what is kept out, and what may be deleted?"""

import pytest

from rollout.model.names import Key
from rollout.model.source import GitSource, OnInvalid, Snapshot, SpecFile
from rollout.ports.specs import ObjectRef
from rollout.services.sync_plan import REFUSED, Wanted, plan, read, uncontested, wanted
from tests.support.sync_world import API_VERSION, HOME, a_migration, a_policy

APPS = Key(namespace="shop", name="apps")
OTHER = Key(namespace="shop", name="other")
BROKEN = a_policy("broken").replace("objectives", "objektives")
COMMAND = f"apiVersion: {API_VERSION}\nkind: RolloutCommand\nmetadata: {{name: go}}\nspec: {{verb: promote}}\n"
SOURCE = f"apiVersion: {API_VERSION}\nkind: GitSource\nmetadata: {{name: more}}\nspec: {{url: 'https://x.example/a'}}\n"
RECEIVER = (
    f"apiVersion: {API_VERSION}\nkind: Receiver\nmetadata: {{name: mine}}\n"
    "spec: {type: callback, proof: hmac, secretRef: {name: mine}, grants: [{verbs: [approve]}]}\n"
)
FORBIDDEN = {"RolloutCommand": COMMAND, "GitSource": SOURCE, "Receiver": RECEIVER}
FLEET = ObjectRef(kind="MeshMigration", key=Key(namespace="", name="fleet"))
FOREIGN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def ref(name: str, namespace: str = "shop") -> ObjectRef:
    return ObjectRef(kind="SloPolicy", key=Key(namespace=namespace, name=name))


def want(
    files: dict[str, str], source: Key = APPS, *, on_invalid: OnInvalid = OnInvalid.KEEP_ALL, owner: Key | None = None
) -> Wanted:
    held = tuple(SpecFile(path=path, content=files[path].encode()) for path in sorted(files))
    reading = read(Snapshot(commit="c" * 40, author="", files=held), source.namespace)
    git = GitSource(key=source, url="https://git.example.org/a.git", on_invalid=on_invalid)
    return uncontested(wanted(reading, git, HOME), git, lambda _: owner)


def refs(*names: str) -> tuple[ObjectRef, ...]:
    return tuple(ref(name) for name in names)


def test_all_files_of_a_valid_commit_are_wanted() -> None:
    result = want({"a.yaml": a_policy("a"), "b.yaml": a_policy("b")})

    assert [spec.ref for spec in result.specs] == [ref("a"), ref("b")]


def test_a_spec_remembers_its_file_line_and_commit() -> None:
    (spec,) = want({"apps/a.yaml": f"# first\n---\n{a_policy('a')}"}).specs

    assert (spec.place, spec.commit) == ("apps/a.yaml:3", "c" * 40)


def test_one_invalid_file_keeps_the_whole_commit_out_and_is_named() -> None:
    result = want({"a.yaml": a_policy("a"), "bad.yaml": BROKEN})

    assert result.specs == ()
    assert {error.file for error in result.errors} == {"bad.yaml"}


def test_with_skip_file_the_other_files_are_taken() -> None:
    result = want({"a.yaml": a_policy("a"), "bad.yaml": BROKEN}, on_invalid=OnInvalid.SKIP_FILE)

    assert ([spec.ref for spec in result.specs], result.skipped) == ([ref("a")], ("bad.yaml",))


def test_objects_of_other_kinds_are_ignored_and_counted() -> None:
    result = want({"a.yaml": f"{a_policy('a')}---\n{FOREIGN}---\n{FOREIGN}"})

    assert (len(result.specs), result.foreign, result.errors) == (1, 2, ())


@pytest.mark.parametrize("kind", sorted({*FORBIDDEN, *REFUSED}))
def test_kinds_that_may_not_come_from_git_are_refused(kind: str) -> None:
    result = want({"a.yaml": a_policy("a"), "x.yaml": FORBIDDEN[kind]})

    assert result.specs == ()
    assert kind in str(result.errors[0])


def test_another_namespace_is_refused_with_the_place() -> None:
    result = want({"a.yaml": a_policy("a", namespace="pay")})

    assert result.specs == ()
    assert "a.yaml:1" in str(result.errors[0])
    assert "only in its own namespace" in str(result.errors[0])


def test_a_source_of_the_controllers_namespace_may_write_everywhere() -> None:
    result = want({"a.yaml": a_policy("a", namespace="pay")}, Key(namespace=HOME, name="all"))

    assert [spec.ref for spec in result.specs] == [ref("a", "pay")]


def test_a_source_of_the_controllers_namespace_may_hold_a_move_of_the_fleet() -> None:
    result = want({"a.yaml": a_migration("fleet")}, Key(namespace=HOME, name="all"))

    assert [spec.ref for spec in result.specs] == [FLEET]
    assert "namespace" not in result.specs[0].manifest["metadata"]


def test_a_source_of_another_namespace_may_not_and_is_told_who_may() -> None:
    result = want({"a.yaml": a_policy("a"), "b.yaml": a_migration("fleet")})

    (error,) = result.errors
    assert str(error) == (
        "MeshMigration fleet: a MeshMigration is for the whole cluster: only a GitSource in rollout-system may hold it; "
        "move it there (kind, b.yaml:1)"
    )


def test_a_move_of_the_fleet_that_names_a_namespace_is_refused_with_the_line() -> None:
    result = want({"a.yaml": a_migration("fleet", namespace=HOME)}, Key(namespace=HOME, name="all"))

    (error,) = result.errors
    assert str(error) == (
        "fleet: a MeshMigration is for the whole cluster, in no namespace; leave it out (metadata.namespace, a.yaml:3)"
    )


def test_a_move_of_the_fleet_that_left_git_is_pruned() -> None:
    left = want({"a.yaml": a_policy("a", namespace=HOME)}, Key(namespace=HOME, name="all"))

    result = plan(left, (FLEET, ref("a", HOME)), prune=True, allowed=False)

    assert (result.prune, result.held) == ((FLEET,), ())


def test_one_object_in_two_files_is_an_error_that_names_both() -> None:
    result = want({"a.yaml": a_policy("a"), "b.yaml": a_policy("a", "2%")})

    assert result.specs == ()
    assert [(error.file, "b.yaml:1" in error.message) for error in result.errors] == [
        ("a.yaml", True),
        ("b.yaml", False),
    ]


def test_an_object_that_another_source_applies_is_refused() -> None:
    result = want({"a.yaml": a_policy("a")}, owner=OTHER)

    assert result.specs == ()
    assert "GitSource shop/other applies it already" in str(result.errors[0])


def test_what_left_git_is_pruned() -> None:
    result = plan(want({"a.yaml": a_policy("a")}), refs("a", "b"), prune=True, allowed=False)

    assert (result.prune, result.held) == (refs("b"), ())


def test_nothing_is_pruned_when_the_source_says_so() -> None:
    result = plan(want({"a.yaml": a_policy("a")}), refs("a", "b"), prune=False, allowed=False)

    assert result.prune == ()


def test_nothing_is_pruned_while_a_file_is_left_out() -> None:
    half = want({"a.yaml": a_policy("a"), "bad.yaml": BROKEN}, on_invalid=OnInvalid.SKIP_FILE)

    result = plan(half, refs("a", "b"), prune=True, allowed=True)

    assert (result.prune, result.held) == ((), ())


def test_an_empty_commit_is_held_even_for_one_object() -> None:
    result = plan(want({}), refs("a"), prune=True, allowed=False)

    assert (result.prune, result.held) == ((), refs("a"))
    assert "all 1 would be deleted" in result.held_why


@pytest.mark.parametrize(
    ("owned", "gone", "held"),
    [(1, 1, True), (2, 1, False), (3, 1, False), (3, 2, True), (100, 50, False), (100, 51, True)],
)
def test_at_most_half_goes_without_a_person(owned: int, gone: int, held: bool) -> None:
    names = [f"p{number:03}" for number in range(owned)]
    left = want({f"{name}.yaml": a_policy(name) for name in [*names[gone:], "new"]})

    result = plan(left, refs(*names), prune=True, allowed=False)

    assert (bool(result.held), len(result.held) + len(result.prune)) == (held, gone)
    assert bool(result.apply) is not held


def test_a_person_can_let_a_commit_delete_everything() -> None:
    result = plan(want({}), refs("a", "b"), prune=True, allowed=True)

    assert (result.prune, result.held) == (refs("a", "b"), ())
