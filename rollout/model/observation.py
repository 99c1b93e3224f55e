"""What does one look at the world bring: routes, backends, workloads, measurements and commands?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from policies.approval import Authors
from rollout.model.approval import ApprovalPolicy
from rollout.model.commands import Command
from rollout.model.freeze import FreezeWindow
from rollout.model.hooks import HookAnswer
from rollout.model.measurement import Measurement
from rollout.model.names import BackendName, Key
from rollout.model.rollout import RouteRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One backend of a pool. weight: the API's own number, with its default filled in."""

    backend: BackendName
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One list of weighted backends in a route object. name: the route's own name, or its path such as "http[0]"."""

    name: str
    entries: tuple[Entry, ...]

    @property
    def total(self) -> int:
        """The sum of all weights; 0 when nothing is served."""
        return sum(entry.weight for entry in self.entries)

    def weight_of(self, backend: BackendName) -> int:
        """The raw weight of `backend`, entries of the same name added up; 0 when it is not named."""
        return sum(entry.weight for entry in self.entries if entry.backend == backend)

    def names(self, backend: BackendName) -> bool:
        """Whether the pool has an entry for `backend`, whatever its weight."""
        return any(entry.backend == backend for entry in self.entries)


class RouteState(StrEnum):
    """Whether a route object can be used at all."""

    PRESENT = "present"
    MISSING = "missing"
    TERMINATING = "terminating"
    KIND_ABSENT = "kindAbsent"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSeen:
    """A route object as the cache shows it.

    pools: those that `only` admits, in the object's order. missing_only: names in `only` that no route has.
    accepted: the API reports the present generation as accepted (True where it reports nothing).
    problem: what its status says against it, "" for nothing.
    writer: who wrote the spec last (field manager), "" for us or unknown; written: when, by the API server's clock in whole
    seconds, None where unknown; tool: the GitOps tool that this writer is, for people, "" for anybody else.
    owned: whether the API server counts us among the managers of fields of its spec.
    unsupported: why the router cannot write this object as asked, "" when it can.
    """

    ref: RouteRef
    state: RouteState = RouteState.PRESENT
    pools: tuple[Pool, ...] = ()
    missing_only: tuple[str, ...] = ()
    accepted: bool = True
    problem: str = ""
    writer: str = ""
    written: datetime | None = None
    tool: str = ""
    owned: bool = False
    unsupported: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSeen:
    """What stands behind a backend. pods: names of all pods it selects; ready: how many of its endpoints are ready.

    subset_defined: for a subset, whether a DestinationRule names it with these labels; True for a Service. subset_own: whether
    one of ours does.
    """

    backend: BackendName
    exists: bool
    ready: int = 0
    pods: frozenset[str] = frozenset()
    subset_defined: bool = True
    subset_own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadSeen:
    """A revision's workload. template: hash of its pod template without restart annotations; "" when it does not exist.

    settled: its controller has seen the newest spec and all wanted pods are updated and ready.
    """

    revision: str
    exists: bool
    template: str = ""
    wanted: int = 0
    ready: int = 0
    settled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One look. Everything a decision may depend on but the clock.

    backends: by name, for every entry of every pool and every revision that spec and status know.
    workloads: by revision; empty where the spec names no workload.
    rivals: other Rollouts that list one of the same pools. actors_bound: whether the cluster sees to it that the actor of
    a command is who sent it; where it does not, nobody's approval can be believed.
    approvals: the policies that the plan names, by name; one that does not exist is not in it. freezes: the windows that
    mean this Rollout, whether they hold now or not. authors: whose change the canary is, None where nobody asked.
    hooks: the last answers, by the name of the question (`needs`). calling: those that are being asked now.
    """

    routes: tuple[RouteSeen, ...] = ()
    backends: Mapping[BackendName, BackendSeen] = field(default_factory=dict)
    workloads: Mapping[str, WorkloadSeen] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()
    commands: tuple[Command, ...] = ()
    rivals: tuple[Key, ...] = ()
    actors_bound: bool = True
    approvals: Mapping[str, ApprovalPolicy] = field(default_factory=dict)
    freezes: tuple[FreezeWindow, ...] = ()
    authors: Authors | None = None
    hooks: Mapping[str, HookAnswer] = field(default_factory=dict)
    calling: frozenset[str] = frozenset()
