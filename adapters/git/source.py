"""How are specs read from git repositories?"""

import asyncio
import base64
import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from adapters.git.allowed import Urls, check_ref, checked_path
from adapters.git.command import Call, environment
from adapters.git.failures import failure
from adapters.git.mirror import Limits, Mirror
from rollout.model.source import GitSource, Snapshot
from rollout.ports.errors import NotFound, Rejected, Unreachable
from rollout.ports.sources import Credentials

_T = TypeVar("_T")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_THREADS = 4  # how many git processes there may be; one host gets half of them, so a dead one does not stop the rest


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

    async def head(self, source: GitSource, credentials: Credentials) -> str:
        """The id of the commit that `source.ref` names now."""
        variables = self._checked(source, credentials)
        _, commit = await self._in_thread(source, lambda call: self._found(call, source, credentials, variables))
        return commit

    async def read(self, source: GitSource, credentials: Credentials, commit: str) -> Snapshot:
        """All spec files of `commit`, or of the newest one when the ref moved on and `commit` is not here."""
        variables = self._checked(source, credentials)
        folder = checked_path(source.path)
        if not _COMMIT.fullmatch(commit):
            raise Rejected(f"{commit[:80]!r} is no commit id")
        place = _place(source)
        async with self._locks.setdefault(place, asyncio.Lock()):
            mirror = self._mirrors.setdefault(place, Mirror(self._cache / place, self._limits))

            def work(call: Call) -> Snapshot:
                here = commit
                if not mirror.has(call, commit):
                    here = self._fetched(call, mirror, source, credentials, variables)
                author, files = mirror.files(call, here, folder)
                return Snapshot(commit=here, author=author, files=files)

            return await self._in_thread(source, work)

    async def close(self) -> None:
        """End every git that runs, and the threads that wait for them."""
        self._is_closed = True
        for call in tuple(self._calls):
            call.kill()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _checked(self, source: GitSource, credentials: Credentials) -> dict[str, str]:
        """The environment for talking to the source's server; raises Rejected before git hears of anything."""
        scheme = self._urls.scheme(source.url)
        check_ref(source.ref)
        settings: dict[str, str] = {}
        header = _header(credentials)
        if header and scheme in ("https", "http"):
            settings[f"http.{source.url}.extraHeader"] = header
        if credentials.ca_bundle:
            settings["http.sslCAInfo"] = str(self._ca_file(credentials.ca_bundle))
        return environment(self._cache, scheme, settings)

    def _ca_file(self, bundle: str) -> Path:
        path = self._cache / f"ca-{hashlib.sha256(bundle.encode()).hexdigest()[:32]}.crt"
        if not path.exists():
            self._cache.mkdir(parents=True, exist_ok=True)
            path.write_text(bundle)
        return path

    def _found(
        self, call: Call, source: GitSource, credentials: Credentials, variables: dict[str, str]
    ) -> tuple[str, str]:
        """The full name of the source's ref, and its commit."""
        self._cache.mkdir(parents=True, exist_ok=True)
        names = [source.ref] if _is_full(source.ref) else [f"refs/heads/{source.ref}", f"refs/tags/{source.ref}"]
        asked = [pattern for name in names for pattern in (name, f"{name}^{{}}")]
        arguments = ["ls-remote", "--quiet", "--", source.url, *asked]
        output = call.run(self._cache, arguments, {**variables, "GIT_DIR": "/dev/null"}, most=1_000_000)
        if output.code != 0:
            raise failure(source, credentials, output.error)
        lines = (line.partition("\t") for line in output.out.decode("utf-8", "replace").splitlines())
        commits = {name: commit for commit, _, name in lines if _COMMIT.fullmatch(commit)}
        for name in names:
            commit = commits.get(f"{name}^{{}}") or commits.get(name)  # an annotated tag is listed with what it names
            if commit:
                return name, commit
        raise NotFound(f"{source.url}: there is no branch or tag {source.ref}")

    def _fetched(
        self, call: Call, mirror: Mirror, source: GitSource, credentials: Credentials, variables: dict[str, str]
    ) -> str:
        name, _ = self._found(call, source, credentials, variables)
        output, commit = mirror.fetch(call, source.url, name, variables)
        if output.code != 0:
            raise failure(source, credentials, output.error)
        if not commit:
            raise Rejected(f"{source.url}: {source.ref} names no commit")
        return commit

    async def _in_thread(self, source: GitSource, work: Callable[[Call], _T]) -> _T:
        host = urlsplit(source.url).netloc
        async with self._hosts.setdefault(host, asyncio.Semaphore(_THREADS // 2)):
            if self._is_closed:
                raise Unreachable("git is not asked any more because the controller stops")
            call = Call(self._seconds)
            job = self._pool.submit(_told, work, call)
            self._calls.add(call)
            try:
                return await asyncio.wrap_future(job)
            except asyncio.CancelledError:
                call.kill()
                if not job.cancelled():  # its thread still holds the repository
                    await asyncio.wait([asyncio.wrap_future(job)])
                raise
            finally:
                self._calls.discard(call)


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


def _header(credentials: Credentials) -> str:
    if any(not character.isprintable() for character in credentials.bearer):
        raise Rejected("the bearer token has characters that no token has; look for a line break at its end")
    if credentials.bearer:
        return f"Authorization: Bearer {credentials.bearer}"
    if credentials.password or credentials.username:
        pair = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
        return f"Authorization: Basic {pair}"
    return ""
