"""How are commit statuses kept up to date without ever delaying a Rollout?

One round a second, rarer ones while no source has a forge, finds the sources that something happened to and sets looks
off; looks run beside the workers, a few at a time, each source with a back-off of its own.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from rollout.controller.loop import Worked
from rollout.model.names import Key
from rollout.ports.clock import Clock
from rollout.ports.errors import LeaseLost, PortError
from rollout.ports.notices import About, Notices
from rollout.ports.rollouts import Rollouts
from rollout.ports.specs import ObjectRef, Sources, Specs
from rollout.services.commit_status import CommitStatuses, Looked, trouble_reason

ROUND = Key(namespace="", name="every source")  # what the controller's queue holds: one piece of work for all sources
LOOKS_AT_ONCE = 4  # requests at once to all forges together
_EVERY = timedelta(seconds=1)
_RARELY = timedelta(seconds=5)  # where no source has a forge: a tenth of what an idle controller did; below _PAUSE
_PAUSE = timedelta(seconds=7)  # without a round for so long: another replica may have had the lease
_FIRST_BACKOFF = timedelta(seconds=5)
_LONGEST_BACKOFF = timedelta(minutes=10)

log = structlog.get_logger("rollout.commit_status")


@dataclass(slots=True)
class _Line:
    """Where one source stands. again: something changed during the look; held: no look before, whatever changes.

    generation: of the GitSource at the last look. told: the trouble that people know of, "" for none.
    """

    look: "asyncio.Task[None] | None" = None
    again: bool = False
    due: datetime | None = None
    held: datetime | None = None
    generation: int = 0
    failures: int = 0
    told: str = ""


@dataclass(slots=True, kw_only=True)
class KeptCommits:
    """Commit statuses of all GitSources that have a forge. jitter: 0.0 to 1.0 for each call. Close it when done.

    changed: Rollouts that came, changed or went since it was called last; a round costs no more than they are.
    """

    sources: Sources
    specs: Specs
    rollouts: Rollouts
    statuses: CommitStatuses
    notices: Notices
    clock: Clock
    jitter: Callable[[], float]
    may_write: Callable[[], bool]
    changed: Callable[[], Iterable[Key]]
    name: str = "CommitStatus"
    _lines: dict[Key, _Line] = field(default_factory=dict)
    _versions: dict[Key, tuple[str, Key | None]] = field(default_factory=dict)
    _seen: dict[Key, str] = field(default_factory=dict)
    _rounded: datetime | None = None
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKS_AT_ONCE))

    def objects(self) -> tuple[Key, ...]:
        """The round. What the sources have in hand is noted before anything new comes from git."""
        now = self.clock.now()
        if self._rounded is not None and now - self._rounded > _PAUSE:
            self._forget()
        for key in self._forged():
            self.statuses.note(key, now)
        return (ROUND,)

    async def tick(self, key: Key) -> Worked:
        """One round: set off what is due, and wait for none of it."""
        now = self.clock.now()
        if self.may_write():
            for source in sorted(self._concerned(now)):
                self._begin(source, now)
        else:
            self._forget()
        self._rounded = now
        every = _EVERY if self._seen or self._lines else _RARELY
        return Worked(wake_at=now + every, gone=key != ROUND)

    async def close(self) -> None:
        """End the looks that still run; what was not said is said by whoever leads next."""
        looks = [line.look for line in self._lines.values() if line.look is not None]
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)

    def _concerned(self, now: datetime) -> set[Key]:
        """Sources of which an object changed, that were changed themselves, or that are due."""
        found = {key for key, line in self._lines.items() if line.due is not None and line.due <= now}
        forged = self._forged()
        found |= {key for key in {*forged, *self._seen} if forged.get(key) != self._seen.get(key)}
        self._seen = forged
        if forged:
            found |= self._touched() & forged.keys()
        return found

    def _begin(self, key: Key, now: datetime) -> None:
        """See to it that a look is under way, or comes after the present one."""
        line = self._lines.setdefault(key, _Line())
        stored = self.sources.get(key)
        generation = stored.generation if stored is not None else 0
        if line.look is not None and not line.look.done():
            line.again = True
        elif line.held is None or line.held <= now or line.generation != generation:
            line.generation, line.due, line.held = generation, None, None
            line.look = asyncio.create_task(self._look(key, line))

    def _forged(self) -> dict[Key, str]:
        """Sources with a forge, and in which version."""
        found = ((key, self.sources.get(key)) for key in self.sources.keys())
        return {key: stored.version for key, stored in found if stored and stored.source and stored.source.forge}

    def _touched(self) -> set[Key]:
        """Sources of the Rollouts that came, changed or went since the last call; only these are asked for their owner."""
        touched: set[Key | None] = set()
        changed = set(self.changed())  # asked in any case: what changed before all are looked at is no news after it
        for key in changed if self._versions else {*self.rollouts.keys(), *changed}:
            stored, before = self.rollouts.get(key), self._versions.pop(key, None)
            owner = before[1] if before else None
            if stored is None:
                touched.add(owner)
                continue
            if before is None or before[0] != stored.version:
                touched.add(owner)
                owner = self.specs.owner(ObjectRef(kind="Rollout", key=key))
                touched.add(owner)
            self._versions[key] = (stored.version, owner)
        return {key for key in touched if key is not None}

    def _forget(self) -> None:
        """Another replica may lead: nothing that is known holds when this one does again."""
        self.statuses.forget()
        self._versions, self._seen = {}, {}
        for line in self._lines.values():
            line.due, line.held, line.again, line.failures = None, None, False, 0

    async def _look(self, key: Key, line: _Line) -> None:
        async with self._slots:
            line.again = False
            try:
                looked = await self.statuses.look(key, self.clock.now())
            except LeaseLost:
                line.due = self.clock.now()
            except PortError as error:
                await self._failed(key, line, error)
            except Exception:
                # One source's bug must not end the statuses of the others.
                log.exception("commit_status_crashed", source=str(key))
                line.due = line.held = self.clock.now() + self._backoff(line)
            else:
                await self._went_well(key, line, looked)

    async def _went_well(self, key: Key, line: _Line, looked: Looked) -> None:
        line.failures, line.held = 0, None
        line.due = self.clock.now() if line.again else looked.wake_at
        if looked.said:
            log.info("commit_statuses_written", source=str(key), count=looked.said)
        if looked.trouble is not None:
            await self._tell(key, line, looked.trouble)
        elif line.told and looked.said:
            line.told = ""
            log.info("commit_statuses_taken_again", source=str(key))
        if looked.gone and not line.again:
            self._lines.pop(key, None)

    async def _failed(self, key: Key, line: _Line, error: PortError) -> None:
        wait = max(self._backoff(line), error.retry_after or timedelta(0))
        line.due = line.held = self.clock.now() + wait
        await self._tell(key, line, error)

    def _backoff(self, line: _Line) -> timedelta:
        """Doubles from 5 s to 10 min, each with up to half as much jitter."""
        base = min(_FIRST_BACKOFF * (1 << min(line.failures, 16)), _LONGEST_BACKOFF)
        line.failures += 1
        return base * (1 + 0.5 * self.jitter())

    async def _tell(self, key: Key, line: _Line, error: PortError) -> None:
        """One Event and one log line for the same trouble, however often it comes."""
        reason = trouble_reason(error)
        stored = self.sources.get(key)
        if line.told == reason.message or stored is None:
            return
        line.told = reason.message
        log.warning("commit_status_failed", source=str(key), error=str(error))
        about = About(kind="GitSource", key=key, uid=stored.uid, version=stored.version, state=reason.code)
        await self.notices.tell(about, reason)
