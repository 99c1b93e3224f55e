"""Is git over SSH safe: who is let in, who is believed, and where is the key meanwhile?"""

import asyncio
import socket
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.git.source import GitSpecSource
from rollout.model.source import GitSource
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected, Unreachable
from rollout.ports.sources import Credentials
from tests.servers.sshd import Sshd, make_key
from tests.support.commandlines import comes_true, command_lines, names_on_a_command_line, watched
from tests.support.git_fixtures import git_source
from tests.support.repos import Repository

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture
def source(repository: Repository, git_ssh: Sshd) -> GitSource:
    return git_source(git_ssh.url(repository.path), secret="git-key")


@pytest.fixture
async def git(tmp_path: Path) -> AsyncIterator[GitSpecSource]:
    specs = GitSpecSource(tmp_path / "cache")
    yield specs
    await specs.close()


async def refused(git: GitSpecSource, source: GitSource, credentials: Credentials) -> PortError:
    with pytest.raises(PortError) as caught:
        await git.head(source, credentials)
    return caught.value


async def test_a_host_that_known_hosts_does_not_name_is_forbidden(
    git: GitSpecSource, source: GitSource, git_ssh: Sshd
) -> None:
    others = replace(git_ssh.credentials, known_hosts=git_ssh.credentials.known_hosts.replace("127.0.0.1", "127.0.0.9"))

    error = await refused(git, source, others)

    assert isinstance(error, Forbidden)
    assert "host key is not in known_hosts; compare" in str(error)
    assert "publickey" not in git_ssh.log()  # it was not asked to let us in


async def test_a_host_with_another_key_than_known_hosts_names_is_forbidden(
    git: GitSpecSource, source: GitSource, git_ssh: Sshd, tmp_path: Path
) -> None:
    changed = replace(git_ssh.credentials, known_hosts=git_ssh.known_as(make_key(tmp_path / "impostor", "host")))

    error = await refused(git, source, changed)

    assert isinstance(error, Forbidden)
    assert "somebody may stand in between" in str(error)
    assert "publickey" not in git_ssh.log()


async def test_a_key_that_is_not_let_in_is_forbidden(
    git: GitSpecSource, source: GitSource, git_ssh: Sshd, tmp_path: Path
) -> None:
    make_key(tmp_path / "stranger", "stranger")
    stranger = replace(git_ssh.credentials, ssh_key=(tmp_path / "stranger").read_text())

    error = await refused(git, source, stranger)

    assert isinstance(error, Forbidden)
    assert "does not accept the key with the credentials of Secret git-key" in str(error)


async def test_known_hosts_must_be_there(git: GitSpecSource, source: GitSource, git_ssh: Sshd) -> None:
    error = await refused(git, source, replace(git_ssh.credentials, known_hosts=" \n"))

    assert isinstance(error, Rejected)
    assert "Secret git-key: known_hosts is missing" in str(error)


@pytest.mark.parametrize(
    "kind", [("-t", "ed25519"), ("-t", "rsa", "-b", "2048", "-m", "PEM"), ("-t", "ecdsa", "-m", "PKCS8")]
)
async def test_a_key_with_a_passphrase_is_refused_with_what_to_do(
    git: GitSpecSource, source: GitSource, git_ssh: Sshd, tmp_path: Path, kind: tuple[str, ...]
) -> None:
    make_key(tmp_path / "sealed", "ana", "open sesame", *kind)

    error = await refused(git, source, replace(git_ssh.credentials, ssh_key=(tmp_path / "sealed").read_text()))

    assert isinstance(error, Rejected)
    assert "ssh-keygen -p -N ''" in str(error)


async def test_a_public_key_in_place_of_the_private_one_is_refused(
    git: GitSpecSource, source: GitSource, git_ssh: Sshd, tmp_path: Path
) -> None:
    error = await refused(git, source, replace(git_ssh.credentials, ssh_key=make_key(tmp_path / "ana", "ana")))

    assert isinstance(error, Rejected)
    assert "without .pub" in str(error)


async def test_a_key_that_ssh_cannot_read_is_refused(git: GitSpecSource, source: GitSource, git_ssh: Sshd) -> None:
    broken = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"

    error = await refused(git, source, replace(git_ssh.credentials, ssh_key=broken))

    assert isinstance(error, Rejected)
    assert "no key that ssh can read" in str(error)


async def test_a_key_from_an_editor_of_another_system_works(
    git: GitSpecSource, repository: Repository, source: GitSource, git_ssh: Sshd
) -> None:
    commit = repository.commit({"a.yaml": "a: 1\n"})
    key = git_ssh.credentials.ssh_key.strip().replace("\n", "\r\n")

    assert await git.head(source, replace(git_ssh.credentials, ssh_key=key)) == commit


async def test_a_repository_that_is_not_there_is_not_found(
    git: GitSpecSource, source: GitSource, git_ssh: Sshd
) -> None:
    error = await refused(git, replace(source, url=f"{source.url}-gone"), git_ssh.credentials)

    assert isinstance(error, NotFound)


async def test_a_server_that_is_down_is_unreachable(git: GitSpecSource, source: GitSource, git_ssh: Sshd) -> None:
    credentials = git_ssh.credentials
    git_ssh.stop()

    assert isinstance(await refused(git, source, credentials), Unreachable)


@pytest.mark.parametrize("wrong", [{"password": "hunter2"}, {"bearer": "hunter2"}, {"proxy": "http://ana:hunter2@p:1"}])
async def test_credentials_of_https_are_refused_for_an_ssh_url(
    git: GitSpecSource, source: GitSource, git_ssh: Sshd, wrong: dict[str, str]
) -> None:
    error = await refused(git, source, replace(git_ssh.credentials, **wrong))

    assert isinstance(error, Rejected)
    assert "spec.url is ssh://" in str(error)
    assert "hunter2" not in str(error)


async def test_an_ssh_key_is_refused_for_an_https_url(git: GitSpecSource, source: GitSource, git_ssh: Sshd) -> None:
    error = await refused(git, replace(source, url="https://127.0.0.1:1/a.git"), git_ssh.credentials)

    assert isinstance(error, Rejected)
    assert "has an ssh key or known_hosts, but spec.url is https://" in str(error)


async def test_an_ssh_url_without_a_secret_says_which_field_is_missing(git: GitSpecSource, source: GitSource) -> None:
    error = await refused(git, replace(source, secret=""), Credentials())

    assert str(error).startswith("spec.secretRef: ssh needs a private key")


async def test_the_key_is_on_no_command_line_and_in_no_file_afterwards(
    git: GitSpecSource, repository: Repository, source: GitSource, git_ssh: Sshd, tmp_path: Path
) -> None:
    commit = repository.commit({"a.yaml": "a: 1\n"})
    secret = git_ssh.credentials.ssh_key.splitlines()[2].encode()

    with watched() as lines:
        await git.read(source, git_ssh.credentials, commit)
        await refused(git, replace(source, ref="nowhere"), git_ssh.credentials)

    assert not any(secret in line for line in lines)
    assert left(tmp_path / "cache", secret) == []


def folders(place: Path, name: str = "cache/call-*") -> list[Path]:
    return list(place.glob(name))


def left(cache: Path, secret: bytes) -> list[Path]:
    """Files of the cache that hold the secret, and folders of calls."""
    held = [path for path in cache.rglob("*") if path.is_file() and secret in path.read_bytes()]
    return [*held, *cache.glob("call-*")]


async def test_the_key_is_for_our_eyes_only_while_a_call_lasts_and_gone_when_it_is_killed(
    git: GitSpecSource, source: GitSource, git_ssh: Sshd, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        url = f"ssh://git@{place}/a.git"
        call = asyncio.ensure_future(git.head(replace(source, url=url), git_ssh.credentials))
        await comes_true(lambda: names_on_a_command_line(f"IdentityFile={tmp_path}"), "no ssh was started")
        secret = git_ssh.credentials.ssh_key.splitlines()[2].encode()
        assert not any(secret in line for line in command_lines())
        (folder,) = folders(tmp_path)
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "identity", folder / "known_hosts")]

        call.cancel()
        await asyncio.wait([call], timeout=30)

    assert modes == [0o700, 0o600, 0o600]
    assert folders(tmp_path) == []
    await comes_true(lambda: not names_on_a_command_line(str(folder)), "an ssh of the killed call goes on")


async def test_a_server_that_never_answers_is_unreachable_and_its_ssh_is_killed(
    source: GitSource, git_ssh: Sshd, tmp_path: Path
) -> None:
    git = GitSpecSource(tmp_path / "cache", seconds=2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ssh://git@127.0.0.1:{silent.getsockname()[1]}/a.git"

        error = await refused(git, replace(source, url=url), git_ssh.credentials)

    assert "no answer within 2 s" in str(error)
    assert folders(tmp_path) == []
    await git.close()


def test_what_a_killed_controller_left_of_its_keys_is_swept(tmp_path: Path) -> None:
    left_behind = tmp_path / "cache" / "call-x"
    left_behind.mkdir(parents=True)
    (left_behind / "identity").write_text("a key")

    GitSpecSource(tmp_path / "cache")

    assert not left_behind.exists()


async def test_configuration_and_agents_of_this_machine_do_not_reach_ssh(
    git: GitSpecSource,
    repository: Repository,
    source: GitSource,
    git_ssh: Sshd,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mark = tmp_path / "ran"
    commit = repository.commit({"a.yaml": "a: 1\n"})
    monkeypatch.setenv("GIT_SSH", f"touch {mark}")
    monkeypatch.setenv("GIT_SSH_COMMAND", f"touch {mark};")
    monkeypatch.setenv("GIT_PROXY_COMMAND", f"touch {mark}")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    monkeypatch.setenv("SSH_ASKPASS", f"touch {mark}")

    assert await git.head(source, git_ssh.credentials) == commit
    assert not mark.exists()


async def test_a_cache_whose_path_ssh_would_misread_is_not_used(
    source: GitSource, git_ssh: Sshd, tmp_path: Path
) -> None:
    git = GitSpecSource(tmp_path / "a;touch pwned")

    with pytest.raises(Unreachable, match="choose a git cache"):
        await git.head(source, git_ssh.credentials)
    assert folders(tmp_path, "**/identity") == []
    await git.close()
