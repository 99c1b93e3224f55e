"""Does reading from git withstand servers that redirect, drip, never end or do not speak git at all?"""

import socketserver
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from adapters.git.allowed import Urls
from adapters.git.source import GitSpecSource
from rollout.model.source import GitSource
from rollout.ports.errors import PortError, Rejected, Unreachable
from rollout.ports.sources import Credentials
from tests.servers.githttp import GitHttp
from tests.servers.missing import obtained
from tests.support.commandlines import comes_true, names_on_a_command_line
from tests.support.git_fixtures import git_source
from tests.support.repos import Repository

pytestmark = [pytest.mark.server, pytest.mark.slow]

NOBODY = Credentials()
SECRET = Credentials(username="ana", password="correct horse")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nConnection: close\r\n\r\n"
SERVICE = b"001e# service=git-upload-pack\n0000"
Answer = Callable[[socketserver.StreamRequestHandler, Event], None]


class Liar:
    """A server on loopback that answers each connection in its own way until it is closed."""

    def __init__(self, answer: Answer) -> None:
        self._closing = Event()
        closing = self._closing

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass  # the request's headers
                with suppress(OSError):  # the other side may have had enough
                    answer(self, closing)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.source = at(f"http://127.0.0.1:{self._server.server_address[1]}")

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


def at(url: str) -> GitSource:
    return git_source(f"{url}/shop.git")


@pytest.fixture
async def git(tmp_path: Path) -> AsyncIterator[GitSpecSource]:
    specs = GitSpecSource(tmp_path / "cache", urls=Urls(file=True), seconds=5)
    yield specs
    await specs.close()


@pytest.fixture
def liar() -> Iterator[Callable[[Answer], Liar]]:
    made: list[Liar] = []

    def make(answer: Answer) -> Liar:
        made.append(Liar(answer))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[GitHttp]:
    """A second server, with a repository of the same name."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    Repository(folder / "shop.git").commit({"a.yaml": "a: evil\n"})
    server = GitHttp(folder)
    obtained(server.start)
    yield server
    server.stop()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_another_host_is_not_followed_with_or_without_credentials(
    git: GitSpecSource, git_http: GitHttp, elsewhere: GitHttp, status: int
) -> None:
    git_http.fault, git_http.to = status, elsewhere.url

    for credentials in (NOBODY, SECRET):
        with pytest.raises(Rejected, match=r"put that one into spec\.url"):
            await git.head(at(git_http.url), credentials)

    assert elsewhere.requests == 0


@pytest.mark.parametrize("to", ["file:///etc", "ssh://127.0.0.1/a.git", "ftp://127.0.0.1:1", "gopher://127.0.0.1:1"])
async def test_a_redirect_to_another_protocol_is_not_followed(git: GitSpecSource, git_http: GitHttp, to: str) -> None:
    git_http.fault, git_http.to = 302, to

    with pytest.raises(Rejected):
        await git.head(at(git_http.url), NOBODY)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"0000",
        b"<html>please log in</html>",
        b"\x00\xff" * 500,
        SERVICE,
        SERVICE + b"ffff",
        SERVICE + b"0000",
        SERVICE + b"000eversion 2\n",
        SERVICE + b"0010abcd refs/x\n0000",
        SERVICE + b"003f" + b"z" * 40 + b" refs/heads/main\0\n0000",
        SERVICE + b"0005-0000",
    ],
)
async def test_an_answer_that_is_not_git_is_an_error_and_never_a_commit(
    git: GitSpecSource, liar: Callable[[Answer], Liar], body: bytes
) -> None:

    def answer(connection: socketserver.StreamRequestHandler, _: Event) -> None:
        connection.wfile.write(HEAD + body)

    server = liar(answer)

    with pytest.raises(PortError) as caught:
        await git.read(server.source, SECRET, "1" * 40)

    assert str(caught.value).isprintable()
    assert "correct horse" not in str(caught.value)


def drip(connection: socketserver.StreamRequestHandler, closing: Event) -> None:
    connection.wfile.write(HEAD + SERVICE)
    while not closing.wait(0.05):
        connection.wfile.write(b"0")


def flood(connection: socketserver.StreamRequestHandler, closing: Event) -> None:
    connection.wfile.write(HEAD + SERVICE)
    number = 0
    while not closing.is_set():
        number += 1
        connection.wfile.write(b"003d%040x refs/heads/%06d\n" % (number, number % 1_000_000))


def silence(connection: socketserver.StreamRequestHandler, closing: Event) -> None:
    closing.wait()


@pytest.mark.parametrize("answer", [drip, flood, silence])
async def test_a_server_that_never_comes_to_an_end_is_left_at_the_deadline(
    git: GitSpecSource, liar: Callable[[Answer], Liar], answer: Answer
) -> None:
    server = liar(answer)

    with pytest.raises(PortError) as caught:
        await git.head(server.source, SECRET)

    assert isinstance(caught.value, (Unreachable, Rejected))
    assert "correct horse" not in str(caught.value)
    await comes_true(lambda: not names_on_a_command_line(server.source.url), "a git of the call goes on")
