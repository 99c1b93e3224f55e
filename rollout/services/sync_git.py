"""Which commit does git name now, may anything of it be taken, and what do its files say?"""

import asyncio
from dataclasses import dataclass, replace

from rollout.model.source import GitSource, OnRewrite
from rollout.ports.errors import NotFound, PortError, Rejected, Unreachable
from rollout.ports.sources import Credentials, SpecSource
from rollout.ports.specs import SourceSecrets, StoredSource
from rollout.services.sync_plan import Reading, read

_TRIES = 3  # a ref that moves between two questions more often than this is asked again at the next look


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A commit as it was judged before anything of it was parsed.

    reading: None when it may not be looked into. signer: who signed it, "" where that is not asked; unsigned: why its
    signature does not count, "" when it does. before: the commit in force that it does not follow from, "" otherwise.
    """

    commit: str
    reading: Reading | None = None
    signer: str = ""
    unsigned: str = ""
    before: str = ""


class Eyes:
    """Looks into git for a source. All methods raise the PortErrors of git and of the Secrets."""

    def __init__(self, git: SpecSource, secrets: SourceSecrets) -> None:
        self._git = git
        self._secrets = secrets

    async def look(self, stored: StoredSource, source: GitSource, known: Seen | None) -> Seen:
        """The commit that the ref names now; what is known of it already is not asked again."""
        credentials = await self._secrets.credentials(source)
        head = await self._git.head(source, credentials)
        for _ in range(_TRIES):
            if known is not None and known.commit == head and known.reading is not None:
                return known
            seen = await self._judged(stored, source, credentials, head)
            if seen.unsigned or (seen.before and _is_held(stored, source, head)):
                return seen
            snapshot = await self._git.read(source, credentials, head)
            if snapshot.commit == head:
                return replace(seen, reading=await asyncio.to_thread(read, snapshot, source.key.namespace))
            head = snapshot.commit  # it moved on meanwhile, and what came must be judged, too
        raise Unreachable(f"{source.url}: {source.ref} moves on faster than it is read")

    async def again(self, source: GitSource, commit: str) -> Reading | None:
        """What a commit says that was taken before this process began; None when git does not give it any more."""
        try:
            credentials = await self._secrets.credentials(source)
            snapshot = await self._git.read(source, credentials, commit)
        except PortError:
            return None
        if snapshot.commit != commit:
            return None
        return await asyncio.to_thread(read, snapshot, source.key.namespace)

    async def _judged(self, stored: StoredSource, source: GitSource, credentials: Credentials, commit: str) -> Seen:
        seen = Seen(commit=commit)
        if source.verify:
            try:
                trusted = await self._secrets.trusted_keys(source)
                seen = replace(seen, signer=await self._git.signer(source, credentials, commit, trusted))
            except (Rejected, NotFound) as error:
                return replace(seen, unsigned=str(error))
        before = stored.status.commit
        if before in ("", commit) or stored.status.origin != origin_of(source):
            return seen
        if await self._git.follows(source, credentials, commit, before):
            return seen
        return replace(seen, before=before)


def origin_of(source: GitSource) -> str:
    """Where history is: commits of another origin do not follow from each other, and nobody rewrote anything."""
    return f"{source.url} {source.ref}"


def _is_held(stored: StoredSource, source: GitSource, commit: str) -> bool:
    return source.on_rewrite is OnRewrite.HOLD and stored.status.confirmed != commit
