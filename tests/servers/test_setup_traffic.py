"""Do the tests' proxy, load, metrics and git servers do what they say?"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.servers.client import path_of
from tests.servers.cluster import Cluster, deployment, service
from tests.servers.envoy import EnvoyFront
from tests.servers.githttp import GitHttp, Login, git
from tests.servers.load import Load, count
from tests.servers.process import eventually
from tests.servers.prometheus import Prometheus

pytestmark = pytest.mark.server

REQUESTS = 2000
TEN_PERCENT = range(140, 261)  # 200 give or take 4.5 standard deviations (13.4)


@pytest.fixture
def shop(cluster: Cluster, namespace: str, envoy: EnvoyFront) -> str:
    """The host of a Service whose v1 has all requests; v2 fails one of five."""
    cluster.kube.apply(
        deployment(namespace, "checkout-v1", "v1"),
        deployment(namespace, "checkout-v2", "v2", ERROR_PERCENT="20"),
        service(namespace, "checkout", {"app": "checkout"}),
        service(namespace, "checkout-v1", {"app": "checkout", "version": "v1"}),
        service(namespace, "checkout-v2", {"app": "checkout", "version": "v2"}),
        virtual_service(namespace, 0),
    )
    cluster.wait_endpoints(namespace, "checkout", ready=4)
    host = f"checkout.{namespace}"
    assert eventually(lambda: count(envoy.url, host, 20).by_version["v1"] == 20)
    return host


def virtual_service(namespace: str, weight: int) -> dict[str, Any]:
    """A VirtualService that gives v2 its weight."""
    shares = {"checkout-v1": 100 - weight, "checkout-v2": weight}
    route = [{"destination": {"host": name}, "weight": share} for name, share in shares.items()]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "checkout", "namespace": namespace},
        "spec": {"hosts": ["checkout"], "http": [{"route": route}]},
    }


def shift(cluster: Cluster, envoy: EnvoyFront, namespace: str, weight: int) -> None:
    """Write the weight and wait until Envoy has it."""
    wanted = virtual_service(namespace, weight)
    cluster.kube.patch(path_of(wanted), {"spec": wanted["spec"]})
    assert eventually(lambda: envoy.weights(f"checkout.{namespace}").get(f"checkout-v2.{namespace}", 0) == weight)


def test_a_weight_written_to_the_api_moves_that_share_of_requests(
    cluster: Cluster, envoy: EnvoyFront, namespace: str, shop: str
) -> None:
    shift(cluster, envoy, namespace, 10)

    report = count(envoy.url, shop, REQUESTS)

    assert report.by_version["v2"] in TEN_PERCENT


def test_a_weight_of_100_sends_everything(cluster: Cluster, envoy: EnvoyFront, namespace: str, shop: str) -> None:
    shift(cluster, envoy, namespace, 100)

    report = count(envoy.url, shop, REQUESTS)

    assert report.by_version == {"v2": REQUESTS}


def test_a_pod_fails_exactly_its_share(cluster: Cluster, envoy: EnvoyFront, namespace: str, shop: str) -> None:
    shift(cluster, envoy, namespace, 100)

    count(envoy.url, shop, REQUESTS)

    pods = [found for name, found in cluster.kubelet.counts(namespace).items() if "-v2-" in name]
    assert [pod.failed for pod in pods] == [pod.requests // 5 for pod in pods]


def test_no_request_is_lost_when_weights_change_under_load(
    cluster: Cluster, envoy: EnvoyFront, namespace: str, shop: str
) -> None:
    load = Load(envoy.url, shop).start()

    for weight in (10, 50, 100, 0):
        shift(cluster, envoy, namespace, weight)
    report = load.stop()

    assert report.broken == []


def test_prometheus_counts_envoys_answers_by_backend(
    cluster: Cluster, envoy: EnvoyFront, prometheus: Prometheus, namespace: str, shop: str
) -> None:
    shift(cluster, envoy, namespace, 100)
    failed = count(envoy.url, shop, REQUESTS).by_status[500]

    backend = f'envoy_cluster_name="checkout-v2.{namespace}"'
    query = f'sum(envoy_cluster_upstream_rq_xx{{{backend},envoy_response_code_class="5"}})'

    assert eventually(lambda: prometheus.value(query) == failed, 10)


def http_route(namespace: str, weight: int) -> dict[str, Any]:
    """An HTTPRoute on the Service (GAMMA) that gives v2 its weight."""
    shares = {"checkout-v1": 100 - weight, "checkout-v2": weight}
    parent = {"group": "", "kind": "Service", "name": "checkout", "port": 80}
    backends = [{"name": name, "port": 80, "weight": share} for name, share in shares.items()]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "checkout", "namespace": namespace},
        "spec": {"parentRefs": [parent], "rules": [{"backendRefs": backends}]},
    }


def traffic_split(namespace: str, weight: int) -> dict[str, Any]:
    """A TrafficSplit that gives v2 its weight."""
    shares = {"checkout-v1": 100 - weight, "checkout-v2": weight}
    backends = [{"service": name, "weight": share} for name, share in shares.items()]
    return {
        "apiVersion": "split.smi-spec.io/v1alpha2",
        "kind": "TrafficSplit",
        "metadata": {"name": "checkout", "namespace": namespace},
        "spec": {"service": "checkout", "backends": backends},
    }


@pytest.mark.parametrize("route", [http_route, traffic_split])
def test_routes_of_the_other_meshes_move_requests_too(
    cluster: Cluster, envoy: EnvoyFront, namespace: str, shop: str, route: Callable[[str, int], dict[str, Any]]
) -> None:
    cluster.kube.delete(path_of(virtual_service(namespace, 0)))

    cluster.kube.apply(route(namespace, 100))

    assert eventually(lambda: count(envoy.url, shop, 20).by_version == {"v2": 20})


def test_an_http_route_is_accepted_in_the_generation_that_is_in_force(
    cluster: Cluster, envoy: EnvoyFront, namespace: str
) -> None:
    route = http_route(namespace, 10)

    (created,) = cluster.kube.apply(route)

    def observed() -> set[int]:
        parents = (cluster.kube.get(path_of(route)).get("status") or {}).get("parents") or ()
        return {condition["observedGeneration"] for parent in parents for condition in parent["conditions"]}

    assert eventually(lambda: observed() == {created["metadata"]["generation"]})


def test_a_commit_arrives_over_http(git_http: GitHttp) -> None:
    repository = git_http.repository("specs")
    head = repository.commit({"rollouts/checkout.yaml": "a: 1\n"}, "checkout v1")

    found = git("ls-remote", repository.url, "refs/heads/main")

    assert found.split()[0] == head


def test_history_can_be_rewritten_by_force(git_http: GitHttp) -> None:
    repository = git_http.repository("specs")
    for number in (1, 2):
        repository.commit({"a.yaml": f"a: {number}\n"}, f"number {number}")

    head = repository.rewrite(1, {"a.yaml": "a: 3\n"}, "number 3")

    assert git("ls-remote", repository.url, "refs/heads/main").split()[0] == head


def test_git_over_http_asks_for_the_password(git_http: GitHttp) -> None:
    git_http.login = Login(user="ana", password="secret")
    repository = git_http.repository("specs")
    head = repository.commit({"a.yaml": "a: 1\n"}, "one")

    with pytest.raises(ChildProcessError):
        git("ls-remote", repository.url)

    assert head in git("ls-remote", repository.url.replace("//", "//ana:secret@"))
