"""Does every SpecSource answer alike: in memory, from a repository on disk, over HTTP with a password, and over SSH?"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import pytest

from adapters.git.allowed import Urls
from adapters.git.source import GitSpecSource
from adapters.memory.source import MemorySpecSource
from rollout.model.source import GitSource
from rollout.ports.errors import NotFound, Rejected
from rollout.ports.sources import Credentials, SpecSource, TrustedKeys
from tests.servers.githttp import GitHttp, Login
from tests.servers.sshd import Sshd
from tests.support.git_fixtures import git_source
from tests.support.repos import Repository
from tests.support.signing import SshSigner

FILES = {"apps/b.yaml": "b: 1\n", "apps/a.yml": "a: 1\n", "apps/deep/c.json": "{}\n", "other/d.yaml": "d: 1\n"}


class Fill(Protocol):
    """How a test commits to the repository under test."""

    def __call__(self, files: Mapping[str, str], *, ref: str = "main") -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One implementation with an empty repository. rewrite: a forced push; sign: a commit on top signed by that key."""

    specs: SpecSource
    commit: Fill
    rewrite: Fill
    sign: Callable[[str, SshSigner], str]
    source: GitSource
    credentials: Credentials = field(default_factory=Credentials)

    async def follows(self, commit: str, before: str) -> bool:
        return await self.specs.follows(self.source, self.credentials, commit, before)

    async def signer(self, commit: str, *keys: SshSigner) -> str:
        trusted = TrustedKeys(ssh=tuple(key.public for key in keys))
        return await self.specs.signer(self.source, self.credentials, commit, trusted)


def source_of(url: str, **changes: str) -> GitSource:
    base = git_source(url)
    return replace(base, ref=changes.get("ref", "main"), path=changes.get("path", ""))


def in_memory() -> Case:
    memory = MemorySpecSource()
    url = "https://git.example.org/shop.git"

    def fill(files: Mapping[str, str], *, ref: str = "main") -> str:
        return memory.commit(url, files, ref=ref)

    def rewrite(files: Mapping[str, str], *, ref: str = "main") -> str:
        return memory.rewrite(url, files, ref=ref)

    def sign(commit: str, key: SshSigner) -> str:
        signed = memory.commit(url, {f"{commit}.yaml": "signed: 1\n"})
        memory.sign(signed, key.public)
        return signed

    return Case(specs=memory, commit=fill, rewrite=rewrite, sign=sign, source=source_of(url))


SERVED = [pytest.param(name, marks=pytest.mark.server) for name in ("http", "ssh")]


@pytest.fixture(params=["memory", "file", *SERVED])
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    if request.param == "memory":
        yield in_memory()
        return
    repository, url, credentials = Repository(tmp_path / "shop.git"), f"file://{tmp_path}/shop.git", Credentials()
    if request.param == "http":
        server: GitHttp = request.getfixturevalue("git_http")
        server.login = Login(user="ana", password="correct horse")
        url, credentials = f"{server.url}/shop.git", Credentials(username="ana", password="correct horse")
    if request.param == "ssh":
        sshd: Sshd = request.getfixturevalue("git_ssh")
        url, credentials = sshd.url(repository.path), sshd.credentials

    def write(files: Mapping[str, str], *, ref: str = "main") -> str:
        return repository.commit(files, ref=f"refs/heads/{ref}")

    def rewrite(files: Mapping[str, str], *, ref: str = "main") -> str:
        return repository.rewrite(files, ref=f"refs/heads/{ref}")

    def sign(commit: str, key: SshSigner) -> str:
        return repository.join([commit], settings=key.settings)

    git = GitSpecSource(tmp_path / "cache", urls=Urls(file=True))
    source = source_of(url)
    yield Case(specs=git, commit=write, rewrite=rewrite, sign=sign, source=source, credentials=credentials)
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

    assert [file.path for file in snapshot.files] == ["apps/a.yml", "apps/b.yaml", "apps/deep/c.json"]


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
    newest = case.rewrite({"b.yaml": "b: 1\n"})

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


async def test_a_commit_follows_itself_and_all_before_it(case: Case) -> None:
    first, second, third = (case.commit({"a.yaml": f"a: {number}\n"}) for number in range(3))

    found = [await case.follows(third, before) for before in (first, second, third)]

    assert found == [True, True, True]


async def test_a_commit_does_not_follow_what_came_after_it(case: Case) -> None:
    first, second = (case.commit({"a.yaml": f"a: {number}\n"}) for number in range(2))

    assert await case.follows(first, second) is False


async def test_a_rewritten_branch_does_not_follow_what_it_was(case: Case) -> None:
    before = case.commit({"a.yaml": "a: 1\n"})
    await case.specs.read(case.source, case.credentials, before)
    newest = case.rewrite({"b.yaml": "b: 1\n"})

    assert await case.follows(newest, before) is False


async def test_a_commit_that_nobody_knows_was_not_before(case: Case) -> None:
    newest = case.commit({"a.yaml": "a: 1\n"})

    assert await case.follows(newest, "1" * 40) is False


async def test_what_was_followed_can_still_be_read(case: Case) -> None:
    first, second = (case.commit({"a.yaml": f"a: {number}\n"}) for number in range(2))
    await case.follows(second, first)

    snapshot = await case.specs.read(case.source, case.credentials, second)

    assert (snapshot.commit, snapshot.files[0].content) == (second, b"a: 1\n")


async def test_the_signer_is_the_trusted_key_with_its_name(case: Case, ana_ssh: SshSigner) -> None:
    commit = case.sign(case.commit({"a.yaml": "a: 1\n"}), ana_ssh)

    assert "ana@example.org" in await case.signer(commit, ana_ssh)


async def test_a_commit_without_a_signature_is_refused(case: Case, ana_ssh: SshSigner) -> None:
    commit = case.commit({"a.yaml": "a: 1\n"})

    with pytest.raises(Rejected, match=f"commit {commit[:12]} is not signed"):
        await case.signer(commit, ana_ssh)


async def test_a_commit_signed_by_a_key_that_is_not_trusted_is_refused(
    case: Case, ana_ssh: SshSigner, tmp_path: Path
) -> None:
    other = SshSigner(tmp_path / "other", "eve@example.org")
    commit = case.sign(case.commit({"a.yaml": "a: 1\n"}), other)

    with pytest.raises(Rejected, match=r"signed by .*key.*not trusted"):
        await case.signer(commit, ana_ssh)
