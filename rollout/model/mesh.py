"""What does a mesh consist of, as far as a migration must know it?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Labels = Mapping[str, str]


class Mtls(StrEnum):
    """What a port accepts. UNSET says nothing: the next level decides."""

    UNSET = "UNSET"
    DISABLE = "DISABLE"
    PERMISSIVE = "PERMISSIVE"
    STRICT = "STRICT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The GitOps tool that applies an object: "Flux (flux-system/apps)".

    annotation and value: the tool's own word on an object to leave it alone, "" where it has none. suspended: the object
    says so. patched: a part of its spec is as we wrote it, past git.
    """

    tool: str
    annotation: str = ""
    value: str = ""
    suspended: bool = False
    patched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerAuth:
    """A PeerAuthentication. selector: labels that its pods have, {} for all of the namespace.

    ports: modes by container port; the API allows them only beside a selector. version: its resourceVersion.
    ours: the migration that created it, "" for foreign ones. spec: all of it as canonical JSON, as it was read. writer: who
    wrote it last, "" unknown. applied: by which GitOps tool, None for by none. written: what of its modes we wrote, and nobody
    else since: "mode", and ports.
    """

    namespace: str
    name: str
    uid: str
    version: str
    created: datetime
    selector: Labels
    mode: Mtls = Mtls.UNSET
    ports: Mapping[int, Mtls]
    ours: str = ""
    spec: str = ""
    writer: str = ""
    applied: Applied | None = None
    written: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"PeerAuthentication {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshPod:
    """A pod. ports: the container ports that it declares. workload: "Deployment api", "" for a bare pod.

    meshed: it has a proxy. proxy_since: when its proxy started, None when unknown or without one. restarts: of all its
    containers. is_finished: Succeeded or Failed, so it speaks to nobody any more. is_ending: somebody deleted it already.
    node_ip: an address of its node. created: None when unknown.
    """

    namespace: str
    name: str
    uid: str
    labels: Labels
    ports: tuple[int, ...] = ()
    workload: str = ""
    ip: str = ""
    node: str = ""
    meshed: bool = False
    ready: bool = False
    restarts: int = 0
    proxy_since: datetime | None = None
    host_network: bool = False
    is_finished: bool = False
    is_ending: bool = False
    node_ip: str = ""
    created: datetime | None = None


class Restartable(StrEnum):
    """How the pods of a workload are made anew."""

    ROLLING = "rolling"  # by a change of its template
    PARTITIONED = "partitioned"  # a StatefulSet with a partition: those below it only when they are evicted
    BY_HAND = "by hand"  # OnDelete, paused, bare pods: a person's work


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshWorkload:
    """A Deployment, StatefulSet or DaemonSet. template_labels: of its pods. partition: 0 where it has none.

    settled: its controller has seen the newest template, and all wanted pods are of it and ready. wanted and ready: pods.
    selector: the labels by which it knows its pods; they cannot change. forced: its pods get a proxy whatever the
    namespace's labels say. restarted: what its template's restart annotation says, None for nothing.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    version: str
    template_labels: Labels
    restartable: Restartable = Restartable.ROLLING
    partition: int = 0
    wanted: int = 1
    ready: int = 1
    settled: bool = True
    selector: Labels = field(default_factory=dict)
    forced: bool = False
    restarted: datetime | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Sink:
    """A container port of a pod that understands HTTP/1.1, by what a Service says."""

    pod: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshNamespace:
    """A namespace with what counts for its move. peers, pods, workloads and services are sorted by name.

    exists: False when it is gone. rollouts: those in mid-run. tool: the GitOps tool that applies the Namespace itself,
    "" for none. logs: whether our Telemetry is there that logs plaintext callers. writer: who wrote the Namespace last, ""
    unknown. sinks: where a marked request can be sent, sorted.
    """

    name: str
    exists: bool = True
    version: str = ""
    uid: str = ""
    labels: Labels
    annotations: Labels
    peers: tuple[PeerAuth, ...] = ()
    pods: tuple[MeshPod, ...] = ()
    workloads: tuple[MeshWorkload, ...] = ()
    services: tuple[str, ...] = ()
    rollouts: tuple[str, ...] = ()
    tool: str = ""
    logs: bool = False
    writer: str = ""
    sinks: tuple[Sink, ...] = ()


EMPTY: Labels = {}
