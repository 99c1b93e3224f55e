"""Does a change wake those Rollouts and GitSources that it concerns, and no others?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from adapters.kube.api import Patch
from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS, ROUTE_KINDS, WATCHED
from adapters.kube.watch import WorkWatch
from adapters.memory.cluster import DirectApi, MemoryCluster

HOME = "rollout-system"
OURS = ("Rollout", "RolloutCommand", "SloPolicy", "GitSource", "Receiver")


class Woken:
    """A watch on a memory cluster; `by` tells whom a change wakes."""

    def __init__(self, cluster: MemoryCluster, cache: Cache) -> None:
        self.api = DirectApi(cluster)
        self.cluster = cluster
        self.cache = cache
        self.watch = WorkWatch(cache, HOME)

    def path(self, obj: dict[str, Any]) -> str:
        return self.cache.path(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])

    async def by_seeing(self, *objects: dict[str, Any]) -> list[str]:
        self.cluster.seed(*objects)
        return await self.keys()

    async def by_changing(self, obj: dict[str, Any], change: dict[str, Any], subresource: str = "") -> list[str]:
        path = self.path(obj) + (f"/{subresource}" if subresource else "")
        await self.api.patch(path, Patch.MERGE, change)
        return await self.keys()

    async def by_deleting(self, obj: dict[str, Any]) -> list[str]:
        await self.api.delete(self.path(obj))
        return await self.keys()

    async def keys(self) -> list[str]:
        await self.cache.refresh()  # from here on the keys are there; the time only ends the wait for more
        found: list[str] = []
        changes = self.watch.changes()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                while True:
                    kind, key = await anext(changes)
                    found.append(str(key) if kind == "Rollout" else f"{kind} {key}")
        return sorted(found)


def definition(kind: str) -> dict[str, Any]:
    found = KINDS[kind]
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": found.versions[0], "served": True, "storage": True, "subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{found.plural}.{found.group}"},
        "spec": {
            "group": found.group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": found.plural, "listKind": f"{kind}List", "singular": kind.lower()},
            "versions": [{**version, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def obj(kind: str, name: str, spec: Any = None, namespace: str = "shop", **more: Any) -> dict[str, Any]:
    found = KINDS[kind]
    meta = {"name": name, "namespace": namespace, **more.pop("meta", {})}
    version = found.api_version(found.versions[0])
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec or {}, **more}


def rollout(name: str, namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    wanted = {
        "backend": {"service": f"{name}-{{revision}}"},
        "workload": {"kind": "Deployment", "name": f"{name}-{{revision}}"},
        "routes": [{"kind": "VirtualService", "name": name}],
    }
    return obj("Rollout", name, {**wanted, **spec}, namespace)


def subsets(name: str) -> dict[str, Any]:
    return rollout(name, backend={"subset": {"host": name, "name": "{revision}"}}, workload=None)


@pytest.fixture
async def woken() -> AsyncIterator[Woken]:
    """checkout and cart by Services, reviews by subsets, all in shop; another checkout in bank."""
    cluster = MemoryCluster.with_kinds("VirtualService", "DestinationRule", "HTTPRoute", "GRPCRoute", "TrafficSplit")
    cluster.seed(*(definition(kind) for kind in OURS))
    cluster.seed(
        rollout("checkout", policies=["strict"]), rollout("cart"), subsets("reviews"), rollout("checkout", "bank")
    )
    cache = Cache(DirectApi(cluster), WATCHED)
    woken = Woken(cluster, cache)
    running = asyncio.create_task(cache.run())
    await cache.wait_synced(timedelta(seconds=10))
    await woken.keys()
    yield woken
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_new_rollout_wakes_itself(woken: Woken) -> None:
    assert await woken.by_seeing(rollout("new")) == ["shop/new"]


async def test_a_rollout_whose_spec_changed_wakes_itself(woken: Woken) -> None:
    assert await woken.by_changing(rollout("cart"), {"spec": {"revision": "v2"}}) == ["shop/cart"]


async def test_a_rollout_whose_status_alone_changed_wakes_nobody(woken: Woken) -> None:
    assert await woken.by_changing(rollout("cart"), {"status": {"phase": "Idle"}}, "status") == []


async def test_an_annotation_wakes_its_rollout(woken: Woken) -> None:
    assert await woken.by_changing(rollout("cart"), {"metadata": {"annotations": {"a": "b"}}}) == ["shop/cart"]


async def test_a_deleted_rollout_wakes_itself_and_its_rivals(woken: Woken) -> None:
    rival = rollout("rival", routes=[{"kind": "VirtualService", "name": "cart"}])
    await woken.by_seeing(rival)

    assert await woken.by_deleting(rival) == ["shop/cart", "shop/rival"]


@pytest.mark.parametrize("kind", ROUTE_KINDS)
async def test_a_route_wakes_those_that_list_it(woken: Woken, kind: str) -> None:
    await woken.by_seeing(rollout("listing", routes=[{"kind": kind, "name": "front"}]))

    assert await woken.by_seeing(obj(kind, "front")) == ["shop/listing"]


async def test_a_deleted_route_wakes_those_that_list_it(woken: Woken) -> None:
    route = obj("VirtualService", "cart")
    await woken.by_seeing(route)

    assert await woken.by_deleting(route) == ["shop/cart"]


async def test_a_service_wakes_those_whose_template_makes_its_name(woken: Woken) -> None:
    assert await woken.by_seeing(obj("Service", "checkout-v7")) == ["shop/checkout"]


async def test_a_service_wakes_those_that_name_it_as_stable(woken: Woken) -> None:
    await woken.by_seeing(rollout("old", stable={"service": "legacy"}))

    assert await woken.by_seeing(obj("Service", "legacy")) == ["shop/old"]


async def test_a_service_wakes_those_whose_route_names_it(woken: Woken) -> None:
    entry = {"destination": {"host": "legacy.shop.svc.cluster.local"}}
    await woken.by_seeing(obj("VirtualService", "cart", {"http": [{"route": [entry]}]}))

    assert await woken.by_seeing(obj("Service", "legacy")) == ["shop/cart"]


async def test_endpoints_wake_those_of_their_service(woken: Woken) -> None:
    labels = {"kubernetes.io/service-name": "cart-v1"}

    assert await woken.by_seeing(obj("EndpointSlice", "cart-v1-abc", meta={"labels": labels})) == ["shop/cart"]


async def test_endpoints_that_did_not_change_wake_nobody(woken: Woken) -> None:
    slice_ = obj("EndpointSlice", "cart-v1-abc", meta={"labels": {"kubernetes.io/service-name": "cart-v1"}})
    await woken.by_seeing(slice_)

    assert await woken.by_changing(slice_, {"metadata": {"annotations": {"last-change": "now"}}}) == []


async def test_a_destination_rule_wakes_those_of_its_host(woken: Woken) -> None:
    rule = obj("DestinationRule", "any", {"host": "reviews.shop.svc.cluster.local"}, "istio-system")

    assert await woken.by_seeing(rule) == ["shop/reviews"]


@pytest.mark.parametrize(("kind", "keys"), [("Deployment", ["shop/checkout"]), ("StatefulSet", [])])
async def test_a_workload_wakes_those_whose_template_makes_its_kind_and_name(
    woken: Woken, kind: str, keys: list[str]
) -> None:
    assert await woken.by_seeing(obj(kind, "checkout-v2")) == keys


async def test_a_pod_wakes_those_whose_subsets_divide_its_service(woken: Woken) -> None:
    await woken.by_seeing(obj("Service", "reviews", {"selector": {"app": "reviews", "tier": "web"}}))
    labels = {"app": "reviews", "tier": "web", "version": "v2"}

    assert await woken.by_seeing(obj("Pod", "reviews-1", meta={"labels": labels})) == ["shop/reviews"]


async def test_a_pod_that_only_partly_matches_wakes_nobody(woken: Woken) -> None:
    await woken.by_seeing(obj("Service", "reviews", {"selector": {"app": "reviews", "tier": "web"}}))

    assert await woken.by_seeing(obj("Pod", "reviews-1", meta={"labels": {"app": "reviews", "tier": "db"}})) == []


async def test_a_pod_whose_readiness_did_not_change_wakes_nobody(woken: Woken) -> None:
    await woken.by_seeing(obj("Service", "reviews", {"selector": {"app": "reviews"}}))
    pod = obj("Pod", "reviews-1", meta={"labels": {"app": "reviews"}})
    await woken.by_seeing(pod)

    assert await woken.by_changing(pod, {"status": {"containerStatuses": []}}, "status") == []


async def test_a_command_wakes_its_target(woken: Woken) -> None:
    command = obj("RolloutCommand", "c1", {"target": {"kind": "Rollout", "name": "cart"}})

    assert await woken.by_seeing(command) == ["shop/cart"]


async def test_an_answered_command_wakes_nobody(woken: Woken) -> None:
    command = obj("RolloutCommand", "c1", {"target": {"kind": "Rollout", "name": "cart"}})
    await woken.by_seeing(command)

    assert await woken.by_changing(command, {"status": {"result": "Accepted"}}, "status") == []


@pytest.mark.parametrize(("namespace", "keys"), [("shop", ["shop/checkout"]), ("bank", []), (HOME, ["shop/checkout"])])
async def test_a_policy_wakes_its_namespace_and_that_of_the_controller_all(
    woken: Woken, namespace: str, keys: list[str]
) -> None:
    assert await woken.by_seeing(obj("SloPolicy", "strict", namespace=namespace)) == keys


async def test_an_event_looks_at_no_rollout_that_it_does_not_concern(woken: Woken) -> None:
    woken.cluster.seed(*(rollout(f"app{number}") for number in range(300)))
    await woken.keys()

    assert await woken.by_seeing(obj("Service", "app7-v1"), obj("Deployment", "app9-v1")) == ["shop/app7", "shop/app9"]


async def test_a_key_that_waits_is_not_queued_twice(woken: Woken) -> None:
    assert await woken.by_seeing(obj("Service", "cart-v1"), obj("Deployment", "cart-v1")) == ["shop/cart"]


async def test_a_cache_of_few_kinds_is_enough() -> None:
    cluster = MemoryCluster()
    cluster.seed(definition("Rollout"), rollout("cart"))
    woken = Woken(cluster, Cache(DirectApi(cluster), [KINDS["Rollout"], KINDS["Service"], KINDS["Pod"]]))

    assert await woken.by_seeing(obj("Service", "cart-v1"), obj("Pod", "p", meta={"labels": {"a": "b"}})) == [
        "shop/cart"
    ]


FROM_GIT = {"rollout.dev/source": "apps", "rollout.dev/source-namespace": "shop"}
SOURCE = "GitSource shop/apps"


def applied(name: str) -> dict[str, Any]:
    return obj("SloPolicy", name, {"a": 1}, meta={"labels": FROM_GIT, "generation": 1})


async def test_a_new_source_and_one_that_is_asked_to_look_wake_themselves(woken: Woken) -> None:
    source = obj("GitSource", "apps", {"url": "a"})

    assert await woken.by_seeing(source) == [SOURCE]
    assert await woken.by_changing(source, {"spec": {"url": "b"}}) == [SOURCE]
    assert await woken.by_changing(source, {"metadata": {"annotations": {"rollout.dev/requestedAt": "x"}}}) == [SOURCE]
    assert await woken.by_deleting(source) == [SOURCE]


@pytest.mark.parametrize(
    ("change", "subresource"),
    [({"status": {"commit": "c"}}, "status"), ({"metadata": {"finalizers": ["rollout.dev/specs"]}}, "")],
)
async def test_what_the_controller_writes_to_a_source_wakes_nobody(
    woken: Woken, change: dict[str, Any], subresource: str
) -> None:
    source = obj("GitSource", "apps", {"url": "a"})
    await woken.by_seeing(source)

    assert await woken.by_changing(source, change, subresource) == []


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"a": 2}},
        {"metadata": {"annotations": {"a": "b"}}},
        {"metadata": {"labels": {"rollout.dev/source": None}}},
    ],
)
async def test_an_edit_of_what_a_source_applied_wakes_the_source(woken: Woken, change: dict[str, Any]) -> None:
    await woken.by_seeing(applied("a"))

    assert SOURCE in await woken.by_changing(applied("a"), change)


async def test_a_deleted_object_wakes_the_source_that_applied_it(woken: Woken) -> None:
    await woken.by_seeing(applied("a"))

    assert await woken.by_deleting(applied("a")) == [SOURCE]


async def test_an_object_that_moves_to_another_source_wakes_both(woken: Woken) -> None:
    await woken.by_seeing(applied("a"))

    found = await woken.by_changing(applied("a"), {"metadata": {"labels": {"rollout.dev/source": "other"}}})

    assert found == [SOURCE, "GitSource shop/other"]


async def test_a_status_of_what_a_source_applied_does_not_wake_the_source(woken: Woken) -> None:
    from_git = {**rollout("cart"), "metadata": {"name": "cart", "namespace": "shop", "labels": FROM_GIT}}
    await woken.by_changing(rollout("cart"), {"metadata": {"labels": FROM_GIT}})

    assert await woken.by_changing(from_git, {"status": {"phase": "Idle"}}, "status") == []


async def test_a_command_for_a_source_wakes_it_until_it_is_answered(woken: Woken) -> None:
    command = obj("RolloutCommand", "go", {"target": {"kind": "GitSource", "name": "checkout"}, "verb": "confirm"})

    assert await woken.by_seeing(command) == ["GitSource shop/checkout"]
    assert await woken.by_changing(command, {"status": {"result": "Accepted"}}, "status") == []


async def test_a_label_of_a_receiver_wakes_it_as_it_may_hand_it_to_another_shard(woken: Woken) -> None:
    obj = {"apiVersion": "rollout.dev/v1alpha1", "kind": "Receiver", "metadata": {"name": "git", "namespace": "shop"}}
    await woken.by_seeing(obj)

    changed = await woken.by_changing(obj, {"metadata": {"labels": {"rollout.dev/shard": "2"}}})

    assert changed == ["Receiver shop/git"]
