"""What may a migration write? Each is absolute, conditional on what was seen, and may be repeated."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rollout.model.mesh import Labels, Mtls


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePeer:
    """A PeerAuthentication is to say this. version: the resourceVersion it must still have; "" creates it, as ours.

    An existing one keeps its selector and all else: only its modes are written, in place, so its age and uid stay.
    """

    namespace: str
    name: str
    selector: Labels
    mode: Mtls
    ports: Mapping[int, Mtls]
    version: str = ""

    def __str__(self) -> str:
        ports = "".join(f" {port}:{mode}" for port, mode in sorted(self.ports.items()))
        return (
            f"{'set' if self.version else 'create'} PeerAuthentication {self.namespace}/{self.name} {self.mode}{ports}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovePeer:
    """A PeerAuthentication that we made is to go; only with this uid and resourceVersion."""

    namespace: str
    name: str
    uid: str
    version: str

    def __str__(self) -> str:
        return f"delete PeerAuthentication {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePeer:
    """An existing PeerAuthentication is to have the spec that it had. spec: as JSON, byte for byte as it was kept."""

    namespace: str
    name: str
    version: str
    spec: str

    def __str__(self) -> str:
        return f"restore PeerAuthentication {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelNamespace:
    """The namespace is to have these labels; None takes one off. version: the resourceVersion it must still have."""

    namespace: str
    labels: Mapping[str, str | None]
    version: str

    def __str__(self) -> str:
        words = ", ".join(f"{name}-" if value is None else f"{name}={value}" for name, value in self.labels.items())
        return f"label Namespace {self.namespace} {words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartWorkload:
    """The workload's pods are to be made anew: its template gets a restart annotation with the time `at`."""

    kind: str
    namespace: str
    name: str
    version: str
    at: datetime

    def __str__(self) -> str:
        return f"restart {self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvictPod:
    """One pod is to be made anew, by an eviction, which PodDisruptionBudgets may refuse."""

    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        return f"evict Pod {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlaintext:
    """Our Telemetry that logs plaintext connections alone is to be there, or to be gone."""

    namespace: str
    present: bool

    def __str__(self) -> str:
        return f"{'log' if self.present else 'stop logging'} plaintext callers of {self.namespace}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendTool:
    """An object's GitOps tool is to leave it alone for now, whatever else the object says by then.

    annotation and value: the tool's own word for that.
    """

    kind: str
    namespace: str
    name: str
    annotation: str
    value: str

    def __str__(self) -> str:
        return f"suspend {self.annotation}={self.value} on {self.kind} {self.namespace}/{self.name}"


MeshWrite = (
    WritePeer | RemovePeer | RestorePeer | LabelNamespace | RestartWorkload | EvictPod | LogPlaintext | SuspendTool
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptObject:
    """An object as it was before our first write. spec: as JSON, "" for a Namespace.

    labels and annotations: those that we may touch; None where it had none of that name.
    """

    kind: str
    name: str
    uid: str
    spec: str
    labels: Mapping[str, str | None]
    annotations: Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """How a namespace was before our first write to it. uid: of the object that holds it."""

    namespace: str
    taken: datetime
    objects: tuple[KeptObject, ...]
    uid: str = ""

    def of(self, kind: str, name: str) -> KeptObject | None:
        """The object as it was; None when there was none."""
        return next((one for one in self.objects if (one.kind, one.name) == (kind, name)), None)
