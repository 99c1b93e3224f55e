"""How are specs read from git repositories?"""

import asyncio
import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from adapters.git.access import check_credentials, sweep, variables
from adapters.git.allowed import Urls, check_ref, checked_path
from adapters.git.command import Call
from adapters.git.failures import failure
from adapters.git.mirror import WHOLE, Limits, Mirror
from adapters.git.signatures import Keys, signer
from rollout.model.source import GitSource, Snapshot
from rollout.ports.errors import NotFound, Rejected, Unreachable
from rollout.ports.sources import Credentials, TrustedKeys

_T = TypeVar("_T")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_THREADS = 4  # how many git processes there may be; one host gets half of them, so a dead one does not stop the rest
_DEPTHS = (50, 500, WHOLE)  # an ordinary push needs the first, a merged branch the second


class GitSpecSource:
    """SpecSource over GitPython. cache: a folder of ours alone; it may be emptied whenever we do not run.

    seconds: the deadline of one call. A call that is cancelled kills its git.
    """

    def __init__(
        self, cache: Path, *, urls: Urls | None = None, limits: Limits | None = None, seconds: float = 60.0
    ) -> None:
        self._cache = cache
        self._urls = urls or Urls()
        self._limits = limits or Limits()
        self._seconds = seconds
        self._pool = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="git")
        self._mirrors: dict[str, Mirror] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._hosts: dict[str, asyncio.Semaphore] = {}
        self._calls: set[Call] = set()
        self._is_closed = False
        sweep(cache)

    async def head(self, source: GitSource, credentials: Credentials) -> str:
        """The id of the commit that `source.ref` names now."""
        scheme = self._checked(source, credentials)

        def work(call: Call) -> str:
            with variables(self._cache, source, scheme, credentials) as ours:
                return Server(call, source, credentials, ours).found(self._cache)[1]

        return await self._in_thread(source, work)

    async def read(self, source: GitSource, credentials: Credentials, commit: str) -> Snapshot:
        """All spec files of `commit`, or of the newest one when the ref moved on and `commit` is not here."""
        folder = checked_path(source.path)

        def work(mirror: Mirror, server: Server) -> Snapshot:
            here = commit if mirror.has(server.call, commit) else server.fetched(mirror)
            author, files = mirror.files(server.call, here, folder)
            return Snapshot(commit=here, author=author, files=files)

        return await self.at_mirror(source, credentials, (commit,), work)

    async def follows(self, source: GitSource, credentials: Credentials, commit: str, before: str) -> bool:
        """Whether `before` is `commit` or one of its ancestors; history is fetched in steps until that is known."""

        def work(mirror: Mirror, server: Server) -> bool:
            if commit == before:
                return True
            for depth in _DEPTHS:
                known = mirror.follows(server.call, commit, before)
                if known is not None:
                    return known
                server.fetched(mirror, depth)
            known = mirror.follows(server.call, commit, before)
            if known is None:
                raise Unreachable(
                    f"{source.url}: {source.ref} moved away from {commit[:12]} meanwhile; it is looked at again"
                )
            return known

        return await self.at_mirror(source, credentials, (commit, before), work)

    async def signer(self, source: GitSource, credentials: Credentials, commit: str, trusted: TrustedKeys) -> str:
        """Which of the trusted keys signed `commit`: kind, fingerprint and name."""
        keys = Keys.checked(trusted, f"Secret {source.verify}" if source.verify else "the trusted keys")

        def work(mirror: Mirror, server: Server) -> str:
            if not mirror.has(server.call, commit) and server.fetched(mirror) != commit:
                raise Unreachable(f"{source.url}: {source.ref} moved away from {commit[:12]}; it is looked at again")
            return signer(server.call, mirror, commit, keys)

        return await self.at_mirror(source, credentials, (commit,), work)

    async def at_mirror(
        self,
        source: GitSource,
        credentials: Credentials,
        commits: tuple[str, ...],
        work: "Callable[[Mirror, Server], _T]",
    ) -> _T:
        """What `work` returns at the source's mirror, which nobody else touches meanwhile.

        commits: that `work` will name to git; Rejected when one is no commit id.
        """
        scheme = self._checked(source, credentials)
        for commit in commits:
            if not _COMMIT.fullmatch(commit):
                raise Rejected(f"{commit[:80]!r} is no commit id")
        place = _place(source)
        async with self._locks.setdefault(place, asyncio.Lock()):
            mirror = self._mirrors.setdefault(place, Mirror(self._cache / place, self._limits))

            def with_server(call: Call) -> _T:
                with variables(self._cache, source, scheme, credentials) as ours:
                    return work(mirror, Server(call, source, credentials, ours))

            return await self._in_thread(source, with_server)

    async def close(self) -> None:
        """End every git that runs, and the threads that wait for them."""
        self._is_closed = True
        for call in tuple(self._calls):
            call.kill()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _checked(self, source: GitSource, credentials: Credentials) -> str:
        """The URL's scheme; raises Rejected before git hears of anything."""
        scheme = self._urls.scheme(source.url)
        check_ref(source.ref)
        check_credentials(source, scheme, credentials)
        return scheme

    async def _in_thread(self, source: GitSource, work: Callable[[Call], _T]) -> _T:
        host = urlsplit(source.url).netloc
        async with self._hosts.setdefault(host, asyncio.Semaphore(_THREADS // 2)):
            if self._is_closed:
                raise Unreachable("git is not asked any more because the controller stops")
            call = Call(self._seconds, self._limits.pack_bytes)
            job = self._pool.submit(_told, work, call)
            self._calls.add(call)
            try:
                return await asyncio.wrap_future(job)
            except asyncio.CancelledError:
                call.kill()
                if not job.cancelled():  # its thread still holds the repository
                    await asyncio.gather(asyncio.wrap_future(job), return_exceptions=True)
                raise
            finally:
                self._calls.discard(call)


@dataclass(frozen=True, slots=True)
class Server:
    """A source's server, as one call sees it."""

    call: Call
    source: GitSource
    credentials: Credentials
    variables: dict[str, str] = field(repr=False)

    def found(self, directory: Path) -> tuple[str, str]:
        """The full name of the source's ref, and its commit."""
        source = self.source
        names = [source.ref] if _is_full(source.ref) else [f"refs/heads/{source.ref}", f"refs/tags/{source.ref}"]
        asked = [pattern for name in names for pattern in (name, f"{name}^{{}}")]
        arguments = ["ls-remote", "--quiet", "--", source.url, *asked]
        output = self.call.run(directory, arguments, {**self.variables, "GIT_DIR": "/dev/null"}, most=1_000_000)
        if output.code != 0:
            raise failure(source, self.credentials, output.error)
        lines = (line.partition("\t") for line in output.out.decode("utf-8", "replace").splitlines())
        commits = {name: commit for commit, _, name in lines if _COMMIT.fullmatch(commit)}
        for name in names:
            commit = commits.get(f"{name}^{{}}") or commits.get(name)  # an annotated tag is listed with what it names
            if commit:
                return name, commit
        raise NotFound(f"{source.url}: there is no branch or tag {source.ref}")

    def fetched(self, mirror: Mirror, depth: int = 1) -> str:
        """The ref's newest commit, brought into the mirror with so many of its ancestors."""
        name, _ = self.found(mirror.directory.parent)
        output, commit = mirror.fetch(self.call, self.source.url, name, self.variables, depth)
        if output.code != 0:
            raise failure(self.source, self.credentials, output.error)
        if not commit:
            raise Rejected(f"{self.source.url}: {self.source.ref} names no commit")
        return commit


def _told(work: Callable[[Call], _T], call: Call) -> _T:
    """What `work` returns; what the machine refuses it (a full disk) is Unreachable."""
    call.begin()
    try:
        return work(call)
    except OSError as error:
        raise Unreachable(f"git cannot work here: {error}") from error


def _is_full(ref: str) -> bool:
    return ref == "HEAD" or ref.startswith("refs/")


def _place(source: GitSource) -> str:
    """The folder of a source's repository: sources of one namespace share it, those of two never do."""
    return hashlib.sha256(f"{source.key.namespace}\n{source.url}".encode()).hexdigest()[:32]
