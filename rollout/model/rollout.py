"""What does a person ask for in a Rollout's spec?"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from rollout.model.hooks import Hook
from rollout.model.names import BackendName, Key, filled, revision_in

SETTLE = timedelta(seconds=30)  # how long proxies may need to learn a new subset before a route may name it


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBackend:
    """One Service per revision; `service` holds `{revision}`."""

    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetBackend:
    """Subsets of one host, kept in a DestinationRule of our own; `name` and the label values may hold `{revision}`."""

    host: str
    name: str
    labels: tuple[tuple[str, str], ...]


Backend = ServiceBackend | SubsetBackend


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class RouteRef:
    """A route object in the Rollout's namespace; `only` narrows it to its routes of these names, () means all."""

    kind: str
    name: str
    only: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadRef:
    """The workload of each revision; `name` holds `{revision}`. kind: Deployment, StatefulSet or DaemonSet."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of the plan. weight: 1-100 percent; approvals: the policies that must all approve, () for none."""

    weight: int
    soak: timedelta = timedelta(0)
    approvals: tuple[str, ...] = ()

    @property
    def gate(self) -> str:
        """The policies that must approve, for people; "" for none."""
        return " and ".join(self.approvals)


class Mode(StrEnum):
    """Whether an objective decides, or only shows."""

    DECIDE = "decide"
    OBSERVE = "observe"


class Method(StrEnum):
    """How a ratio is judged: evidence gathered over the whole run, or one number of a window against its limit."""

    SEQUENTIAL = "sequential"
    THRESHOLD = "threshold"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRatio:
    """At most `max_ratio` (0.0-1.0) of requests fail. selector: PromQL matchers instead of the built-in ones, "" for these."""

    name: str
    max_ratio: float
    selector: str = ""
    mode: Mode = Mode.DECIDE
    method: Method = Method.SEQUENTIAL


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowRatio:
    """At most `max_ratio` (0.0-1.0) of requests take longer than `threshold`."""

    name: str
    threshold: timedelta
    max_ratio: float
    selector: str = ""
    mode: Mode = Mode.DECIDE
    method: Method = Method.SEQUENTIAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Free PromQL whose one value must stay above `above` and below `below`; None where that side is open.

    It has failed when `failures` of the last `looks` values (one each analysis interval) did. worse_than_stable: by which
    part of stable's value (0.2 is 20 %) the canary's may be worse, None for no comparison.
    """

    name: str
    query: str
    above: float | None = None
    below: float | None = None
    mode: Mode = Mode.DECIDE
    failures: int = 1
    looks: int = 1
    worse_than_stable: float | None = None


Objective = ErrorRatio | SlowRatio | Query


class OnInconclusive(StrEnum):
    """What happens when evidence is missing for longer than `step_deadline`."""

    HOLD = "hold"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Auto:
    """The judge chooses weights and pace. max: the highest weight before promotion, percent; a run is no shorter than that."""

    max: int
    min_duration: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """How often and how strictly the objectives are judged.

    false_rollback: the chance (0.0-1.0) that a run rolls back a healthy canary, over all sequential objectives and looks.
    harm_budget: failed requests that one accepts at the next weight.
    """

    interval: timedelta = timedelta(seconds=15)
    min_requests: int = 50
    false_rollback: float = 0.01
    harm_budget: int = 30
    on_inconclusive: OnInconclusive = OnInconclusive.HOLD
    step_deadline: timedelta = timedelta(hours=2)
    bake: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutSpec:
    """A Rollout's spec after parsing: ranges expanded, defaults filled, `{namespace}` and `{name}` replaced.

    stable: what serves users before the first run, None where it is read from the routes. steps: () exactly with `auto`.
    capacity: percent of (weight x stable's ready pods) that the canary must have ready.
    source: file:line of the spec in git, "" when it did not come from git.
    """

    key: Key
    revision: str
    backend: Backend
    routes: tuple[RouteRef, ...]
    steps: tuple[Step, ...]
    objectives: tuple[Objective, ...] = ()
    policies: tuple[str, ...] = ()
    workload: WorkloadRef | None = None
    stable: BackendName | None = None
    analysis: Analysis = field(default_factory=Analysis)
    available_within: timedelta = timedelta(minutes=10)
    capacity: int = 100
    settle: timedelta = SETTLE
    suspend: bool = False
    source: str = ""
    auto: Auto | None = None
    hooks: tuple[Hook, ...] = ()

    def backend_of(self, revision: str) -> BackendName:
        """How the mesh addresses `revision`."""
        match self.backend:
            case ServiceBackend(service=service):
                return BackendName(service=filled(service, revision))
            case SubsetBackend(host=host, name=name):
                return BackendName(service=host, subset=filled(name, revision))

    def revision_of(self, backend: BackendName) -> str | None:
        """The revision that `backend` stands for; None when it does not match `spec.backend`."""
        match self.backend:
            case ServiceBackend(service=service):
                return None if backend.subset else revision_in(service, backend.service)
            case SubsetBackend(host=host, name=name):
                return revision_in(name, backend.subset) if backend.service == host else None

    def labels_of(self, revision: str) -> tuple[tuple[str, str], ...]:
        """The pod labels of `revision`'s subset; () where a revision is a Service."""
        match self.backend:
            case SubsetBackend(labels=labels):
                return tuple((name, filled(value, revision)) for name, value in labels)
            case ServiceBackend():
                return ()

    def workload_of(self, revision: str) -> WorkloadRef | None:
        """The workload of `revision`; None when the spec names none."""
        if self.workload is None:
            return None
        return WorkloadRef(kind=self.workload.kind, name=filled(self.workload.name, revision))
