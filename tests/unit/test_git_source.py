"""Does reading from git withstand repositories that mean harm?"""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.git.allowed import Urls
from adapters.git.mirror import Limits
from adapters.git.source import GitSpecSource
from rollout.model.source import GitSource
from rollout.ports.errors import NotFound, Rejected
from rollout.ports.sources import Credentials
from tests.support.repos import Repository, Submodule, Symlink

NOBODY = Credentials()
SMALL = Limits(files=3, total_bytes=1000, file_bytes=400)


@pytest.fixture
async def git(tmp_path: Path) -> AsyncIterator[GitSpecSource]:
    specs = GitSpecSource(tmp_path / "cache", urls=Urls(file=True), limits=SMALL, seconds=20)
    yield specs
    await specs.close()


async def test_a_symlink_under_the_path_is_refused_and_named(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    commit = repository.commit({"a.yaml": "a: 1\n", "deep/passwd.yaml": Symlink(target="/etc/passwd")})

    with pytest.raises(Rejected, match=r"deep/passwd\.yaml.*symlink"):
        await git.read(source, NOBODY, commit)


async def test_a_path_that_goes_through_a_symlink_is_refused(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    commit = repository.commit({"apps": Symlink(target="other"), "other/x/a.yaml": "a: 1\n"})

    with pytest.raises(Rejected, match="'apps' is a symlink"):
        await git.read(replace(source, path="apps/x"), NOBODY, commit)


async def test_a_symlink_elsewhere_does_not_matter(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    commit = repository.commit({"apps/a.yaml": "a: 1\n", "link": Symlink(target="/etc")})

    snapshot = await git.read(replace(source, path="apps"), NOBODY, commit)

    assert [file.path for file in snapshot.files] == ["apps/a.yaml"]


async def test_a_submodule_under_the_path_is_refused_and_named(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    commit = repository.commit({"a.yaml": "a: 1\n", "vendor": Submodule()})

    with pytest.raises(Rejected, match=r"vendor.*submodule"):
        await git.read(source, NOBODY, commit)


async def test_a_huge_file_is_refused_and_named(git: GitSpecSource, repository: Repository, source: GitSource) -> None:
    commit = repository.commit({"big.yaml": "x" * 401})

    with pytest.raises(Rejected, match=r"big\.yaml has 401 bytes"):
        await git.read(source, NOBODY, commit)


async def test_too_many_files_are_refused(git: GitSpecSource, repository: Repository, source: GitSource) -> None:
    commit = repository.commit({f"{number}.yaml": "a: 1\n" for number in range(4)})

    with pytest.raises(Rejected, match="more than 3 spec files"):
        await git.read(source, NOBODY, commit)


async def test_too_much_in_all_is_refused(git: GitSpecSource, repository: Repository, source: GitSource) -> None:
    commit = repository.commit({f"{number}.yaml": "x" * 399 for number in range(3)})

    with pytest.raises(Rejected, match="1000 bytes"):
        await git.read(source, NOBODY, commit)


async def test_a_tree_that_unfolds_without_end_is_refused(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    tree = bytes.fromhex(repository.store("blob", b"a: 1\n"))
    entry = b"100644 a.yaml\0" + tree
    for _ in range(10):  # ten to the tenth files in eleven objects
        folder = bytes.fromhex(repository.store("tree", entry))
        entry = b"".join(b"40000 d%d\0" % number + folder for number in range(10))
    top = repository.store("tree", entry)
    said = f"tree {top}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nbomb\n"
    commit = repository.store("commit", said.encode())
    repository.git("update-ref", "refs/heads/main", commit)

    with pytest.raises(Rejected, match="more than"):
        await git.read(source, NOBODY, commit)


async def test_a_tree_with_a_parent_folder_in_it_is_refused(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    blob = bytes.fromhex(repository.store("blob", b"a: 1\n"))
    inner = bytes.fromhex(repository.store("tree", b"100644 a.yaml\0" + blob))
    top = repository.store("tree", b"40000 ..\0" + inner)
    said = f"tree {top}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nout\n"
    commit = repository.store("commit", said.encode())
    repository.git("update-ref", "refs/heads/main", commit)

    with pytest.raises(Rejected):
        await git.read(source, NOBODY, commit)


async def test_hooks_and_filters_of_a_repository_do_not_run(
    git: GitSpecSource, repository: Repository, source: GitSource, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    for name in ("post-checkout", "reference-transaction", "post-merge"):
        hook = repository.path / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
        hook.chmod(0o755)
    commit = repository.commit({"a.yaml": "a: 1\n", ".gitattributes": "*.yaml filter=evil\n"})
    mark.unlink(missing_ok=True)

    snapshot = await git.read(source, NOBODY, commit)

    assert (snapshot.files[0].content, mark.exists()) == (b"a: 1\n", False)


async def test_the_environment_of_the_controller_does_not_reach_git(
    git: GitSpecSource, repository: Repository, source: GitSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = repository.commit({"a.yaml": "a: 1\n"})
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.sshCommand=touch /tmp/x'")

    snapshot = await git.read(source, NOBODY, commit)

    assert (snapshot.commit, (tmp_path / "trace").exists()) == (commit, False)


@pytest.mark.parametrize("url", ["ext::sh -c touch% pwned", "--upload-pack=touch pwned", "git@localhost:a.git"])
async def test_a_url_that_is_not_allowed_never_reaches_git(git: GitSpecSource, source: GitSource, url: str) -> None:
    with pytest.raises(Rejected, match=r"spec\.url"):
        await git.head(replace(source, url=url), NOBODY)


async def test_a_ref_that_looks_like_an_option_never_reaches_git(git: GitSpecSource, source: GitSource) -> None:
    with pytest.raises(Rejected, match=r"spec\.ref"):
        await git.head(replace(source, ref="--upload-pack=touch pwned"), NOBODY)


@pytest.mark.parametrize("commit", ["--all", "HEAD", "main:a.yaml", "", "1" * 39])
async def test_only_a_commit_id_is_read(git: GitSpecSource, source: GitSource, commit: str) -> None:
    with pytest.raises(Rejected, match="no commit id"):
        await git.read(source, NOBODY, commit)


async def test_an_annotated_tag_is_the_commit_that_it_names(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    commit = repository.commit({"a.yaml": "a: 1\n"})
    repository.tag("v1", commit)

    head = await git.head(replace(source, ref="v1"), NOBODY)
    snapshot = await git.read(replace(source, ref="v1"), NOBODY, head)

    assert (head, snapshot.commit) == (commit, commit)


async def test_a_branch_goes_before_a_tag_of_its_name(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    repository.tag("main", repository.commit({"a.yaml": "a: 1\n"}))
    newest = repository.commit({"a.yaml": "a: 2\n"})

    snapshot = await git.read(source, NOBODY, newest)

    assert (await git.head(source, NOBODY), snapshot.commit) == (newest, newest)


async def test_a_path_that_is_a_file_is_refused(git: GitSpecSource, repository: Repository, source: GitSource) -> None:
    commit = repository.commit({"a.yaml": "a: 1\n"})

    with pytest.raises(Rejected, match="name its folder"):
        await git.read(replace(source, path="a.yaml"), NOBODY, commit)


async def test_a_ref_that_moved_on_is_read_as_it_is_now(
    git: GitSpecSource, repository: Repository, source: GitSource
) -> None:
    repository.commit({"a.yaml": "a: 1\n"})
    newest = repository.commit({"a.yaml": "a: 2\n"})

    snapshot = await git.read(source, NOBODY, "1" * 40)

    assert snapshot.commit == newest


async def test_what_a_former_process_left_behind_is_not_trusted(
    repository: Repository, source: GitSource, tmp_path: Path
) -> None:
    commit = repository.commit({"a.yaml": "a: 1\n"})
    for _ in range(2):
        git = GitSpecSource(tmp_path / "cache", urls=Urls(file=True))
        await git.read(source, NOBODY, commit)
        for place in (tmp_path / "cache").iterdir():
            (place / "shallow.lock").touch()  # as a killed git leaves it
        await git.close()

    git = GitSpecSource(tmp_path / "cache", urls=Urls(file=True))
    snapshot = await git.read(source, NOBODY, commit)

    assert snapshot.commit == commit


async def test_an_empty_repository_has_no_such_branch(git: GitSpecSource, source: GitSource) -> None:
    with pytest.raises(NotFound, match="no branch or tag main"):
        await git.head(source, NOBODY)
