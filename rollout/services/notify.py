"""What has one Notifier to tell now, and what came of it?

One look compares what was told of each object with its status, sends the difference, and writes down how far it came.
What is sent and not written down, because the process died in between, is sent once more with the same id.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from rollout.model.names import Key
from rollout.model.news import News
from rollout.model.notifier import Channel, Notifier, NotifierStatus, ToldOf
from rollout.model.status import Reason
from rollout.ports.clock import Clock
from rollout.ports.errors import LeaseLost, PortError, Rejected
from rollout.ports.messages import Messenger
from rollout.ports.notices import About, Notices
from rollout.ports.notifiers import Notifiers, StoredNotifier
from rollout.ports.specs import ObjectRef
from rollout.services.notify_allowance import Allowance
from rollout.services.notify_delivery import Delivery, SpentError, bundles
from rollout.services.notify_subjects import Subject, Subjects, gone, ref_of
from rollout.services.notify_told import (
    failure,
    has_room,
    kept,
    ready,
    receipt_of,
    receipt_text,
    told_since,
    with_condition,
)

AT_A_TIME = 100  # objects that are looked at without letting others work
MOST_REFUSED = 3  # so many messages in a row: the receiver refuses everything


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one look led to. left: has news yet. refused: the receiver takes everything but what is said of these.

    wake_at: when `left` may be told; None where an event or a retry has to come first. trouble: what kept it from being
    told.
    """

    left: frozenset[ObjectRef] = frozenset()
    refused: frozenset[ObjectRef] = frozenset()
    wake_at: datetime | None = None
    trouble: PortError | None = None


@dataclass(slots=True, kw_only=True)
class _Look:
    """One look as it goes on. told: by name of the object. dirty: whether it must be written down."""

    stored: StoredNotifier
    delivery: Delivery
    told: dict[str, ToldOf]
    since: datetime
    dirty: bool = False
    full: bool = False
    left: dict[ObjectRef, tuple[Subject, tuple[News, ...]]] = field(default_factory=dict)
    refused: set[ObjectRef] = field(default_factory=set)
    wake_at: datetime | None = None
    trouble: PortError | None = None


class Notify:
    """Tells for all Notifiers. may_write: whether this replica may begin something now. results: of all messages, for metrics.

    The caller sees to it that no two looks of one Notifier overlap.
    """

    def __init__(
        self,
        notifiers: Notifiers,
        subjects: Subjects,
        messengers: Mapping[Channel, Messenger],
        notices: Notices,
        clock: Clock,
        may_write: Callable[[], bool],
    ) -> None:
        self.results: Counter[str] = Counter()
        self._notifiers = notifiers
        self._subjects = subjects
        self._messengers = messengers
        self._notices = notices
        self._clock = clock
        self._may_write = may_write
        self._allowances: dict[Key, Allowance] = {}
        self._unwritten: dict[Key, tuple[str, dict[str, ToldOf]]] = {}  # uid, and what was sent but not written down

    def forget(self) -> None:
        """Another replica may have told meanwhile: what it wrote down counts."""
        self._unwritten.clear()

    async def look(self, key: Key, refs: Iterable[ObjectRef]) -> Looked:
        """Tell what is news of these objects. Raises what writing the status raises, and LeaseLost."""
        stored = self._notifiers.get(key)
        if stored is None or stored.deleting:
            self._allowances.pop(key, None)
            self._unwritten.pop(key, None)
            return Looked()
        if stored.notifier is None:
            await self._say(
                stored, stored.status, "False", Reason(code="InvalidSpec", message=stored.error, warning=True)
            )
            return Looked()
        if stored.notifier.suspend:
            await self._say(
                stored, stored.status, "True", Reason(code="Suspended", message="spec.suspend: nothing is sent")
            )
            return Looked()
        look = self._begun(stored, stored.notifier)
        await self._tell_all(look, await self._news(look, refs))
        await self._write_down(look)
        return Looked(
            left=frozenset(look.left) - look.refused,
            refused=frozenset(look.refused),
            wake_at=look.wake_at,
            trouble=look.trouble,
        )

    def _begun(self, stored: StoredNotifier, notifier: Notifier) -> _Look:
        status = stored.status
        told = {one.subject: one for one in status.told}
        uid, further = self._unwritten.get(stored.key, ("", {}))
        further = further if uid == stored.uid else {}
        delivery = Delivery(
            notifier=notifier,
            uid=stored.uid,
            messenger=self._messengers[notifier.channel],
            allowance=self._allowances.setdefault(stored.key, Allowance()),
            clock=self._clock,
            may_write=self._may_write,
            results=self.results,
        )
        since = status.since or stored.created
        return _Look(stored=stored, delivery=delivery, told=told | further, since=since, dirty=bool(further))

    async def _news(self, look: _Look, refs: Iterable[ObjectRef]) -> list[tuple[Subject, tuple[News, ...]]]:
        """What is news: first of what waits for a person or went wrong, then by name. Gone objects are among them."""
        found = []
        absent = (ref_of(name) for name in look.told if not self._subjects.is_there(ref_of(name)))
        for number, ref in enumerate({*refs, *absent}, 1):
            if number % AT_A_TIME == 0:
                await asyncio.sleep(0)  # thousands of them must not keep the ticks from going on
            subject = self._subjects.get(ref)
            told = look.told.get(str(ref.key))
            if subject is None:
                if told is not None and not self._subjects.is_there(ref):
                    found += self._gone(look, ref, told)
                continue
            if self._subjects.is_told_of(look.delivery.notifier, ref):
                news = subject.news(told.mark if told else None, look.since)
                found += [(subject, news)] if news else []
        urgent = {
            subject.ref: any(one.needs_person or one.severity.value != "info" for one in news)
            for subject, news in found
        }
        return sorted(found, key=lambda one: (not urgent[one[0].ref], one[0].ref))

    def _gone(self, look: _Look, ref: ObjectRef, told: ToldOf) -> list[tuple[Subject, tuple[News, ...]]]:
        news = gone(ref, told.mark)
        if not news:
            del look.told[str(ref.key)]
            return []
        return [(Subject(ref=ref, uid=str(ref), version="", news=lambda _mark, _since: news), news)]

    async def _tell_all(self, look: _Look, found: list[tuple[Subject, tuple[News, ...]]]) -> None:
        look.left = {subject.ref: (subject, news) for subject, news in found}
        for subject, news in found:
            if not has_room(look.told, subject.name) and not look.full:
                self._tidy(look)
            if not has_room(look.told, subject.name):
                look.full = True
                continue
            try:
                await self._tell(look, subject, news)
            except SpentError as spent:
                look.wake_at = spent.until
                return
            except Rejected as error:
                look.trouble = look.trouble or error
                look.refused.add(subject.ref)
                if len(look.refused) >= MOST_REFUSED and not look.delivery.count:
                    look.refused.clear()
                    return
            except PortError as error:
                look.trouble = error
                look.refused.clear()
                return
            else:
                del look.left[subject.ref]

    async def _tell(self, look: _Look, subject: Subject, news: tuple[News, ...]) -> None:
        """All news of one object, in order; what was told before an error is in `look.told`."""
        delivery = look.delivery
        for bundle in bundles(news, delivery.notifier.channel):
            told, last = look.told.get(subject.name), bundle[-1]
            receipt = receipt_of(told, last.run) if delivery.edits else ""
            wanted = tuple(one for one in bundle if one.is_worth(delivery.notifier.severity))
            if wanted:
                receipt = await delivery.sent_or_edited(receipt, delivery.message(subject, wanted))
                look.dirty = True
            elif receipt:
                await delivery.edit(receipt, delivery.message(subject, bundle))
                look.dirty = True
            look.dirty = look.dirty or any(one.ends for one in bundle)
            if last.code == "Gone":
                look.told.pop(subject.name, None)
            else:
                text = receipt_text(last.run, receipt if delivery.edits else "")
                look.told[subject.name] = ToldOf(subject=subject.name, mark=last.mark, receipt=text)

    def _tidy(self, look: _Look) -> None:
        """Forget what `since` says as well, once that has moved on."""
        look.since = told_since(look.since, look.left.values(), self._clock.now())
        names = frozenset(str(ref.key) for ref in look.left)
        look.told = {one.subject: one for one in kept(look.told, self._subjects, names, look.since)}

    async def _write_down(self, look: _Look) -> None:
        """Save how far it came, when that must not be lost or something else is to be said."""
        if look.dirty:
            self._unwritten[look.stored.key] = (look.stored.uid, dict(look.told))
            self._tidy(look)
        status = look.stored.status
        if look.dirty or status.since is None:
            told = tuple(look.told[name] for name in sorted(look.told)) if look.dirty else status.told
            status = replace(status, since=look.since, told=told)
        if isinstance(look.trouble, LeaseLost):
            raise look.trouble
        await self._say(look.stored, status, "False" if look.trouble else "True", _standing(look))
        self._unwritten.pop(look.stored.key, None)

    async def _say(self, stored: StoredNotifier, status: NotifierStatus, state: str, reason: Reason) -> None:
        """Write the status with this condition where anything changed, and announce it when its state did."""
        before = ready(stored.status)
        status = with_condition(status, state, reason.code, reason.message, self._clock.now())
        status = replace(status, observed_generation=stored.generation)
        if status == stored.status:
            return
        if not self._may_write():
            raise LeaseLost("the lease may be lost, nothing is written by this replica")
        await self._notifiers.save(stored, status)
        if (before.status if before else "True") != state:
            about = About(kind="Notifier", key=stored.key, uid=stored.uid, version=stored.version, state=reason.code)
            await self._notices.tell(about, reason)


def _standing(look: _Look) -> Reason:
    """How the Notifier stands after a look."""
    if look.trouble is not None:
        others = "; all else is told" if look.refused and look.delivery.count else ""
        return failure(look.trouble, others)
    if look.full:
        message = "as many objects as it can remember are in hand; more are told of once some are done: tell of fewer"
        return Reason(code="Full", message=message, warning=True)
    return Reason(code="Delivered", message="all news are delivered, or wait for their minute")
