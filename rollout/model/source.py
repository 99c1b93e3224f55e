"""Where in git do specs come from, and what did one commit bring?"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from rollout.model.names import Key


class OnInvalid(StrEnum):
    """What happens to a commit in which one file is invalid."""

    KEEP_ALL = "keep-all"
    SKIP_FILE = "skip-file"


class OnRewrite(StrEnum):
    """What happens to a commit that does not follow from the one that was applied last: somebody rewrote history."""

    ALLOW = "allow"
    HOLD = "hold"


class DeletionPolicy(StrEnum):
    """What becomes of what a source applied when the source is deleted."""

    ORPHAN = "Orphan"
    DELETE = "Delete"


class ForgeKind(StrEnum):
    """Whose API takes commit statuses."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forge:
    """Where commit statuses go. secret: name of the Secret with `token`; api: base URL, "" for the one that `url` implies."""

    kind: ForgeKind
    secret: str
    api: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSource:
    """A GitSource's spec. ref: branch, tag or full ref; path: folder in the repository, "" for all of it.

    secret: name of the Secret with credentials in the same namespace, "" for none. verify: name of the Secret with the
    keys of which one must have signed each commit, "" where signatures are not asked for. forge: None where no commit
    status is written.
    """

    key: Key
    url: str
    ref: str = "main"
    path: str = ""
    interval: timedelta = timedelta(seconds=60)
    secret: str = ""
    verify: str = ""
    forge: Forge | None = None
    on_rewrite: OnRewrite = OnRewrite.ALLOW
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
