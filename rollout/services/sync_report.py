"""How did it go to bring a commit into the cluster, what does the status say, and when is the next look?"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from rollout.manifest.errors import SpecError
from rollout.model.names import Key
from rollout.model.status import Condition
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected
from rollout.ports.specs import ObjectRef, SourceStatus, StoredSource
from rollout.services.sync_plan import SyncPlan, Wanted

ALLOW_PRUNE = "rollout.dev/allow-prune"
_JITTER = 0.1  # sources of one interval must not all ask in the same second
_LONGEST_WAIT = timedelta(minutes=10)
_SHOWN_ERRORS = 5
_LONGEST_MESSAGE = 2000


class SyncState(Enum):
    """Whether a source is in order, is tried again by itself, waits for a person, or is not looked at."""

    READY = "Ready"
    RETRYING = "Retrying"
    STALLED = "Stalled"
    SUSPENDED = "Suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What one look at a source brought. commit: the last one applied, "" for none; attempted: the one looked at.

    applied and pruned: objects that were written and deleted just now; unchanged: how many were right already; total:
    specs in the commit; held: what waits for a person before it is deleted. trouble: a port failed, so the next look
    comes later and later. wake_at: None when only a change of the GitSource matters.
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
    trouble: bool = False
    retry_after: timedelta | None = None
    wake_at: datetime | None = None

    @property
    def changed(self) -> bool:
        """Whether the cluster's specs are different now."""
        return bool(self.applied or self.pruned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a source, and what can be reported of it. commit: "" before one was read."""

    stored: StoredSource
    commit: str = ""
    want: Wanted = field(default_factory=Wanted)

    def suspended(self) -> SyncReport:
        """Git was not asked."""
        return self._report(SyncState.SUSPENDED, "Suspended", f"spec.suspend is true; {self._staying()}")

    def unreadable(self) -> SyncReport:
        """The GitSource itself makes no sense."""
        return self._report(SyncState.STALLED, "InvalidSource", f"{self.stored.error}; {self._staying()}")

    def nothing_new(self) -> SyncReport:
        """The commit is the one that was applied."""
        ready = next(condition for condition in self.stored.status.conditions if condition.type == "Ready")
        return self._report(SyncState.READY, ready.reason, ready.message)

    def not_fetched(self, error: PortError) -> SyncReport:
        """Git, or the Secret for it, did not answer as needed."""
        state, reason = SyncState.STALLED, "Refused"
        match error:
            case Forbidden():
                reason = "AccessDenied"
            case NotFound():
                reason = "NotFound"
            case Rejected():
                pass
            case _:
                state, reason = SyncState.RETRYING, "FetchFailed"
        report = self._report(state, reason, f"{error}; {self._staying()}")
        return replace(report, trouble=True, retry_after=error.retry_after)

    def kept_out(self) -> SyncReport:
        """The commit is invalid and nothing of it is taken."""
        message = f"commit {self.commit[:12]} is not taken: {_listed(self.want.errors)}; {self._staying()}"
        report = self._report(SyncState.STALLED, "InvalidSpecs", message)
        return replace(report, errors=self.want.errors)

    def broken_off(self, applied: tuple[ObjectRef, ...], error: PortError) -> SyncReport:
        """The API server failed while objects were written."""
        message = f"commit {self.commit[:12]} is applied in part ({len(applied)} written): {error}"
        report = self._report(SyncState.RETRYING, "ApplyFailed", message)
        return replace(report, applied=applied, trouble=True, retry_after=error.retry_after)

    def refused(self, applied: tuple[ObjectRef, ...], errors: tuple[SpecError, ...]) -> SyncReport:
        """The API server refused objects; nothing is deleted then."""
        message = f"commit {self.commit[:12]} is applied in part ({len(applied)} written): {_listed(errors)}"
        report = self._report(SyncState.STALLED, "ApplyRefused", message)
        return replace(report, applied=applied, errors=errors, trouble=True)

    def taken(self, todo: SyncPlan, applied: tuple[ObjectRef, ...]) -> SyncReport:
        """Everything that may be done was done."""
        state, reason, message = SyncState.READY, "Synced", f"commit {self.commit[:12]}: {self._counted(todo)}"
        if todo.held:
            state, reason = SyncState.STALLED, "PruneHeld"
            message += (
                f"; nothing is deleted because {todo.held_why} ({_named(todo.held)}); if that is meant, "
                f"annotate the GitSource with {ALLOW_PRUNE}={self.commit}"
            )
        if self.want.skipped:
            state, reason = SyncState.STALLED, "FilesSkipped"
            message += f"; left out, and nothing deleted: {_listed(self.want.errors)}"
        return replace(
            self._report(state, reason, message),
            commit=self.commit,
            applied=applied,
            unchanged=len(todo.apply) - len(applied),
            pruned=todo.prune,
            held=todo.held,
            errors=self.want.errors,
            total=len(todo.apply),
            foreign=self.want.foreign,
        )

    def _report(self, state: SyncState, reason: str, message: str) -> SyncReport:
        status = self.stored.status
        return SyncReport(
            key=self.stored.key,
            state=state,
            reason=reason,
            message=message,
            commit=status.commit,
            attempted=self.commit or status.attempted,
            total=status.applied,
            foreign=status.foreign,
        )

    def _staying(self) -> str:
        commit = self.stored.status.commit
        return f"commit {commit[:12]} stays in force" if commit else "nothing was applied yet"

    def _counted(self, todo: SyncPlan) -> str:
        specs = f"{len(todo.apply)} spec{'' if len(todo.apply) == 1 else 's'}"
        return f"{specs}, {self.want.foreign} objects of other kinds ignored" if self.want.foreign else specs


def wake_at(report: SyncReport, interval: timedelta, failures: int, now: datetime) -> datetime:
    """When to look again: after the interval, or later and later (up to 10 min) while failing; never all at once.

    A server that said when to come again is not asked before.
    """
    delay = interval
    if failures:
        delay = min(interval * 2 ** min(failures - 1, 10), max(interval, _LONGEST_WAIT))
    digest = hashlib.sha256(f"{report.key} {now.isoformat()}".encode()).digest()
    share = int.from_bytes(digest[:4]) / 2**32
    jittered = delay * (1 - _JITTER + 2 * _JITTER * share)
    return now + max(jittered, report.retry_after or timedelta(0))


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
    states = [("Ready", "True" if report.state is SyncState.READY else "False")]
    if report.state is SyncState.RETRYING:
        states.append(("Reconciling", "True"))
    if report.state is SyncState.STALLED:
        states.append(("Stalled", "True"))
    known = {(condition.type, condition.status): condition.since for condition in before}
    message = report.message[:_LONGEST_MESSAGE]
    return tuple(
        Condition(type=kind, status=status, reason=report.reason, message=message, since=known.get((kind, status), now))
        for kind, status in states
    )


def _listed(errors: tuple[SpecError, ...]) -> str:
    """The first few errors for people, with file and line."""
    more = len(errors) - _SHOWN_ERRORS
    text = "; ".join(str(error) for error in errors[:_SHOWN_ERRORS])
    return f"{text}; and {more} more" if more > 0 else text


def _named(refs: tuple[ObjectRef, ...]) -> str:
    more = len(refs) - _SHOWN_ERRORS
    text = ", ".join(str(ref) for ref in refs[:_SHOWN_ERRORS])
    return f"{text} and {more} more" if more > 0 else text
