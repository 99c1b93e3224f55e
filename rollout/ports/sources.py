"""Where do specs come from, and what may one read there?"""

from dataclasses import dataclass, field
from typing import Protocol

from rollout.model.source import GitSource, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What proves who we are to a git server; all fields empty means nobody.

    username and password go together (a forge's token is a password); bearer stands alone.
    ca_bundle: PEM certificates to trust instead of the system's, "" for the system's.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    bearer: str = field(default="", repr=False)
    ca_bundle: str = field(default="", repr=False)


class SpecSource(Protocol):
    """Repositories with specs. Nothing is kept between calls that a later call could not do without.

    Both raise Unreachable, Forbidden (who we are), NotFound (repository, ref or path) or Rejected (what a GitSource may
    not ask for, and what a repository may not hold). No message carries a credential.
    """

    async def head(self, source: GitSource, credentials: Credentials) -> str:
        """The id of the commit that `source.ref` names now; a branch goes before a tag of the same name."""

    async def read(self, source: GitSource, credentials: Credentials, commit: str) -> Snapshot:
        """All spec files under `source.path` of `commit`, or of the ref's newest commit when it moved on meanwhile.

        `Snapshot.commit` says which. Spec files end in .yaml or .yml; hidden files and folders are passed over.
        """
