"""Does an ordinary service become a Rollout by what `rollout init` prints, and does no route ever lead nowhere?"""

from pathlib import Path
from typing import Any

import pytest

from tests.support.adoption import (
    Obj,
    a_deployment,
    a_route,
    a_rule,
    a_service,
    dead_ends,
    delete_workload,
    printed,
    start_pods,
)
from tests.support.cli import a_terminal
from tests.support.scenes import MINUTE, SECOND, healthy
from tests.support.world import World, a_world

pytestmark = pytest.mark.slow  # whole commands against a cluster's HTTP face, and whole runs


async def a_shop(world: World, *objects: Obj) -> None:
    for obj in objects:
        await world.put(obj)
    await start_pods(world)


async def told(world: World, directory: Path, *words: str) -> list[Obj]:
    """What `rollout init checkout` prints."""
    async with a_terminal(directory, world) as terminal:
        shown = await terminal.type("init", "checkout", *words)
    assert shown.code == 0, shown.err
    return printed(shown.out)


async def adopted(world: World, objects: list[Obj]) -> list[str]:
    """Apply in the printed order, pods coming in between; what led nowhere at any moment."""
    found = []
    for obj in objects:
        await world.put(obj)
        found += await dead_ends(world)
        await start_pods(world)
        found += await dead_ends(world)
        await world.settle()
    return found


async def released(world: World, *objects: Obj) -> list[str]:
    """v2 as people release it: its objects, then the commit; what led nowhere at any tick until it is promoted."""
    healthy(world)
    await a_shop(world, *objects)
    await world.commit(revision="v2")
    found = []
    end = world.clock.now() + 40 * MINUTE
    while world.clock.now() < end:
        await world.cache.refresh()
        await world.tick()
        found += await dead_ends(world)
        world.clock.advance(5 * SECOND)
    return found


def next_revision(objects: list[Obj], *kinds: str) -> list[Obj]:
    """The manifests of v1 of these kinds, as those of v2."""

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: renamed(item) for name, item in value.items()}
        if isinstance(value, list):
            return [renamed(item) for item in value]
        return value.replace("v1", "v2") if isinstance(value, str) and value.endswith("v1") else value

    changed = [{**renamed(obj), "apiVersion": obj["apiVersion"]} for obj in objects if obj["kind"] in kinds]
    assert [obj["kind"] for obj in changed] == list(kinds)
    return changed


async def test_an_ordinary_service_is_adopted_and_released_without_a_dead_end(tmp_path: Path) -> None:
    async with a_world() as world:
        await a_shop(world, a_deployment(), a_service(), a_route())
        objects = await told(world, tmp_path)

        while_adopted = await adopted(world, objects)
        await delete_workload(world, "checkout")
        at_rest = (world.status.phase, world.status.stable and world.status.stable.name, await world.split())
        while_released = await released(world, *next_revision(objects, "Deployment", "Service"))

        assert [obj["kind"] for obj in objects] == ["Deployment", "Service", "VirtualService", "Rollout"]
        assert at_rest == ("Idle", "v1", {"checkout-v1": 100})
        assert (while_adopted, while_released) == ([], [])
        assert (world.status.phase, await world.split()) == ("Idle", {"checkout-v2": 100})
        assert world.status.removable == ("Deployment/checkout-v1", "Service/checkout-v1")


async def test_one_service_with_subsets_is_adopted_and_released_without_a_dead_end(tmp_path: Path) -> None:
    async with a_world() as world:
        await a_shop(world, a_deployment(), a_service(), a_route())
        objects = await told(world, tmp_path, "--subsets")

        while_adopted = await adopted(world, objects)
        await delete_workload(world, "checkout")
        while_released = await released(world, *next_revision(objects, "Deployment"))

        assert [obj["kind"] for obj in objects] == ["Deployment", "DestinationRule", "VirtualService", "Rollout"]
        assert (while_adopted, while_released) == ([], [])
        assert (world.status.phase, await world.split()) == ("Idle", {"checkout/v2": 100})


async def test_a_service_that_has_subsets_already_needs_the_rollout_alone(tmp_path: Path) -> None:
    async with a_world() as world:
        running = a_deployment("checkout-v1", version="v1")
        await a_shop(world, running, a_service(), a_rule("v1"), a_route(subset="v1"))
        objects = await told(world, tmp_path)

        while_adopted = await adopted(world, objects)
        while_released = await released(world, *next_revision([running], "Deployment"))

        assert [obj["kind"] for obj in objects] == ["Rollout"]
        assert (while_adopted, while_released) == ([], [])
        assert (world.status.phase, await world.split()) == ("Idle", {"checkout/v2": 100})


async def test_the_printed_order_matters(tmp_path: Path) -> None:
    async with a_world() as world:
        await a_shop(world, a_deployment(), a_service(), a_route())
        objects = await told(world, tmp_path)

        assert await adopted(world, objects[::-1]) != []


async def test_an_unversioned_service_would_have_been_held(tmp_path: Path) -> None:
    async with a_world() as world:
        await a_shop(world, a_deployment(), a_service(), a_route())
        objects = await told(world, tmp_path)
        rollout = objects[-1]
        rollout["spec"]["stable"] = {"service": "checkout"}
        rollout["spec"]["revision"] = "v2"
        del rollout["spec"]["workload"]

        await a_shop(world, *next_revision(objects, "Deployment", "Service"), rollout)
        await world.pass_time(MINUTE)

        assert "BackendsOverlap" in [reason.code for reason in world.status.reasons]
