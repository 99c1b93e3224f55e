"""What does the world look like for one MeshMigration?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rollout.model.commands import Command, Result
from rollout.model.mesh import MeshNamespace, PeerAuth
from rollout.model.mesh_writes import MeshWrite, Snapshot
from rollout.model.migration import Finding, MigrationStatus, PlaintextCaller, Proven
from rollout.model.status import Reason
from rollout.model.telemetry import Asked, MeshAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaintextLook:
    """What one look at the plaintext counters told. callers: who spoke plaintext since the look before.

    accounted: those that an exception covers. complete: whether silence would have meant something; gap: why not, "" where
    it does.
    """

    callers: tuple[PlaintextCaller, ...] = ()
    accounted: tuple[PlaintextCaller, ...] = ()
    complete: bool = False
    gap: str = "nothing was asked yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class CronCaller:
    """A CronJob that could call. longest: its longest gap between two runs; None when it never runs."""

    namespace: str
    name: str
    longest_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceSeen:
    """One namespace. findings: of the preflight checks; None when they did not run in this look.

    specs: of its PeerAuthentications, by name, as JSON. snapshot: how it was before our first write; None for none.
    """

    namespace: MeshNamespace
    answers: Mapping[Asked, MeshAnswer]
    plaintext: PlaintextLook = PlaintextLook()
    findings: tuple[Finding, ...] | None = None
    specs: Mapping[str, str]
    snapshot: Snapshot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One namespace was seen calling another. source "" is nobody that the metrics can name."""

    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSeen:
    """All of it. edges: None when the metrics server could not say. root: PeerAuthentications of the mesh's own namespace."""

    namespaces: Mapping[str, NamespaceSeen]
    root: tuple[PeerAuth, ...] = ()
    edges: tuple[Edge, ...] | None = ()
    periods: tuple[CronCaller, ...] = ()
    commands: tuple[Command, ...] = ()
    actors_bound: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """A command's answer."""

    command: str
    result: Result
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceActions:
    """What is to be done about one namespace. writes: at most one, but for a fallback, which is all of them at once.

    proof: to be stored before the status, with the snapshot when that is to be taken. opens: the writes open what is
    STRICT: they are done even when the status could not be saved.
    """

    namespace: str
    writes: tuple[MeshWrite, ...] = ()
    proof: Proven | None = None
    snapshot: Snapshot | None = None
    opens: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationDecision:
    """One value out: the status to save, what to do, what to tell (by namespace, "" for the fleet), when to look again."""

    status: MigrationStatus
    actions: tuple[NamespaceActions, ...]
    replies: tuple[Replied, ...] = ()
    events: tuple[tuple[str, Reason], ...] = ()
    wake_at: datetime | None = None
