"""Does reading from git withstand servers that hang, refuse or redirect, and does it keep credentials to itself?"""

import asyncio
import gc
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.git.allowed import Urls
from adapters.git.source import GitSpecSource
from rollout.model.source import GitSource
from rollout.ports.errors import Forbidden, Rejected, Unreachable
from rollout.ports.sources import Credentials
from tests.servers.githttp import GitHttp, Login
from tests.support.commandlines import comes_true, names_on_a_command_line, watched
from tests.support.repos import Repository

pytestmark = pytest.mark.slow  # real processes or HTTP

NOBODY = Credentials()


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The URL of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/shop.git"


async def test_a_server_that_hangs_is_unreachable_after_the_deadline(
    tmp_path: Path, source: GitSource, silent_server: str
) -> None:
    git = GitSpecSource(tmp_path / "cache", urls=Urls(file=True), seconds=0.5)

    with pytest.raises(Unreachable, match=r"no answer within 0\.5 s"):
        await asyncio.wait_for(git.head(replace(source, url=silent_server), NOBODY), 10)

    await _ended(silent_server)


async def test_a_cancelled_call_leaves_no_git_behind(tmp_path: Path, source: GitSource, silent_server: str) -> None:
    git = GitSpecSource(tmp_path / "cache", urls=Urls(file=True), seconds=30)

    call = asyncio.ensure_future(git.head(replace(source, url=silent_server), NOBODY))
    await _runs(silent_server)

    call.cancel()

    await asyncio.wait([call], timeout=10)
    await _ended(silent_server)
    assert call.cancelled()


async def test_what_becomes_of_a_cancelled_call_is_nobodys_trouble(
    tmp_path: Path, source: GitSource, silent_server: str
) -> None:
    git, told = GitSpecSource(tmp_path / "cache", urls=Urls(file=True), seconds=30), list[str]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context["message"])))
    call = asyncio.ensure_future(git.head(replace(source, url=silent_server), NOBODY))
    await _runs(silent_server)

    call.cancel()
    await asyncio.wait([call], timeout=10)
    del call
    gc.collect()

    assert told == []


async def test_closing_ends_calls_in_hand(tmp_path: Path, source: GitSource, silent_server: str) -> None:
    git = GitSpecSource(tmp_path / "cache", urls=Urls(file=True), seconds=30)
    call = asyncio.ensure_future(git.head(replace(source, url=silent_server), NOBODY))
    await _runs(silent_server)

    await git.close()

    with pytest.raises(Unreachable):
        await asyncio.wait_for(call, 10)


@pytest.mark.server
async def test_a_wrong_password_is_forbidden_and_not_in_the_message(
    git: GitSpecSource, git_http: GitHttp, source: GitSource
) -> None:
    git_http.login = Login(user="ana", password="right")
    over_http = replace(source, url=f"{git_http.url}/shop.git", secret="git-login")

    with pytest.raises(Forbidden, match="Secret git-login are not accepted") as caught:
        await git.head(over_http, Credentials(username="ana", password="hunter2"))

    assert "hunter2" not in str(caught.value)


@pytest.mark.server
async def test_a_server_that_asks_for_a_password_says_which_field_is_missing(
    git: GitSpecSource, git_http: GitHttp, source: GitSource
) -> None:
    git_http.login = Login(user="ana", password="right")

    with pytest.raises(Forbidden, match=r"spec\.secretRef"):
        await git.head(replace(source, url=f"{git_http.url}/shop.git"), NOBODY)


@pytest.mark.server
async def test_credentials_are_in_no_file_and_on_no_command_line(
    tmp_path: Path, repository: Repository, git_http: GitHttp, source: GitSource
) -> None:
    git_http.login = Login(user="ana", password="correct horse")
    git = GitSpecSource(tmp_path / "cache", urls=Urls(file=True))
    commit = repository.commit({"a.yaml": "a: 1\n"})

    with watched() as lines:
        over_http = replace(source, url=f"{git_http.url}/shop.git")
        await git.read(over_http, Credentials(username="ana", password="correct horse"), commit)

    written = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert not any(word in text for word in SECRETS for text in (written, *lines))


@pytest.mark.server
async def test_a_server_in_trouble_is_unreachable(git: GitSpecSource, git_http: GitHttp, source: GitSource) -> None:
    git_http.fault = 503

    with pytest.raises(Unreachable, match="503"):
        await git.head(replace(source, url=f"{git_http.url}/shop.git"), NOBODY)


@pytest.mark.server
async def test_a_redirect_is_not_followed(git: GitSpecSource, git_http: GitHttp, source: GitSource) -> None:
    git_http.fault = 302

    with pytest.raises((Rejected, Unreachable)):
        await git.head(replace(source, url=f"{git_http.url}/shop.git"), NOBODY)


def test_a_bearer_token_and_password_are_hidden_in_the_repr() -> None:
    shown = repr(Credentials(username="ana", password="hunter2", bearer="token-1"))

    assert "hunter2" not in shown
    assert "token-1" not in shown


SECRETS = (b"correct horse", b"YW5hOmNvcnJlY3QgaG9yc2U=")


async def _runs(url: str) -> None:
    """Return once a git process talks to `url`."""
    await comes_true(lambda: names_on_a_command_line(url), f"no git for {url}")


async def _ended(url: str) -> None:
    """Return once no process talks to `url` any more; the kernel takes its time over the killed."""
    await comes_true(lambda: not names_on_a_command_line(url), f"a git for {url} goes on")
