"""Does the tests' own mesh move and count real requests as Istio does?"""

import pytest

from tests.servers.istio import HOST, in_force, route, subsets
from tests.servers.load import Load, count
from tests.servers.mesh import SHOP, Mesh
from tests.servers.process import eventually

pytestmark = pytest.mark.e2e

REQUESTS = 2000
TEN_PERCENT = range(140, 261)  # 200 give or take 4.5 standard deviations (13.4)
CALLERS = ("gateway", "client")


@pytest.fixture(scope="module")
def shop(mesh: Mesh) -> Mesh:
    """The mesh with two versions of checkout; v2 fails one request of five."""
    mesh.deploy("checkout", "v1")
    mesh.deploy("checkout", "v2", ERROR_PERCENT="20")
    mesh.kube.apply(subsets())
    return mesh


def shift(mesh: Mesh, kind: str, weight: int) -> None:
    """Write the weight and wait until both callers' proxies have it."""
    mesh.kube.apply(route(kind, weight))
    assert eventually(lambda: all(in_force(mesh, caller, kind, weight) for caller in CALLERS))


def url(mesh: Mesh, caller: str) -> str:
    """Where requests of that caller start."""
    return mesh.gateway_url if caller == "gateway" else mesh.client_url


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("kind", ["subsets", "services"])
def test_a_weight_moves_that_share_of_requests(shop: Mesh, kind: str, caller: str) -> None:
    shift(shop, kind, 10)

    report = count(url(shop, caller), HOST, REQUESTS)

    assert report.by_version["v2"] in TEN_PERCENT


@pytest.mark.parametrize("caller", CALLERS)
def test_a_weight_of_0_sends_nothing(shop: Mesh, caller: str) -> None:
    shift(shop, "subsets", 0)

    report = count(url(shop, caller), HOST, REQUESTS)

    assert report.by_version == {"v1": REQUESTS}


def test_no_request_is_lost_while_weights_change(shop: Mesh) -> None:
    load = Load(shop.client_url, HOST).start()

    for weight in (10, 50, 100, 0):
        shift(shop, "subsets", weight)

    assert load.stop().broken == []


def test_callers_count_exactly_what_the_servers_answered(shop: Mesh) -> None:
    shift(shop, "subsets", 100)
    series = 'istio_requests_total{reporter="source",destination_workload="checkout-v2",response_code="500"}'

    count(shop.client_url, HOST, REQUESTS)

    answered = sum(found.failed for pod, found in shop.cluster.kubelet.counts(SHOP).items() if "-v2-" in pod)
    assert eventually(lambda: shop.prometheus.value(f"sum({series})") == answered)


def test_plaintext_is_refused(shop: Mesh) -> None:
    (pod,) = shop.kube.items("/api/v1/namespaces/shop/pods?labelSelector=app%3Dcheckout,version%3Dv1")

    report = count(f"http://{pod['status']['podIP']}:8080", HOST, 20)

    assert len(report.broken) == 20
