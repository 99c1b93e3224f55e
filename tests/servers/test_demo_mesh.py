"""Does the demo's Envoy follow the objects of a real API server?"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from rollout.demo.envoy import running_envoy
from rollout.demo.load import Tally, running_load
from rollout.demo.mesh import following
from rollout.demo.watch import Server
from rollout.demo.world import running_world
from tests.servers import build
from tests.servers.apiserver import ApiServer
from tests.servers.client import Kube
from tests.servers.missing import obtained

pytestmark = pytest.mark.server

ISTIO = "networking.istio.io/v1"


def backend(namespace: str, version: str, address: str) -> list[dict[str, Any]]:
    metadata = {"name": f"checkout-{version}", "namespace": namespace}
    labels = {"kubernetes.io/service-name": metadata["name"]}
    port = {"name": "http", "port": 80}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [port]}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": metadata | {"labels": labels},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address]}],
            "ports": [port],
        },
    ]


def virtual_service(namespace: str, weight: int, **match: object) -> dict[str, Any]:
    route = [
        {"destination": {"host": "checkout-v1"}, "weight": 100 - weight},
        {"destination": {"host": "checkout-v2"}, "weight": weight},
    ]
    http = {"route": route} | ({"match": [match]} if match else {})
    metadata = {"name": "checkout", "namespace": namespace}
    spec = {"hosts": ["checkout"], "http": [http]}
    return {"apiVersion": ISTIO, "kind": "VirtualService", "metadata": metadata, "spec": spec}


@dataclass
class Shop:
    """Two pods behind an Envoy that follows the API server."""

    url: str
    told: list[str] = field(default_factory=list)

    async def calls(self) -> Tally:
        """What a second of requests got."""
        async with running_load(self.url, "checkout", rate=100, max_seconds=0.5) as load:
            return await load.finished()

    async def until_all_from(self, version: str) -> bool:
        """Whether all requests came from one version, soon."""
        for _ in range(10):
            total = await self.calls()
            if total.by_version == {version: total.sent}:
                return True
        return False


@pytest.fixture
async def shop(apiserver: ApiServer, kube: Kube, namespace: str) -> AsyncIterator[Shop]:
    obtained(build.envoy)
    server = Server(url=apiserver.url, token=apiserver.token["admin"], ca_file=str(apiserver.ca), namespace=namespace)
    async with running_world() as world, running_envoy() as proxy:
        addresses = {}
        for number, version in enumerate(("v1", "v2")):
            pod = await world.start_pod(version, version)
            addresses[f"10.9.0.{number}"] = (pod.host, pod.port)
            kube.apply(*backend(namespace, version, f"10.9.0.{number}"))
        shop = Shop(proxy.url)
        async with following(server, proxy, addresses, shop.told.append):
            yield shop


async def test_a_weight_written_to_the_api_server_moves_the_requests(shop: Shop, kube: Kube, namespace: str) -> None:
    kube.apply(virtual_service(namespace, 0))
    before = await shop.until_all_from("v1")

    kube.apply(virtual_service(namespace, 100))

    assert (before, await shop.until_all_from("v2")) == (True, True)


async def test_an_object_that_cannot_be_translated_leaves_the_last_good_routes(
    shop: Shop, kube: Kube, namespace: str
) -> None:
    kube.apply(virtual_service(namespace, 100))
    await shop.until_all_from("v2")

    kube.apply(virtual_service(namespace, 0, sourceLabels={"app": "x"}))

    for _ in range(100):
        if shop.told:
            break
        await asyncio.sleep(0.05)
    assert (await shop.until_all_from("v2"), "sourceLabels" in shop.told[-1]) == (True, True)
