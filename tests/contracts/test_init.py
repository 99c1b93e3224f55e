"""Does a real kube-apiserver take what `rollout init` prints, and does init read back what the server made of a shop?"""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.kube.client import HttpApi
from adapters.kube.objects import KubeObjects
from adapters.memory.cluster import MemoryCluster
from adapters.memory.face import start_face
from rollout.crds import definitions
from tests.support.adoption import Obj, a_deployment, a_route, a_rule, a_service, printed
from tests.support.cli import Shown, type_words
from tests.support.world import MESH

GIT = ("--git-url", "https://git.example.test/shop/specs.git")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A namespace with an ordinary service, and no controllers."""

    kubeconfig: Path
    objects: KubeObjects
    namespace: str

    async def apply(self, obj: Obj) -> None:
        """Put an object here."""
        await self.objects.apply({**obj, "metadata": {**obj["metadata"], "namespace": self.namespace}})

    async def init(self, *words: str) -> Shown:
        """What `rollout init checkout` prints."""
        return await type_words(self.kubeconfig, ("init", "checkout", "-n", self.namespace, *words))


@pytest.fixture(params=["memory", pytest.param("real", marks=pytest.mark.server)])
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        if request.param == "real":
            path = request.getfixturevalue("apiserver").kubeconfig("admin")
        else:
            cluster = MemoryCluster.with_kinds(*MESH)
            cluster.seed(*definitions().values())
            face = await start_face(cluster)
            stack.push_async_callback(face.close)
            path = face.kubeconfig(tmp_path / "kubeconfig")
        client = await HttpApi.connect(str(path))
        stack.push_async_callback(client.close)
        found = Shop(kubeconfig=path, objects=KubeObjects(client), namespace=f"init-{secrets.token_hex(3)}")
        await found.objects.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": found.namespace}})
        for obj in (a_deployment(), a_service(), a_route()):
            await found.apply(obj)
        yield found


@pytest.mark.parametrize("way", [(), ("--subsets",)])
async def test_the_server_takes_every_manifest_in_the_printed_order(shop: Shop, way: tuple[str, ...]) -> None:
    shown = await shop.init(*GIT, *way)

    for obj in printed(shown.out):
        await shop.apply(obj)

    assert shown.code == 0, shown.err
    route = await shop.objects.get("VirtualService", shop.namespace, "checkout")
    assert route["spec"]["http"] == [
        {
            "timeout": "3s",
            "route": [
                {
                    "destination": {
                        **({"host": "checkout", "subset": "v1"} if way else {"host": "checkout-v1"}),
                        "port": {"number": 80},
                    }
                }
            ],
        }
    ]


async def test_what_the_server_added_is_not_for_git(shop: Shop) -> None:
    shown = await shop.init()

    service = next(obj for obj in printed(shown.out) if obj["kind"] == "Service")
    assert service["spec"].keys() == {"selector", "ports"}
    for obj in printed(shown.out):
        assert obj.keys() == {"apiVersion", "kind", "metadata", "spec"}
        assert obj["metadata"].keys() == {"name", "namespace"}
        assert "creationTimestamp" not in str(obj)


async def test_the_way_is_gone_once_it_was_taken(shop: Shop) -> None:
    for obj in printed((await shop.init()).out):
        if obj["kind"] != "Rollout":
            await shop.apply(obj)
    await shop.objects.delete("Deployment", shop.namespace, "checkout")

    shown = await shop.init("--service", "checkout-v1")

    assert [obj["kind"] for obj in printed(shown.out)] == ["Rollout"]


async def test_a_users_rule_keeps_what_it_says(shop: Shop) -> None:
    await shop.apply(a_rule("old"))

    for obj in printed((await shop.init("--subsets")).out):
        await shop.apply(obj)

    rule = await shop.objects.get("DestinationRule", shop.namespace, "checkout")
    assert [subset["name"] for subset in rule["spec"]["subsets"]] == ["old", "v1"]
    assert rule["spec"]["trafficPolicy"] == {"tls": {"mode": "ISTIO_MUTUAL"}}
