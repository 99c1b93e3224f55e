"""Does a change wake those Rollouts that it concerns, and no others?"""

from collections.abc import AsyncIterator

import pytest

from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS, ROUTE_KINDS
from adapters.memory.cluster import DirectApi, MemoryCluster
from tests.support.woken import HOME, Woken, a_woken_shop, definition, obj, rollout


@pytest.fixture
async def woken() -> AsyncIterator[Woken]:
    async with a_woken_shop() as woken:
        yield woken


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
