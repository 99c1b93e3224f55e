"""Does the tests' own API server do what the real one does?"""

from pathlib import Path

import pytest

from tests.servers.apiserver import ApiServer
from tests.servers.client import Kube, KubeError
from tests.servers.cluster import Cluster, deployment, ready_endpoints, service
from tests.servers.kubelet import Kubelet
from tests.servers.process import eventually

pytestmark = pytest.mark.server

SERVED = [
    ("networking.istio.io/v1", "virtualservices"),
    ("networking.istio.io/v1beta1", "destinationrules"),
    ("security.istio.io/v1", "peerauthentications"),
    ("gateway.networking.k8s.io/v1", "httproutes"),
    ("gateway.networking.k8s.io/v1", "grpcroutes"),
    ("split.smi-spec.io/v1alpha2", "trafficsplits"),
    ("split.smi-spec.io/v1alpha3", "trafficsplits"),
    ("split.smi-spec.io/v1alpha4", "trafficsplits"),
]

NAMESPACE_THAT_ENDS = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ending"}}
ACCOUNT_IN_IT = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": "default", "namespace": "ending"},
}
POD_IN_IT = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "left-over", "namespace": "ending"},
    "spec": {"containers": [{"name": "app", "image": "app"}]},
}


@pytest.mark.parametrize(("version", "resource"), SERVED)
def test_the_api_server_serves_the_routes_of_every_mesh(kube: Kube, version: str, resource: str) -> None:
    found = {entry["name"] for entry in kube.get(f"/apis/{version}")["resources"]}

    assert resource in found


def test_upstreams_schema_refuses_a_weight_that_is_no_number(kube: Kube, namespace: str) -> None:
    split = {
        "apiVersion": "split.smi-spec.io/v1alpha2",
        "kind": "TrafficSplit",
        "metadata": {"name": "checkout", "namespace": namespace},
        "spec": {"service": "checkout", "backends": [{"service": "checkout-v1", "weight": "all"}]},
    }

    with pytest.raises(KubeError, match="weight"):
        kube.create(split)


def test_a_user_without_a_role_may_not_read(apiserver: ApiServer, namespace: str) -> None:
    with pytest.raises(KubeError) as refused:
        apiserver.client("ana").get(f"/api/v1/namespaces/{namespace}/pods")

    assert refused.value.status == 403


def test_the_audit_log_counts_requests_by_user_and_verb(apiserver: ApiServer, namespace: str) -> None:
    mark, ben = apiserver.audit_mark(), apiserver.client("ben")

    for _ in range(3):
        with pytest.raises(KubeError):
            ben.get(f"/api/v1/namespaces/{namespace}/configmaps")

    assert apiserver.audit_counts("ben", mark) == {("list", "configmaps"): 3}


def test_a_deployment_of_two_becomes_ready_with_its_endpoints(cluster: Cluster, namespace: str) -> None:
    checkout = deployment(namespace, "checkout-v1", "v1", 2)

    cluster.kube.apply(checkout, service(namespace, "checkout", {"app": "checkout"}))

    cluster.wait_available(namespace, "checkout-v1")
    cluster.wait_endpoints(namespace, "checkout", ready=2)


def test_an_annotation_takes_a_pod_out_of_the_endpoints(cluster: Cluster, namespace: str) -> None:
    cluster.kube.apply(
        deployment(namespace, "checkout-v1", "v1", 1), service(namespace, "checkout", {"app": "checkout"})
    )
    cluster.wait_endpoints(namespace, "checkout", ready=1)
    pod = cluster.kube.items(f"/api/v1/namespaces/{namespace}/pods")[0]["metadata"]["name"]

    path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
    cluster.kube.patch(path, {"metadata": {"annotations": {"test.rollout/ready": "false"}}})

    assert eventually(lambda: ready_endpoints(cluster.kube, namespace, "checkout") == 0)


def test_a_deleted_namespace_ends_with_everything_in_it(cluster: Cluster) -> None:
    name = "t-ends"
    cluster.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    cluster.kube.apply(deployment(name, "checkout-v1", "v1", 1))
    cluster.wait_available(name, "checkout-v1")

    cluster.kube.delete(f"/api/v1/namespaces/{name}")

    assert eventually(lambda: not cluster.kube.exists(f"/api/v1/namespaces/{name}"), 30)


def test_a_pod_that_a_namespace_takes_with_it_does_not_hold_up_the_kubelet(tmp_path: Path) -> None:
    server = ApiServer(tmp_path)
    server.start()
    kubelet, admin = Kubelet(server), server.client()
    try:
        for thing in (NAMESPACE_THAT_ENDS, ACCOUNT_IN_IT, POD_IN_IT):
            admin.create(thing)
        admin.delete("/api/v1/namespaces/ending")  # no controllers here: it goes on ending, and binding is refused

        kubelet.start()

        assert not kubelet.addresses
    finally:
        kubelet.stop()
        server.stop()
