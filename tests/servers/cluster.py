"""Which parts make a cluster without nodes, and how do tests wait for what it does?"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.servers.apiserver import ApiServer
from tests.servers.client import Kube
from tests.servers.controllers import Controllers
from tests.servers.kubelet import Kubelet
from tests.servers.process import ServerFailedError, eventually

SETTLED_S = 30.0  # 2 s when idle


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """An API server whose Deployments become running pods."""

    server: ApiServer
    controllers: Controllers
    kubelet: Kubelet

    @property
    def kube(self) -> Kube:
        """The administrator's client."""
        return self.server.client()

    def kubeconfig(self, user: str = "admin", namespace: str = "default") -> Path:
        """A kubeconfig file for `user`."""
        return self.server.kubeconfig(user, namespace)

    def wait_available(self, namespace: str, *deployments: str) -> None:
        """Return when each Deployment has all its replicas up to date and available."""
        for name in deployments:
            path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
            if not eventually(partial(_is_available, self.kube, path), SETTLED_S):
                raise ServerFailedError(f"{namespace}/{name} is not available: {self.kube.get(path).get('status')}")

    def wait_endpoints(self, namespace: str, service: str, ready: int) -> None:
        """Return when the Service has exactly so many ready endpoints."""
        if not eventually(lambda: ready_endpoints(self.kube, namespace, service) == ready, SETTLED_S):
            found = ready_endpoints(self.kube, namespace, service)
            raise ServerFailedError(f"{namespace}/{service} has {found} ready endpoints, {ready} were expected")


def ready_endpoints(kube: Kube, namespace: str, service: str) -> int:
    """How many endpoints of a Service are ready."""
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    slices = kube.items(f"{path}?labelSelector=kubernetes.io/service-name%3D{service}")
    return sum(endpoint["conditions"]["ready"] for item in slices for endpoint in item.get("endpoints") or ())


def deployment(namespace: str, name: str, version: str, replicas: int = 2, /, **env: str) -> dict[str, Any]:
    """A Deployment whose pods carry app=<name without its version suffix> and version=<version>.

    env: settings of the pods' server: ERROR_PERCENT, ERROR_SEED, LATENCY_MS.
    """
    labels = {"app": name.removesuffix(f"-{version}"), "version": version}
    entries = [{"name": key, "value": value} for key, value in env.items()]
    container = {"name": "app", "image": f"registry.test/{labels['app']}:{version}", "env": entries}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def service(namespace: str, name: str, selector: Mapping[str, str]) -> dict[str, Any]:
    """A Service with one HTTP port, 80 -> 8080."""
    port = {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP", "appProtocol": "http"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": dict(selector), "ports": [port]},
    }


def _is_available(kube: Kube, path: str) -> bool:
    found = kube.get(path)
    status, wanted = found.get("status") or {}, found["spec"]["replicas"]
    counts = [status.get(key, 0) for key in ("updatedReplicas", "availableReplicas", "replicas")]
    return status.get("observedGeneration") == found["metadata"]["generation"] and counts == [wanted] * 3
