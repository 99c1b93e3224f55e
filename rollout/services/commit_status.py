"""How is said on git hosts what commits should carry: each thing once, progress at a measured pace, endings at once?

One look at one GitSource compares what should be said with what was said. What was said is kept in memory alone; after
a restart the statuses of a commit are listed before anything is said of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rollout.model.names import Key
from rollout.model.source import Forge, GitSource
from rollout.model.status import Reason
from rollout.ports.errors import LeaseLost, NotFound, PortError, Rejected
from rollout.ports.forges import Forges
from rollout.ports.rollouts import Rollouts, Stored
from rollout.ports.specs import Sources, SourceSecrets, Specs, StoredSource
from rollout.services.commit_memory import Memory, status_of
from rollout.services.commit_wishes import Wish, wishes


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one look led to. said: how many statuses were set; wake_at: when time alone has something to be said.

    trouble: what a forge refused for good, None for nothing; what hinders everything is raised instead. gone: the
    source has no forge any more.
    """

    said: int = 0
    wake_at: datetime | None = None
    trouble: PortError | None = None
    gone: bool = False


class CommitStatuses:
    """Says on git hosts how commits fare. may_write: whether this replica may begin something now.

    The caller sees to it that no two looks at one source overlap.
    """

    def __init__(
        self,
        sources: Sources,
        secrets: SourceSecrets,
        specs: Specs,
        rollouts: Rollouts,
        forges: Forges,
        may_write: Callable[[], bool],
    ) -> None:
        self._sources = sources
        self._secrets = secrets
        self._specs = specs
        self._rollouts = rollouts
        self._forges = forges
        self._may_write = may_write
        self._memories: dict[Key, Memory] = {}

    def note(self, key: Key, now: datetime) -> None:
        """Keep in mind which commits are in hand now, so that their statuses are ended when newer ones come."""
        self._wanted(key, now)

    def forget(self) -> None:
        """Somebody else may have said something meanwhile: list again before the next word."""
        self._memories.clear()

    async def look(self, key: Key, now: datetime) -> Looked:
        """Say what is due for one source. Raises LeaseLost, Unreachable, Forbidden, and what SourceSecrets raise."""
        wanted = self._wanted(key, now)
        memory = self._memories.get(key)
        if memory is None:
            return Looked(gone=True)
        gone = _forged(self._sources.get(key)) is None
        if gone:
            del self._memories[key]  # whether its last words are heard or not
            wanted = tuple(wish for wish in wanted if memory.marks[wish.commit, wish.context] is not None)
        due, said, trouble = memory.due(wanted, now), 0, None
        if not due.now:
            return Looked(wake_at=due.later, gone=gone)
        token = await self._secrets.forge_token(memory.source)
        for commit in sorted({wish.commit for wish in due.now}):
            ours = tuple(wish for wish in wanted if wish.commit == commit)
            count, refusal = await self._brought(memory, ours, token, now)
            said, trouble = said + count, trouble or refusal
        return Looked(said=said, wake_at=memory.due(wanted, now).later, trouble=trouble, gone=gone)

    async def _brought(
        self, memory: Memory, ours: tuple[Wish, ...], token: str, now: datetime
    ) -> tuple[int, PortError | None]:
        """How many statuses of one commit were set, and the first refusal; what the forge shows is asked once before."""
        commit, said, trouble = ours[0].commit, 0, None
        if commit not in memory.listed:
            try:
                self._check()
                memory.learn(commit, await self._forges.statuses(memory.source, token, commit), now)
            except (NotFound, Rejected) as error:
                for wish in memory.due(ours, now).now:
                    memory.keep(wish, now, refused=True)
                return 0, error
        for wish in memory.due(ours, now).now:
            try:
                self._check()
                await self._forges.say(memory.source, token, commit, status_of(wish, memory.kind))
            except (NotFound, Rejected) as error:
                trouble = trouble or error
                memory.keep(wish, now, refused=True)
            else:
                said += 1
                memory.keep(wish, now)
        return said, trouble

    def _check(self) -> None:
        if not self._may_write():
            raise LeaseLost("the lease may be lost, nothing is said by this replica")

    def _wanted(self, key: Key, now: datetime) -> tuple[Wish, ...]:
        """What should be said; what was wished for before and is not any more is ended."""
        stored, memory = self._sources.get(key), self._memories.get(key)
        forged = _forged(stored)
        if stored is None or forged is None:
            if memory is None or (stored is not None and stored.source is None and not stored.deleting):
                return ()  # a GitSource that cannot be read says nothing, and ends nothing
            return memory.with_endings((), f"GitSource {key} does not tell any more how it fares")
        source, forge = forged
        if memory is None or _place(memory.source) != _place(source):
            memory = self._memories[key] = Memory(source=source, kind=forge.kind)
        memory.source = source
        wanted = wishes(stored.status, self._of(key))
        memory.note(wanted, now)
        return memory.with_endings(wanted, "no longer in git")

    def _of(self, key: Key) -> tuple[Stored, ...]:
        """The Rollouts that the source applies."""
        owned = (ref.key for ref in self._specs.owned(key) if ref.kind == "Rollout")
        return tuple(stored for rollout in owned if (stored := self._rollouts.get(rollout)) is not None)


def trouble_reason(error: PortError) -> Reason:
    """What people are told when a forge does not take a status."""
    return Reason(code="CommitStatusFailed", message=f"a commit status was not written: {error}", warning=True)


def _forged(stored: StoredSource | None) -> tuple[GitSource, Forge] | None:
    """The source and its forge; None where nothing is to be said."""
    if stored is None or stored.deleting or stored.source is None or stored.source.forge is None:
        return None
    return stored.source, stored.source.forge


def _place(source: GitSource) -> tuple[object, ...]:
    """Where statuses go: with another place, nothing is known of what is said there."""
    return source.url, source.forge.kind if source.forge else "", source.forge.api if source.forge else ""
