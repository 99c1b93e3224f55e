"""Does anything run, or leave its place, when a repository or a GitSource means harm? Over real HTTP and SSH."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.git.allowed import Urls
from adapters.git.source import GitSpecSource
from rollout.model.source import GitSource
from rollout.ports.errors import Rejected
from rollout.ports.sources import Credentials
from tests.servers.githttp import GitHttp
from tests.support.git_fixtures import git_source
from tests.support.repos import Repository, Submodule, Symlink
from tests.support.served import Reader, Served, refusal

pytestmark = [pytest.mark.server, pytest.mark.slow]

NOBODY = Credentials()
SPEC = {"a.yaml": "a: 1\n"}
HTTP = pytest.mark.parametrize("served", ["http"], indirect=True)  # where requests can be counted


@pytest.fixture
def source(served: Served) -> GitSource:
    return git_source(served.url)


@pytest.fixture
async def git(served: Served, tmp_path: Path) -> AsyncIterator[Reader]:
    specs = GitSpecSource(tmp_path / "cache", urls=Urls(file=True))
    yield Reader(git=specs, credentials=served.credentials)
    await specs.close()


async def contents(git: Reader, source: GitSource, commit: str) -> dict[str, bytes]:
    snapshot = await git.read(source, commit)
    return {file.path: file.content for file in snapshot.files}


async def test_hooks_of_a_repository_do_not_run_at_the_reader(
    git: Reader, repository: Repository, source: GitSource, mark: Path, tmp_path: Path
) -> None:
    script = f"#!/bin/sh\ntouch {mark}\n"
    names = ("post-checkout", "reference-transaction", "post-merge", "post-index-change", "fsmonitor-watchman")
    hooks = {f"{folder}{name}": script for name in names for folder in ("hooks/", ".githooks/")}
    commit = repository.commit({**SPEC, **hooks})
    (tmp_path / "cache" / "hooks").mkdir(parents=True)

    assert await contents(git, source, commit) == {"a.yaml": b"a: 1\n"}


async def test_filters_of_gitattributes_and_lfs_are_not_run(
    git: Reader, repository: Repository, source: GitSource, mark: Path
) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 9\n"
    lfs = f'[lfs]\n\turl = http://127.0.0.1:1/\n[lfs "customtransfer.x"]\n\tpath = touch {mark}\n'
    attributes = (
        "*.yaml filter=evil diff=evil merge=evil text eol=crlf ident working-tree-encoding=UTF-16\nb.yaml filter=lfs\n"
    )
    config = f'[filter "evil"]\n\tsmudge = touch {mark}\n\tprocess = touch {mark}\n[core]\n\tfsmonitor = touch {mark}\n'
    held = {**SPEC, "b.yaml": pointer, ".gitattributes": attributes, ".gitconfig": config, ".lfsconfig": lfs}
    commit = repository.commit({**held, "c.yaml": "c: $Id$\n"})

    found = await contents(git, source, commit)

    assert found == {"a.yaml": b"a: 1\n", "b.yaml": pointer.encode(), "c.yaml": b"c: $Id$\n"}


async def test_export_subst_puts_nothing_into_a_spec(
    git: Reader, repository: Repository, source: GitSource, mark: Path
) -> None:
    commit = repository.commit({"a.yaml": "a: $Format:%an$\n", ".gitattributes": "* export-subst\n"})

    assert await contents(git, source, commit) == {"a.yaml": b"a: $Format:%an$\n"}


async def test_a_symlink_out_of_the_tree_is_not_read(
    git: Reader, repository: Repository, source: GitSource, mark: Path, tmp_path: Path
) -> None:
    repository.commit({**SPEC, "out.yaml": Symlink(target="../../../../etc/passwd")})

    assert "out.yaml' is a symlink" in await refusal(git, source)
    assert not any(path.is_symlink() for path in (tmp_path / "cache").rglob("*"))


async def test_a_submodule_whose_name_leads_out_of_the_tree_is_not_fetched(
    git: Reader, repository: Repository, source: GitSource, mark: Path
) -> None:
    modules = f'[submodule "x"]\n\tpath = vendor\n\turl = ext::sh -c "touch% {mark}"\n\tupdate = !touch {mark}\n'
    repository.commit({**SPEC, ".gitmodules": modules, "vendor": Submodule()})

    assert await refusal(git, source)


async def test_a_gitmodules_with_traversal_is_refused_on_the_wire(
    git: Reader, repository: Repository, source: GitSource, mark: Path, tmp_path: Path
) -> None:
    modules = f'[submodule "../../hooks/x"]\n\tpath = vendor\n\turl = -u./touch {mark}\n'
    repository.commit({**SPEC, ".gitmodules": modules})

    assert "takes for broken" in await refusal(git, source)


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% pwned",
        "ext::touch pwned",
        "fd::0",
        "file:///etc",
        "--upload-pack=touch pwned",
        "-c core.sshCommand=touch pwned",
        "ssh://-oProxyCommand=touch pwned/a.git",
        "ssh://-oProxyCommand=touch$IFS./pwned/a.git",
        "ssh://-oProxyCommand=touch@127.0.0.1/a.git",
        "ssh://127.0.0.1/a.git'; touch pwned; '",
        "ssh://127.0.0.1/--upload-pack=touch$IFS./pwned",
        "https://127.0.0.1/a.git\nhttps://127.0.0.2/",
        "https://127.0.0.1/a.git\x00",
    ],
)
async def test_a_url_that_would_run_a_program_never_reaches_git(
    source: GitSource, mark: Path, tmp_path: Path, url: str
) -> None:
    git = GitSpecSource(tmp_path / "strict")

    with pytest.raises(Rejected, match=r"spec\.url"):
        await git.head(replace(source, url=url), NOBODY)

    assert not (tmp_path / "strict").exists()  # not even a folder was made
    await git.close()


@HTTP
@pytest.mark.parametrize(
    "ref",
    [
        "--upload-pack=touch pwned",
        "-c",
        "--output=pwned",
        "main\nrefs/heads/x",
        "main\x00",
        "+main:refs/x",
        "main:../x",
    ],
)
async def test_a_ref_that_is_an_option_never_reaches_git(
    git: Reader, repository: Repository, source: GitSource, mark: Path, git_http: GitHttp, ref: str
) -> None:
    commit = repository.commit(SPEC)

    with pytest.raises(Rejected, match=r"spec\.ref"):
        await git.read(replace(source, ref=ref), commit)

    assert git_http.requests == 0


@HTTP
@pytest.mark.parametrize("path", ["../../etc", "/etc", "a/../../b", "a\x00b", "a\nb", ".git/hooks", "..", "a//b"])
async def test_a_path_that_leads_out_of_the_repository_never_reaches_git(
    git: Reader, repository: Repository, source: GitSource, mark: Path, git_http: GitHttp, path: str
) -> None:
    commit = repository.commit(SPEC)

    with pytest.raises(Rejected, match=r"spec\.path"):
        await git.read(replace(source, path=path), commit)

    assert git_http.requests == 0


async def test_a_path_that_looks_like_an_option_or_a_pattern_is_a_name(
    git: Reader, repository: Repository, source: GitSource, mark: Path
) -> None:
    commit = repository.commit({"--output=pwned/a.yaml": "a: 1\n", ":(glob)**/b.yaml": "b: 1\n"})

    found = await contents(git, replace(source, path="--output=pwned"), commit)

    assert found == {"--output=pwned/a.yaml": b"a: 1\n"}


@HTTP
@pytest.mark.parametrize("commit", ["--upload-pack=touch", "-c", "HEAD:a.yaml", "1" * 40 + "\n", "1" * 40 + " --all"])
async def test_a_commit_that_is_no_id_never_reaches_git(
    git: Reader, source: GitSource, mark: Path, git_http: GitHttp, commit: str
) -> None:
    with pytest.raises(Rejected, match="no commit id"):
        await git.read(source, commit)

    assert git_http.requests == 0


async def test_replace_refs_do_not_put_another_commit_in_place(
    git: Reader, repository: Repository, source: GitSource, mark: Path
) -> None:
    evil = repository.commit({"a.yaml": "a: evil\n"}, ref="refs/heads/evil")
    commit = repository.commit(SPEC)
    repository.git("replace", commit, evil)

    assert await contents(git, source, commit) == {"a.yaml": b"a: 1\n"}


@HTTP
async def test_nothing_about_the_server_is_written_into_the_mirror(
    git: Reader, repository: Repository, source: GitSource, git_http: GitHttp, tmp_path: Path
) -> None:
    await git.read(source, repository.commit(SPEC))

    (config,) = (tmp_path / "cache").glob("*/config")
    assert git_http.url not in config.read_text()
    assert "remote" not in config.read_text()
