"""What does a MeshMigration want, and what does its status remember of each namespace?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from rollout.model.commands import Handled
from rollout.model.mesh import Labels, Mtls
from rollout.model.migration_marks import (
    Acknowledged,
    EdgeBaseline,
    PlaintextCaller,
    SelfTestMark,
    SoakMark,
    WaveApproval,
)
from rollout.model.status import Condition, Reason


class Stage(StrEnum):
    """How far a namespace is. The order of the first thirteen is the way; the others are aside."""

    PENDING = "Pending"
    PREFLIGHT = "Preflight"
    BASELINE = "Baseline"
    ENROLLING = "Enrolling"
    PERMISSIVE = "Permissive"
    OBSERVING = "Observing"
    REHEARSAL = "Rehearsal"
    STRICT_CANARY = "StrictCanary"
    STRICT = "Strict"
    STRICT_SOAK = "StrictSoak"
    AUTHZ_DRY_RUN = "AuthzDryRun"
    AUTHZ_ENFORCED = "AuthzEnforced"
    DONE = "Done"
    BLOCKED = "Blocked"
    FALLING_BACK = "FallingBack"
    FALLEN_BACK = "FallenBack"
    ROLLING_BACK = "RollingBack"
    ROLLED_BACK = "RolledBack"
    EXCEPTED = "Excepted"


class MeshKind(StrEnum):
    """Which mesh the fleet moves into."""

    ISTIO_SIDECAR = "istio-sidecar"
    ISTIO_AMBIENT = "istio-ambient"
    LINKERD = "linkerd"


class Target(StrEnum):
    """Where a namespace's move ends."""

    STRICT = "strict"
    AUTHORIZED = "authorized"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Namespaces that move together. concurrency: how many of them may be changing at a time, 1 or more.

    approval: the ApprovalPolicy that lets the wave begin, "" for none.
    """

    name: str
    namespaces: tuple[str, ...]
    concurrency: int = 1
    approval: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a change is taken back by itself. success_drop: part of requests or connections, 0.005 is half a percent.

    latency_factor and latency_slack: p99 above baseline x factor + slack. unready: pods that may lose readiness. burn: how
    many times faster than its SloPolicies let it an edge may use up their error budgets.
    """

    success_drop: float = 0.005
    latency_factor: float = 1.3
    latency_slack: timedelta = timedelta(milliseconds=10)
    unready: int = 1
    burn: float = 14.4  # 2 % of a budget of 30 days within one hour: The Site Reliability Workbook, chapter 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """A port, a workload, or a whole namespace that need not reach STRICT. `expires`: from that day on the gate closes.

    workload: labels of its pods, {} for the whole namespace. port: a container port, None for all of them.
    """

    namespace: str
    workload: Labels
    port: int | None = None
    mode: Mtls = Mtls.PERMISSIVE
    owner: str
    expires: date

    @property
    def is_whole_namespace(self) -> bool:
        """Whether nothing of the namespace is to move at all."""
        return not self.workload and self.port is None


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationSpec:
    """The spec of a MeshMigration. revision: of the control plane, as in the label istio.io/rev; "" for the default one.

    root: the namespace whose PeerAuthentications are for the whole mesh. drain: how long a proxy keeps connections after
    a change; `verify` is never shorter than twice that. self_test: one marked plaintext request shows that one is noticed.
    """

    name: str
    mesh: MeshKind = MeshKind.ISTIO_SIDECAR
    revision: str = ""
    root: str = "istio-system"
    target: Target = Target.STRICT
    waves: tuple[Wave, ...]
    soak: timedelta = timedelta(hours=24)
    strict_soak: timedelta = timedelta(hours=24)
    baseline: timedelta = timedelta(hours=24)
    verify: timedelta = timedelta(minutes=15)
    drain: timedelta = timedelta(seconds=45)
    interval: timedelta = timedelta(seconds=15)
    limits: Limits = Limits()
    policies: tuple[str, ...] = ()
    exceptions: tuple[Exemption, ...] = ()
    suspend: bool = False
    self_test: bool = True

    @property
    def namespaces(self) -> tuple[str, ...]:
        """All namespaces, in the order of the waves."""
        return tuple(name for wave in self.waves for name in wave.namespaces)

    def wave_of(self, namespace: str) -> Wave:
        """The wave that `namespace` is in; KeyError when it is in none."""
        for wave in self.waves:
            if namespace in wave.namespaces:
                return wave
        raise KeyError(namespace)

    def exceptions_of(self, namespace: str) -> tuple[Exemption, ...]:
        """The exceptions for `namespace`."""
        return tuple(one for one in self.exceptions if one.namespace == namespace)


class Severity(StrEnum):
    """What a finding does. BLOCK: the namespace waits. WARN: a person must acknowledge it. INFO: it is only said."""

    BLOCK = "block"
    WARN = "warn"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """What a preflight check found. check: its id, such as "PA-01". object: "Deployment shop/api". field: a path in it.

    why: what would break. fix: what to do. caller: a namespace whose calls would break, "" where that is not the matter.
    """

    check: str
    severity: Severity
    object: str
    field: str = ""
    why: str
    fix: str
    caller: str = ""

    @property
    def key(self) -> str:
        """What an acknowledgement names: the check and the object."""
        return f"{self.check} {self.object}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """The record of one forward move: what was asked, what was seen, and when. Kept outside the status, in the record.

    facts: (what, how it was asked, what came back) for people and auditors. digest: of all that decided it.
    """

    stage: Stage
    to: Stage
    at: datetime
    facts: tuple[tuple[str, str, str], ...]
    digest: str
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceStatus:
    """All that is remembered of one namespace.

    since: when it came to its stage. visited: the farthest stage of the way that it was in. recorded: whether its
    snapshot was stored. created: uids of objects that we made. fallbacks: how often it fell back. canary: the workload
    is STRICT alone, "Deployment api", "" for none. blocked and warned: findings that block, or wait for a person.
    callers: who spoke plaintext. why_back: what made it go back, "" for nothing. rolls_back: falling back is only its first
    half. in_force: since when what this stage wrote is what every pod has; None while it is not. restarts: of all containers
    when it came to its stage. dark_since: since when the metrics server cannot say; None while it can. looked: when the
    preflight checks ran last. self_test: the last marked plaintext request, None for none. closing: whether the soak is of
    what an exception kept open that left the spec.
    """

    name: str
    stage: Stage = Stage.PENDING
    since: datetime | None = None
    visited: Stage = Stage.PENDING
    recorded: bool = False
    created: tuple[str, ...] = ()
    fallbacks: int = 0
    canary: str = ""
    soak: SoakMark = field(default_factory=SoakMark)
    baseline: tuple[EdgeBaseline, ...] = ()
    acknowledged: tuple[Acknowledged, ...] = ()
    blocked: int = 0
    warned: int = 0
    callers: tuple[PlaintextCaller, ...] = ()
    why_back: str = ""
    rolls_back: bool = False
    in_force: datetime | None = None
    restarts: int = 0
    dark_since: datetime | None = None
    looked: datetime | None = None
    self_test: SelfTestMark | None = None
    closing: bool = False
    reasons: tuple[Reason, ...] = ()
    next: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationStatus:
    """All that is remembered of a MeshMigration.

    paused: who paused the fleet and why, "" for nobody. wave: the first that is not done. done: namespaces that are.
    """

    observed_generation: int = 0
    namespaces: tuple[NamespaceStatus, ...] = ()
    paused: str = ""
    approved: tuple[WaveApproval, ...] = ()
    wave: str = ""
    done: int = 0
    reasons: tuple[Reason, ...] = ()
    conditions: tuple[Condition, ...] = ()
    handled: tuple[Handled, ...] = ()
    next: str = ""

    def of(self, namespace: str) -> NamespaceStatus:
        """What is remembered of `namespace`; a new one when nothing is."""
        for one in self.namespaces:
            if one.name == namespace:
                return one
        return NamespaceStatus(name=namespace)

    @property
    def stages(self) -> Mapping[str, Stage]:
        """The stage of every namespace that is remembered."""
        return {one.name: one.stage for one in self.namespaces}
