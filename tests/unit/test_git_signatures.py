"""Is it told apart who signed a commit, with a key that is trusted, unknown, expired or revoked, or nobody at all?"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.git.source import GitSpecSource
from rollout.model.source import GitSource
from rollout.ports.errors import Rejected, Unreachable
from rollout.ports.sources import Credentials, TrustedKeys
from tests.servers.missing import obtained
from tests.servers.sshd import make_key
from tests.support.commandlines import command_lines
from tests.support.git_fixtures import git_source
from tests.support.repos import Repository
from tests.support.signing import GpgSigner, SshSigner

pytestmark = [pytest.mark.server, pytest.mark.slow]

NOBODY = Credentials()
MakeGpg = Callable[..., GpgSigner]


@pytest.fixture
def source(repository: Repository) -> GitSource:
    return git_source(repository.url, verify="signers")


@pytest.fixture
def gpg_key() -> Iterator[MakeGpg]:
    """Makes GPG keys, each in a keyring of its own."""
    made: list[GpgSigner] = []

    def make(name: str = "Ana <ana@example.org>", **how: str) -> GpgSigner:
        made.append(obtained(lambda: GpgSigner(name, **how)))
        return made[-1]

    yield make
    for signer in made:
        signer.close()


def signed(repository: Repository, signer: SshSigner | GpgSigner) -> str:
    return repository.join([repository.commit({"a.yaml": "a: 1\n"})], settings=signer.settings)


def altered(repository: Repository, commit: str) -> str:
    """The id of a commit with the same signature and another message."""
    text = repository.git("cat-file", "commit", commit)
    forged = repository.store("commit", text.replace("joined", "forged").encode())
    repository.git("update-ref", "refs/heads/main", forged)
    return forged


def gpg(*signers: GpgSigner) -> TrustedKeys:
    return TrustedKeys(gpg=tuple(signer.public for signer in signers))


def ssh(*lines: str) -> TrustedKeys:
    return TrustedKeys(ssh=lines)


async def test_an_ssh_signature_is_told_with_fingerprint_and_comment(
    git: GitSpecSource, repository: Repository, source: GitSource, ana_ssh: SshSigner, tmp_path: Path
) -> None:
    other = make_key(tmp_path / "ben", "ben@example.org")
    commit = signed(repository, ana_ssh)

    found = await git.signer(source, NOBODY, commit, ssh(other, ana_ssh.public))

    assert found == f"{ana_ssh.fingerprint} ana@example.org"


async def test_a_gpg_signature_is_told_with_fingerprint_and_name(
    git: GitSpecSource, repository: Repository, source: GitSource, gpg_key: MakeGpg
) -> None:
    ana, ben = gpg_key(), gpg_key("Ben <ben@example.org>")
    commit = signed(repository, ana)

    found = await git.signer(source, NOBODY, commit, gpg(ben, ana))

    assert found == f"{ana.fingerprint} Ana <ana@example.org>"


async def test_an_altered_commit_is_refused_though_its_ssh_signature_is_by_a_trusted_key(
    git: GitSpecSource, repository: Repository, source: GitSource, ana_ssh: SshSigner
) -> None:
    forged = altered(repository, signed(repository, ana_ssh))

    with pytest.raises(Rejected, match="altered after it was signed"):
        await git.signer(source, NOBODY, forged, ssh(ana_ssh.public))


async def test_an_altered_commit_is_refused_though_its_gpg_signature_is_by_a_trusted_key(
    git: GitSpecSource, repository: Repository, source: GitSource, gpg_key: MakeGpg
) -> None:
    ana = gpg_key()
    forged = altered(repository, signed(repository, ana))

    with pytest.raises(Rejected, match="altered after it was signed"):
        await git.signer(source, NOBODY, forged, gpg(ana))


async def test_a_gpg_key_that_is_not_trusted_is_named(
    git: GitSpecSource, repository: Repository, source: GitSource, gpg_key: MakeGpg
) -> None:
    eve, ana = gpg_key("Eve <eve@example.org>"), gpg_key()
    commit = signed(repository, eve)

    with pytest.raises(Rejected, match=f"{eve.fingerprint[-16:]}, which is not trusted here"):
        await git.signer(source, NOBODY, commit, gpg(ana))


async def test_an_ssh_key_that_is_not_trusted_is_named(
    git: GitSpecSource, repository: Repository, source: GitSource, ana_ssh: SshSigner, tmp_path: Path
) -> None:
    commit = signed(repository, ana_ssh)

    with pytest.raises(Rejected) as caught:
        await git.signer(source, NOBODY, commit, ssh(make_key(tmp_path / "ben", "ben")))

    assert f"{ana_ssh.fingerprint}, which is not trusted here" in str(caught.value)


async def test_a_gpg_key_that_was_revoked_is_refused(
    git: GitSpecSource, repository: Repository, source: GitSource, gpg_key: MakeGpg
) -> None:
    ana = gpg_key()
    commit = signed(repository, ana)
    ana.revoke()

    with pytest.raises(Rejected, match="was revoked"):
        await git.signer(source, NOBODY, commit, gpg(ana))


async def test_a_gpg_key_that_has_expired_is_refused(
    git: GitSpecSource, repository: Repository, source: GitSource, gpg_key: MakeGpg
) -> None:
    ana = gpg_key(expires="10d", made="20200101T000000")
    commit = signed(repository, ana)

    with pytest.raises(Rejected, match="which has expired"):
        await git.signer(source, NOBODY, commit, gpg(ana))


async def test_a_signature_of_another_kind_than_the_trusted_keys_is_refused(
    git: GitSpecSource, repository: Repository, source: GitSource, gpg_key: MakeGpg, ana_ssh: SshSigner
) -> None:
    commit = signed(repository, gpg_key())

    with pytest.raises(Rejected, match="signed by a key of GPG; Secret signers holds none of that kind"):
        await git.signer(source, NOBODY, commit, ssh(ana_ssh.public))


async def test_a_signature_for_another_purpose_than_git_is_refused(
    git: GitSpecSource, repository: Repository, source: GitSource, ana_ssh: SshSigner, tmp_path: Path
) -> None:
    script = tmp_path / "signs-files"
    script.write_text('#!/bin/sh\nfor word; do shift; test "$word" = git && word=file; set -- "$@" "$word"; done\n')
    with script.open("a") as file:
        file.write('exec ssh-keygen "$@"\n')
    script.chmod(0o755)
    base = repository.commit({"a.yaml": "a: 1\n"})
    commit = repository.join([base], settings=(*ana_ssh.settings, f"gpg.ssh.program={script}"))

    with pytest.raises(Rejected, match="does not fit"):
        await git.signer(source, NOBODY, commit, ssh(ana_ssh.public))


async def test_a_signature_of_x509_is_refused_and_no_program_is_started_for_it(
    git: GitSpecSource, repository: Repository, source: GitSource, ana_ssh: SshSigner
) -> None:
    base = repository.commit({"a.yaml": "a: 1\n"})
    text = repository.git("cat-file", "commit", base)
    signature = "gpgsig -----BEGIN SIGNED MESSAGE-----\n MII\n -----END SIGNED MESSAGE-----\n\n"
    forged = repository.store("commit", text.replace("\n\n", f"\n{signature}", 1).encode())
    repository.git("update-ref", "refs/heads/main", forged)

    with pytest.raises(Rejected, match="only signatures of SSH and GPG are taken"):
        await git.signer(source, NOBODY, forged, ssh(ana_ssh.public))


async def test_keyrings_and_signers_of_this_machine_do_not_count(
    git: GitSpecSource,
    repository: Repository,
    source: GitSource,
    gpg_key: MakeGpg,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    eve, ana = gpg_key("Eve <eve@example.org>"), gpg_key()
    commit = signed(repository, eve)
    monkeypatch.setenv("GNUPGHOME", str(eve.home))

    with pytest.raises(Rejected, match="not trusted here"):
        await git.signer(source, NOBODY, commit, gpg(ana))


async def test_nothing_is_left_of_keyring_and_programs(
    git: GitSpecSource, repository: Repository, source: GitSource, gpg_key: MakeGpg, tmp_path: Path
) -> None:
    ana = gpg_key()

    await git.signer(source, NOBODY, signed(repository, ana), gpg(ana))

    cache = tmp_path / "cache"
    assert list(cache.glob("call-*")) == []
    assert not any(str(cache).encode() in line for line in command_lines())


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("",), "holds no key"),
        (("# nobody",), "holds no key"),
        (("ssh-dss AAAAB3NzaC1kc3M=",), "no public SSH key"),
        (('command="touch x" ssh-ed25519 AAAA',), "no public SSH key"),
        (("ssh-ed25519 %%%",), "cut off"),
        (("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==",), "cut off"),
        (("ssh-rsa AAAAC3NzaC1lZDI1NTE5",), "is not"),
        (("ssh-ed25519 " + "A" * 20_000,), "no public SSH key"),
        (("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 a",) * 101, "more than 100 SSH keys"),
    ],
)
async def test_ssh_keys_that_are_none_or_too_many_are_refused(
    git: GitSpecSource, source: GitSource, lines: tuple[str, ...], told: str
) -> None:
    with pytest.raises(Rejected, match=f"Secret signers.*{told}"):
        await git.signer(source, NOBODY, "1" * 40, ssh(*lines))


async def test_a_short_rsa_key_is_refused(git: GitSpecSource, source: GitSource, tmp_path: Path) -> None:
    weak = make_key(tmp_path / "weak", "weak", "", "-t", "rsa", "-b", "1024")

    with pytest.raises(Rejected, match="fewer than 2048 bits"):
        await git.signer(source, NOBODY, "1" * 40, ssh(weak))


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        (("no key",), "not what"),
        (("-----BEGIN PGP PUBLIC KEY BLOCK-----" + "A" * 300_000,), "over 256 KB"),
        (("-----BEGIN PGP PUBLIC KEY BLOCK-----",) * 21, "more than"),
        (("-----BEGIN PGP PRIVATE KEY BLOCK-----",), "private GPG key"),
    ],
)
async def test_gpg_keys_that_are_none_or_too_many_are_refused(
    git: GitSpecSource, source: GitSource, blocks: tuple[str, ...], told: str
) -> None:
    with pytest.raises(Rejected, match=f"Secret signers.*{told}"):
        await git.signer(source, NOBODY, "1" * 40, TrustedKeys(gpg=blocks))


async def test_a_gpg_key_that_is_broken_inside_is_refused_with_its_number(
    git: GitSpecSource, repository: Repository, source: GitSource, gpg_key: MakeGpg
) -> None:
    ana = gpg_key()
    broken = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"
    commit = signed(repository, ana)

    with pytest.raises(Rejected, match="GPG key block 2 of 2 cannot be imported"):
        await git.signer(source, NOBODY, commit, TrustedKeys(gpg=(ana.public, broken)))


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Takes one program off the PATH."""

    def take(absent: str) -> None:
        programs = tmp_path / "programs"
        programs.mkdir()
        for program in Path("/usr/bin").iterdir():
            if program.name != absent:
                (programs / program.name).symlink_to(program)
        monkeypatch.setenv("PATH", str(programs))

    return take


async def test_a_missing_gpg_is_named_with_its_package(
    git: GitSpecSource, repository: Repository, source: GitSource, gpg_key: MakeGpg, without: Callable[[str], None]
) -> None:
    ana = gpg_key()
    commit, trusted = signed(repository, ana), gpg(ana)
    without("gpg")

    with pytest.raises(Unreachable, match="install gpg"):
        await git.signer(source, NOBODY, commit, trusted)


async def test_a_missing_ssh_keygen_is_named_with_its_package(
    git: GitSpecSource, repository: Repository, source: GitSource, ana_ssh: SshSigner, without: Callable[[str], None]
) -> None:
    commit = signed(repository, ana_ssh)
    without("ssh-keygen")

    with pytest.raises(Unreachable, match="install openssh-client"):
        await git.signer(source, NOBODY, commit, ssh(ana_ssh.public))
