"""What does a Rollout's status remember? It is all the state there is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from policies.approval import Authors
from policies.verdict import Verdict
from rollout.model.commands import Handled
from rollout.model.deeds import Approval, Deed, Override, Pause
from rollout.model.hooks import HookCount, HookOwed
from rollout.model.names import BackendName
from rollout.model.rollout import Mode, RouteRef, Step


class Phase(StrEnum):
    """The state of a Rollout."""

    IDLE = "Idle"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    PROMOTING = "Promoting"
    ROLLING_BACK = "RollingBack"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A revision as it was first seen. template: hash of its workload's pod template, "" when there is no workload."""

    name: str
    backend: BackendName
    template: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopwatch:
    """Time spent in some condition, through interruptions. since: running from then on; None when stopped."""

    spent: timedelta = timedelta(0)
    since: datetime | None = None

    def elapsed(self, now: datetime) -> timedelta:
        """All the time it ran."""
        return self.spent + (now - self.since if self.since else timedelta(0))

    def running(self, now: datetime) -> "Stopwatch":
        """The stopwatch going on from now; itself when it runs already."""
        return self if self.since else Stopwatch(spent=self.spent, since=now)

    def stopped(self, now: datetime) -> "Stopwatch":
        """The stopwatch standing at what it shows now; itself when it stands already."""
        return Stopwatch(spent=self.elapsed(now)) if self.since else self


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveVerdict:
    """How one objective stood when it was last judged.

    value and limit are texts for people ("0.4%", "at most 1%"); samples: requests seen, None where that has no meaning.
    code: short reason such as NoData; message: the sentence. evidence: what a sequential objective has gathered against the
    canary, of what a rollback needs ("12 of 125"); "" for the others.
    """

    name: str
    verdict: Verdict
    mode: Mode
    code: str
    message: str
    value: str
    limit: str
    samples: int | None
    query: str
    at: datetime
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Reason:
    """Why things are as they are, for people: a CamelCase code, a sentence, and whether it is worth an alert."""

    code: str
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A Kubernetes condition (kstatus)."""

    type: str
    status: str
    reason: str
    message: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Added:
    """An entry that we put into a route: it is ours to take out."""

    route: RouteRef
    backend: BackendName


@dataclass(frozen=True, slots=True, kw_only=True)
class Retiring:
    """A revision that no longer serves and leaves the routes once `settle` has passed.

    since: when its weight was seen at 0. theirs: the entry goes even where a user wrote it (a former stable).
    unnamed: since when no route names it; its subset goes `settle` later. None while one does.
    """

    revision: Revision
    since: datetime
    theirs: bool = False
    unnamed: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fight:
    """A GitOps tool sets our weights on a route back.

    manager: its field manager; tool: which tool that is, for people. written: when it last did, by the API server's
    clock, so that each write of it counts once. at: when the last FIGHTS_COUNTED reversals were seen, newest last; empty
    once a person said to go on.
    """

    route: RouteRef
    manager: str
    tool: str
    written: datetime
    at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescue:
    """Traffic that somebody had sent to a backend without ready endpoints was brought back to stable.

    writer: who had sent it there, for people; "" unknown.
    """

    route: RouteRef
    backend: BackendName
    writer: str
    at: datetime


class Outcome(StrEnum):
    """How a run ended, or is ending."""

    PROMOTED = "Promoted"
    FAILED = "Failed"
    ABORTED = "Aborted"
    RETURNED = "Returned"
    SUPERSEDED = "Superseded"

    @property
    def is_return(self) -> bool:
        """Whether the run ended because it was no longer wanted, not because it failed."""
        return self in (Outcome.RETURNED, Outcome.SUPERSEDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One run of the history, newest first. deeds: at most DEEDS_KEPT, the oldest first."""

    run: int
    revision: str
    stable: str
    outcome: Outcome
    started: datetime
    ended: datetime
    message: str
    deeds: tuple[Deed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What the sequential judge knows of one objective as of its last closed block.

    state: the judge's own text, at most 1 kB, begins with its version; a status keeps it packed. learnt: what stable's history
    taught it, for people.
    bounds: those of the latency histogram that `state` counts by, in ms, rising; () for errors.
    """

    objective: str
    state: str
    learnt: str = ""
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Stable misbehaves together with the canary.

    since: when this weight began to be held for it. until: since when stable has been normal, None while it is not.
    count: how many incidents of the run took its weight to 0. over: the run went on after it.
    """

    since: datetime
    until: datetime | None = None
    count: int = 0
    over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The run in hand. Absent (None in the status) in Idle and Failed.

    plan: pinned at a step boundary. step: 1-based, 0 before the first, len(plan) + 1 with no step left. weight: what we want now.
    confirmed: the weight last seen in force on every route. in_force_at: since when `weight` has been in force; None
    until it is. stable_ready: stable's ready pods when the run began. subset_since: when the canary's subset was
    defined by us, None when it was not needed. skip: `promote` said not to wait for soak and verdict of this step;
    full: `promote-full` said the same of all remaining ones. straight: no soak, gate or verdict (first deployment,
    revert). ending and ending_why: set with RollingBack. judged: the sequential judge's memory, one for each of its
    objectives, () until stable's history was read. outlook: what this run can prove and how fast, a sentence.
    trial_since: since when users have met the canary without a break at 0 %; None before. gate_since: since when the present
    step's approval alone is missing; None while it is not. authors: whose change it is, None until that was asked.
    override: of freeze windows. deeds: what people did, the oldest first, at most DEEDS_KEPT. hooks: whose last call failed.
    """

    canary: Revision
    plan: tuple[Step, ...]
    started: datetime
    step_started: datetime
    step: int = 0
    weight: int = 0
    confirmed: int = 0
    in_force_at: datetime | None = None
    stable_ready: int = 0
    subset_since: datetime | None = None
    skip: bool = False
    full: bool = False
    straight: bool = False
    approvals: tuple[Approval, ...] = ()
    pause: Pause | None = None
    verdict_missing: Stopwatch = Stopwatch()
    unavailable: Stopwatch = Stopwatch()
    dark_since: datetime | None = None
    ending: Outcome | None = None
    ending_why: str = ""
    judged: tuple[Checkpoint, ...] = ()
    outlook: str = ""
    incident: Incident | None = None
    trial_since: datetime | None = None
    gate_since: datetime | None = None
    authors: Authors | None = None
    override: Override | None = None
    deeds: tuple[Deed, ...] = ()
    hooks: tuple[HookCount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStatus:
    """Everything a Rollout remembers between two ticks and through every restart.

    runs: number of runs so far; the present run's number while `run` is not None.
    stable: None until it is known. former: stable before the last promotion. failed: the run not to be tried again.
    subsets: names of the subsets that our DestinationRule holds. handled: newest last, at most HANDLED_KEPT.
    fights: at most FIGHTS_KEPT, newest last. rescue: the last one, while it matters.
    next: what happens next and when, a sentence. last_spec: the last spec that could be read, as JSON, while a run is in
    hand: what it goes back by when the spec becomes unreadable. owed: post-rollout hooks still to be called, at most OWED_KEPT.
    """

    phase: Phase = Phase.IDLE
    stable: Revision | None = None
    former: Revision | None = None
    failed: Revision | None = None
    runs: int = 0
    run: Run | None = None
    retiring: tuple[Retiring, ...] = ()
    added: tuple[Added, ...] = ()
    subsets: tuple[str, ...] = ()
    removable: tuple[str, ...] = ()
    fights: tuple[Fight, ...] = ()
    rescue: Rescue | None = None
    verdicts: tuple[ObjectiveVerdict, ...] = ()
    reasons: tuple[Reason, ...] = ()
    next: str = ""
    conditions: tuple[Condition, ...] = ()
    handled: tuple[Handled, ...] = ()
    history: tuple[Past, ...] = ()
    observed_generation: int = 0
    source_commit: str = ""
    last_spec: str = ""
    owed: tuple[HookOwed, ...] = ()


HANDLED_KEPT = 100
HISTORY_KEPT = 10
DEEDS_KEPT = 20
FIGHTS_KEPT = 10  # one for each route and tool: more than a Rollout has
FIGHTS_COUNTED = 3
