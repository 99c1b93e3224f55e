"""What is said beside commits where no git host but this process listens?"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping

from rollout.model.source import GitSource
from rollout.ports.errors import Forbidden, NotFound, PortError
from rollout.ports.forges import CommitStatus, fitted


class MemoryForges:
    """`Forges` that keeps each repository's statuses. written: all that was said, as (commit, status), oldest first."""

    def __init__(self) -> None:
        self.written: list[tuple[str, CommitStatus]] = []
        self.asked: list[str] = []
        self._commits: dict[str, set[str]] = defaultdict(set)
        self._shown: dict[tuple[str, str], dict[str, CommitStatus]] = defaultdict(dict)
        self._tokens: dict[str, str] = {}
        self._failure: PortError | None = None
        self._refusal: PortError | None = None
        self._answers = asyncio.Event()
        self._answers.set()

    def add(self, url: str, commit: str) -> None:
        """The repository has this commit from now on."""
        self._commits[url].add(commit)

    def require(self, url: str, token: str) -> None:
        """Let only this token write to the repository from now on."""
        self._tokens[url] = token

    def fail(self, error: PortError | None) -> None:
        """Answer everything with `error` from now on; None: answer again."""
        self._failure = error

    def refuse(self, error: PortError | None) -> None:
        """Answer every new status with `error` from now on; None: take them again."""
        self._refusal = error

    def hold(self) -> None:
        """Answer nothing from now on, and do not refuse either."""
        self._answers.clear()

    def let_go(self) -> None:
        """Answer all that waits, and again from now on."""
        self._answers.set()

    async def statuses(self, source: GitSource, token: str, commit: str) -> Mapping[str, CommitStatus]:
        """The newest status of each context that the commit has, by context."""
        self.asked.append(commit)
        await self._answers.wait()
        self._check(source, token, commit)
        return dict(self._shown[source.url, commit])

    async def say(self, source: GitSource, token: str, commit: str, status: CommitStatus) -> None:
        """Set one status."""
        self._check(source, token, commit)
        if self._refusal is not None:
            raise self._refusal
        kind = source.forge.kind if source.forge else None
        text = fitted(status.text, kind) if kind else status.text
        kept = CommitStatus(context=status.context, state=status.state, text=text)
        self.written.append((commit, kept))
        self._shown[source.url, commit][status.context] = kept

    def _check(self, source: GitSource, token: str, commit: str) -> None:
        if self._failure is not None:
            raise self._failure
        if source.url not in self._commits:
            raise NotFound(f"{source.url}: there is no such repository")
        if self._tokens.get(source.url, token) != token:
            raise Forbidden(f"{source.url}: the token is not accepted")
        if commit not in self._commits[source.url]:
            raise NotFound(f"{source.url}: there is no commit {commit[:12]}")
