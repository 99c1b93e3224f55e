"""Which fleet moves into a mesh on a real control plane?

tools, shop and pay with one Deployment each, on kube-apiserver and kube-controller-manager; istiod injects the proxies,
and `rollout serve` moves them with exactly the rights that `rollout install` gives. No proxy runs: `played.py` counts.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from adapters.memory.mesh_installed import installed
from adapters.memory.mesh_traffic import Workload
from rollout.wiring.shipped import CONTROLLER, NAMESPACE
from tests.servers import injector
from tests.servers.apiserver import ApiServer
from tests.servers.auditlog import Audited, Tail
from tests.servers.client import Kube, KubeError, Obj
from tests.servers.cluster import Cluster, deployment, service
from tests.servers.controller import Controller, rollout
from tests.servers.githttp import GitHttp, Repository
from tests.servers.istiod import ROOT_NAMESPACE, Istiod, Places
from tests.servers.missing import obtained
from tests.servers.played import PlayedProxies
from tests.servers.process import eventually
from tests.servers.prometheus import Prometheus
from tests.servers.rights import ACCOUNT, account_config
from tests.servers.shop import LOGIN, git_source

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
    "soak": "9s",
    "strictSoak": "12s",
    "baseline": "2s",
    "verify": "2s",
    "interval": "1s",
    "selfTest": False,  # nobody listens at the addresses of these pods
}


@dataclass(kw_only=True)
class Fleet:
    """The fleet and who moves it. directory: for logs."""

    cluster: Cluster
    prometheus: Prometheus
    proxies: PlayedProxies
    account: Path
    directory: Path
    repository: Repository
    lives: int = 0
    mark: int = 0  # where in the audit log the next write to be killed after is looked for
    controller: Controller | None = None

    @cached_property
    def kube(self) -> Kube:
        """The administrator's client."""
        return self.cluster.kube

    @property
    def server(self) -> ApiServer:
        """The API server."""
        return self.cluster.server

    def commit(self, **spec: Any) -> None:
        """Git says the MeshMigration, with these fields of its spec changed; None takes it out of git."""
        text = yaml.safe_dump(migration(**spec))
        self.repository.commit({"rollouts/fleet.yaml": text}, f"fleet {sorted(spec)}")

    def withdraw(self) -> bool:
        """Git has no MeshMigration any more; whether it is deleted, once a person has confirmed that."""
        self.repository.commit({"rollouts/fleet.yaml": None, "rollouts/README": "nothing moves"}, "no fleet")

        def is_gone() -> bool:
            rollout("confirm", "gitsource/specs", kubeconfig=self.cluster.kubeconfig(), namespace=NAMESPACE)
            return not self.kube.exists(MIGRATION)

        return self.comes(is_gone)

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
            allow_file_urls="yes",  # git on loopback counts as a file
        )
        self.controller.start()

    def kill(self) -> None:
        """SIGKILL."""
        if self.controller is not None:
            self.controller.kill()
            self.controller = None

    def killed_after(self, verb: str, resource: str, namespace: str, name: str) -> Audited:
        """The next such write that is stored; the controller was killed at once, and another one begins."""
        wanted = (verb, resource, namespace, name)
        tail, found = Tail(self.server, ACCOUNT, self.mark), list[Audited]()

        def is_written() -> bool:
            found.extend(one for one in tail.more() if one.place == wanted and one.code < 300)
            return bool(found)

        assert eventually(is_written, PATIENCE_S, 0.01), f"no {wanted}: {self.told()}"
        self.kill()
        self.mark = self.server.audit_mark()
        self.begin()
        return found[0]

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
        """The MeshMigration's; {} while there is none."""
        try:
            return dict(self.kube.get(MIGRATION).get("status") or {})
        except KubeError as error:
            if error.status != 404:
                raise
            return {}

    def of(self, namespace: str) -> dict[str, Any]:
        """What the status says of a namespace; {} while it says nothing."""
        found = (one for one in self.status().get("namespaces", ()) if one["name"] == namespace)
        return dict(next(found, {}))

    def reaches(self, namespace: str, *stages: str, within_s: float = PATIENCE_S) -> bool:
        """Whether the namespace comes to one of these stages in time."""
        return eventually(lambda: self.of(namespace).get("stage") in stages, within_s, 0.2)

    def comes(self, is_true: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
        """Whether it becomes true in time."""
        return eventually(is_true, within_s, 0.2)

    def pods(self) -> list[Obj]:
        """All of the three namespaces."""
        return [one for name in ("tools", "shop", "pay") for one in self.kube.items(f"/api/v1/namespaces/{name}/pods")]

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
        closing.callback(rollout, "uninstall", "--force", kubeconfig=cluster.kubeconfig(), namespace=NAMESPACE)
        answer = rollout("install", kubeconfig=cluster.kubeconfig(), namespace=NAMESPACE)
        assert answer.returncode == 0, answer.stderr
        kube.patch(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{CONTROLLER}", {"spec": {"replicas": 0}})
        kube.apply(_house())
        for one in WORKLOADS.values():
            kube.apply(_deployment(one), service(one.namespace, one.name, {"app": one.name}))
        kube.apply(*_others())
        for one in WORKLOADS.values():
            cluster.wait_available(one.namespace, one.name)
        proxies = PlayedProxies(cluster.kube, prometheus, WORKLOADS)
        proxies.call("web", "shop/web", "pay/bank")
        proxies.call("ci", "tools/ci", "shop/web")
        proxies.call("bank", "pay/bank", "tools/ci")
        proxies.start()
        closing.callback(proxies.stop)
        git = GitHttp(directory, LOGIN)
        closing.callback(git.stop)
        obtained(git.start)
        fleet = Fleet(
            repository=git.repository("fleet"),
            cluster=cluster,
            prometheus=prometheus,
            proxies=proxies,
            account=account_config(cluster.server, directory),
            directory=directory,
        )
        kube.apply(*git_source(NAMESPACE, fleet.repository.url))
        fleet.commit()
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


def _others() -> list[Obj]:
    """Workloads of the other kinds, which nobody calls: a DaemonSet, a StatefulSet, and one with a partition."""
    agent, ledger, shards = (
        _of_kind(kind, place, name)
        for kind, place, name in (
            ("DaemonSet", "tools", "agent"),
            ("StatefulSet", "pay", "ledger"),
            ("StatefulSet", "pay", "shards"),
        )
    )
    del agent["spec"]["replicas"]
    shards["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    return [agent, ledger, shards]


def _of_kind(kind: str, namespace: str, name: str) -> Obj:
    found = _deployment(Workload(namespace=namespace, name=name, pods=1))
    return found | {"kind": kind}


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
