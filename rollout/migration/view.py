"""What do the rules of a namespace's move look at?"""

from dataclasses import dataclass, replace
from datetime import datetime

from rollout.migration.fleet import Fleet
from rollout.migration.mtls import live, modes
from rollout.migration.mtls_exceptions import left_open
from rollout.model.mesh import MeshNamespace, MeshPod, MeshWorkload, Mtls, PeerAuth
from rollout.model.migration import Exemption, MigrationSpec, NamespaceStatus, Stage
from rollout.model.migration_seen import Budget, CronCaller, NamespaceSeen
from rollout.model.telemetry import Asked, Series

_FEW = 3  # names in a sentence; the others are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One namespace, the fleet that it is in, and the moment.

    root: PeerAuthentications of the mesh's own namespace. periods: CronJobs of the cluster; None when nobody could say.
    unkept: why its record cannot be written, "" when it can. budgets: of the SloPolicies that the spec names. unbudgeted: a
    sentence for each of those that gives none.
    """

    status: NamespaceStatus
    seen: NamespaceSeen
    fleet: Fleet
    root: tuple[PeerAuth, ...]
    periods: tuple[CronCaller, ...] | None = ()
    unkept: str = ""
    budgets: tuple[Budget, ...] = ()
    unbudgeted: tuple[str, ...] = ()
    now: datetime

    @property
    def spec(self) -> MigrationSpec:
        """The migration's spec."""
        return self.fleet.spec

    @property
    def name(self) -> str:
        """The namespace's name."""
        return self.status.name

    @property
    def namespace(self) -> MeshNamespace:
        """The namespace as it is."""
        return self.seen.namespace

    @property
    def stage(self) -> Stage:
        """Its stage."""
        return self.status.stage

    @property
    def is_wanted(self) -> bool:
        """Whether the spec names it still; what it names no more goes forward no more."""
        return self.name in self.fleet.order

    def of(self, status: NamespaceStatus) -> "View":
        """The same with another status."""
        return replace(self, status=status)

    def rows(self, asked: Asked) -> tuple[Series, ...] | None:
        """What the metrics server told; None where it could not say or was not asked."""
        answer = self.seen.answers.get(asked)
        return None if answer is None else answer.series

    def in_stage(self) -> float:
        """Seconds since it came to its stage."""
        return 0.0 if self.status.since is None else (self.now - self.status.since).total_seconds()


def selects(exemption: Exemption, pod: MeshPod) -> bool:
    """Whether the exception is for this pod."""
    return exemption.workload.items() <= pod.labels.items()


def is_excepted(view: View, pod: MeshPod) -> bool:
    """Whether the pod need not be meshed: all of it is excepted, and the exception has not expired."""
    today = view.now.date()
    return any(
        one.port is None and selects(one, pod) and today < one.expires for one in view.spec.exceptions_of(view.name)
    )


def unmeshed(view: View) -> tuple[MeshPod, ...]:
    """Live pods without a proxy that no exception covers."""
    return tuple(pod for pod in live(view.namespace) if not pod.meshed and not is_excepted(view, pod))


def may_speak_plaintext(view: View, pod: MeshPod) -> bool:
    """Whether an exception in force lets its callers go on without mTLS. Metrics tell no ports: all of its own are meant."""
    today = view.now.date()
    return any(
        selects(one, pod) and today < one.expires and (one.port is None or pod.ports == (one.port,))
        for one in view.spec.exceptions_of(view.name)
    )


def pods_of(view: View, workload: MeshWorkload) -> tuple[MeshPod, ...]:
    """The live pods of a workload."""
    return tuple(pod for pod in live(view.namespace) if pod.workload == str(workload))


def unsettled(view: View) -> tuple[MeshWorkload, ...]:
    """Workloads whose pods are still being made anew, or are not ready."""
    return tuple(one for one in view.namespace.workloads if not one.settled)


def not_strict(view: View, pods: tuple[MeshPod, ...]) -> tuple[str, ...]:
    """Pods and ports, "api-1:8080", that are not STRICT and that no exception covers, by the live objects."""
    names = {pod.name for pod in pods}
    found = left_open(view.namespace, view.root, view.spec.exceptions_of(view.name))
    return tuple(f"{name}:{port}" if port else name for name, port, _ in found if name in names)


def strict_ports(view: View) -> tuple[str, ...]:
    """Pods and ports that are STRICT, by the live objects."""
    found = modes(view.namespace, view.root).items()
    return tuple(f"{name}:{port}" if port else name for (name, port), one in found if one.mode is Mtls.STRICT)


def workload_named(view: View, name: str) -> MeshWorkload | None:
    """The workload "Deployment api"; None when it is gone."""
    return next((one for one in view.namespace.workloads if str(one) == name), None)


def named(names: tuple[str, ...]) -> str:
    """The first few of them, and how many more there are."""
    more = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" and {more} more" if more > 0 else "")
