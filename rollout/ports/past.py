"""How did the files of a GitSource become what they are, and who says so?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rollout.model.source import GitSource
from rollout.ports.sources import Credentials

Blob = str  # the id of a file's content: equal where the content is


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """A commit among others. tree: equal where all files are; parents: the branch's own first, then what was merged."""

    commit: str
    tree: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A commit and what came before it, each before its parents. ends: those after which more may come that was not fetched."""

    commits: tuple[Ancestor, ...]
    ends: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """What a spec file became. before and after: "" where there was no such file, or no plain one."""

    path: str
    before: Blob
    after: Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Whom a commit names, as `name <address>`: whoever made it can write anything there."""

    commit: str
    author: str
    committer: str
    message: str


class SpecPast(Protocol):
    """The past of repositories with specs. Spec files are those that `SpecSource.read` would read, under `source.path`.

    All raise Unreachable, Forbidden, NotFound, or Rejected where more would have to be read than is allowed.
    """

    async def past(self, source: GitSource, credentials: Credentials, commit: str, depth: int) -> Past:
        """`commit` and its ancestors, fetched so far that `depth` commits in a row are known from the ref's newest one."""

    async def changes(
        self, source: GitSource, credentials: Credentials, trees: Sequence[tuple[str, str]]
    ) -> tuple[tuple[FileChange, ...], ...]:
        """For each pair of trees what became of the spec files of the first in the second; "" is a tree without files."""

    async def contents(
        self, source: GitSource, credentials: Credentials, blobs: Sequence[Blob]
    ) -> Mapping[Blob, bytes]:
        """What the files hold; those that are larger than a spec file may be are left out."""

    async def written(self, source: GitSource, credentials: Credentials, commits: Sequence[str]) -> tuple[Written, ...]:
        """Whom each of the commits names."""
