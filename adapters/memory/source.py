"""Where do specs come from when there is no git?"""

import hashlib
from collections.abc import Mapping

from rollout.model.source import GitSource, Snapshot, SpecFile
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected
from rollout.ports.sources import Credentials, TrustedKeys

_SUFFIXES = (".yaml", ".yml", ".json")
_NOBODY = Credentials()


class MemorySpecSource:
    """SpecSource on repositories that tests, demo and simulate fill by `commit`."""

    def __init__(self) -> None:
        self._heads: dict[tuple[str, str], str] = {}
        self._commits: dict[str, tuple[str, dict[str, bytes]]] = {}
        self._parents: dict[str, str] = {}
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
        said = repr((before, author, sorted(held.items()))).encode()
        commit = hashlib.sha1(said, usedforsecurity=False).hexdigest()
        self._commits[commit] = (author, held)
        self._parents[commit] = before
        self._heads[url, ref] = commit
        return commit

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
        return self._newest(source, credentials)

    async def read(self, source: GitSource, credentials: Credentials, commit: str) -> Snapshot:
        """All spec files under `source.path` of `commit`."""
        self.reads += 1
        newest = self._newest(source, credentials)
        here = commit if commit in self._commits else newest
        author, held = self._commits[here]
        folder = source.path.removeprefix("./").rstrip("/")
        before = f"{folder}/" if folder not in ("", ".") else ""
        if before and not any(path.startswith(before) for path in held):
            raise NotFound(f"spec.path: there is no {folder} in commit {here[:12]}")
        files = tuple(
            SpecFile(path=path, content=held[path])
            for path in sorted(held)
            if path.startswith(before) and _is_spec(path.removeprefix(before))
        )
        return Snapshot(commit=here, author=author, files=files)

    async def follows(self, source: GitSource, credentials: Credentials, commit: str, before: str) -> bool:
        """Whether `before` is `commit` or one of its ancestors."""
        self._newest(source, credentials)
        line: str = commit
        while line and line != before:
            line = self._parents.get(line, "")
        return bool(line)

    async def signer(self, source: GitSource, credentials: Credentials, commit: str, trusted: TrustedKeys) -> str:
        """The key that `sign` named, if it is trusted."""
        self._newest(source, credentials)
        key = self._signed.get(commit, "")
        if not key:
            raise Rejected(f"commit {commit[:12]} is not signed")
        if key not in (*trusted.ssh, *trusted.gpg):
            raise Rejected(f"commit {commit[:12]} is signed by a key that is not trusted")
        return key

    def _newest(self, source: GitSource, credentials: Credentials) -> str:
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


def _is_spec(path: str) -> bool:
    return path.endswith(_SUFFIXES) and not any(part.startswith(".") for part in path.split("/"))
