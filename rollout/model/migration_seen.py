"""What does the world look like for one MeshMigration?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from policies.ledger_events import Event
from rollout.model.approval import ApprovalPolicy
from rollout.model.commands import Command, Result
from rollout.model.freeze import FreezeWindow
from rollout.model.mesh import MeshNamespace, PeerAuth
from rollout.model.mesh_writes import MeshWrite, Snapshot
from rollout.model.migration import Finding, MigrationStatus, Proven
from rollout.model.migration_marks import PlaintextCaller
from rollout.model.status import Reason
from rollout.model.telemetry import Asked, MeshAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaintextLook:
    """What one look at the plaintext counters told. events: since the look before, those that are accounted for too.

    complete: whether silence would have meant something; gap: why not, "" where it does. silent: a sentence where too many
    proxies were not scraped for too long, "" otherwise. known_until: up to then nothing is unknown of any proxy. named: who
    caused the events, where the proxies' logs could tell. tested: the scrape that shows the marked request of the self-test.
    """

    events: tuple[Event, ...] = ()
    complete: bool = False
    gap: str = "nothing was asked yet"
    silent: str = ""
    known_until: datetime | None = None
    named: tuple[PlaintextCaller, ...] = ()
    tested: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CronCaller:
    """A CronJob that could call. longest: the longest time between two of its runs; None when it never runs by itself.

    ran: when it last succeeded; None for never.
    """

    namespace: str
    name: str
    longest: timedelta | None
    ran: datetime | None = None

    def __str__(self) -> str:
        return f"CronJob {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What an SloPolicy lets an edge lose. max_ratio: part of requests that may fail, 0.0-1.0."""

    policy: str
    objective: str
    max_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceSeen:
    """One namespace. findings: of the preflight checks; None when they did not run in this look.

    raw: its PeerAuthentications and workloads as they were read. snapshot: how it was before our first write; None for none.
    unsent: whether the last marked request could not be sent. webhooks: names of the admission webhooks whose Service is in
    it; None when nobody could say.
    """

    namespace: MeshNamespace
    answers: Mapping[Asked, MeshAnswer]
    plaintext: PlaintextLook = PlaintextLook()
    findings: tuple[Finding, ...] | None = None
    raw: tuple[Mapping[str, Any], ...] = ()
    snapshot: Snapshot | None = None
    unsent: bool = False
    webhooks: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One namespace was seen calling another. source "" is nobody that the metrics can name."""

    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSeen:
    """All of it. edges: None when the metrics server could not say. root: PeerAuthentications of the mesh's own namespace.

    meshed: namespaces of the whole cluster whose every pod has a proxy. taken: namespaces that another MeshMigration moves,
    with its name. periods: None when nobody could say. unkept: namespaces whose record cannot be written, and why: they make
    no move that needs one. approvals: the policies that its waves name, by name; one that does not exist is not in it.
    freezes: the windows that mean it or a namespace. budgets: of the SloPolicies that the spec names. unbudgeted: a sentence
    for each that gives none.
    """

    namespaces: Mapping[str, NamespaceSeen]
    root: tuple[PeerAuth, ...] = ()
    edges: tuple[Edge, ...] | None = ()
    meshed: frozenset[str] = frozenset()
    periods: tuple[CronCaller, ...] | None = ()
    commands: tuple[Command, ...] = ()
    actors_bound: bool = True
    taken: Mapping[str, str] = field(default_factory=dict)
    unkept: Mapping[str, str] = field(default_factory=dict)
    approvals: Mapping[str, ApprovalPolicy] = field(default_factory=dict)
    freezes: tuple[FreezeWindow, ...] = ()
    budgets: tuple[Budget, ...] = ()
    unbudgeted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """A command's answer."""

    command: str
    result: Result
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One marked plaintext request to a pod. mark: the path that it asks for."""

    pod: str
    address: str
    port: int
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceActions:
    """What is to be done about one namespace. writes: at most one, but for a fallback, which is all of them at once.

    proof: to be stored before the status, with the snapshot when that is to be taken. opens: the writes open what is
    STRICT: they are done even when the status could not be saved. probe: to be sent once the status is saved.
    """

    namespace: str
    writes: tuple[MeshWrite, ...] = ()
    proof: Proven | None = None
    snapshot: Snapshot | None = None
    opens: bool = False
    probe: Probe | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationDecision:
    """One value out: the status to save, what to do, what to tell (by namespace, "" for the fleet), when to look again."""

    status: MigrationStatus
    actions: tuple[NamespaceActions, ...]
    replies: tuple[Replied, ...] = ()
    events: tuple[tuple[str, Reason], ...] = ()
    wake_at: datetime | None = None
