"""Does a commit move real traffic, and does a bad revision come back by itself, on real servers from git to Envoy?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.cluster import Cluster, deployment, service
from tests.servers.controller import Controller
from tests.servers.envoy import EnvoyFront
from tests.servers.githttp import GitHttp, Login, Repository
from tests.servers.load import Load, count
from tests.servers.process import eventually
from tests.servers.prometheus import Prometheus

pytestmark = pytest.mark.server

PATIENCE_S = 90.0
LOGIN = Login(user="bot", password="open sesame")


class Shop:
    """One service in its own namespace, released by commits."""

    def __init__(self, cluster: Cluster, envoy: EnvoyFront, namespace: str, repository: Repository) -> None:
        self.cluster, self.envoy, self.namespace, self.repository = cluster, envoy, namespace, repository
        self.host = f"checkout.{namespace}"
        self.path = f"/apis/rollout.dev/v1alpha1/namespaces/{namespace}/rollouts/checkout"

    def deploy(self, revision: str, error_percent: int = 0) -> None:
        """The workload and the Service of a revision, ready."""
        env = {"ERROR_PERCENT": str(error_percent)} if error_percent else {}
        self.cluster.kube.apply(
            deployment(self.namespace, f"checkout-{revision}", revision, **env),
            service(self.namespace, f"checkout-{revision}", {"app": "checkout", "version": revision}),
        )
        self.cluster.wait_available(self.namespace, f"checkout-{revision}")

    def commit(self, revision: str, **spec: Any) -> str:
        """Name another revision in git."""
        text = yaml.safe_dump(manifest(self.namespace, revision, **spec))
        return self.repository.commit({"rollouts/checkout.yaml": text}, f"release {revision}")

    def status(self) -> dict[str, Any]:
        """The Rollout's status; empty while there is none."""
        kube = self.cluster.kube
        return kube.get(self.path).get("status", {}) if kube.exists(self.path) else {}

    def reaches(self, **wanted: Any) -> bool:
        """Whether the status comes to hold these fields in time."""
        return eventually(lambda: wanted.items() <= self.status().items(), PATIENCE_S, 0.2)


def manifest(namespace: str, revision: str, **spec: Any) -> dict[str, Any]:
    """The Rollout that git holds."""
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
            "objectives": [{"name": "errors", "kind": "error-ratio", "max": "1%"}],
            "analysis": {"interval": "2s", "minRequests": 20},
            "settle": "2s",
            **spec,
        },
    }


@pytest.fixture
def shop(cluster: Cluster, prometheus: Prometheus, envoy: EnvoyFront, namespace: str, tmp_path: Path) -> Iterator[Shop]:
    """v1 serves; a controller looks after a git repository that needs a password."""
    git = GitHttp(tmp_path, LOGIN)
    git.start()
    shop = Shop(cluster, envoy, namespace, git.repository("specs"))
    shop.deploy("v1")
    kube = cluster.kube
    kube.apply(
        service(namespace, "checkout", {"app": "checkout"}),
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": "checkout", "namespace": namespace},
            "spec": {"hosts": ["checkout"], "http": [{"route": [{"destination": {"host": "checkout-v1"}}]}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "git", "namespace": namespace},
            "stringData": {"username": LOGIN.user, "password": LOGIN.password},
        },
    )
    shop.commit("v1")
    kube.apply(
        {
            "apiVersion": "rollout.dev/v1alpha1",
            "kind": "GitSource",
            "metadata": {"name": "specs", "namespace": namespace},
            "spec": {"url": shop.repository.url, "path": "rollouts", "interval": "5s", "secretRef": {"name": "git"}},
        }
    )
    controller = Controller(
        tmp_path,
        cluster.kubeconfig(),
        namespace=namespace,
        own_namespace=namespace,
        prometheus_url=prometheus.url,
        prometheus_mesh="envoy",
        allow_file_urls="yes",
    )
    controller.start()
    try:
        yield shop
    finally:
        code = controller.terminate()
        controller.kill()
        git.stop()
        assert code == 0, controller.last_words()


def test_a_good_commit_is_promoted_without_losing_a_request_and_a_bad_one_comes_back(shop: Shop) -> None:
    assert shop.reaches(phase="Idle", stableRevision="v1"), shop.status()
    load = Load(shop.envoy.url, shop.host, rate=200).start()
    shop.deploy("v2")
    shop.commit("v2")

    assert shop.reaches(phase="Idle", stableRevision="v2"), shop.status()
    good = load.stop()
    load = Load(shop.envoy.url, shop.host, rate=200).start()
    shop.deploy("v3", error_percent=5)
    shop.commit("v3")
    assert shop.reaches(phase="Failed", stableRevision="v2"), shop.status()
    bad = load.stop()

    assert good.failed == 0
    assert good.by_version["v2"] > 0
    assert bad.failed > 0
    assert count(shop.envoy.url, shop.host, 200).by_version == {"v2": 200}
