"""Does each weight send that share of real requests to the canary, whoever wrote the weight?"""

import json
import subprocess
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from shutil import which

import pytest

from tests.servers.cluster import Cluster
from tests.servers.load import Report
from tests.servers.process import eventually
from tests.servers.prometheus import Prometheus
from tests.servers.shop import PATIENCE_S, Place, Shop, opened, operated

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("shares")]

REQUESTS = 6000
STANDING = {"steps": [{"weight": 10, "soak": "1h"}, {"weight": 50, "soak": "1h"}], "objectives": []}


@pytest.fixture(scope="module")
def shop(cluster: Cluster, prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop whose releases stand at each step until somebody promotes; v2 is deployed and has no weight."""
    place = Place(cluster=cluster, prometheus=prometheus, directory=tmp_path_factory.mktemp("shares"))
    with opened(place) as shop, operated(shop):
        shop.defaults = STANDING
        shop.deploy("v2")
        assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
        yield shop


@pytest.fixture(scope="module")
def measured(shop: Shop) -> dict[int, Report]:
    """Who answered at each weight of one release; at 0 after it was aborted, then it went on to the end."""
    found: dict[int, Report] = {}
    shop.commit("v2")
    for weight in (10, 50):
        assert shop.gives("v2", weight), shop.told()
        found[weight] = shop.count(REQUESTS)
        if weight == 10:
            accepted(shop, "promote")
    accepted(shop, "abort")
    assert shop.gives("v2", 0), shop.told()
    found[0] = shop.count(REQUESTS)
    accepted(shop, "retry")
    assert shop.gives("v2", 10), shop.told()
    accepted(shop, "promote-full")
    assert shop.gives("v2", 100), shop.told()
    found[100] = shop.count(REQUESTS)
    return found


def accepted(shop: Shop, verb: str) -> None:
    """A person's order, which must be obeyed."""
    answer = shop.order(verb, "checkout")
    assert answer.returncode == 0, answer.stderr


def off(report: Report, revision: str, weight: int) -> float:
    """How many standard deviations the requests of a revision are away from its weight."""
    expected = report.total * weight / 100
    deviation = sqrt(expected * (1 - weight / 100))
    return abs(report.by_version[revision] - expected) / deviation


@pytest.mark.parametrize("weight", [10, 50])
def test_the_measured_share_of_6000_requests_is_the_weight(measured: dict[int, Report], weight: int) -> None:
    assert off(measured[weight], "v2", weight) <= 4.5, measured[weight].by_version


def test_a_weight_of_0_sends_not_one_of_6000_requests(measured: dict[int, Report]) -> None:
    assert measured[0].by_version == {"v1": REQUESTS}


def test_a_weight_of_100_sends_all_6000_requests(measured: dict[int, Report]) -> None:
    assert measured[100].by_version == {"v2": REQUESTS}


@pytest.fixture
def half(shop: Shop, measured: dict[int, Report]) -> Iterator[Shop]:
    """v3 on trial with a weight of 50, after v2 went live; the run ends with the test."""
    assert shop.reaches(phase="Idle", stableRevision="v2"), shop.told()
    assert shop.forgets("v1"), shop.told()
    shop.release("v3")
    assert shop.gives("v3", 10), shop.told()
    accepted(shop, "promote")
    assert shop.gives("v3", 50), shop.told()
    yield shop
    shop.commit("v2")  # naming stable ends the run, and v3 is not remembered as failed
    assert shop.reaches(phase="Idle", stableRevision="v2"), shop.told()
    assert shop.forgets("v3"), shop.told()


def by_hand(shop: Shop, canary: int) -> None:
    """Give v3 another weight as a person does: with kubectl, or without it by the tests' own client."""
    shares = {"checkout-v2": 100 - canary, "checkout-v3": canary}
    route = [{"destination": {"host": name}, "weight": share} for name, share in shares.items()]
    body = {"spec": {"http": [{"route": route}]}}
    if which("kubectl"):
        kubectl(shop.cluster.kubeconfig("admin", shop.namespace), json.dumps(body))
    else:
        path = f"/apis/networking.istio.io/v1/namespaces/{shop.namespace}/virtualservices/checkout"
        shop.cluster.kube.patch(path, body)


def kubectl(config: Path, body: str) -> None:
    """Patch the VirtualService."""
    command = ["kubectl", f"--kubeconfig={config}", "patch", "virtualservice", "checkout", "--type=merge", "-p", body]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


def test_a_weight_lowered_with_kubectl_changes_the_measured_share_and_pauses_the_run(half: Shop) -> None:
    by_hand(half, 20)

    assert half.reaches(phase="Paused"), half.told()
    assert half.gives("v3", 20)
    assert off(half.count(REQUESTS), "v3", 20) <= 4.5


def test_a_weight_raised_with_kubectl_is_healed(half: Shop) -> None:
    generation = half.envoy.generation("VirtualService", "checkout")

    by_hand(half, 90)

    healed = generation + 2  # the person's write and the controller's
    assert eventually(lambda: half.envoy.generation("VirtualService", "checkout") == healed, PATIENCE_S), half.told()
    assert off(half.count(REQUESTS), "v3", 50) <= 4.5
    assert half.status()["phase"] == "Progressing"
