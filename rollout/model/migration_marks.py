"""What is remembered of single findings, callers, proofs and people of a MeshMigration?"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from policies.approval import Identity


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Acknowledged:
    """A warning that a person took responsibility for. key: of the finding, or a check's id for all its findings."""

    key: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakMark:
    """Since when nothing forbidden was seen. clock: None while it does not run. window: how long it must run.

    restarted: why the clock was set back the last time, "" for never. looked: the last look that counted. known_until: what
    the ledger knew of every proxy then; a process that begins anew has to look back from there. known: what must
    stay as it is meanwhile, such as "service api". skipped_by: who said that it was quiet for long enough, and why.
    """

    clock: datetime | None = None
    window: timedelta = timedelta(0)
    restarted: str = ""
    looked: datetime | None = None
    last_event: datetime | None = None
    known_until: datetime | None = None
    known: tuple[str, ...] = ()
    skipped_by: str = ""
    skipped_why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeBaseline:
    """How one caller fared before the change. success: part of its requests, 0.0-1.0; None when it made none.

    p99: None when they were too few to tell. lost: part of its connections without HTTP that failed. recent: part of its
    requests that failed in the last minutes before something became STRICT.
    """

    caller: str
    workload: str
    success: float | None = None
    p99: timedelta | None = None
    lost: float = 0.0
    recent: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class PlaintextCaller:
    """Who spoke plaintext to what. source: "" where metrics do not say. calls: at least so many, the last at `last`."""

    workload: str
    source: str
    calls: int
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestMark:
    """The last marked plaintext request. pod: that it was sent to. seen_at: the scrape that showed it, None while none did."""

    asked_at: datetime
    pod: str
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveApproval:
    """A person's yes to a wave. by: for people. channel: how it came.

    at and identity: None where an older version wrote it down.
    """

    wave: str
    by: str
    at: datetime | None = None
    channel: str = ""
    identity: Identity | None = None
