"""Where in git do specs come from, and what did one commit bring?"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from rollout.model.names import Key


class OnInvalid(StrEnum):
    """What happens to a commit in which one file is invalid."""

    KEEP_ALL = "keep-all"
    SKIP_FILE = "skip-file"


class DeletionPolicy(StrEnum):
    """What becomes of what a source applied when the source is deleted."""

    ORPHAN = "Orphan"
    DELETE = "Delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSource:
    """A GitSource's spec. ref: branch, tag or full ref; path: folder in the repository, "" for all of it.

    secret: name of the Secret with credentials in the same namespace, "" for none.
    """

    key: Key
    url: str
    ref: str = "main"
    path: str = ""
    interval: timedelta = timedelta(seconds=60)
    secret: str = ""
    on_invalid: OnInvalid = OnInvalid.KEEP_ALL
    prune: bool = True
    deletion_policy: DeletionPolicy = DeletionPolicy.ORPHAN
    suspend: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecFile:
    """One file of a commit. path: from the repository's root."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All spec files of one commit, sorted by path. author: "name <email>" as git has it, bounded in length."""

    commit: str
    author: str
    files: tuple[SpecFile, ...]
