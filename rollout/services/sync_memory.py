"""What is remembered of a source between two looks? Nothing that a restart may not lose: it only means reading again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from rollout.ports.errors import PortError
from rollout.ports.specs import Spec, StoredSource
from rollout.services.sync_git import Seen
from rollout.services.sync_report import SyncReport

# Two tools that write the same fields must not keep each other and the API server busy.
_AT_ONCE = 5  # so many edits are put back without waiting, ...
_CALM = timedelta(minutes=2)  # ... counted anew when nobody edited for so long; ...
_LONGEST_REST = timedelta(minutes=1)  # ... further ones wait twice as long each time, up to this


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What the last commit that was taken says, to be held against edits."""

    commit: str
    specs: tuple[Spec, ...]


@dataclass(slots=True, kw_only=True)
class Memory:
    """One source. sight: what git showed last, or why it did not; None before it was asked.

    last: the report of the last look. due: when git is asked again. failures: looks in a row that failed. rests_until:
    before that nothing is put back, None when nothing has to wait.
    """

    sight: Seen | PortError | None = None
    in_force: InForce | None = None
    last: SyncReport | None = None
    due: datetime | None = None
    failures: int = 0
    rests_until: datetime | None = None
    _edits: int = 0
    _edited_at: datetime | None = None
    _looked_at: datetime | None = None
    _stamp: tuple[object, ...] = ()
    _commit: str = ""

    def is_due(self, stored: StoredSource, now: datetime) -> bool:
        """Whether git has to be asked: it is time, a person wants it, or another replica has been at work.

        It is time as well when the clock was set back: nobody knows how long ago the last look was.
        """
        is_time = self.due is None or now >= self.due or (self._looked_at is not None and now < self._looked_at)
        return is_time or _now(stored) != (self._stamp, self._commit)

    def asks(self, stored: StoredSource) -> Seen | None:
        """Note that git is asked for the source as it is now: a wish that comes meanwhile is another one.

        What is known of git already; None when the spec changed, because path, keys or ref may be others.
        """
        same = bool(self._stamp) and self._stamp[0] == stored.generation
        self._stamp, self._commit = _now(stored)
        return self.sight if same and isinstance(self.sight, Seen) else None

    def reported(self, report: SyncReport, now: datetime) -> None:
        """This is what the status is to say; news so far are edits that were put back."""
        self.last, self._commit, self._looked_at = report, report.commit, now
        self.rests_until = None
        if report.news:
            is_calm = self._edited_at is None or now - self._edited_at >= _CALM
            self._edits, self._edited_at = (1 if is_calm else self._edits + 1), now
            over = self._edits - _AT_ONCE
            if over > 0:
                self.rests_until = now + min(timedelta(seconds=2 ** min(over, 10)), _LONGEST_REST)


def _now(stored: StoredSource) -> tuple[tuple[object, ...], str]:
    return (stored.generation, stored.request, stored.status.confirmed), stored.status.commit
