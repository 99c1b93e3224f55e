"""Does git go through the proxy that a Secret names, and nowhere else, and is the proxy's password kept?"""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.git.source import GitSpecSource
from rollout.model.source import GitSource
from rollout.ports.errors import Forbidden, Rejected, Unreachable
from rollout.ports.sources import Credentials
from tests.servers.githttp import GitHttp
from tests.servers.missing import obtained
from tests.servers.obtaining import installed
from tests.servers.proxy import Proxy
from tests.support.git_fixtures import git_source
from tests.support.repos import Repository

pytestmark = [pytest.mark.server, pytest.mark.slow]

PASSWORD = "correct:horse%battery"
ENCODED = "correct%3Ahorse%25battery"


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    server = Proxy("ana", PASSWORD)
    yield server
    server.stop()


@pytest.fixture
def socks() -> Iterator[Proxy]:
    server = Proxy("ana", PASSWORD, socks=True)
    yield server
    server.stop()


def at(url: str) -> GitSource:
    return git_source(f"{url}/shop.git", secret="git-login")


def through(scheme: str, proxy: Proxy, password: str = ENCODED) -> Credentials:
    return Credentials(proxy=f"{scheme}://ana:{password}@{proxy.place}")


async def test_http_goes_through_the_proxy_with_its_password(
    git: GitSpecSource, git_http: GitHttp, repository: Repository, proxy: Proxy
) -> None:
    commit = repository.commit({"a.yaml": "a: 1\n"})

    snapshot = await git.read(at(git_http.url), through("http", proxy), commit)

    assert snapshot.commit == commit
    assert set(proxy.seen) == {git_http.url.removeprefix("http://")}


@pytest.fixture
def git_https(tmp_path: Path) -> Iterator[tuple[GitHttp, str]]:
    """git over HTTPS, and its certificate."""
    certificate = tmp_path / "server.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [str(obtained(lambda: installed("openssl", "openssl"))), "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    files = ["-keyout", f"{certificate}.key", "-out", str(certificate)]
    subprocess.run([*command, "-days", "2", *names, *files], check=True, capture_output=True)
    server = GitHttp(tmp_path)
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(certificate, f"{certificate}.key")
    obtained(server.start)
    yield server, certificate.read_text()
    server.stop()


async def test_https_goes_through_the_proxys_tunnel_with_its_password(
    git: GitSpecSource, git_https: tuple[GitHttp, str], repository: Repository, proxy: Proxy
) -> None:
    server, certificate = git_https
    commit = repository.commit({"a.yaml": "a: 1\n"})
    given = Credentials(proxy=through("http", proxy).proxy, ca_bundle=certificate)

    snapshot = await git.read(at(server.url), given, commit)

    assert snapshot.commit == commit
    assert set(proxy.seen) == {server.url.removeprefix("https://")}


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_socks_proxy_is_gone_through_with_its_password(
    git: GitSpecSource, git_http: GitHttp, repository: Repository, socks: Proxy, scheme: str
) -> None:
    commit = repository.commit({"a.yaml": "a: 1\n"})

    head = await git.head(at(git_http.url), through(scheme, socks))

    assert (head, set(socks.seen)) == (commit, {git_http.url.removeprefix("http://")})


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_wrong_proxy_password_is_forbidden_and_not_in_the_message(
    git: GitSpecSource, git_http: GitHttp, request: pytest.FixtureRequest, scheme: str
) -> None:
    server: Proxy = request.getfixturevalue("proxy" if scheme == "http" else "socks")

    with pytest.raises(Forbidden, match="proxy of Secret git-login") as caught:
        await git.head(at(git_http.url), through(scheme, server, "hunter2"))

    assert "hunter2" not in str(caught.value)
    assert (server.seen, git_http.requests) == ([], 0)


async def test_a_proxy_that_is_down_is_unreachable_and_not_gone_around(
    git: GitSpecSource, git_http: GitHttp, proxy: Proxy
) -> None:
    proxy.stop()

    with pytest.raises(Unreachable) as caught:
        await git.head(at(git_http.url), through("http", proxy))

    assert ENCODED not in str(caught.value)
    assert git_http.requests == 0


async def test_the_proxys_password_is_in_no_file_and_on_no_command_line(
    git: GitSpecSource, git_http: GitHttp, repository: Repository, proxy: Proxy, tmp_path: Path
) -> None:
    commit = repository.commit({"a.yaml": "a: 1\n"})

    await git.read(at(git_http.url), through("http", proxy), commit)

    written = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert any(b"remote-http" in line for line in proxy.lines)  # git was seen
    assert not any(word.encode() in text for word in (PASSWORD, ENCODED) for text in (written, *proxy.lines))


async def test_a_proxy_in_the_environment_of_the_controller_is_not_taken(
    git: GitSpecSource, git_http: GitHttp, repository: Repository, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = repository.commit({"a.yaml": "a: 1\n"})
    for name in ("http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{proxy.place}")

    assert await git.head(at(git_http.url), Credentials()) == commit
    assert (proxy.seen, proxy.refused) == ([], 0)


@pytest.mark.parametrize(
    "text",
    [
        *("ftp://p:1", "socks4://p:1", "file:///etc/passwd", "p:3128", "http://", "http://p:99999", "http://p:0"),
        *("http://p:1/path", "http://p:1?x=1", "http://p:1#x", "http://-x:1", "http://a b@p:1", "http://p\n:1"),
        *("http://ana:hunter2%0a@p:1", "http://ana:hunter2@q@p:1", "http://`touch`:1", "http://$(touch):1", "x" * 3000),
    ],
)
async def test_what_is_no_proxy_is_refused_without_being_repeated(git: GitSpecSource, text: str) -> None:
    with pytest.raises(Rejected, match="Secret git-login: proxy is") as caught:
        await git.head(at("https://127.0.0.1:1"), Credentials(proxy=text))

    assert "hunter2" not in str(caught.value)
