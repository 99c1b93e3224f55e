"""Is the past of a local repository read as it is, wherever CI put it, and does reading run nothing of its own?"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.git.history import LocalHistory
from rollout.ports.errors import NotFound, Rejected
from tests.support.checkouts import Checkout, released

pytestmark = pytest.mark.slow  # real repositories


@contextmanager
def history(place: Path) -> Iterator[LocalHistory]:
    found = LocalHistory(place)
    try:
        yield found
    finally:
        found.close()


def cloned(checkout: Checkout, path: Path, *options: str) -> Checkout:
    checkout.git("clone", "--quiet", *options, f"file://{checkout.path}", str(path))
    clone = Checkout.__new__(Checkout)
    clone.path = path
    return clone


def test_a_detached_head_in_a_subfolder_is_read_from_the_root(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1", "v2")
    checkout.git("checkout", "--quiet", "--detach")

    with history(checkout.path / "apps") as past:
        base, now = past.base("HEAD~1"), past.now()

    assert base == checkout.git("rev-parse", "HEAD~1")
    assert sorted(now) == ["apps/v1.yaml", "apps/v2.yaml", "rollouts/checkout.yaml"]


def test_a_bare_repository_has_its_head_for_the_present(tmp_path: Path) -> None:
    bare = cloned(released(tmp_path / "specs", "v1", "v2"), tmp_path / "bare.git", "--bare")

    with history(bare.path) as past:
        then, now = past.at(past.base("HEAD~1")), past.now()

    assert (sorted(then), "apps/v2.yaml" in now) == (["apps/v1.yaml", "rollouts/checkout.yaml"], True)


def test_a_work_tree_beside_its_repository_is_read(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "beside"))
    (tmp_path / "beside" / "apps" / "v1.yaml").unlink()

    with history(tmp_path / "beside") as past:
        assert sorted(past.now()) == ["rollouts/checkout.yaml"]


def test_what_a_sparse_checkout_leaves_out_is_not_gone(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.git("sparse-checkout", "set", "rollouts")

    with history(checkout.path) as past:
        assert not (checkout.path / "apps").exists()
        assert past.now() == past.at(past.base("HEAD"))


def test_hidden_files_symlinks_and_what_git_ignores_are_passed_over(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.write(".github/workflow.yaml", {"kind": "Service"})
    (checkout.path / "link.yaml").symlink_to("apps/v1.yaml")
    (checkout.path / ".gitignore").write_text("rendered/\n")
    checkout.write("rendered/v1.yaml", {"kind": "Service"})
    commit = checkout.commit()

    with history(checkout.path) as past:
        assert sorted(past.at(commit)) == sorted(past.now()) == ["apps/v1.yaml", "rollouts/checkout.yaml"]


def test_edits_come_newest_first_and_only_where_a_revision_may_have_changed(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1", "v2")
    checkout.write("apps/other.yaml", {"kind": "ConfigMap"})
    base = checkout.commit("nothing to do with it")

    with history(checkout.path) as past:
        edits = [[edit.path for edit in commit] for commit in past.before(base)]

    assert edits == [["rollouts/checkout.yaml"], ["rollouts/checkout.yaml"]]


def test_a_merge_tells_what_it_brought_to_the_branch(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.git("checkout", "--quiet", "-b", "topic")
    checkout.release("v2")
    checkout.git("checkout", "--quiet", "main")
    checkout.git("merge", "--quiet", "--no-ff", "--message", "merge", "topic")

    with history(checkout.path) as past:
        newest = next(past.before(past.base("HEAD")))

    assert (b"revision: v1" in newest[0].before, b"revision: v2" in newest[0].after) == (True, True)


@pytest.mark.parametrize("revision", ["--output=x", "-1", "^main", "main:apps", "", "a b", "HEAD\n", ":/release"])
def test_what_git_could_take_for_something_else_is_refused(tmp_path: Path, revision: str) -> None:
    checkout = released(tmp_path / "specs", "v1")

    with history(checkout.path) as past, pytest.raises(Rejected, match="no revision of git"):
        past.base(revision)


def test_a_folder_without_a_repository_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="in no git repository"):
        LocalHistory(tmp_path)


def test_a_revision_that_a_shallow_clone_has_not_says_what_depth_is_needed(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1", "v2")
    shallow = cloned(checkout, tmp_path / "shallow", "--depth=1")

    with history(shallow.path) as past, pytest.raises(NotFound, match=r"shallow clone.*fetch-depth: 0"):
        past.base("HEAD~1")


def test_history_that_a_shallow_clone_cut_off_is_not_taken_for_the_beginning(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1", "v2", "v3")
    shallow = cloned(checkout, tmp_path / "shallow", "--depth=2")

    with history(shallow.path) as past:
        commits = past.before(past.base("HEAD"))
        newest = next(commits)
        with pytest.raises(Rejected, match=r"shallow clone.*--unshallow"):
            next(commits)

    assert b"revision: v3" in newest[0].after


def test_two_histories_have_nothing_in_common(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    checkout.git("checkout", "--quiet", "--orphan", "other")
    checkout.commit()

    with history(checkout.path) as past, pytest.raises(NotFound, match="no commit in common"):
        past.base("main")


def test_the_repositorys_own_configuration_runs_nothing(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1", "v2")
    ran = tmp_path / "ran"
    for name in ("core.fsmonitor", "diff.external", "diff.bad.textconv", "diff.bad.command", "core.pager"):
        checkout.git("config", name, f"touch {ran}; false")
    (checkout.path / ".gitattributes").write_text("*.yaml diff=bad\n")

    with history(checkout.path) as past:
        base = past.base("HEAD~1")
        found = (list(past.before(base)), list(past.within(base)), past.now(), past.at(base))

    assert all(found)
    assert not ran.exists()


def test_a_file_that_is_too_large_for_a_manifest_is_not_read(tmp_path: Path) -> None:
    checkout = released(tmp_path / "specs", "v1")
    (checkout.path / "large.yaml").write_text("a: b\n" * 300_000)
    commit = checkout.commit()

    with history(checkout.path) as past:
        assert (past.at(commit)["large.yaml"], "large.yaml" in past.now()) == (b"", False)
