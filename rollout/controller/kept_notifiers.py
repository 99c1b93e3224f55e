"""How are Notifiers served without ever delaying a Rollout?

One round, a second after the last one at the earliest, finds what changed and whose news that is; looks run beside the
workers, one at a time for each Notifier, each with a back-off of its own.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from rollout.controller.loop import Worked
from rollout.model.names import Key
from rollout.ports.clock import Clock
from rollout.ports.errors import LeaseLost, PortError
from rollout.ports.notifiers import EVERY_NOTIFIER, Notifiers
from rollout.ports.specs import ObjectRef
from rollout.services.notify import AT_A_TIME, Looked, Notify
from rollout.services.notify_subjects import Subjects

LOOKS_AT_ONCE = 8  # requests at once to all receivers together
_EVERY = timedelta(seconds=1)
_FIRST_BACKOFF = timedelta(seconds=5)
_LONGEST_BACKOFF = timedelta(minutes=10)

log = structlog.get_logger("rollout.notices")


@dataclass(slots=True)
class _Line:
    """Where one Notifier stands. uid and generation: as of the last round. pending: what may have news for it.

    held: no look before. refused: what its receiver alone does not take, tried again at `again`. told: the trouble that
    the log has, "" for none.
    """

    uid: str = ""
    generation: int = 0
    pending: set[ObjectRef] = field(default_factory=set)
    look: "asyncio.Task[None] | None" = None
    held: datetime | None = None
    refused: set[ObjectRef] = field(default_factory=set)
    again: datetime | None = None
    failures: int = 0
    told: str = ""


@dataclass(slots=True, kw_only=True)
class KeptNotifiers:
    """All Notifiers. jitter: 0.0 to 1.0 for each call. Close it when done."""

    notifiers: Notifiers
    subjects: Subjects
    notify: Notify
    clock: Clock
    jitter: Callable[[], float]
    may_write: Callable[[], bool]
    name: str = "Notifier"
    _lines: dict[Key, _Line] = field(default_factory=dict)
    _versions: dict[ObjectRef, str] = field(default_factory=dict)
    _anew: bool = False
    _rounded: datetime | None = None
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKS_AT_ONCE))

    def objects(self) -> tuple[Key, ...]:
        """The round, in which everything is looked at anew: another replica may have led, and an event may be lost."""
        self._anew = True
        self.notify.forget()
        return (EVERY_NOTIFIER,) if self._lines or self.notifiers.keys() else ()

    async def tick(self, key: Key) -> Worked:
        """One round: set looks off, and say when the next one is due."""
        now = self.clock.now()
        if self._rounded is not None and timedelta(0) <= now - self._rounded < _EVERY:
            return Worked(wake_at=self._rounded + _EVERY)
        self._rounded = now
        if not self.may_write():
            return Worked(wake_at=now + _EVERY)
        await self._meet()
        for line_key, line in sorted(self._lines.items()):
            self._begin(line_key, line, now)
        return Worked(wake_at=self._next(now), gone=key != EVERY_NOTIFIER or not self._lines)

    async def close(self) -> None:
        """End the looks that are under way."""
        looks = [line.look for line in self._lines.values() if line.look is not None]
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)

    async def _meet(self) -> None:
        """Find what changed since the last round, and new, changed and gone Notifiers."""
        keys = self.notifiers.keys()
        for key in [key for key in self._lines if key not in keys]:
            self._lines[key].pending.clear()
            self._drop(key)
        if not keys:
            self._versions.clear()
            return
        touched = await self._touched()
        everything = set(self._versions)
        for key in keys:
            stored = self.notifiers.get(key)
            line = self._lines.setdefault(key, _Line())
            if stored is None:
                continue
            if (line.uid, line.generation) != (stored.uid, stored.generation):
                # Told anew in full: it may reach others now, or have another receiver.
                line.uid, line.generation = stored.uid, stored.generation
                line.held, line.failures, line.refused, line.again = None, 0, set(), None
                line.pending |= everything or {_ITSELF}
            elif stored.notifier is not None and not stored.notifier.suspend:
                line.pending |= {ref for ref in touched if self._concerns(key, ref)}

    def _concerns(self, key: Key, ref: ObjectRef) -> bool:
        """Whether the Notifier tells of the object, or did: what is gone it may have told of."""
        stored = self.notifiers.get(key)
        if stored is None or stored.notifier is None:
            return False
        return ref not in self._versions or self.subjects.is_told_of(stored.notifier, ref)

    async def _touched(self) -> set[ObjectRef]:
        """Objects that came, changed or went since the last round."""
        present: dict[ObjectRef, str] = {}
        anew, self._anew = self._anew, False
        for number, ref in enumerate(self.subjects.refs(), 1):
            if number % AT_A_TIME == 0:
                await asyncio.sleep(0)  # thousands of them must not keep the ticks from going on
            subject = self.subjects.get(ref)
            present[ref] = subject.version if subject is not None else ""
        before, self._versions = ({} if anew else self._versions), present
        touched = {ref for ref, version in present.items() if before.get(ref) != version}
        return touched | (before.keys() - present.keys())

    def _begin(self, key: Key, line: _Line, now: datetime) -> None:
        """Set a look off where there is something to tell, and nothing says to wait."""
        if line.again is not None and line.again <= now:
            line.pending |= line.refused
            line.refused, line.again = set(), None
        running = line.look is not None and not line.look.done()
        if running or not line.pending or (line.held is not None and line.held > now):
            return
        line.held = None
        refs, line.pending = line.pending, set()
        line.look = asyncio.create_task(self._look(key, line, refs))

    def _next(self, now: datetime) -> datetime | None:
        """When a round is needed though nothing happens."""
        moments = []
        for line in self._lines.values():
            running = line.look is not None and not line.look.done()
            if running or (line.pending and line.held is None):
                moments.append(now + _EVERY)
            moments += [line.held] if line.held is not None and line.pending else []
            moments += [line.again] if line.again is not None else []
        return max(min(moments), now + _EVERY) if moments else None

    async def _look(self, key: Key, line: _Line, refs: set[ObjectRef]) -> None:
        async with self._slots:
            try:
                looked = await self.notify.look(key, refs - {_ITSELF})
            except LeaseLost:
                line.pending |= refs
                line.held = self.clock.now() + _EVERY
            except PortError as error:
                line.pending |= refs
                self._wait(key, line, error)
            except Exception:
                # One Notifier's bug must not end the news of the others.
                log.exception("notices_crashed", notifier=str(key))
                line.pending |= refs
                line.held = self.clock.now() + self._backoff(line)
            else:
                self._went(key, line, looked)

    def _went(self, key: Key, line: _Line, looked: Looked) -> None:
        line.pending |= looked.left
        if looked.refused:
            line.refused |= looked.refused
            line.again = self.clock.now() + self._backoff(line)
        elif looked.trouble is None:
            line.failures = 0
        if looked.trouble is not None and not looked.refused:
            self._wait(key, line, looked.trouble)
            return
        line.held = looked.wake_at
        if looked.left and looked.wake_at is None:
            line.held = self.clock.now() + _LONGEST_BACKOFF  # it remembers as many objects as it can
        if looked.trouble is None and line.told:
            line.told = ""
            log.info("notices_delivered_again", notifier=str(key))

    def _wait(self, key: Key, line: _Line, error: PortError) -> None:
        wait = max(self._backoff(line), error.retry_after or timedelta(0))
        line.held = self.clock.now() + wait
        if line.told != str(error):
            line.told = str(error)
            log.warning(
                "notices_failed", notifier=str(key), error=str(error), again_in_s=round(wait.total_seconds(), 1)
            )

    def _backoff(self, line: _Line) -> timedelta:
        """Doubles from 5 s to 10 min, each with up to half as much jitter."""
        base = min(_FIRST_BACKOFF * (1 << min(line.failures, 16)), _LONGEST_BACKOFF)
        line.failures += 1
        return base * (1 + 0.5 * self.jitter())

    def _drop(self, key: Key) -> None:
        line = self._lines.pop(key)
        if line.look is not None:
            line.look.cancel()


# Of a Notifier that there is nothing to tell of: its own status is still to be written.
_ITSELF = ObjectRef(kind="Notifier", key=EVERY_NOTIFIER)
