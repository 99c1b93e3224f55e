"""How does a small fleet behave that moves into a mesh, where no kubelet, injector or proxy is?

Serves the demo and tests. `beat` is a moment of its life: workloads whose template was restarted get new pods, with a
proxy where the namespace's label says so; callers call; the proxies count, and are scraped.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.memory.logs import Logs
from adapters.memory.mesh_metrics import Labels, MemoryMeshMetrics, sample
from adapters.memory.mesh_traffic import Caller, MemoryTraffic, Scene, Workload
from rollout.migration.read import RESTARTED, mesh_pod, peer_auth
from rollout.model.mesh import MeshPod, PeerAuth
from rollout.ports.errors import NotFound

ROOT = "istio-system"
OUTSIDE = "203.0.113.9"  # an address for documentation (RFC 5737)
_TEMPLATE = "fleet.memory/template"  # annotation on a pod: which restart it came from
_PODS, _PEERS = "/api/v1/namespaces/{}/pods", "/apis/security.istio.io/v1/namespaces/{}/peerauthentications"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"


@dataclass(slots=True)
class MemoryFleet:
    """The fleet. workloads: by "namespace/name"; all must have been `deploy`ed. logs: where its proxies log.

    others: what is scraped besides its proxies' own series, as of an API server.
    """

    api: KubeApi
    metrics: MemoryMeshMetrics
    logs: Logs = field(default_factory=Logs)
    workloads: dict[str, Workload] = field(default_factory=dict)
    traffic: MemoryTraffic = field(default_factory=MemoryTraffic)
    others: dict[Labels, float] = field(default_factory=dict)
    _beaten: datetime | None = None
    _made: int = 0

    def __post_init__(self) -> None:
        """The proxies log what they get in plaintext."""
        self.traffic.in_plaintext = self._logged

    @property
    def callers(self) -> dict[str, Caller]:
        """By name; who is taken out calls no more."""
        return self.traffic.callers

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
        pods = {name: await self._roll(one, now) for name, one in self.workloads.items()}
        peers = {one.namespace: await self._peers(one.namespace) for one in self.workloads.values()}
        scene = Scene(pods=pods, peers=peers, root=await self._peers(ROOT))
        self.traffic.flow(seconds, self.workloads, scene)
        self.metrics.scrape(now, {**self.others, **dict(self._scraped(pods))})

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
                    scene = Scene(pods={name: (pod,)}, peers=peers, root=await self._peers(ROOT))
                    self.traffic.request(caller, workload, pod, scene)
                    return bool(caller.served)
        return False

    def _logged(self, caller: Caller, source: tuple[MeshPod, ...], target: MeshPod) -> None:
        """The proxy's line, in Istio's default format; what is no pod calls from outside the cluster."""
        at = self._beaten
        if at is None:
            return
        port = self.workloads[caller.target].port
        address = source[0].ip if source else OUTSIDE
        line = (
            f'[{at:%Y-%m-%dT%H:%M:%S}.000Z] "GET /{caller.name} HTTP/1.1" 200 - via_upstream - "-" 0 2 1 1 "-" '
            f'"memory" "-" "{target.namespace}" "{target.ip}:{port}" inbound|{port}|| 127.0.0.6:41000 '
            f"{target.ip}:{port} {address}:42000 - default"
        )
        self.logs.append(target.uid, "istio-proxy", at, line)

    def _scraped(self, pods: Mapping[str, tuple[MeshPod, ...]]) -> Iterator[tuple[Labels, float]]:
        for pod in (pod for found in pods.values() for pod in found if pod.meshed):
            at = {"namespace": pod.namespace, "pod": pod.name}
            yield sample("up", job="proxies", instance=pod.name, **at), 1.0
            for labels, value in self.traffic.shown(pod):
                target = {"job": "proxies", "instance": pod.name, **at}
                yield labels.union(target.items()), value

    async def _peers(self, namespace: str) -> tuple[PeerAuth, ...]:
        listed = await self.api.get(_PEERS.format(namespace))
        return tuple(peer_auth(one) for one in listed["items"])

    async def _pods(self, workload: Workload) -> tuple[MeshPod, ...]:
        listed = await self.api.get(_PODS.format(workload.namespace), {"labelSelector": f"app={workload.name}"})
        return _mesh_pods(listed)

    async def _roll(self, workload: Workload, now: datetime) -> tuple[MeshPod, ...]:
        """Its pods, new ones where the template was restarted since the former were made, or where some were missing."""
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
        return await self._pods(workload) if old or missing > 0 else _mesh_pods(listed)

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


def _mesh_pods(listed: Obj) -> tuple[MeshPod, ...]:
    return tuple(mesh_pod(one, {}) for one in listed["items"])


def _enrols(namespace: Obj) -> bool:
    labels = namespace["metadata"].get("labels") or {}
    return labels.get("istio-injection") == "enabled" or bool(labels.get("istio.io/rev"))


def _container(workload: Workload) -> dict[str, Any]:
    return {
        "name": "app",
        "image": f"{workload.name}:1",
        "ports": [{"name": "http", "containerPort": workload.port}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "timeoutSeconds": 5},
    }


def _deployment(workload: Workload) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": workload.name, "namespace": workload.namespace},
        "spec": {
            "replicas": workload.pods,
            "selector": {"matchLabels": {"app": workload.name}},
            "template": {
                "metadata": {"labels": {"app": workload.name}},
                "spec": {"containers": [_container(workload)]},
            },
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
            "containers": [_container(workload)],
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
