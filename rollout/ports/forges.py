"""Where is said on a git host how a commit fares?"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from rollout.model.source import ForgeKind, GitSource

LONGEST_CONTEXT = 255  # characters; the column of GitHub and of GitLab
# Characters of a text: GitHub's documentation of `description`, GitLab's of `description`; Gitea has no limit of its own.
LONGEST_TEXT: Mapping[ForgeKind, int] = {ForgeKind.GITHUB: 140, ForgeKind.GITLAB: 255, ForgeKind.GITEA: 255}
_PLANE = 0xFFFF  # GitHub refuses characters above it in a description


class CommitState(StrEnum):
    """How a commit fares; every forge has words of its own for these.

    superseded: ended without a verdict, because nobody wants it any more.
    """

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatus:
    """One line beside a commit. context: what it is about, such as `rollout/shop/checkout`; text: one short sentence."""

    context: str
    state: CommitState
    text: str


class Forges(Protocol):
    """Commit statuses of GitHub, GitLab and Gitea, in the repository that `source.url` names and in no other.

    Both raise Unreachable (with `retry_after` where the forge said when), Forbidden, NotFound (repository or commit) or
    Rejected. No message holds the token.
    """

    async def statuses(self, source: GitSource, token: str, commit: str) -> Mapping[str, CommitStatus]:
        """The newest status of each context that the commit has, by context; all pages are read.

        A commit that is not there may also be answered with nothing: Gitea does so.
        """

    async def say(self, source: GitSource, token: str, commit: str, status: CommitStatus) -> None:
        """Set one status; texts are cut to what the forge takes. Saying what is said already is no error."""


def fitted(text: str, kind: ForgeKind) -> str:
    """The text as this forge takes it: one line, only characters that it knows, and not too long."""
    line = " ".join("".join(sign if ord(sign) <= _PLANE else "?" for sign in text).split())
    most = LONGEST_TEXT[kind]
    return line if len(line) <= most else f"{line[: most - 3].rstrip()}..."
