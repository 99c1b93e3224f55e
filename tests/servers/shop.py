"""What does a user of the product have: a service with v1 in production, its specs in git, and a controller?"""

import json
import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.servers.client import Obj, path_of
from tests.servers.cluster import Cluster, deployment, service
from tests.servers.controller import Controller, rollout
from tests.servers.envoy import EnvoyFront
from tests.servers.githttp import GitHttp, Login
from tests.servers.load import Load, Report, count
from tests.servers.missing import obtained
from tests.servers.process import eventually
from tests.servers.prometheus import Prometheus

PATIENCE_S = 60.0
LOGIN = Login(user="bot", password="open sesame")
USER = "controller"  # a token of its own, so that the audit log tells the controller's requests from the test's

RouteOf = Callable[[str], Obj]  # namespace -> the route object, everything to v1


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a shop opens. directory: for git, logs and the controller's working folder."""

    cluster: Cluster
    prometheus: Prometheus
    directory: Path


class Shop:
    """One service in its own namespace, released by commits. defaults: spec fields that its Rollout always has."""

    def __init__(self, place: Place, envoy: EnvoyFront, namespace: str, git: GitHttp) -> None:
        self.place, self.cluster, self.envoy = place, place.cluster, envoy
        self.namespace, self.git, self.repository = namespace, git, git.repository("specs")
        self.host = f"checkout.{namespace}"
        self.backend = f"checkout-{{}}.{namespace}"  # what the proxy calls the backend of a revision
        self.path = f"/apis/rollout.dev/v1alpha1/namespaces/{namespace}/rollouts/checkout"
        self.route = path_of(virtual_service(namespace))
        self.defaults: dict[str, Any] = {}

    def deploy(self, revision: str, error_percent: int = 0) -> None:
        """The workload and the Service of a revision, ready."""
        env = {"ERROR_PERCENT": str(error_percent)} if error_percent else {}
        self.cluster.kube.apply(
            deployment(self.namespace, f"checkout-{revision}", revision, **env),
            service(self.namespace, f"checkout-{revision}", {"app": "checkout", "version": revision}),
        )
        self.cluster.wait_available(self.namespace, f"checkout-{revision}")

    def commit(self, revision: str, **spec: Any) -> str:
        """Name another revision in git; the commit's id."""
        text = yaml.safe_dump(manifest(self.namespace, revision, **{**self.defaults, **spec}))
        return self.repository.commit({"rollouts/checkout.yaml": text}, f"release {revision}")

    def release(self, revision: str, error_percent: int = 0, **spec: Any) -> str:
        """Deploy a revision and name it in git; the commit's id."""
        self.deploy(revision, error_percent)
        return self.commit(revision, **spec)

    def controller(self, name: str = "controller", kubeconfig: Path | None = None, **settings: str) -> Controller:
        """`rollout serve` for this shop alone, not started; kubeconfig: default that of USER."""
        directory = self.place.directory / name
        directory.mkdir(exist_ok=True)
        mine = {
            "namespace": self.namespace,
            "own_namespace": self.namespace,
            "prometheus_url": self.place.prometheus.url,
            "prometheus_mesh": "envoy",
            "allow_file_urls": "yes",  # git on loopback counts as a file
        }
        return Controller(directory, kubeconfig or self.cluster.kubeconfig(USER, self.namespace), **mine | settings)

    def status(self) -> dict[str, Any]:
        """The Rollout's status; empty while there is none."""
        kube = self.cluster.kube
        return kube.get(self.path).get("status", {}) if kube.exists(self.path) else {}

    def reaches(self, **wanted: Any) -> bool:
        """Whether the status comes to hold these fields in time."""
        return eventually(lambda: wanted.items() <= self.status().items(), PATIENCE_S, 0.2)

    def weight(self, revision: str) -> int:
        """The share that the proxy gives to a revision now, in percent."""
        return self.envoy.weights(self.host).get(self.backend.format(revision), 0)

    def gives(self, revision: str, weight: int) -> bool:
        """Whether the proxy comes to give a revision that share."""
        return eventually(lambda: self.weight(revision) == weight, PATIENCE_S)

    def forgets(self, revision: str) -> bool:
        """Whether the route object comes to name a revision no more, in force in the proxy."""
        return eventually(lambda: self._is_without(revision), PATIENCE_S, 0.2)

    @contextmanager
    def busy(self, rate: float = 200.0) -> Iterator[Report]:
        """So many requests per second from now on; the report is complete at the end."""
        load = Load(self.envoy.url, self.host, rate).start()
        try:
            yield load.report
        finally:
            load.stop()

    def count(self, requests: int) -> Report:
        """Who answers this many requests."""
        return count(self.envoy.url, self.host, requests)

    def order(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """What the CLI says to `rollout ARGUMENTS` in this namespace, and how it ends."""
        return rollout(*arguments, kubeconfig=self.cluster.kubeconfig(), namespace=self.namespace)

    def told(self) -> str:
        """The status as text, for the message of a failed test."""
        return json.dumps(self.status(), indent=1)

    def _is_without(self, revision: str) -> bool:
        route = self.cluster.kube.get(self.route)
        meta, text = route["metadata"], json.dumps(route["spec"])
        in_force = self.envoy.generation(route["kind"], meta["name"]) == meta["generation"]
        return in_force and f'"checkout-{revision}"' not in text and f'"subset": "{revision}"' not in text


@contextmanager
def opened(place: Place, route: RouteOf | None = None) -> Iterator[Shop]:
    """v1 serves in a namespace of its own, and a GitSource names a repository that needs a password; no controller yet.

    route: the object that splits the traffic; a VirtualService without it.
    """
    kube, namespace = place.cluster.kube, f"t-{secrets.token_hex(4)}"
    with ExitStack() as closing:
        kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        closing.callback(kube.delete, f"/api/v1/namespaces/{namespace}")
        git = GitHttp(place.directory, LOGIN)
        closing.callback(git.stop)
        obtained(git.start)
        envoy = EnvoyFront(place.cluster.server, namespace, lambda: place.cluster.kubelet.addresses)
        closing.callback(envoy.stop)
        obtained(envoy.start)
        closing.callback(place.prometheus.forget, namespace)
        place.prometheus.scrape(namespace, envoy.metrics_url)
        shop = Shop(place, envoy, namespace, git)
        kube.apply(
            *looks_at_policies(USER), rights(namespace, USER), service(namespace, "checkout", {"app": "checkout"})
        )
        shop.deploy("v1")
        shop.commit("v1")
        (stored, *_) = kube.apply((route or virtual_service)(namespace), *git_source(namespace, shop.repository.url))
        shop.route = path_of(stored)
        yield shop


@contextmanager
def operated(shop: Shop, kubeconfig: Path | None = None, **settings: str) -> Iterator[Controller]:
    """A controller looks after the shop, and ends well when asked to; kubeconfig: default that of USER."""
    controller = shop.controller("controller", kubeconfig, **settings)
    controller.start()
    try:
        yield controller
    finally:
        code = controller.terminate()
        controller.kill()
        assert code == 0, controller.last_words()


def manifest(namespace: str, revision: str, **spec: Any) -> Obj:
    """The Rollout that git holds; `spec` replaces whole fields."""
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "checkout", "namespace": namespace},
        "spec": {
            "revision": revision,
            "backend": {"service": "checkout-{revision}"},
            "workload": {"kind": "Deployment", "name": "checkout-{revision}"},
            "routes": [{"kind": "VirtualService", "name": "checkout"}],
            "steps": [{"weight": 10, "soak": "4s"}, {"weight": 50, "soak": "4s"}],
            "objectives": [{"name": "errors", "kind": "error-ratio", "max": "1%", "method": "threshold"}],
            "analysis": {"interval": "2s", "minRequests": 20},
            "settle": "2s",
            **spec,
        },
    }


def virtual_service(namespace: str) -> Obj:
    """A VirtualService that sends everything to v1's Service."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "checkout", "namespace": namespace},
        "spec": {"hosts": ["checkout"], "http": [{"route": [{"destination": {"host": "checkout-v1"}}]}]},
    }


def git_source(namespace: str, url: str) -> tuple[Obj, Obj]:
    """The Secret with git's password, and the GitSource that follows a repository."""
    login = {"username": LOGIN.user, "password": LOGIN.password}
    spec = {"url": url, "path": "rollouts", "interval": "5s", "secretRef": {"name": "git"}}
    return (
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "git", "namespace": namespace},
            "stringData": login,
        },
        {
            "apiVersion": "rollout.dev/v1alpha1",
            "kind": "GitSource",
            "metadata": {"name": "specs", "namespace": namespace},
            "spec": spec,
        },
    )


def looks_at_policies(user: str) -> tuple[Obj, Obj]:
    """The right to see whether approvals can be believed, which belongs to no namespace."""
    group, name = "rbac.authorization.k8s.io", f"{user}-policies"
    kinds = ["validatingadmissionpolicies", "validatingadmissionpolicybindings"]
    rule = {"apiGroups": ["admissionregistration.k8s.io"], "resources": kinds, "verbs": ["list", "watch"]}
    return (
        {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": [rule]},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "subjects": [{"kind": "User", "name": user, "apiGroup": group}],
            "roleRef": {"kind": "ClusterRole", "name": name, "apiGroup": group},
        },
    )


def rights(namespace: str, user: str) -> Obj:
    """All rights in one namespace for a user; which of them the product needs is another test's question."""
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": user, "namespace": namespace},
        "subjects": [{"kind": "User", "name": user, "apiGroup": group}],
        "roleRef": {"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": group},
    }
