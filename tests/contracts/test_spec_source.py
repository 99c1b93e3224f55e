"""Does every SpecSource answer alike: in memory, from a repository on disk, and over HTTP with a password?"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import pytest

from adapters.git.allowed import Urls
from adapters.git.source import GitSpecSource
from adapters.memory.source import MemorySpecSource
from rollout.model.names import Key
from rollout.model.source import GitSource
from rollout.ports.errors import NotFound
from rollout.ports.sources import Credentials, SpecSource
from tests.servers.githttp import GitHttp, Login
from tests.support.repos import Repository

FILES = {"apps/b.yaml": "b: 1\n", "apps/a.yml": "a: 1\n", "apps/deep/c.yaml": "c: 1\n", "other/d.yaml": "d: 1\n"}


class Fill(Protocol):
    """How a test commits to the repository under test."""

    def __call__(self, files: Mapping[str, str], *, ref: str = "main") -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One implementation with an empty repository."""

    specs: SpecSource
    commit: Fill
    source: GitSource
    credentials: Credentials = field(default_factory=Credentials)


def source_of(url: str, **changes: str) -> GitSource:
    base = GitSource(key=Key(namespace="shop", name="apps"), url=url)
    return replace(base, ref=changes.get("ref", "main"), path=changes.get("path", ""))


@pytest.fixture(params=["memory", "file", pytest.param("http", marks=pytest.mark.server)])
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    if request.param == "memory":
        memory = MemorySpecSource()
        url = "https://git.example.org/shop.git"

        def fill(files: Mapping[str, str], *, ref: str = "main") -> str:
            return memory.commit(url, files, ref=ref)

        yield Case(specs=memory, commit=fill, source=source_of(url))
        return
    repository, url, credentials = Repository(tmp_path / "shop.git"), f"file://{tmp_path}/shop.git", Credentials()
    if request.param == "http":
        server: GitHttp = request.getfixturevalue("git_http")
        server.login = Login(user="ana", password="correct horse")
        url, credentials = f"{server.url}/shop.git", Credentials(username="ana", password="correct horse")

    def write(files: Mapping[str, str], *, ref: str = "main") -> str:
        return repository.commit(files, ref=f"refs/heads/{ref}")

    git = GitSpecSource(tmp_path / "cache", urls=Urls(file=True))
    yield Case(specs=git, commit=write, source=source_of(url), credentials=credentials)
    await git.close()


async def test_head_is_the_newest_commit_of_the_ref(case: Case) -> None:
    case.commit(FILES)
    newest = case.commit({"apps/a.yaml": "a: 2\n"})

    head = await case.specs.head(case.source, case.credentials)

    assert head == newest


async def test_a_ref_that_is_absent_is_not_found_and_named(case: Case) -> None:
    case.commit(FILES)

    with pytest.raises(NotFound, match="nowhere"):
        await case.specs.head(replace(case.source, ref="nowhere"), case.credentials)


async def test_a_full_ref_name_means_the_same_as_its_branch(case: Case) -> None:
    commit = case.commit(FILES)

    head = await case.specs.head(replace(case.source, ref="refs/heads/main"), case.credentials)

    assert head == commit


async def test_a_commit_is_read_as_its_yaml_files_sorted_by_path(case: Case) -> None:
    commit = case.commit({**FILES, "README.md": "not a spec"})

    snapshot = await case.specs.read(case.source, case.credentials, commit)

    assert [file.path for file in snapshot.files] == sorted(FILES)
    assert {file.path: file.content.decode() for file in snapshot.files} == FILES


async def test_only_files_under_the_path_are_read_and_keep_their_full_names(case: Case) -> None:
    commit = case.commit(FILES)

    snapshot = await case.specs.read(replace(case.source, path="./apps/"), case.credentials, commit)

    assert [file.path for file in snapshot.files] == ["apps/a.yml", "apps/b.yaml", "apps/deep/c.yaml"]


async def test_hidden_files_and_folders_are_passed_over(case: Case) -> None:
    commit = case.commit({"a.yaml": "a: 1\n", ".github/ci.yaml": "on: push\n", ".hidden.yaml": "b: 1\n"})

    snapshot = await case.specs.read(case.source, case.credentials, commit)

    assert [file.path for file in snapshot.files] == ["a.yaml"]


async def test_a_folder_that_is_absent_is_not_found_and_named(case: Case) -> None:
    commit = case.commit(FILES)

    with pytest.raises(NotFound, match=r"spec\.path: there is no nowhere"):
        await case.specs.read(replace(case.source, path="nowhere"), case.credentials, commit)


async def test_the_snapshot_says_which_commit_it_is_and_who_wrote_it(case: Case) -> None:
    commit = case.commit(FILES)

    snapshot = await case.specs.read(case.source, case.credentials, commit)

    assert snapshot.commit == commit
    assert snapshot.author.endswith("example.org>")


async def test_a_commit_that_was_read_once_can_be_read_again_after_the_ref_moved(case: Case) -> None:
    first = case.commit({"a.yaml": "a: 1\n"})
    await case.specs.read(case.source, case.credentials, first)
    case.commit({"a.yaml": "a: 2\n"})

    snapshot = await case.specs.read(case.source, case.credentials, first)

    assert (snapshot.commit, snapshot.files[0].content) == (first, b"a: 1\n")


async def test_a_rewritten_branch_is_read_as_it_is_now(case: Case) -> None:
    await case.specs.read(case.source, case.credentials, case.commit({"a.yaml": "a: 1\n"}))
    newest = case.commit({"b.yaml": "b: 1\n"})

    snapshot = await case.specs.read(case.source, case.credentials, newest)

    assert [file.path for file in snapshot.files] == ["b.yaml"]


async def test_branches_of_one_repository_do_not_mix(case: Case) -> None:
    main = case.commit({"a.yaml": "a: 1\n"})
    next_branch = case.commit({"b.yaml": "b: 1\n"}, ref="next")

    first = await case.specs.read(case.source, case.credentials, main)
    second = await case.specs.read(replace(case.source, ref="next"), case.credentials, next_branch)

    assert [first.files[0].path, second.files[0].path] == ["a.yaml", "b.yaml"]


async def test_a_repository_that_is_absent_is_not_found(case: Case) -> None:
    with pytest.raises(NotFound):
        await case.specs.head(replace(case.source, url=f"{case.source.url}-gone"), case.credentials)
