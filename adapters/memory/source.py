"""Where do specs come from when there is no git?"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from rollout.model.source import GitSource, Snapshot, SpecFile
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected
from rollout.ports.sources import Credentials, TrustedKeys

_SUFFIXES = (".yaml", ".yml", ".json")
_NOBODY = Credentials()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryCommit:
    """A commit. files: content by path; parents: what it was made on first, then what it merged."""

    files: Mapping[str, bytes]
    parents: tuple[str, ...]
    author: str
    committer: str
    message: str


class MemorySpecSource:
    """SpecSource on repositories that tests, demo and simulate fill by `commit`."""

    def __init__(self) -> None:
        self._heads: dict[tuple[str, str], str] = {}
        self._commits: dict[str, MemoryCommit] = {}
        self._signed: dict[str, str] = {}
        self._wanted: dict[str, Credentials] = {}
        self._failure: PortError | None = None
        self.heads = 0
        self.reads = 0

    def commit(
        self, url: str, files: Mapping[str, str | bytes], *, ref: str = "main", author: str = "dev <dev@example.org>"
    ) -> str:
        """The id of a new commit on `ref` that holds exactly `files` (path to text)."""
        held = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        before = self._heads.get((url, ref), "")
        parents = (before,) if before else ()
        return self.add(
            url, MemoryCommit(files=held, parents=parents, author=author, committer=author, message="change"), ref=ref
        )

    def add(self, url: str, commit: MemoryCommit, *, ref: str = "main") -> str:
        """The id of `commit`, now the newest of `ref`."""
        said = repr((commit.parents, commit.author, commit.committer, commit.message, sorted(commit.files.items())))
        made = hashlib.sha1(said.encode(), usedforsecurity=False).hexdigest()
        self._commits[made] = commit
        self._heads[url, ref] = made
        return made

    def known(self, commit: str) -> MemoryCommit | None:
        """The commit of that id; None when there is none."""
        return self._commits.get(commit)

    def rewrite(self, url: str, files: Mapping[str, str | bytes], *, ref: str = "main") -> str:
        """The id of a commit without parents that takes the place of all that `ref` had: a forced push."""
        self._heads.pop((url, ref), None)
        return self.commit(url, {**files, ".rewritten": str(len(self._commits))}, ref=ref)

    def sign(self, commit: str, key: str) -> None:
        """Say that `key`, one of TrustedKeys' texts, signed the commit."""
        self._signed[commit] = key

    def require(self, url: str, credentials: Credentials) -> None:
        """Let only these credentials read `url` from now on."""
        self._wanted[url] = credentials

    def fail(self, error: PortError | None) -> None:
        """Answer every call with `error` from now on; None ends that."""
        self._failure = error

    async def head(self, source: GitSource, credentials: Credentials) -> str:
        """The id of the commit that `source.ref` names now."""
        self.heads += 1
        return self.newest(source, credentials)

    async def read(self, source: GitSource, credentials: Credentials, commit: str) -> Snapshot:
        """All spec files under `source.path` of `commit`."""
        self.reads += 1
        newest = self.newest(source, credentials)
        here = commit if commit in self._commits else newest
        author, held = self._commits[here].author, self._commits[here].files
        folder = source.path.removeprefix("./").rstrip("/")
        before = f"{folder}/" if folder not in ("", ".") else ""
        if before and not any(path.startswith(before) for path in held):
            raise NotFound(f"spec.path: there is no {folder} in commit {here[:12]}")
        files = tuple(
            SpecFile(path=path, content=held[path])
            for path in sorted(held)
            if path.startswith(before) and is_spec(path.removeprefix(before))
        )
        return Snapshot(commit=here, author=author, files=files)

    async def follows(self, source: GitSource, credentials: Credentials, commit: str, before: str) -> bool:
        """Whether `before` is `commit` or one of its ancestors."""
        self.newest(source, credentials)
        waiting, seen = [commit], {commit}
        while waiting:
            known = self._commits.get(waiting.pop())
            fresh = [parent for parent in known.parents if parent not in seen] if known else []
            waiting += fresh
            seen.update(fresh)
        return before in seen

    async def signer(self, source: GitSource, credentials: Credentials, commit: str, trusted: TrustedKeys) -> str:
        """The key that `sign` named, if it is trusted."""
        self.newest(source, credentials)
        key = self._signed.get(commit, "")
        if not key:
            raise Rejected(f"commit {commit[:12]} is not signed")
        if key not in (*trusted.ssh, *trusted.gpg):
            raise Rejected(f"commit {commit[:12]} is signed by a key that is not trusted")
        return key

    def newest(self, source: GitSource, credentials: Credentials) -> str:
        """The id of the commit that `source.ref` names now; raises what `fail` and `require` asked for."""
        if self._failure is not None:
            raise self._failure
        if self._wanted.get(source.url, _NOBODY) not in (_NOBODY, credentials):
            raise Forbidden(f"{source.url}: the credentials are not accepted")
        if not any(url == source.url for url, _ in self._heads):
            raise NotFound(f"{source.url}: there is no such repository")
        for name in (source.ref, source.ref.removeprefix("refs/heads/")):
            commit = self._heads.get((source.url, name))
            if commit is not None:
                return commit
        raise NotFound(f"{source.url}: there is no branch or tag {source.ref}")


def is_spec(path: str) -> bool:
    """Whether the file is read; path: within the folder that is."""
    return path.endswith(_SUFFIXES) and not any(part.startswith(".") for part in path.split("/"))
