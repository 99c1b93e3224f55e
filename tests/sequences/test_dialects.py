"""Does a run go the same way on the other traffic APIs, and with subsets?"""

from typing import Any

from adapters.kube.api import Obj
from tests.support.golden import same_story
from tests.support.scenes import (
    MINUTE,
    SECOND,
    SUBSETS,
    deploy_subset,
    failing,
    gateway_says,
    healthy,
    http_route,
    running,
    subset_service,
    traffic_split,
)
from tests.support.world import World, a_world, told_story

HTTP_ROUTE = [{"kind": "HTTPRoute", "name": "checkout"}]
TRAFFIC_SPLIT = [{"kind": "TrafficSplit", "name": "checkout"}]


async def with_route(world: World, route: Obj, **spec: Any) -> None:
    """v1 serves by this route; v2 is there."""
    await world.deploy("v1")
    await world.deploy("v2")
    await world.put(route)
    await world.rollout(revision="v1", **spec)
    await world.settle()
    world.story.clear()


async def test_an_http_route_counts_once_its_gateway_took_it() -> None:
    async with a_world() as world:
        await with_route(world, http_route("checkout-v1"), routes=HTTP_ROUTE)
        await gateway_says(world)
        await running(world)
        world.tell("the gateway takes 5 %")
        await gateway_says(world)
        await world.pass_time(6 * MINUTE)
        world.tell("the gateway takes 50 %")
        await gateway_says(world)
        await world.pass_time(6 * MINUTE)
        world.tell("the gateway takes 100 %")
        await gateway_says(world)

        await world.pass_time(MINUTE)

        same_story("http_route_with_acceptance", told_story(world))
        assert world.status.phase == "Idle"


async def test_a_deleted_canary_service_does_not_keep_a_rollback_from_ending() -> None:
    async with a_world() as world:
        await with_route(world, http_route("checkout-v1"), routes=HTTP_ROUTE)
        await gateway_says(world)
        await running(world)
        await gateway_says(world)
        await world.pass_time(2 * MINUTE)
        world.tell("one commit takes v2's Service away and names v1 again; the gateway cannot resolve v2")
        await world.person.delete(world.path("Service", "checkout-v2"))
        await world.person.delete(world.path("EndpointSlice", "checkout-v2-a"))
        await world.commit(revision="v1")
        await world.cache.refresh()
        await world.tick()
        await gateway_says(world, resolved=False)

        await world.pass_time(MINUTE)

        same_story("http_route_canary_service_gone", told_story(world))
        assert world.status.phase == "Idle"
        refs = (await world.read("HTTPRoute", "checkout"))["spec"]["rules"][0]["backendRefs"]
        assert [ref["name"] for ref in refs] == ["checkout-v1"]


async def test_a_traffic_split_is_promoted() -> None:
    async with a_world() as world:
        await with_route(world, traffic_split("checkout-v1"), routes=TRAFFIC_SPLIT)
        await running(world, minutes=12)

        same_story("traffic_split", told_story(world))
        backends = (await world.read("TrafficSplit", "checkout"))["spec"]["backends"]
        assert backends == [{"service": "checkout-v2", "weight": 100}]


async def subset_world(world: World) -> None:
    """v1 serves as a subset that our own rule defines; v2 is deployed."""
    await deploy_subset(world, "v1", "v2")
    await world.put(subset_service("v1"))
    await world.rollout(revision="v1", backend=SUBSETS)
    await world.settle()
    world.story.clear()
    healthy(world)


async def subsets(world: World) -> list[str]:
    """The subsets that our rule holds now."""
    rules = world.cache.list("DestinationRule", "shop")
    return [subset["name"] for rule in rules for subset in rule["spec"]["subsets"]]


async def test_a_subset_comes_before_its_weight_and_goes_after_it() -> None:
    async with a_world() as world:
        await subset_world(world)
        before = await subsets(world)
        await world.commit(revision="v2")
        await world.pass_time(10 * SECOND)
        during = (await subsets(world), await world.split())
        await world.pass_time(10 * MINUTE + 25 * SECOND)
        promoted = (await subsets(world), await world.split())
        await world.pass_time(MINUTE)

        same_story("subsets", told_story(world))
        assert before == ["v1"]
        assert during == (["v1", "v2"], {"checkout/v1": 100})
        assert promoted == (["v1", "v2"], {"checkout/v1": 0, "checkout/v2": 100})
        assert (await subsets(world), await world.split()) == (["v2"], {"checkout/v2": 100})


async def test_a_failed_subset_leaves_the_route_before_the_rule() -> None:
    async with a_world() as world:
        await subset_world(world)
        await world.commit(revision="v2")
        await world.pass_time(3 * MINUTE)
        failing(world)
        await world.pass_time(20 * SECOND)
        stages = []
        for _ in range(8):
            stages.append((sorted(await world.split()), await subsets(world)))
            await world.pass_time(10 * SECOND)

        same_story("subsets_rollback", told_story(world))
        seen = [stage for number, stage in enumerate(stages) if number == 0 or stage != stages[number - 1]]
        assert seen == [
            (["checkout/v1", "checkout/v2"], ["v1", "v2"]),
            (["checkout/v1"], ["v1", "v2"]),
            (["checkout/v1"], ["v1"]),
        ]


async def test_deletion_keeps_a_subset_until_proxies_have_left_it() -> None:
    async with a_world() as world:
        await subset_world(world)
        await world.commit(revision="v2")
        await world.pass_time(3 * MINUTE)
        await world.person.delete(world.path("Rollout", "checkout"))
        await world.pass_time(10 * SECOND)
        soon = (await subsets(world), await world.split())

        await world.pass_time(MINUTE)

        same_story("subsets_deletion", told_story(world))
        assert soon == (["v1", "v2"], {"checkout/v1": 100})
        assert await subsets(world) == ["v1"]
        assert await world.is_gone("Rollout", "checkout")


async def test_a_subset_without_pods_gets_no_weight() -> None:
    async with a_world() as world:
        await deploy_subset(world, "v1")
        await world.put(subset_service("v1"))
        await world.rollout(revision="v1", backend=SUBSETS, without=("workload",))
        await world.settle()
        world.story.clear()
        await world.commit(revision="v2", workload=None)

        await world.pass_time(3 * MINUTE)

        same_story("subset_without_pods", told_story(world))
        assert await world.split() == {"checkout/v1": 100}
