"""What becomes of requests between workloads, and what would their proxies count of them?

Nothing is sent. Who has a proxy and which mode is in force is read from objects, wherever they are kept.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from adapters.memory.mesh_metrics import Labels, sample
from rollout.migration.mtls import effective
from rollout.model.mesh import MeshPod, Mtls, PeerAuth

UNKNOWN = "unknown"
_BUCKETS = ("5", "10", "25", "50", "100", "+Inf")
_REFUSED = "envoy_listener_no_filter_chain_match"
_LISTENER = "0.0.0.0_15006"
_CERTIFICATE_S = 43_200.0  # the agents renew one of a day when half of it is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment with its Service. port: the container's."""

    namespace: str
    name: str
    port: int = 8080
    pods: int = 2


@dataclass(slots=True, kw_only=True)
class Caller:
    """Who calls whom. source: "namespace/name" of a workload of the fleet, "" for something that never gets a proxy.

    rate: requests per second. silent: it calls nobody for now. served and refused: what became of its requests.
    """

    name: str
    source: str
    target: str
    rate: float = 1.0
    silent: bool = False
    served: int = 0
    refused: int = 0
    _left: float = 0.0

    def requests(self, seconds: float) -> int:
        """How many it makes in so many seconds; fractions are kept for the next time."""
        if self.silent:
            return 0
        self._left += self.rate * seconds
        whole = int(self._left)
        self._left -= whole
        return whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """How things stand. pods: by "namespace/name" of their workload. peers: by namespace. root: of the mesh's own."""

    pods: Mapping[str, tuple[MeshPod, ...]]
    peers: Mapping[str, tuple[PeerAuth, ...]]
    root: tuple[PeerAuth, ...]


@dataclass(slots=True)
class MemoryTraffic:
    """Callers and what the proxies have counted so far. in_plaintext: told of each request that a proxy got so."""

    callers: dict[str, Caller] = field(default_factory=dict)
    in_plaintext: Callable[[Caller, tuple[MeshPod, ...], MeshPod], None] = lambda _caller, _source, _target: None
    _counts: dict[str, Counter[Labels]] = field(default_factory=dict)  # by uid of the pod

    def flow(self, seconds: float, workloads: Mapping[str, Workload], scene: Scene) -> None:
        """So many seconds of requests. workloads: by "namespace/name"."""
        for caller in self.callers.values():
            for number in range(caller.requests(seconds)):
                targets = scene.pods[caller.target]
                if targets:
                    self.request(caller, workloads[caller.target], targets[number % len(targets)], scene)
        live = {pod.uid for found in scene.pods.values() for pod in found}
        self._counts = {uid: counts for uid, counts in self._counts.items() if uid in live}

    def shown(self, pod: MeshPod) -> Iterator[tuple[Labels, float]]:
        """What the pod's proxy shows, without the labels of its target."""
        yield sample("istio_build", component="proxy"), 1.0
        yield sample("istio_agent_cert_expiry_seconds", resource_name="default"), _CERTIFICATE_S
        counts = self._counts.get(pod.uid, Counter())
        refused = sample(_REFUSED, listener_address=_LISTENER)
        yield from ((key, float(value)) for key, value in ({refused: 0} | counts).items())

    def request(self, caller: Caller, workload: Workload, target: MeshPod, scene: Scene) -> None:
        """One request to that pod of the workload."""
        source = scene.pods.get(caller.source, ())
        is_meshed = any(pod.meshed for pod in source)
        mode = effective(target, workload.port, scene.peers[target.namespace], scene.root).mode
        if target.meshed and not is_meshed and mode is Mtls.STRICT:
            caller.refused += 1
            self._count(target, _REFUSED, listener_address=_LISTENER)
            return
        caller.served += 1
        edge = {
            "destination_workload": workload.name,
            "destination_workload_namespace": workload.namespace,
            "destination_service_namespace": workload.namespace,
            "destination_service_name": workload.name,
            "source_workload": caller.source.partition("/")[2] if is_meshed else UNKNOWN,
            "source_workload_namespace": caller.source.partition("/")[0] if is_meshed else UNKNOWN,
            "response_code": "200",
        }
        if target.meshed and not is_meshed:
            self.in_plaintext(caller, source, target)
        if target.meshed:
            policy = "mutual_tls" if is_meshed else "none"
            received = {"reporter": "destination", "connection_security_policy": policy, **edge}
            self._count(target, "istio_requests_total", **received)
        if is_meshed:
            sent = {"reporter": "source", **edge}
            self._count(source[0], "istio_requests_total", **sent)
            for bound in _BUCKETS[1:]:
                self._count(source[0], "istio_request_duration_milliseconds_bucket", le=bound, **sent)

    def _count(self, pod: MeshPod, metric: str, **labels: str) -> None:
        self._counts.setdefault(pod.uid, Counter())[sample(metric, **labels)] += 1
