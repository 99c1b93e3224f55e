"""Does a real service under load become a Rollout by what `rollout init` prints, and is no request lost?"""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.servers.client import path_of
from tests.servers.cluster import Cluster, deployment, service
from tests.servers.controller import rollout
from tests.servers.envoy import EnvoyFront
from tests.servers.load import Load, count
from tests.servers.process import eventually

pytestmark = pytest.mark.server


@pytest.fixture
def host(cluster: Cluster, namespace: str, envoy: EnvoyFront) -> str:
    """The host of an ordinary shop: one Deployment, one Service, one VirtualService."""
    route = {"route": [{"destination": {"host": "checkout"}}]}
    cluster.kube.apply(
        deployment(namespace, "checkout", "old"),
        service(namespace, "checkout", {"app": "checkout"}),
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": "checkout", "namespace": namespace},
            "spec": {"hosts": ["checkout"], "http": [route]},
        },
    )
    cluster.wait_endpoints(namespace, "checkout", ready=2)
    found = f"checkout.{namespace}"
    assert eventually(lambda: count(envoy.url, found, 20).by_version["old"] == 20)
    return found


def test_no_request_is_lost_while_an_ordinary_shop_is_adopted(
    cluster: Cluster, namespace: str, envoy: EnvoyFront, host: str
) -> None:
    answer = rollout(
        "init", "checkout", "--revision", "v1", kubeconfig=cluster.kubeconfig("admin"), namespace=namespace
    )
    assert answer.returncode == 0, answer.stderr
    load = Load(envoy.url, host, 100.0).start()
    try:
        for obj in yaml.safe_load_all(answer.stdout):
            cluster.kube.apply(obj)
            wait(cluster, envoy, host, obj)
        cluster.kube.delete(path_of(deployment(namespace, "checkout", "old")))
        cluster.wait_endpoints(namespace, "checkout", ready=2)
    finally:
        load.stop()

    afterwards = count(envoy.url, host, 200)

    assert (load.report.failed, load.report.broken) == (0, [])
    assert load.report.by_version.keys() == {"old", "v1"}
    assert (afterwards.failed, afterwards.by_version) == (0, {"v1": 200})


def wait(cluster: Cluster, envoy: EnvoyFront, host: str, obj: Mapping[str, Any]) -> None:
    """Do what the comment below the manifest says."""
    name, namespace = obj["metadata"]["name"], obj["metadata"]["namespace"]
    match obj["kind"]:
        case "Deployment":
            cluster.wait_available(namespace, name)
        case "Service":
            cluster.wait_endpoints(namespace, name, ready=2)
        case "VirtualService":
            assert eventually(lambda: envoy.weights(host) == {f"checkout-v1.{namespace}": 100})
