"""Which fleet moves into a mesh on a real control plane?

tools, shop and pay with one Deployment each, on kube-apiserver and kube-controller-manager; istiod injects the proxies,
and `rollout serve` moves them with exactly the rights that `rollout install` gives. No proxy runs: `played.py` counts.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from adapters.memory.mesh_installed import installed
from adapters.memory.mesh_traffic import Workload
from rollout.wiring.shipped import CONTROLLER, NAMESPACE
from tests.servers import injector
from tests.servers.apiserver import ApiServer
from tests.servers.client import Kube, KubeError, Obj
from tests.servers.cluster import Cluster, deployment, service
from tests.servers.controller import Controller, rollout
from tests.servers.istiod import ROOT_NAMESPACE, Istiod, Places
from tests.servers.missing import obtained
from tests.servers.played import PlayedProxies
from tests.servers.process import eventually
from tests.servers.prometheus import Prometheus
from tests.servers.rights import ACCOUNT, account_config

NAME = "to-strict"
HOUSE = "house"  # the PeerAuthentication that shop had before anybody moved it
MIGRATION = f"/apis/rollout.dev/v1alpha1/meshmigrations/{NAME}"
COMMANDS = f"/apis/rollout.dev/v1alpha1/namespaces/{NAMESPACE}/rolloutcommands"
PEERS = "/apis/security.istio.io/v1/namespaces/{}/peerauthentications"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{CONTROLLER}"
PATIENCE_S = 90.0
WORKLOADS = {
    f"{one.namespace}/{one.name}": one
    for one in (
        Workload(namespace="tools", name="ci", pods=2),
        Workload(namespace="shop", name="web", pods=2),
        Workload(namespace="pay", name="bank", pods=2),
    )
}
SPEC = {
    "mesh": {"kind": "istio-sidecar", "drain": "1s"},
    "waves": [{"name": "pilot", "namespaces": ["tools"]}, {"name": "core", "namespaces": ["shop", "pay"]}],
    "soak": "6s",
    "strictSoak": "30s",
    "baseline": "2s",
    "verify": "2s",
    "interval": "1s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One answered request of the controller's account, or of another user."""

    verb: str
    resource: str
    namespace: str
    name: str
    code: int
    at: datetime

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.namespace}/{self.name} {self.code}"


@dataclass(kw_only=True)
class Fleet:
    """The fleet and who moves it. directory: for logs."""

    cluster: Cluster
    prometheus: Prometheus
    proxies: PlayedProxies
    account: Path
    directory: Path
    lives: int = 0
    controller: Controller | None = None

    @cached_property
    def kube(self) -> Kube:
        """The administrator's client."""
        return self.cluster.kube

    @property
    def server(self) -> ApiServer:
        """The API server."""
        return self.cluster.server

    def begin(self) -> None:
        """A controller starts; what another one held of the lease is void."""
        if self.kube.exists(LEASE):
            self.kube.delete(LEASE)
        self.lives += 1
        directory = self.directory / f"life-{self.lives}"
        directory.mkdir()
        self.controller = Controller(
            directory,
            self.account,
            namespace="",
            own_namespace=NAMESPACE,
            prometheus_url=self.prometheus.url,
            prometheus_mesh="istio",
        )
        self.controller.start()

    def kill(self) -> None:
        """SIGKILL."""
        if self.controller is not None:
            self.controller.kill()
            self.controller = None

    def killed_after(self, verb: str, resource: str, namespace: str, name: str, since: int) -> Audited:
        """The first such write since a mark of the audit log; the controller was killed at once and another one begins."""
        found: list[Audited] = []

        def written() -> bool:
            wanted = (verb, resource, namespace, name)
            found.extend(
                one
                for one in self.audited(since)
                if (one.verb, one.resource, one.namespace, one.name or name) == wanted and one.code < 300
            )
            return bool(found)

        assert eventually(written, PATIENCE_S, 0.01), f"no {verb} {resource} {namespace}/{name}: {self.told()}"
        self.kill()
        self.begin()
        return found[0]

    def audited(self, since: int, user: str = ACCOUNT) -> list[Audited]:
        """What was asked since a mark, oldest first; a watch counts when it ends."""
        with self.server.audit_log.open("rb") as log:
            log.seek(since)
            events = [json.loads(line) for line in log.read().splitlines(keepends=True) if line.endswith(b"\n")]
        return [_audited(one) for one in events if one["user"]["username"] == user and _is_answer(one)]

    def order(self, verb: str, subject: str = "", reason: str = "", **spec: Any) -> str:
        """Give a command as administrator; its name."""
        body = {
            "target": {"kind": "MeshMigration", "name": NAME},
            "verb": verb,
            "channel": "cli",
            "actor": {"user": "admin"},
            **({"subject": subject} if subject else {}),
            **({"reason": reason} if reason else {}),
            **spec,
        }
        metadata = {"generateName": f"{verb}-", "namespace": NAMESPACE}
        kind = {"apiVersion": "rollout.dev/v1alpha1", "kind": "RolloutCommand"}
        return str(self.kube.create(kind | {"metadata": metadata, "spec": body})["metadata"]["name"])

    def answer(self, command: str) -> dict[str, Any]:
        """A command's status, once it has a result."""
        path = f"{COMMANDS}/{command}"
        assert eventually(lambda: "result" in (self.kube.get(path).get("status") or {}), PATIENCE_S), self.told()
        return dict(self.kube.get(path)["status"])

    def status(self) -> dict[str, Any]:
        """The MeshMigration's."""
        return dict(self.kube.get(MIGRATION).get("status") or {})

    def of(self, namespace: str) -> dict[str, Any]:
        """What the status says of a namespace; {} while it says nothing."""
        found = (one for one in self.status().get("namespaces", ()) if one["name"] == namespace)
        return dict(next(found, {}))

    def reaches(self, namespace: str, *stages: str, within_s: float = PATIENCE_S) -> bool:
        """Whether the namespace comes to one of these stages in time."""
        return eventually(lambda: self.of(namespace).get("stage") in stages, within_s, 0.1)

    def comes(self, is_true: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
        """Whether it becomes true in time."""
        return eventually(is_true, within_s, 0.1)

    def mode(self, namespace: str, name: str) -> str:
        """The mode that a PeerAuthentication says; "" when it is not there."""
        path = f"{PEERS.format(namespace)}/{name}"
        if not self.kube.exists(path):
            return ""
        return str(((self.kube.get(path).get("spec") or {}).get("mtls") or {}).get("mode", ""))

    def told(self) -> str:
        """The status and the log's end, for the message of a failed test."""
        words = self.controller.last_words() if self.controller else ""
        return json.dumps(self.status(), indent=1) + "\n" + words


@contextmanager
def a_fleet(cluster: Cluster, prometheus: Prometheus, directory: Path) -> Iterator[Fleet]:
    """The fleet as it is before anybody moves it; no controller runs yet."""
    kube, istiod = cluster.kube, Istiod(cluster.server, Places.free())
    with ExitStack() as closing:
        kube.apply(*_namespaces(), *_installed(), injector.template(), injector.webhook(istiod.places.webhook))
        closing.callback(_gone, kube)
        closing.callback(istiod.stop)
        obtained(istiod.start)
        answer = rollout("install", kubeconfig=cluster.kubeconfig(), namespace=NAMESPACE)
        assert answer.returncode == 0, answer.stderr
        kube.patch(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{CONTROLLER}", {"spec": {"replicas": 0}})
        kube.apply(_house())
        for one in WORKLOADS.values():
            kube.apply(_deployment(one), service(one.namespace, one.name, {"app": one.name}))
        for one in WORKLOADS.values():
            cluster.wait_available(one.namespace, one.name)
        proxies = PlayedProxies(cluster.kube, prometheus, WORKLOADS)
        proxies.call("web", "shop/web", "pay/bank")
        proxies.call("ci", "tools/ci", "shop/web")
        proxies.call("bank", "pay/bank", "tools/ci")
        proxies.start()
        closing.callback(proxies.stop)
        fleet = Fleet(
            cluster=cluster,
            prometheus=prometheus,
            proxies=proxies,
            account=account_config(cluster.server, directory),
            directory=directory,
        )
        closing.callback(fleet.kill)
        yield fleet


def migration(**spec: Any) -> Obj:
    """A MeshMigration of tools, then shop and pay, with short times."""
    body: Mapping[str, Any] = {**SPEC, **spec}
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "MeshMigration",
        "metadata": {"name": NAME},
        "spec": dict(body),
    }


def _namespaces() -> list[Obj]:
    labels = {"shop": {"team": "sales"}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels.get(name, {})}}
        for name in (ROOT_NAMESPACE, "tools", "shop", "pay")
    ]


def _installed() -> list[Obj]:
    """What else belongs to an installed Istio, but for its nodes and for the injector, which is the real one here."""
    return [dict(one) for one in installed() if one["kind"] != "Node" and one["metadata"]["name"] != injector.INJECTOR]


def _house() -> Obj:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": HOUSE, "namespace": "shop", "annotations": {"team": "sales"}},
        "spec": {"mtls": {"mode": "PERMISSIVE"}},
    }


def _deployment(workload: Workload) -> Obj:
    found = deployment(workload.namespace, workload.name, "v1", workload.pods)
    pod = found["spec"]["template"]["spec"]
    pod["serviceAccountName"] = "default"  # an admission plugin would say it, which is off here
    pod["containers"][0]["ports"] = [{"name": "http", "containerPort": workload.port}]
    return found


def _gone(kube: Kube) -> None:
    for path in (
        MIGRATION,
        f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{injector.INJECTOR}",
        *(f"/api/v1/namespaces/{name}" for name in ("tools", "shop", "pay")),
    ):
        try:
            kube.delete(path)
        except KubeError:
            continue  # it never came to be


def _is_answer(event: Mapping[str, Any]) -> bool:
    return event["stage"] in ("ResponseComplete", "ResponseStarted") and "objectRef" in event


def _audited(event: Mapping[str, Any]) -> Audited:
    reference = event["objectRef"]
    parts = (reference.get("resource", ""), reference.get("subresource", ""))
    return Audited(
        verb=event["verb"],
        resource="/".join(part for part in parts if part),
        namespace=reference.get("namespace", ""),
        name=reference.get("name", ""),
        code=int((event.get("responseStatus") or {}).get("code", 0)),
        at=datetime.fromisoformat(event["stageTimestamp"]),
    )
