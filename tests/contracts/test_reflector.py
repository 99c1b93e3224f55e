"""Does the cache follow an API server, whatever happens on the way?"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from adapters.kube.client import HttpApi
from adapters.kube.kinds import KINDS
from adapters.kube.reflector import Pace
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.definitions import known
from rollout.ports.errors import Expired, Forbidden, NotFound, Unreachable

SOON = timedelta(seconds=10)
QUICK = Pace(first_delay=timedelta(milliseconds=5), absent=timedelta(milliseconds=40), page=2)
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(kw_only=True)
class Followed:
    """A server and a cache that follows one kind of it, in one namespace."""

    api: KubeApi
    cache: Cache
    namespace: str
    told: list[tuple[str, str, str]] = field(default_factory=list)  # name, old and new value

    async def create(self, name: str, value: str = "1", kind: str = "Service") -> Obj:
        body = {
            "apiVersion": self.cache.api_version(kind),
            "kind": kind,
            "metadata": {"name": name, "annotations": {"value": value}},
            "spec": {"ports": [{"port": 80}]},
        }
        return await self.api.create(self.cache.path(kind, self.namespace), body)

    async def change(self, name: str, value: str) -> Obj:
        body = {"metadata": {"annotations": {"value": value}}}
        return await self.api.patch(self.cache.path("Service", self.namespace, name), Patch.MERGE, body)

    async def delete(self, name: str) -> None:
        await self.api.delete(self.cache.path("Service", self.namespace, name))

    def values(self, kind: str = "Service") -> dict[str, str]:
        return {obj["metadata"]["name"]: value_of(obj) for obj in self.cache.list(kind, self.namespace)}

    def watched(self, name: str) -> str:
        return value_of(self.cache.watched("Service", self.namespace, name))

    def newest(self, name: str) -> str:
        return value_of(self.cache.get("Service", self.namespace, name))

    def note(self, _: str, old: Obj | None, new: Obj | None) -> None:
        name = (new or old or {})["metadata"]["name"]
        self.told.append((name, value_of(old), value_of(new)))


def value_of(obj: Obj | None) -> str:
    return "" if obj is None else obj["metadata"].get("annotations", {}).get("value", "")


async def until(fact: Callable[[], bool]) -> None:
    for _ in range(5000):
        if fact():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("not so after 10 s")


@asynccontextmanager
async def following(api: KubeApi, *kinds: str, namespace: str, pace: Pace = QUICK) -> AsyncIterator[Followed]:
    cache = Cache(api, [KINDS[kind] for kind in kinds or ("Service",)], namespace, pace=pace)
    followed = Followed(api=api, cache=cache, namespace=namespace)
    cache.subscribe(followed.note)
    running = asyncio.create_task(cache.run())
    try:
        yield followed
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


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


async def test_an_own_write_is_shown_until_the_watch_has_come_that_far(cluster: MemoryCluster) -> None:
    async with following(DirectApi(cluster), namespace="shop") as followed:
        await followed.create("a", "1")
        await until(lambda: followed.watched("a") == "1")
        cluster.faults.hold()

        followed.cache.wrote("Service", await followed.change("a", "2"))
        during = (followed.newest("a"), followed.watched("a"), followed.values()["a"])
        await followed.change("a", "3")
        cluster.faults.release()
        await until(lambda: followed.watched("a") == "3")

        assert during == ("2", "1", "2")
        assert followed.newest("a") == "3"


async def test_an_own_write_that_was_deleted_since_is_not_kept(cluster: MemoryCluster) -> None:
    async with following(DirectApi(cluster), namespace="shop") as followed:
        await followed.cache.wait_synced(SOON)
        cluster.faults.hold()
        followed.cache.wrote("Service", await followed.create("a"))
        await followed.delete("a")

        await followed.cache.refresh()

        assert followed.values() == {}


async def test_a_list_after_forgotten_history_tells_every_difference(cluster: MemoryCluster) -> None:
    async with following(DirectApi(cluster), namespace="shop") as followed:
        for name in ("gone", "changed", "same"):
            await followed.create(name)
        await until(lambda: len(followed.told) == 3)
        followed.told.clear()
        cluster.faults.hold()
        await followed.delete("gone")
        await followed.change("changed", "2")
        await followed.create("new")

        cluster.compact()
        cluster.faults.release()
        await until(lambda: len(followed.told) == 3)

        assert sorted(followed.told) == [("changed", "1", "2"), ("gone", "1", ""), ("new", "", "1")]


async def test_a_list_begins_anew_when_its_pages_expire(cluster: MemoryCluster) -> None:
    api = DirectApi(cluster)
    for number in range(5):
        await Followed(api=api, cache=Cache(api, [KINDS["Service"]]), namespace="shop").create(f"s{number}")
    cluster.faults.fail_next("*/services", Expired("the continue token is too old"), verb="list", after=1)

    async with following(api, namespace="shop") as followed:
        await followed.cache.wait_synced(SOON)

        assert len(followed.values()) == 5


async def test_an_outage_is_named_and_then_made_up_for(cluster: MemoryCluster) -> None:
    async with following(DirectApi(cluster), namespace="shop") as followed:
        await followed.cache.wait_synced(SOON)
        cluster.faults.fail_all(Unreachable("the API server is away"))
        await until(lambda: followed.cache.problems() == {"Service": "the API server is away"})

        cluster.faults.recover()
        await followed.create("a")
        await until(lambda: followed.watched("a") == "1")

        assert followed.cache.problems() == {}


async def test_waiting_for_a_kind_that_may_not_be_read_says_so(cluster: MemoryCluster) -> None:
    cluster.faults.fail_all(Forbidden('services is forbidden: User "x" cannot list it'))
    async with following(DirectApi(cluster), namespace="shop") as followed:
        with pytest.raises(Unreachable, match="Service: services is forbidden"):
            await followed.cache.wait_synced(timedelta(milliseconds=50))

    assert not followed.cache.is_synced()


async def test_following_makes_no_request_while_nothing_happens(cluster: MemoryCluster) -> None:
    async with following(DirectApi(cluster), namespace="shop") as followed:
        await followed.create("a")
        await until(lambda: followed.watched("a") == "1")
        before = cluster.faults.calls.copy()

        await asyncio.sleep(0.1)

        assert cluster.faults.calls == before


async def test_a_stopped_cache_leaves_no_watch_open(cluster: MemoryCluster) -> None:
    async with following(DirectApi(cluster), namespace="shop") as followed:
        await followed.create("a")
        await until(lambda: followed.watched("a") == "1")

    assert not cluster.store.listeners


class DeafApi(DirectApi):
    """A server whose watches stay open and say nothing; `lists` counts the watches that were asked for."""

    def __init__(self, cluster: MemoryCluster) -> None:
        super().__init__(cluster)
        self.watches = 0

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        self.watches += 1
        if self.watches < 3:
            await asyncio.Event().wait()
        async for event in super().watch(path, query):
            yield event


async def test_a_silent_watch_is_given_up_and_begun_again(cluster: MemoryCluster) -> None:
    api = DeafApi(cluster)
    pace = Pace(watch=timedelta(milliseconds=20), silence=timedelta(milliseconds=5), first_delay=timedelta(0))
    async with following(api, namespace="shop", pace=pace) as followed:
        await followed.cache.wait_synced(SOON)
        await followed.create("a")

        await until(lambda: followed.watched("a") == "1")

        assert api.watches >= 3


async def test_a_missing_object_is_none(server: KubeApi, namespace: str) -> None:
    async with following(server, namespace=namespace) as followed:
        await followed.cache.wait_synced(SOON)

        assert followed.cache.get("Service", namespace, "nobody") is None
        with pytest.raises(NotFound):
            await server.get(followed.cache.path("Service", namespace, "nobody"))
