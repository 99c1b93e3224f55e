"""What does a user of the product have on a real Istio mesh, and how do its requests come in?"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.servers.client import Obj
from tests.servers.controller import Controller, rollout
from tests.servers.githttp import GitHttp, Repository
from tests.servers.load import Load, Report, count
from tests.servers.mesh import SHOP, Mesh
from tests.servers.missing import obtained
from tests.servers.process import eventually

PATIENCE_S = 60.0
OUR_CRDS = Path(__file__).parents[2] / "deploy" / "crds"
NETWORKING = "networking.istio.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a service is released and called. caller: gateway or client, whose sidecar speaks mTLS with the servers."""

    app: str
    caller: str
    by_subset: bool

    @property
    def host(self) -> str:
        """The Service's full name, which callers use."""
        return f"{self.app}.{SHOP}.svc.cluster.local"

    @property
    def backend(self) -> Obj:
        """spec.backend."""
        if self.by_subset:
            return {"subset": {"host": self.app, "name": "{revision}", "labels": {"version": "{revision}"}}}
        return {"service": f"{self.app}-{{revision}}"}

    def destination(self, revision: str) -> Obj:
        """How a VirtualService names a revision."""
        return {"host": self.app, "subset": revision} if self.by_subset else {"host": f"{self.app}-{revision}"}

    def cluster(self, revision: str) -> str:
        """Istio's name for a revision in its proxies."""
        if self.by_subset:
            return f"outbound|80|{revision}|{self.host}"
        return f"outbound|80||{self.app}-{revision}.{SHOP}.svc.cluster.local"


class MeshShop:
    """One service of the mesh, released by commits."""

    def __init__(self, mesh: Mesh, way: Way, repository: Repository) -> None:
        self.mesh, self.way, self.repository = mesh, way, repository
        self.url = mesh.gateway_url if way.caller == "gateway" else mesh.client_url
        self.path = f"/apis/rollout.dev/v1alpha1/namespaces/{SHOP}/rollouts/{way.app}"
        self.route = f"/apis/{NETWORKING}/namespaces/{SHOP}/virtualservices/{way.app}"
        self.rule = f"/apis/{NETWORKING}/namespaces/{SHOP}/destinationrules/rollout-{way.app}"

    def release(self, revision: str, error_percent: int = 0, **spec: Any) -> None:
        """Deploy a revision and name it in git; `spec` replaces whole fields."""
        self.mesh.deploy(self.way.app, revision, **({"ERROR_PERCENT": str(error_percent)} if error_percent else {}))
        self.commit(revision, **spec)

    def commit(self, revision: str, **spec: Any) -> None:
        """Name a revision in git."""
        self.repository.commit({"rollouts/service.yaml": yaml.safe_dump(manifest(self.way, revision, spec))}, revision)

    def status(self) -> dict[str, Any]:
        """The Rollout's status; empty while there is none."""
        kube = self.mesh.kube
        return kube.get(self.path).get("status", {}) if kube.exists(self.path) else {}

    def reaches(self, **wanted: Any) -> bool:
        """Whether the status comes to hold these fields in time."""
        return eventually(lambda: wanted.items() <= self.status().items(), PATIENCE_S, 0.2)

    def gives(self, revision: str, weight: int) -> bool:
        """Whether the caller's proxy comes to give a revision that share."""
        cluster = self.way.cluster(revision)
        return eventually(lambda: self._weights().get(cluster, 0) == weight, PATIENCE_S)

    def forgets(self, revision: str) -> bool:
        """Whether the VirtualService comes to name a revision no more."""
        name = json.dumps(self.way.destination(revision))
        return eventually(lambda: name not in json.dumps(self.mesh.kube.get(self.route)["spec"]), PATIENCE_S)

    def subsets(self) -> list[str]:
        """The subsets that our own DestinationRule defines."""
        kube = self.mesh.kube
        found = kube.get(self.rule)["spec"]["subsets"] if kube.exists(self.rule) else []
        return [one["name"] for one in found]

    def count(self, requests: int) -> Report:
        """Who answers this many requests."""
        return count(self.url, self.way.host, requests)

    @contextmanager
    def busy(self, rate: float = 100.0) -> Iterator[Report]:
        """So many requests per second from now on; the report is complete at the end."""
        load = Load(self.url, self.way.host, rate).start()
        try:
            yield load.report
        finally:
            load.stop()

    def order(self, verb: str) -> "subprocess.CompletedProcess[str]":
        """What the CLI says to a person's order, and how it ends."""
        return rollout(verb, self.way.app, kubeconfig=self.mesh.server.kubeconfig(), namespace=SHOP)

    def told(self) -> str:
        """The status and the proxy's weights as text, for the message of a failed test."""
        return json.dumps({"status": self.status(), "proxy": self._weights()}, indent=1)

    def _weights(self) -> dict[str, int]:
        return self.mesh.weights(self.way.caller, self.way.host)


@contextmanager
def opened(mesh: Mesh, way: Way, directory: Path) -> Iterator[MeshShop]:
    """v1 serves, and a controller that asks Istio's metrics follows a git repository."""
    mesh.server.install_files(sorted(OUR_CRDS.glob("*.yaml")))
    source, git = f"/apis/rollout.dev/v1alpha1/namespaces/{SHOP}/gitsources/{way.app}", GitHttp(directory)
    obtained(git.start)
    shop = MeshShop(mesh, way, git.repository("specs"))
    controller = Controller(directory, mesh.server.kubeconfig(), **_settings(mesh))
    try:
        mesh.kube.apply(*_traffic(way))
        shop.release("v1")
        mesh.kube.apply(_object("rollout.dev/v1alpha1", "GitSource", way, _source(shop.repository.url)))
        controller.start()
        yield shop
    finally:
        controller.terminate()
        controller.kill()
        if mesh.kube.exists(source):
            mesh.kube.delete(source)  # nobody serves its repository any more
        git.stop()


def manifest(way: Way, revision: str, spec: Mapping[str, Any]) -> Obj:
    """The Rollout that git holds."""
    defaults = {
        "revision": revision,
        "backend": way.backend,
        "workload": {"kind": "Deployment", "name": f"{way.app}-{{revision}}"},
        "routes": [{"kind": "VirtualService", "name": way.app}],
        "steps": [{"weight": 10, "soak": "4s"}, {"weight": 50, "soak": "4s"}],
        "objectives": [{"name": "errors", "kind": "error-ratio", "max": "1%", "method": "threshold"}],
        "analysis": {"interval": "2s", "minRequests": 20},
        "settle": "2s",
    }
    return _object("rollout.dev/v1alpha1", "Rollout", way, defaults | dict(spec))


def _traffic(way: Way) -> list[Obj]:
    """The user's own objects: everything to v1, for both callers; where subsets are used, v1's."""
    route = {"hosts": [way.app], "gateways": ["mesh", "gateway"], "http": [{"route": [_to(way, "v1")]}]}
    found = [_object(NETWORKING, "VirtualService", way, route)]
    if way.by_subset:
        rule = {"host": way.app, "subsets": [{"name": "v1", "labels": {"version": "v1"}}]}
        found.insert(0, _object(NETWORKING, "DestinationRule", way, rule))
    return found


def _to(way: Way, revision: str) -> Obj:
    return {"destination": way.destination(revision)}


def _source(url: str) -> Obj:
    return {"url": url, "path": "rollouts", "interval": "5s"}


def _settings(mesh: Mesh) -> dict[str, str]:
    return {
        "namespace": SHOP,
        "own_namespace": SHOP,
        "prometheus_url": mesh.prometheus.url,
        "prometheus_mesh": "istio",
        "allow_file_urls": "yes",  # git on loopback counts as a file
    }


def _object(version: str, kind: str, way: Way, spec: Mapping[str, Any]) -> Obj:
    meta = {"name": way.app, "namespace": SHOP}
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": dict(spec)}
