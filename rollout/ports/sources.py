"""Where do specs come from, and what may one read there?"""

from dataclasses import dataclass, field
from typing import Protocol

from rollout.model.source import GitSource, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What proves who we are to a git server, and who the server is to us; all fields empty means nobody.

    username and password go together (a forge's token is a password); bearer stands alone; ssh_key (a private key in
    PEM or OpenSSH form, without a passphrase) goes with known_hosts (lines of that file's format).
    ca_bundle: PEM certificates to trust instead of the system's, "" for the system's. proxy: http, https or socks5 URL
    that https goes through, which may hold a password; "" for none.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    bearer: str = field(default="", repr=False)
    ca_bundle: str = field(default="", repr=False)
    ssh_key: str = field(default="", repr=False)
    known_hosts: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKeys:
    """Public keys that may sign commits. ssh: lines of an authorized_keys file; gpg: ASCII-armoured key blocks."""

    ssh: tuple[str, ...] = ()
    gpg: tuple[str, ...] = ()


class SpecSource(Protocol):
    """Repositories with specs. Nothing is kept between calls that a later call could not do without.

    All raise Unreachable, Forbidden (who we are), NotFound (repository, ref or path) or Rejected (what a GitSource may
    not ask for, and what a repository may not hold). No message carries a credential.
    """

    async def head(self, source: GitSource, credentials: Credentials) -> str:
        """The id of the commit that `source.ref` names now; a branch goes before a tag of the same name."""

    async def read(self, source: GitSource, credentials: Credentials, commit: str) -> Snapshot:
        """All spec files under `source.path` of `commit`, or of the ref's newest commit when it moved on meanwhile.

        `Snapshot.commit` says which. Spec files end in .yaml, .yml or .json; hidden files and folders are passed over.
        """

    async def follows(self, source: GitSource, credentials: Credentials, commit: str, before: str) -> bool:
        """Whether `before` is `commit` or one of its ancestors; history is fetched as far as that needs.

        False too where the history that the server still has does not hold `before`: then it was rewritten.
        """

    async def signer(self, source: GitSource, credentials: Credentials, commit: str, trusted: TrustedKeys) -> str:
        """Which of the trusted keys signed `commit`, for people: its fingerprint and name.

        Rejected when the commit has no signature, a wrong one, or one of a key that is not trusted; the message says which.
        """
