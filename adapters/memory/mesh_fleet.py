"""How does a small fleet behave that moves into a mesh, where no kubelet, injector or proxy is?

Serves the demo and tests. `beat` is a moment of its life: workloads whose template was restarted get new pods, with a
proxy where the namespace's label says so; callers call; the proxies count, and are scraped.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from adapters.kube.api import Obj, Patch
from adapters.memory.cluster import DirectApi
from adapters.memory.mesh_metrics import Labels, MemoryMeshMetrics, sample
from rollout.migration.mtls import effective
from rollout.migration.read import RESTARTED, mesh_pod, peer_auth
from rollout.model.mesh import MeshPod, Mtls, PeerAuth
from rollout.ports.errors import NotFound

ROOT = "istio-system"
UNKNOWN = "unknown"
OUTSIDE = "203.0.113.9"  # an address for documentation (RFC 5737)
_TEMPLATE = "fleet.memory/template"  # annotation on a pod: which restart it came from
_BUCKETS = ("5", "10", "25", "50", "100", "+Inf")
_PODS, _PEERS = "/api/v1/namespaces/{}/pods", "/apis/security.istio.io/v1/namespaces/{}/peerauthentications"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"


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


@dataclass(slots=True)
class MemoryFleet:
    """The fleet. workloads: by "namespace/name"; all must have been `deploy`ed."""

    api: DirectApi
    metrics: MemoryMeshMetrics
    workloads: dict[str, Workload] = field(default_factory=dict)
    callers: dict[str, Caller] = field(default_factory=dict)
    _counts: dict[str, Counter[Labels]] = field(default_factory=dict)
    _beaten: datetime | None = None
    _made: int = 0

    async def deploy(self, workload: Workload, now: datetime) -> None:
        """Its Deployment, its Service, and its pods."""
        self.workloads[f"{workload.namespace}/{workload.name}"] = workload
        await self.api.create(_DEPLOYMENTS.format(workload.namespace), _deployment(workload))
        await self.api.create(f"/api/v1/namespaces/{workload.namespace}/services", _service(workload))
        await self._roll(workload, now)

    def call(self, caller: Caller) -> None:
        """From now on it calls."""
        self.callers[caller.name] = caller

    async def beat(self, now: datetime) -> None:
        """All that happened since the beat before."""
        seconds = (now - self._beaten).total_seconds() if self._beaten is not None else 0.0
        self._beaten = now
        for workload in self.workloads.values():
            await self._roll(workload, now)
        pods = {name: await self._pods(one) for name, one in self.workloads.items()}
        peers = {one.namespace: await self._peers(one.namespace) for one in self.workloads.values()}
        root = await self._peers(ROOT)
        for caller in self.callers.values():
            source = pods.get(caller.source, ())
            for number in range(caller.requests(seconds)):
                target = pods[caller.target]
                if target:
                    self._request(caller, source, target[number % len(target)], (peers, root), now)
        live = {pod.uid for found in pods.values() for pod in found}
        self._counts = {uid: counts for uid, counts in self._counts.items() if uid in live}
        self.metrics.scrape(now, dict(self._scraped(pods)))

    async def send(self, address: str, port: int, mark: str) -> bool:
        """As the port `PlainProbe`: whoever has the address counts one plaintext request, where it takes that."""
        at = self._beaten
        if at is None:
            return False
        for name, workload in self.workloads.items():
            for pod in await self._pods(workload):
                if (pod.ip, workload.port) == (address, port):
                    caller = Caller(name=mark.removeprefix("/"), source="", target=name)
                    peers = {pod.namespace: await self._peers(pod.namespace)}
                    self._request(caller, (), pod, (peers, await self._peers(ROOT)), at)
                    return bool(caller.served)
        return False

    def _request(
        self,
        caller: Caller,
        source: tuple[MeshPod, ...],
        target: MeshPod,
        modes: tuple[Mapping[str, tuple[PeerAuth, ...]], tuple[PeerAuth, ...]],
        now: datetime,
    ) -> None:
        workload, (peers, root) = self.workloads[caller.target], modes
        is_meshed = any(pod.meshed for pod in source)
        mode = effective(target, workload.port, peers[target.namespace], root).mode
        is_refused = target.meshed and not is_meshed and mode is Mtls.STRICT
        edge = {
            "destination_workload": workload.name,
            "destination_workload_namespace": workload.namespace,
            "destination_service_namespace": workload.namespace,
            "destination_service_name": workload.name,
            "source_workload": caller.source.partition("/")[2] if is_meshed else UNKNOWN,
            "source_workload_namespace": caller.source.partition("/")[0] if is_meshed else UNKNOWN,
        }
        if is_refused:
            caller.refused += 1
            self._count(target, "envoy_listener_no_filter_chain_match", listener_address="0.0.0.0_15006")
            return
        caller.served += 1
        if target.meshed:
            policy = "mutual_tls" if is_meshed else "none"
            if not is_meshed:
                self._logged(caller, source, target, now)
            self._count(
                target,
                "istio_requests_total",
                reporter="destination",
                connection_security_policy=policy,
                response_code="200",
                **edge,
            )
        if is_meshed:
            told = source[0]
            self._count(told, "istio_requests_total", reporter="source", response_code="200", **edge)
            for bound in _BUCKETS[1:]:
                self._count(told, "istio_request_duration_milliseconds_bucket", reporter="source", le=bound, **edge)

    def _logged(self, caller: Caller, source: tuple[MeshPod, ...], target: MeshPod, at: datetime) -> None:
        """The proxy's line, in Istio's default format; what is no pod calls from outside the cluster."""
        port = self.workloads[caller.target].port
        address = source[0].ip if source else OUTSIDE
        line = (
            f'[{at:%Y-%m-%dT%H:%M:%S}.000Z] "GET /{caller.name} HTTP/1.1" 200 - via_upstream - "-" 0 2 1 1 "-" '
            f'"memory" "-" "{target.namespace}" "{target.ip}:{port}" inbound|{port}|| 127.0.0.6:41000 '
            f"{target.ip}:{port} {address}:42000 - default"
        )
        self.api.logs.append(target.uid, "istio-proxy", at, line)

    def _count(self, pod: MeshPod, metric: str, **labels: str) -> None:
        key = sample(metric, namespace=pod.namespace, pod=pod.name, **labels)
        self._counts.setdefault(pod.uid, Counter())[key] += 1

    def _scraped(self, pods: Mapping[str, tuple[MeshPod, ...]]) -> Iterator[tuple[Labels, float]]:
        for pod in (pod for found in pods.values() for pod in found if pod.meshed):
            at = {"namespace": pod.namespace, "pod": pod.name}
            target = {**at, "job": "proxies", "instance": pod.name}
            yield sample("up", **target), 1.0
            yield sample("istio_build", component="proxy", **target), 1.0
            yield sample("envoy_listener_no_filter_chain_match", listener_address="0.0.0.0_15006", **at), 0.0
            yield from ((key, float(value)) for key, value in self._counts.get(pod.uid, {}).items())

    async def _peers(self, namespace: str) -> tuple[PeerAuth, ...]:
        listed = await self.api.get(_PEERS.format(namespace))
        return tuple(peer_auth(one) for one in listed["items"])

    async def _pods(self, workload: Workload) -> tuple[MeshPod, ...]:
        listed = await self.api.get(_PODS.format(workload.namespace), {"labelSelector": f"app={workload.name}"})
        return tuple(mesh_pod(one, {}) for one in listed["items"])

    async def _roll(self, workload: Workload, now: datetime) -> None:
        """New pods where the template was restarted since the present ones were made, or where some are missing."""
        path = f"{_DEPLOYMENTS.format(workload.namespace)}/{workload.name}"
        deployment = await self.api.get(path)
        template = (deployment["spec"]["template"]["metadata"].get("annotations") or {}).get(RESTARTED, "")
        place = _PODS.format(workload.namespace)
        listed = await self.api.get(place, {"labelSelector": f"app={workload.name}"})
        old = [one for one in listed["items"] if one["metadata"]["annotations"][_TEMPLATE] != template]
        for pod in old:
            await self.api.delete(f"{place}/{pod['metadata']['name']}")
        missing = workload.pods - (len(listed["items"]) - len(old))
        meshed = _enrols(await self.api.get(f"/api/v1/namespaces/{workload.namespace}"))
        for _ in range(missing):
            self._made += 1
            await self._start(workload, template, meshed=meshed, now=now)
        status = _status(deployment, workload.pods)
        if deployment.get("status") != status:
            change = [{"op": "add", "path": "/status", "value": status}]
            await self.api.patch(f"{path}/status", Patch.JSON, change)

    async def _start(self, workload: Workload, template: str, *, meshed: bool, now: datetime) -> None:
        body = _pod(workload, f"{workload.name}-{self._made:05d}", template, meshed=meshed)
        place = _PODS.format(workload.namespace)
        try:
            await self.api.create(place, body)
        except NotFound:
            return  # the namespace has just gone
        status = _running(self._made, meshed=meshed, since=now - timedelta(seconds=1))
        change = [{"op": "add", "path": "/status", "value": status}]
        await self.api.patch(f"{place}/{body['metadata']['name']}/status", Patch.JSON, change)


def _enrols(namespace: Obj) -> bool:
    labels = namespace["metadata"].get("labels") or {}
    return labels.get("istio-injection") == "enabled" or bool(labels.get("istio.io/rev"))


def _deployment(workload: Workload) -> dict[str, Any]:
    container = {
        "name": "app",
        "image": f"{workload.name}:1",
        "ports": [{"name": "http", "containerPort": workload.port}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "timeoutSeconds": 5},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": workload.name, "namespace": workload.namespace},
        "spec": {
            "replicas": workload.pods,
            "selector": {"matchLabels": {"app": workload.name}},
            "template": {"metadata": {"labels": {"app": workload.name}}, "spec": {"containers": [container]}},
        },
    }


def _service(workload: Workload) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": workload.name, "namespace": workload.namespace},
        "spec": {
            "selector": {"app": workload.name},
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def _status(deployment: Obj, pods: int) -> dict[str, Any]:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), pods)
    return {"observedGeneration": deployment["metadata"].get("generation", 1), **counts}


def _pod(workload: Workload, name: str, template: str, *, meshed: bool) -> dict[str, Any]:
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": f"{workload.name}-1",
        "uid": "1",
        "controller": True,
    }
    proxy = [{"name": "istio-proxy", "image": "proxyv2", "restartPolicy": "Always"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": workload.namespace,
            "labels": {"app": workload.name, "pod-template-hash": "1"},
            "annotations": {_TEMPLATE: template},
            "ownerReferences": [owner],
        },
        "spec": {
            **({"initContainers": proxy} if meshed else {}),
            "containers": [{"name": "app", "ports": [{"name": "http", "containerPort": workload.port}]}],
        },
    }


def _running(number: int, *, meshed: bool, since: datetime) -> dict[str, Any]:
    started = {"running": {"startedAt": since.isoformat().replace("+00:00", "Z")}}
    proxy = {"initContainerStatuses": [{"name": "istio-proxy", "restartCount": 0, "state": started}]} if meshed else {}
    return {
        "phase": "Running",
        "podIP": f"10.0.{number // 250}.{number % 250 + 1}",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "app", "restartCount": 0, "state": started}],
        **proxy,
    }
