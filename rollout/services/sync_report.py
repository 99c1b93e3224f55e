"""How did it go to bring a commit into the cluster, and when is the next look?"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from rollout.manifest.errors import SpecError
from rollout.model.names import Key
from rollout.model.status import Condition
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected
from rollout.ports.specs import ObjectRef, SourceStatus, StoredSource

_JITTER = 0.1  # sources of one interval must not all ask in the same second
_LONGEST_WAIT = timedelta(minutes=10)
_SHOWN_ERRORS = 5
_LONGEST_MESSAGE = 2000


class SyncState(Enum):
    """Whether a source is in order, will be tried again by itself, or waits for a person."""

    READY = "Ready"
    RETRYING = "Retrying"
    STALLED = "Stalled"
    SUSPENDED = "Suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What one look at a source brought. commit: the last one applied, "" for none; attempted: the one looked at.

    applied and pruned: objects that were written and deleted just now; unchanged: those that were right already.
    total: specs in the commit; held: what waits for a person before it is deleted. wake_at: when to look again, None
    when only a change of the GitSource matters.
    """

    key: Key
    state: SyncState
    reason: str
    message: str
    commit: str = ""
    attempted: str = ""
    applied: tuple[ObjectRef, ...] = ()
    unchanged: int = 0
    pruned: tuple[ObjectRef, ...] = ()
    held: tuple[ObjectRef, ...] = ()
    errors: tuple[SpecError, ...] = ()
    total: int = 0
    foreign: int = 0
    retry_after: timedelta | None = None
    wake_at: datetime | None = None

    @property
    def changed(self) -> bool:
        """Whether the cluster's specs are different now."""
        return bool(self.applied or self.pruned)


def failed(stored: StoredSource, error: PortError, reason: str = "FetchFailed") -> SyncReport:
    """The report when a port failed: what was applied stays, and is said to."""
    state = SyncState.RETRYING
    if isinstance(error, Forbidden | NotFound | Rejected):
        state = SyncState.STALLED
        reason = {Forbidden: "AccessDenied", Rejected: "Refused"}.get(type(error), "NotFound")
    status = stored.status
    return SyncReport(
        key=stored.key,
        state=state,
        reason=reason,
        message=f"{error}; {staying(status.commit)}",
        commit=status.commit,
        attempted=status.attempted,
        total=status.applied,
        foreign=status.foreign,
        retry_after=error.retry_after,
    )


def staying(commit: str) -> str:
    """What is in force while something newer is not."""
    return f"commit {commit[:12]} stays in force" if commit else "nothing was applied yet"


def listed(errors: tuple[SpecError, ...]) -> str:
    """The first few errors for people, with file and line."""
    more = len(errors) - _SHOWN_ERRORS
    text = "; ".join(str(error) for error in errors[:_SHOWN_ERRORS])
    return f"{text}; and {more} more" if more > 0 else text


def wake_at(report: SyncReport, interval: timedelta, failures: int, now: datetime) -> datetime:
    """When to look again: after the interval, or later and later (up to 10 min) while failing; never all at once.

    A server that said when to come again is not asked before.
    """
    delay = interval
    if failures:
        longest = max(interval, _LONGEST_WAIT)
        delay = max(min(interval * 2 ** min(failures - 1, 10), longest), report.retry_after or timedelta(0))
    digest = hashlib.sha256(f"{report.key} {now.isoformat()}".encode()).digest()
    share = int.from_bytes(digest[:4]) / 2**32
    low = 0.0 if report.retry_after else -_JITTER
    return now + delay * (1 + low + (_JITTER - low) * share)


def status_of(stored: StoredSource, report: SyncReport, now: datetime) -> SourceStatus:
    """The status that says `report`; equal to the stored one when nothing is new."""
    before = stored.status
    after = SourceStatus(
        observed_generation=stored.generation,
        commit=report.commit,
        attempted=report.attempted,
        attempted_at=before.attempted_at,
        applied=report.total,
        foreign=report.foreign,
        handled_request=stored.request,
        conditions=_conditions(report, before.conditions, now),
    )
    return after if after == before else replace(after, attempted_at=now)


def _conditions(report: SyncReport, before: tuple[Condition, ...], now: datetime) -> tuple[Condition, ...]:
    """kstatus: Ready always; Reconciling and Stalled only while they are true."""
    message = report.message[:_LONGEST_MESSAGE]
    states = [("Ready", "True" if report.state is SyncState.READY else "False")]
    if report.state is SyncState.RETRYING:
        states.append(("Reconciling", "True"))
    if report.state is SyncState.STALLED:
        states.append(("Stalled", "True"))
    known = {(condition.type, condition.status): condition.since for condition in before}
    return tuple(
        Condition(type=kind, status=status, reason=report.reason, message=message, since=known.get((kind, status), now))
        for kind, status in states
    )
