"""How does a run go when a GitOps tool applies its own version of the route all the time?"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from rollout.model.actions import ReleaseRoute, SetSplit
from rollout.model.status import Phase
from tests.support.golden import same_story
from tests.support.scenes import MINUTE, SECOND, delete, failing, healthy, running
from tests.support.second_writer import Argo, Flux, Tool
from tests.support.world import World, a_release, told_story, virtual_service

TOOLS = pytest.mark.parametrize("make", [Flux, Argo])
Make = Callable[[dict[str, Any]], Tool]


async def applies(world: World, tool: Tool) -> bool:
    """One look of the tool; whether it wrote."""
    write = tool.write(await world.read("VirtualService", "checkout"))
    if write is None:
        return False
    await world.person.patch(world.path("VirtualService", "checkout"), write.kind, write.body, write.query)
    return True


async def applied(world: World, tool: Tool, during: timedelta, every: timedelta) -> int:
    """The tool looks every so often while time passes; how often it wrote."""
    end, times = world.clock.now() + during, 0
    while world.clock.now() < end:
        await world.pass_time(min(every, end - world.clock.now()))
        times += await applies(world, tool)
    return times


def raised(world: World) -> list[datetime]:
    """When a write of ours gave the canary more."""
    return [at for at, action in world.done if isinstance(action, SetSplit) and not action.lowers]


def written(world: World) -> list[datetime]:
    """When we wrote a route at all."""
    return [at for at, action in world.done if isinstance(action, SetSplit | ReleaseRoute)]


def apart(moments: list[datetime]) -> timedelta:
    """The least time between two of them."""
    return min(after - before for before, after in pairwise(moments))


IGNORES = {
    Flux: "spec: {ignore: [{paths: [/spec/http], target: {kind: VirtualService}}]}",
    Argo: "spec: {ignoreDifferences: [{group: networking.istio.io, kind: VirtualService, jsonPointers: [/spec/http]}], "
    "syncPolicy: {syncOptions: [RespectIgnoreDifferences=true]}}",
}


async def test_a_tool_that_fights_in_mid_run_is_named_and_held_until_it_is_told_to_ignore() -> None:
    async with a_release() as world:
        flux = Flux(virtual_service("checkout-v1"))
        await applies(world, flux)
        await running(world, minutes=2)
        world.tell("Flux applies git's version every 30 s")
        await applied(world, flux, 12 * MINUTE, 30 * SECOND)
        world.tell("the Kustomization ignores /spec/http")
        flux.told(IGNORES[Flux])

        await applied(world, flux, 30 * MINUTE, 30 * SECOND)

        same_story("fought_by_flux", told_story(world))
        assert await world.split() == {"checkout-v2": 100}


@pytest.mark.slow
@TOOLS
@pytest.mark.parametrize("every", [5, 30])
async def test_in_a_fight_a_weight_is_raised_at_most_once_a_minute(make: Make, every: int) -> None:
    async with a_release() as world:
        tool = make(virtual_service("checkout-v1"))
        await applies(world, tool)
        await running(world)

        times = await applied(world, tool, 20 * MINUTE, every * SECOND)

        assert times >= 10
        assert apart(raised(world)) >= MINUTE
        assert len(written(world)) <= 21
        assert world.status.phase is Phase.PROGRESSING
        assert "RouteFought" in {reason.code for reason in world.status.reasons}


async def test_the_hold_of_a_fight_ends_by_resume() -> None:
    async with a_release() as world:
        flux = Flux(virtual_service("checkout-v1"))
        await applies(world, flux)
        await running(world)
        await applied(world, flux, 5 * MINUTE, 30 * SECOND)
        flux.told(IGNORES[Flux])
        answer = await world.command("resume")

        await world.pass_time(6 * MINUTE)

        assert (await world.answer(answer)).startswith("Accepted")
        assert world.status.run is not None
        assert world.status.run.step == 2
        assert world.status.fights == ()


async def test_a_person_who_lowers_a_weight_in_a_fight_pauses_the_run() -> None:
    async with a_release() as world:
        flux = Flux(virtual_service("checkout-v1"))
        await applies(world, flux)
        await running(world, minutes=6)
        await applied(world, flux, MINUTE, 30 * SECOND)
        await world.pass_time(MINUTE)

        await world.weights(checkout_v1=90, checkout_v2=10)
        await world.pass_time(5 * MINUTE)

        assert world.status.phase is Phase.PAUSED
        assert await world.split() == {"checkout-v1": 90, "checkout-v2": 10}


async def test_a_rollback_is_not_kept_waiting_by_a_fight() -> None:
    async with a_release() as world:
        flux = Flux(virtual_service("checkout-v1", "checkout-v2"))
        await applies(world, flux)
        await running(world)
        await applied(world, flux, 5 * MINUTE, 30 * SECOND)
        await world.pass_time(MINUTE)
        assert (await world.split())["checkout-v2"] == 5
        failing(world)

        await world.pass_time(20 * SECOND)

        assert world.status.phase is Phase.FAILED
        assert await world.split() == {"checkout-v1": 100, "checkout-v2": 0}


async def promoted(world: World, tool: Tool) -> None:
    """v2 is live, and git's version of the route still says v1."""
    await applies(world, tool)
    healthy(world)
    await world.commit(revision="v2")
    await world.pass_time(15 * MINUTE)
    world.story.clear()
    world.done.clear()


@TOOLS
async def test_a_tool_that_goes_back_to_a_living_former_stable_is_held_and_not_fought(make: Make) -> None:
    async with a_release() as world:
        tool = make(virtual_service("checkout-v1"))
        await promoted(world, tool)
        world.tell("the tool applies git's version every 30 s")

        await applied(world, tool, 60 * MINUTE, 30 * SECOND)

        if make is Flux:
            same_story("fought_after_promotion", told_story(world))
        assert await world.split() == {"checkout-v1": 100}
        assert written(world) == []


async def test_traffic_that_a_tool_sends_to_a_workload_that_is_gone_comes_back_once_a_minute() -> None:
    async with a_release() as world:
        flux = Flux(virtual_service("checkout-v1"))
        await promoted(world, flux)
        world.tell("git deletes v1, and forgets the route")
        await remove(world, "v1")
        await world.pass_time(MINUTE)
        await applied(world, flux, 3 * MINUTE, 10 * SECOND)
        world.tell("git's version says v2")
        flux.manifest["spec"] = virtual_service("checkout-v2")["spec"]

        await applied(world, flux, 15 * MINUTE, 10 * SECOND)

        same_story("old_workload_gone", told_story(world))
        assert await world.split() == {"checkout-v2": 100}
        assert apart(written(world)) >= MINUTE


@pytest.mark.slow
@TOOLS
async def test_an_hour_of_traffic_sent_to_what_is_gone_is_brought_back_at_most_once_a_minute(make: Make) -> None:
    async with a_release() as world:
        tool = make(virtual_service("checkout-v1"))
        await promoted(world, tool)
        await remove(world, "v1")

        await applied(world, tool, 60 * MINUTE, 5 * SECOND)

        assert 55 <= len(written(world)) <= 61
        assert apart(written(world)) >= MINUTE


async def test_no_traffic_is_sent_to_a_stable_that_is_gone_too() -> None:
    async with a_release() as world:
        flux = Flux(virtual_service("checkout-v1"))
        await promoted(world, flux)
        await remove(world, "v1")
        await world.ready("v2", pods=0)

        await applied(world, flux, 5 * MINUTE, 30 * SECOND)

        assert written(world) == []
        assert {reason.code for reason in world.status.reasons} >= {"RouteNamesGone"}


async def test_what_is_gone_gets_nothing_in_the_next_run_either() -> None:
    async with a_release() as world:
        flux = Flux(virtual_service("checkout-v1"))
        await promoted(world, flux)
        await remove(world, "v1")
        await world.deploy("v3")
        await world.commit(revision="v3")
        await world.pass_time(MINUTE)

        await applies(world, flux)
        await world.pass_time(SECOND)

        assert await world.split() == {"checkout-v2": 100}
        await world.pass_time(2 * MINUTE)
        assert await world.split() == {"checkout-v2": 95, "checkout-v3": 5}


async def managers(world: World, kind: str = "VirtualService") -> set[str]:
    """Who manages fields of the route's spec."""
    fields = (await world.read(kind, "checkout"))["metadata"]["managedFields"]
    return {entry["manager"] for entry in fields if "f:spec" in entry["fieldsV1"]}


async def test_the_fields_of_a_route_are_released_once_a_run_has_ended() -> None:
    async with a_release() as world:
        await running(world, minutes=2)
        during = await managers(world)
        await world.pass_time(10 * MINUTE)
        await world.pass_time(60 * MINUTE)

        world.story += [f"{at:%H:%M:%S}  {type(action).__name__}" for at, action in world.done]
        same_story("released_at_the_end", told_story(world))
        assert "rollout-controller" in during
        assert await managers(world) == {"kubectl"}


async def test_the_fields_are_released_after_a_rollback_too() -> None:
    async with a_release() as world:
        await running(world)
        failing(world)

        await world.pass_time(10 * MINUTE)

        assert world.status.phase is Phase.FAILED
        assert await managers(world) == {"kubectl"}


async def test_the_fields_are_released_before_a_deleted_rollout_goes() -> None:
    async with a_release() as world:
        await running(world)
        await delete(world, "Rollout", "checkout")

        await world.pass_time(MINUTE)

        assert await world.is_gone("Rollout", "checkout")
        assert await managers(world) == {"kubectl"}


async def test_a_route_that_leaves_the_spec_is_released_in_mid_run() -> None:
    async with a_release() as world:
        await world.put(virtual_service("checkout-v1", name="outer"))
        both = [{"kind": "VirtualService", "name": name} for name in ("checkout", "outer")]
        await world.commit(routes=both)
        await running(world)

        await world.commit(routes=both[1:])
        await world.pass_time(2 * MINUTE)

        assert await world.split() == {"checkout-v1": 100}
        assert await managers(world) == {"kubectl"}
        assert world.status.added != ()


async def remove(world: World, revision: str) -> None:
    """Git deletes a revision's workload and Service."""
    await delete(world, "Deployment", f"checkout-{revision}")
    await delete(world, "Service", f"checkout-{revision}")
    await delete(world, "EndpointSlice", f"checkout-{revision}-a")
