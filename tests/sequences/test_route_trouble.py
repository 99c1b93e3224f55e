"""Is what is wrong with routes and backends a named hold before the first step, and no accident later?"""

from typing import Any

from tests.support.builders import a_rollout_manifest
from tests.support.golden import same_story
from tests.support.scenes import MINUTE, delete, edit_route, failing, healthy, running
from tests.support.world import MESH, World, a_release, a_world, told_story, virtual_service

TWO: list[dict[str, Any]] = [
    {"kind": "VirtualService", "name": "checkout"},
    {"kind": "VirtualService", "name": "outer"},
]


async def two_routes(world: World) -> None:
    """v1 serves by two routes."""
    await world.deploy("v1")
    await world.deploy("v2")
    for name in ("checkout", "outer"):
        await world.put(virtual_service("checkout-v1", name=name))
    await world.rollout(revision="v1", routes=TWO)
    await world.settle()
    world.story.clear()


async def test_a_route_deleted_in_mid_run_holds_and_does_not_fail() -> None:
    async with a_world() as world:
        await two_routes(world)
        await running(world)
        world.tell("the route outer is deleted")
        await delete(world, "VirtualService", "outer")
        await world.pass_time(10 * MINUTE)
        held = await world.split()
        world.tell("v2 fails")
        failing(world)

        await world.pass_time(MINUTE)

        same_story("route_deleted_mid_run", told_story(world))
        assert held == {"checkout-v1": 95, "checkout-v2": 5}
        assert await world.split() == {"checkout-v1": 100}
        assert world.status.phase == "Failed"


async def test_a_route_deleted_and_made_again_gets_the_weight_again() -> None:
    async with a_world() as world:
        await two_routes(world)
        await running(world)
        await delete(world, "VirtualService", "outer")
        await world.pass_time(MINUTE)
        world.tell("the route outer is back, as git has it")
        await world.put(virtual_service("checkout-v1", name="outer"))

        await world.pass_time(MINUTE)

        same_story("route_made_again_mid_run", told_story(world))
        assert (await world.split(name="outer"))["checkout-v1"] == 100  # never raised again without a person
        assert world.status.phase == "Paused"


async def test_a_route_kind_that_is_not_served_is_a_hold() -> None:
    async with a_world(mesh=tuple(kind for kind in MESH if kind != "TrafficSplit")) as world:
        await world.deploy("v1")
        await world.deploy("v2")
        routes = [{"kind": "TrafficSplit", "name": "checkout"}]
        await world.rollout(routes=routes, stable={"service": "checkout-v1"})

        await world.pass_time(10 * MINUTE)

        same_story("route_kind_absent", told_story(world))


async def test_two_rollouts_on_one_pool_hold_each_other() -> None:
    async with a_release() as world:
        await world.put(a_rollout_manifest("other", routes=TWO[:1], backend={"service": "checkout-{revision}"}))
        await running(world, minutes=10)

        same_story("two_rollouts_on_one_pool", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_two_services_in_one_route_object_are_no_rivals() -> None:
    async with a_release() as world:
        cart = {"match": [{"uri": {"prefix": "/cart"}}], "route": [{"destination": {"host": "cart-v1"}}]}
        await edit_route(
            world, "VirtualService", {"http": [cart, {"route": [{"destination": {"host": "checkout-v1"}}]}]}
        )
        await world.put(a_rollout_manifest("cart", routes=TWO[:1], backend={"service": "cart-{revision}"}))

        await running(world)

        assert world.status.run is not None
        assert world.status.run.weight == 5


async def test_a_third_backend_whose_share_leaves_no_whole_percent_is_a_hold() -> None:
    async with a_release() as world:
        await world.weights(checkout_v1=5, legacy=2)
        await running(world, minutes=10)

        same_story("weight_impossible", told_story(world))
        assert await world.split() == {"checkout-v1": 5, "legacy": 2}


async def test_a_third_backend_keeps_its_share() -> None:
    async with a_release() as world:
        await world.weights(checkout_v1=80, legacy=20)
        await running(world, minutes=6)
        half = await world.split()
        await world.pass_time(6 * MINUTE)

        same_story("third_backend_keeps_its_share", told_story(world))
        assert half == {"checkout-v1": 30, "legacy": 20, "checkout-v2": 50}
        assert await world.split() == {"legacy": 20, "checkout-v2": 80}


async def test_a_service_without_endpoints_is_a_hold_before_the_first_step() -> None:
    async with a_release() as world:
        await world.endpoints("checkout-v2", ["v2-0", "v2-1"], ready=0)
        await running(world, minutes=5)
        held = await world.split()
        world.tell("v2 has endpoints")
        await world.endpoints("checkout-v2", ["v2-0", "v2-1"], ready=2)

        await world.pass_time(MINUTE)

        same_story("service_without_endpoints", told_story(world))
        assert held == {"checkout-v1": 100}


async def test_a_route_taken_out_of_the_spec_loses_our_entries() -> None:
    async with a_world() as world:
        await two_routes(world)
        await running(world)
        world.tell("git takes the route outer out of the spec")
        await world.commit(routes=TWO[:1])
        await world.pass_time(MINUTE)
        left = await world.split(name="outer")

        await world.pass_time(10 * MINUTE)

        same_story("route_leaves_the_spec", told_story(world))
        assert left == {"checkout-v1": 100}
        assert await world.split(name="outer") == {"checkout-v1": 100}
        assert await world.split() == {"checkout-v2": 100}


async def test_a_route_added_in_mid_run_is_given_the_weight_before_the_next_step() -> None:
    async with a_world() as world:
        await two_routes(world)
        await world.commit(routes=TWO[:1])
        await running(world)
        world.tell("git adds the route outer")
        await world.commit(routes=TWO)

        await world.pass_time(10 * MINUTE)

        same_story("route_added_mid_run", told_story(world))


async def test_a_spec_that_becomes_unreadable_moves_nothing() -> None:
    async with a_release() as world:
        await running(world)
        world.tell("git names a policy that does not exist")
        await world.commit(policies=["nowhere"])
        await world.pass_time(30 * MINUTE)
        held = await world.split()
        world.tell("git takes it back")
        healthy(world)
        await world.commit(policies=None)

        await world.pass_time(MINUTE)

        same_story("spec_becomes_invalid", told_story(world))
        assert held == {"checkout-v1": 95, "checkout-v2": 5}
        assert "InvalidSpec" in {reason.code for _, reason in world.notices.told}


async def test_an_unreadable_rollout_without_a_run_can_be_deleted() -> None:
    async with a_release() as world:
        await world.commit(policies=["nowhere"])
        await world.settle()
        await delete(world, "Rollout", "checkout")

        await world.pass_time(MINUTE)

        assert await world.is_gone("Rollout", "checkout")
        assert await world.split() == {"checkout-v1": 100}
