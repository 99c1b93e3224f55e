"""How did it go to bring a commit into the cluster, in words for people?"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from rollout.manifest.errors import SpecError
from rollout.model.names import Key
from rollout.model.source import GitSource
from rollout.model.status import Reason
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected
from rollout.ports.specs import ObjectRef, StoredSource
from rollout.services.sync_apply import Written
from rollout.services.sync_claims import Contest
from rollout.services.sync_git import Seen, origin_of
from rollout.services.sync_plan import SyncPlan, Wanted

_SHOWN_ERRORS = 5


class SyncState(Enum):
    """Whether a source is in order, is tried again by itself, waits for a person, or is not looked at."""

    READY = "Ready"
    RETRYING = "Retrying"
    STALLED = "Stalled"
    SUSPENDED = "Suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What one look at a source brought. commit: the last one applied, "" for none; attempted: the one looked at.

    signer and origin: of `commit`. waiting: the commit that a person must confirm, "" for none. seen: what git showed,
    None when it was not looked at or did not answer. applied and pruned: objects that were written and deleted just now;
    unchanged: how many were right already; total: specs in the commit; held: what would be deleted. trouble: a port
    failed, so the next look comes later and later. contests: objects that other sources want, too. news: what is told
    besides. wake_at: None when only an event can matter. also: other sources that this concerns.
    """

    key: Key
    state: SyncState
    reason: str
    message: str
    commit: str = ""
    attempted: str = ""
    signer: str = ""
    origin: str = ""
    waiting: str = ""
    seen: Seen | None = None
    applied: tuple[ObjectRef, ...] = ()
    unchanged: int = 0
    pruned: tuple[ObjectRef, ...] = ()
    held: tuple[ObjectRef, ...] = ()
    errors: tuple[SpecError, ...] = ()
    total: int = 0
    foreign: int = 0
    trouble: bool = False
    retry_after: timedelta | None = None
    contests: tuple[Contest, ...] = ()
    news: tuple[Reason, ...] = ()
    wake_at: datetime | None = None
    also: tuple[Key, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the cluster's specs are different now."""
        return bool(self.applied or self.pruned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a source, and what can be reported of it. seen: None before a commit was seen."""

    stored: StoredSource
    seen: Seen | None = None
    want: Wanted = field(default_factory=Wanted)

    def suspended(self) -> SyncReport:
        """Git was not asked."""
        return self._report(SyncState.SUSPENDED, f"spec.suspend is true; {self._staying()}", code="Suspended")

    def unreadable(self) -> SyncReport:
        """The GitSource itself makes no sense."""
        return self._report(SyncState.STALLED, f"{self.stored.error}; {self._staying()}", code="InvalidSource")

    def leaving(self, left: tuple[ObjectRef, ...]) -> SyncReport:
        """The GitSource is being deleted and takes what it applied with it."""
        message = f"deletes what it applied; waits for {_named(left)}: a Rollout in mid-run first goes back to stable"
        return self._report(SyncState.RETRYING, message, code="Deleting")

    def not_left(self, error: PortError) -> SyncReport:
        """What the source applied could not be deleted."""
        report = self._report(SyncState.RETRYING, f"deletes what it applied: {error}", code="Deleting")
        return replace(report, trouble=True, retry_after=error.retry_after)

    def not_fetched(self, error: PortError) -> SyncReport:
        """Git, or the Secret for it, did not answer as needed."""
        message = f"{error}; {self._staying()}"
        match error:
            case Forbidden():
                report = self._report(SyncState.STALLED, message, code="AccessDenied")
            case NotFound():
                report = self._report(SyncState.STALLED, message, code="NotFound")
            case Rejected():
                report = self._report(SyncState.STALLED, message, code="Refused")
            case _:
                report = self._report(SyncState.RETRYING, message, code="FetchFailed")
        return replace(report, trouble=True, retry_after=error.retry_after)

    def not_verified(self, seen: Seen) -> SyncReport:
        """The commit's signature does not count, so nothing of it was parsed."""
        message = f"{self._commit()} is not taken: {seen.unsigned}; {self._staying()}"
        return self._report(SyncState.STALLED, message, code="NotVerified")

    def rewritten(self, seen: Seen) -> SyncReport:
        """The commit does not follow from the one in force, and nobody has said that this is meant."""
        message = f"{self._commit()} does not follow from {seen.before[:12]}: history was rewritten"
        return self._waiting(f"{message}; nothing of it is taken", code="HistoryHeld")

    def kept_out(self) -> SyncReport:
        """The commit is invalid and nothing of it is taken."""
        message = f"{self._commit()} is not taken: {_listed(self.want.errors)}; {self._staying()}"
        report = self._report(SyncState.STALLED, message, code="InvalidSpecs")
        return replace(report, errors=self.want.errors)

    def prune_held(self, todo: SyncPlan) -> SyncReport:
        """The commit would delete so much that a person has to confirm it."""
        message = f"{self._commit()} is not taken: {todo.held_why} ({_named(todo.held)})"
        return replace(self._waiting(message, code="PruneHeld"), held=todo.held)

    def broken_off(self, done: Written, error: PortError) -> SyncReport:
        """The API server failed while objects were written."""
        message = f"{self._commit()} is applied in part ({len(done.edits)} written): {error}"
        report = self._report(SyncState.RETRYING, message, code="ApplyFailed")
        return replace(report, applied=done.refs, trouble=True, retry_after=error.retry_after)

    def refused(self, done: Written) -> SyncReport:
        """The API server refused objects; nothing is deleted then."""
        message = f"{self._commit()} is applied in part ({len(done.edits)} written): {_listed(done.refused)}"
        report = self._report(SyncState.STALLED, message, code="ApplyRefused")
        return replace(report, applied=done.refs, errors=done.refused, trouble=True)

    def taken(self, source: GitSource, seen: Seen, todo: SyncPlan, done: Written) -> SyncReport:
        """Everything that may be done was done."""
        message = f"{self._commit()}: {self._counted(todo)}"
        report = self._report(SyncState.READY, message, code="Synced")
        if self.want.skipped:
            message += f"; left out, and nothing deleted: {_listed(self.want.errors)}"
            report = self._report(SyncState.STALLED, message, code="FilesSkipped")
        return replace(
            report,
            commit=seen.commit,
            signer=seen.signer,
            origin=origin_of(source),
            applied=done.refs,
            unchanged=len(todo.apply) - len(done.edits),
            pruned=todo.prune,
            errors=self.want.errors,
            total=len(todo.apply),
            foreign=self.want.foreign,
        )

    def _waiting(self, message: str, *, code: str) -> SyncReport:
        key = self.stored.key
        how = f"if that is meant: rollout confirm gitsource/{key.name} -n {key.namespace}"
        report = self._report(SyncState.STALLED, f"{message}; {self._staying()}; {how}", code=code)
        return replace(report, waiting=self.seen.commit if self.seen else "")

    def _report(self, state: SyncState, message: str, *, code: str) -> SyncReport:
        status = self.stored.status
        return SyncReport(
            key=self.stored.key,
            state=state,
            reason=code,
            message=message,
            commit=status.commit,
            attempted=self.seen.commit if self.seen else status.attempted,
            signer=status.signer,
            origin=status.origin,
            waiting="" if self.seen else status.waiting,
            seen=self.seen,
            total=status.applied,
            foreign=status.foreign,
        )

    def _commit(self) -> str:
        return f"commit {self.seen.commit[:12]}" if self.seen else "no commit"

    def _staying(self) -> str:
        commit = self.stored.status.commit
        return f"commit {commit[:12]} stays in force" if commit else "nothing was applied yet"

    def _counted(self, todo: SyncPlan) -> str:
        specs = f"{len(todo.apply)} spec{'' if len(todo.apply) == 1 else 's'}"
        return f"{specs}, {self.want.foreign} objects of other kinds ignored" if self.want.foreign else specs


def _listed(errors: tuple[SpecError, ...]) -> str:
    """The first few errors for people, with file and line."""
    more = len(errors) - _SHOWN_ERRORS
    text = "; ".join(str(error) for error in errors[:_SHOWN_ERRORS])
    return f"{text}; and {more} more" if more > 0 else text


def _named(refs: tuple[ObjectRef, ...]) -> str:
    more = len(refs) - _SHOWN_ERRORS
    text = ", ".join(str(ref) for ref in refs[:_SHOWN_ERRORS])
    return f"{text} and {more} more" if more > 0 else text
