"""How far is each object told, up to when is everything told, and what may be forgotten of that?

Nothing may be forgotten that would be told once more, or never: an object leaves the list when `since` alone says as much.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from rollout.model.news import News
from rollout.model.notifier import TOLD_KEPT, NotifierStatus, ToldOf
from rollout.model.status import Condition, Reason
from rollout.ports.errors import PortError, Unreachable
from rollout.services.notify_subjects import MIGRATION, Subject, Subjects, ref_of

# A run ends by the clock of the tick that ends it, and is seen once that is saved, at the latest by the next leader,
# whose clock may be another one. What is younger than this may still come to light.
UNSEEN_FOR = timedelta(minutes=10)
READY = "Ready"


def told_since(since: datetime, left: Iterable[tuple[Subject, tuple[News, ...]]], now: datetime) -> datetime:
    """Up to when everything that ended is told, now that `left` alone is not; never earlier than `since`."""
    waiting = [
        one.at - timedelta(seconds=1)
        for subject, found in left
        for one in found
        if one.at is not None and (one.ends or subject.ref.kind == MIGRATION)
    ]
    return max(since, min([now - UNSEEN_FOR, *waiting]))


def kept(told: Mapping[str, ToldOf], subjects: Subjects, left: frozenset[str], since: datetime) -> tuple[ToldOf, ...]:
    """What must be remembered beside `since`, by name. left: names of those that have news yet."""
    return tuple(told[name] for name in sorted(told) if name in left or _matters(name, subjects, since))


def has_room(told: Mapping[str, ToldOf], name: str) -> bool:
    """Whether one more object may be told of."""
    return name in told or len(told) < TOLD_KEPT


def with_condition(status: NotifierStatus, state: str, reason: str, message: str, now: datetime) -> NotifierStatus:
    """The status with this Ready condition; its time moves with its state alone."""
    before = ready(status)
    since = before.since if before is not None and before.status == state else now
    condition = Condition(type=READY, status=state, reason=reason, message=message, since=since)
    return replace(status, conditions=(condition,))


def ready(status: NotifierStatus) -> Condition | None:
    """The Ready condition; None before the first look."""
    return next((one for one in status.conditions if one.type == READY), None)


def failure(error: PortError, more: str = "") -> Reason:
    """What people are told of trouble: NotDelivered may mend itself, NotAccepted waits for somebody."""
    if isinstance(error, Unreachable):
        return Reason(code="NotDelivered", message=f"{error}{more}", warning=True)
    return Reason(code="NotAccepted", message=f"{error}{more}", warning=True)


def receipt_of(told: ToldOf | None, run: int) -> str:
    """The receipt of the message about this run; "" when there is none."""
    number, _, receipt = (told.receipt if told else "").partition(" ")
    return receipt if number == str(run) else ""


def receipt_text(run: int, receipt: str) -> str:
    """What is kept of a receipt; "" of none."""
    return f"{run} {receipt}" if receipt else ""


def _matters(name: str, subjects: Subjects, since: datetime) -> bool:
    ref = ref_of(name)
    subject = subjects.get(ref)
    if subject is None:
        return subjects.is_there(ref)  # one that cannot be read now is told of later
    return bool(subject.news(None, since))
