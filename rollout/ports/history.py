"""What did the manifests of a repository say before, and what do they say now?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

Files = Mapping[str, bytes]  # content by path from the repository's root; manifests end in .yaml, .yml or .json


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What one commit did to one file. Content before and after; b"" where the file was not there."""

    path: str
    before: bytes
    after: bytes


class History(Protocol):
    """The past of one local repository; nothing is written, nothing is checked out.

    Hidden files and symlinks are passed over. All raise Rejected for what cannot be answered; the message says what next.
    """

    def base(self, revision: str) -> str:
        """The id of the newest commit that both `revision` and the present have; NotFound when there is none here."""

    def at(self, commit: str) -> Files:
        """All manifests of a commit."""

    def now(self) -> Files:
        """All manifests of the working tree that git has or would take; those of HEAD where there is no working tree."""

    def within(self, base: str) -> Iterator[tuple[Edit, ...]]:
        """Per commit after `base`, newest first: edits whose changed lines hold the word `revision`."""

    def before(self, base: str) -> Iterator[tuple[Edit, ...]]:
        """The same for `base` and what came before it on its own branch.

        Rejected at the place where a shallow clone ends: ask for no more than is needed.
        """
