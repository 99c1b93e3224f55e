"""Does the cache follow an API server, whatever happens on the way?"""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from adapters.kube.client import HttpApi
from adapters.kube.kinds import KINDS
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.definitions import known
from rollout.ports.errors import NotFound
from tests.support.followed import SOON, Followed, following, until

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture(params=["memory", pytest.param("apiserver", marks=pytest.mark.server)])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[KubeApi]:
    """An API server that knows the kinds of the meshes."""
    if request.param == "memory":
        yield DirectApi(MemoryCluster.with_kinds("VirtualService", "TrafficSplit"))
        return
    api = await HttpApi.connect(str(request.getfixturevalue("kubeconfig")))
    yield api
    await api.close()


@pytest.fixture
async def namespace(server: KubeApi) -> str:
    """A namespace of this test alone."""
    name = f"reflector-{uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await server.create("/api/v1/namespaces", body)
    return name


@pytest.fixture
def cluster() -> MemoryCluster:
    """A cluster on which things go wrong on demand."""
    cluster = MemoryCluster()
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    return cluster


async def test_all_pages_of_a_list_are_read(server: KubeApi, namespace: str) -> None:
    async with following(server, namespace=namespace) as followed:
        for number in range(5):
            await followed.create(f"s{number}")

        await followed.cache.refresh()

        assert sorted(followed.values()) == ["s0", "s1", "s2", "s3", "s4"]


async def test_changes_are_shown_and_told_as_they_happen(server: KubeApi, namespace: str) -> None:
    async with following(server, namespace=namespace) as followed:
        await followed.cache.wait_synced(SOON)

        await followed.create("a", "1")
        await followed.change("a", "2")
        await followed.delete("a")
        await until(lambda: len(followed.told) == 3)

        assert followed.told == [("a", "", "1"), ("a", "1", "2"), ("a", "2", "")]
        assert followed.values() == {}


async def test_items_carry_the_api_version_and_kind_that_lists_leave_out(server: KubeApi, namespace: str) -> None:
    async with following(server, namespace=namespace) as followed:
        await followed.create("a")

        await followed.cache.refresh()

        assert {(obj["apiVersion"], obj["kind"]) for obj in followed.cache.list("Service")} == {("v1", "Service")}


async def test_a_cache_of_one_namespace_does_not_see_others(server: KubeApi, namespace: str) -> None:
    async with following(server, namespace="default") as other, following(server, namespace=namespace) as followed:
        stored = await followed.create("a")

        await other.cache.refresh()
        await followed.cache.caught_up(stored["metadata"]["resourceVersion"])

        assert "a" not in other.values()
        assert "a" in followed.values()


async def test_the_best_served_version_is_read(server: KubeApi, namespace: str) -> None:
    async with following(server, "VirtualService", "TrafficSplit", namespace=namespace) as followed:
        await followed.cache.wait_synced(SOON)

        assert followed.cache.path("VirtualService", "shop", "a") == (
            "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/a"
        )
        assert followed.cache.served("TrafficSplit")
        assert followed.cache.api_version("TrafficSplit") == "split.smi-spec.io/v1alpha4"


async def test_a_refresh_shows_what_was_written_before_it_even_without_a_watch(server: KubeApi, namespace: str) -> None:
    cache = Cache(server, [KINDS["Service"]], namespace)
    followed = Followed(api=server, cache=cache, namespace=namespace)
    await followed.create("a")

    await cache.refresh()

    assert followed.watched("a") == "1"
    assert cache.is_synced()


async def test_what_a_refresh_finds_unchanged_is_not_in_memory_twice(server: KubeApi, namespace: str) -> None:
    async with following(server, namespace=namespace) as followed:
        await followed.create("a")
        await until(lambda: followed.watched("a") == "1")
        before = followed.cache.get("Service", namespace, "a")

        await followed.cache.refresh()

        assert followed.cache.get("Service", namespace, "a") is before


async def test_a_kind_is_found_when_its_definition_appears_and_lost_when_it_goes(cluster: MemoryCluster) -> None:
    api = DirectApi(cluster)
    async with following(api, "VirtualService", namespace="shop") as followed:
        await followed.cache.wait_synced(SOON)
        before = followed.cache.served("VirtualService")

        await api.create(CRDS, known("VirtualService"))
        await until(lambda: followed.cache.served("VirtualService"))
        await followed.create("a", kind="VirtualService")
        await until(lambda: bool(followed.values("VirtualService")))
        await api.delete(f"{CRDS}/virtualservices.networking.istio.io")
        await until(lambda: not followed.values("VirtualService"))

        assert not before
        assert followed.told == [("a", "", "1"), ("a", "1", "")]


async def test_an_older_version_is_read_where_the_best_one_is_not_served(cluster: MemoryCluster) -> None:
    definition = known("VirtualService")
    versions = [version for version in definition["spec"]["versions"] if version["name"] != "v1"]
    stored = [{**version, "storage": version is versions[0]} for version in versions]
    cluster.seed({**definition, "spec": {**definition["spec"], "versions": stored}})

    async with following(DirectApi(cluster), "VirtualService", namespace="shop") as followed:
        await followed.cache.wait_synced(SOON)

        assert followed.cache.api_version("VirtualService") == "networking.istio.io/v1beta1"


async def test_a_missing_object_is_none(server: KubeApi, namespace: str) -> None:
    async with following(server, namespace=namespace) as followed:
        await followed.cache.wait_synced(SOON)

        assert followed.cache.get("Service", namespace, "nobody") is None
        with pytest.raises(NotFound):
            await server.get(followed.cache.path("Service", namespace, "nobody"))
