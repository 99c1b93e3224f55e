"""What is the past of repositories that are only in memory?"""

import hashlib
from collections.abc import Mapping, Sequence

from adapters.memory.source import MemoryCommit, MemorySpecSource, is_spec
from rollout.model.source import GitSource
from rollout.ports.errors import Unreachable
from rollout.ports.past import Ancestor, Blob, FileChange, Past, Written
from rollout.ports.sources import Credentials

_LARGEST = 256 * 1024  # bytes of a spec file


class MemoryPast:
    """SpecPast on the repositories of `git`. calls: what was asked so far, by the method's name."""

    def __init__(self, git: MemorySpecSource) -> None:
        self._git = git
        self._trees: dict[str, Mapping[str, bytes]] = {"": {}}
        self._blobs: dict[Blob, bytes] = {}
        self.calls: list[str] = []

    async def past(self, source: GitSource, credentials: Credentials, commit: str, depth: int) -> Past:
        """`commit` and its ancestors, at most `depth` in a row from the ref's newest one."""
        self.calls.append("past")
        newest = self._git.newest(source, credentials)
        depths = self._depths(newest, depth)
        if commit not in depths:
            raise Unreachable(
                f"{source.url}: {source.ref} has moved away from {commit[:12]}; the next commit is asked about"
            )
        order = self._order(commit, depths)
        ends = frozenset(one for one in order if depths[one] == depth and self._known(one).parents)
        commits = tuple(
            Ancestor(
                commit=one, tree=self._tree(self._known(one)), parents=() if one in ends else self._known(one).parents
            )
            for one in order
        )
        return Past(commits=commits, ends=ends)

    async def changes(
        self, source: GitSource, credentials: Credentials, trees: Sequence[tuple[str, str]]
    ) -> tuple[tuple[FileChange, ...], ...]:
        """For each pair of trees what became of the spec files of the first in the second."""
        self.calls.append("changes")
        self._git.newest(source, credentials)
        return tuple(self._changes(source, *pair) for pair in trees)

    async def contents(
        self, source: GitSource, credentials: Credentials, blobs: Sequence[Blob]
    ) -> Mapping[Blob, bytes]:
        """What the files hold; those that are larger than a spec file may be are left out."""
        self.calls.append("contents")
        self._git.newest(source, credentials)
        return {blob: self._blobs[blob] for blob in blobs if len(self._blobs[blob]) <= _LARGEST}

    async def written(self, source: GitSource, credentials: Credentials, commits: Sequence[str]) -> tuple[Written, ...]:
        """Whom each of the commits names."""
        self.calls.append("written")
        self._git.newest(source, credentials)
        known = ((commit, self._known(commit)) for commit in commits)
        return tuple(
            Written(commit=commit, author=one.author, committer=one.committer, message=one.message)
            for commit, one in known
        )

    def _known(self, commit: str) -> MemoryCommit:
        found = self._git.known(commit)
        if found is None:
            raise Unreachable(f"there is no commit {commit[:12]}")
        return found

    def _depths(self, newest: str, most: int) -> dict[str, int]:
        """How many commits in a row lead from the newest one to each, itself counted; those with more are left out."""
        found, row = {newest: 1}, [newest]
        while row and found[row[0]] < most:
            below = {
                parent: found[one] + 1 for one in row for parent in self._known(one).parents if parent not in found
            }
            found |= below
            row = list(below)
        return found

    def _order(self, commit: str, depths: Mapping[str, int]) -> list[str]:
        """The commit and its ancestors among those of `depths`, each before its parents."""
        done: dict[str, None] = {}
        waiting = [(commit, False)]
        while waiting:
            one, is_left = waiting.pop()
            if is_left:
                done[one] = None
            elif one not in done:
                waiting.append((one, True))
                waiting += [(parent, False) for parent in self._known(one).parents if parent in depths]
        return list(reversed(done))

    def _tree(self, commit: MemoryCommit) -> str:
        tree = hashlib.sha1(repr(sorted(commit.files.items())).encode(), usedforsecurity=False).hexdigest()
        self._trees[tree] = commit.files
        return tree

    def _changes(self, source: GitSource, before: str, after: str) -> tuple[FileChange, ...]:
        old, new = self._trees[before], self._trees[after]
        folder = source.path.removeprefix("./").rstrip("/")
        within = f"{folder}/" if folder not in ("", ".") else ""
        paths = sorted(path for path in {*old, *new} if path.startswith(within) and is_spec(path.removeprefix(within)))
        return tuple(
            FileChange(path=path, before=self._blob(old.get(path)), after=self._blob(new.get(path)))
            for path in paths
            if old.get(path) != new.get(path)
        )

    def _blob(self, content: bytes | None) -> Blob:
        if content is None:
            return ""
        blob = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        self._blobs[blob] = content
        return blob
