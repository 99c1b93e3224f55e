"""How does a Rollout go on whose spec became unreadable?"""

from datetime import timedelta
from typing import Any

import pytest

from adapters.kube.api import Patch
from rollout.ports.errors import Rejected
from tests.support.golden import same_story
from tests.support.scenes import delete
from tests.support.world import World, a_release, told_story

MINUTE = timedelta(minutes=1)
DOUBLED: list[dict[str, Any]] = [{"kind": "VirtualService", "name": "checkout"}] * 2


async def on_its_way(world: World) -> None:
    """v2 has 50 %, and somebody breaks the spec."""
    world.metrics.tell_requests("errors", bad=0, total=1000)
    await world.commit(revision="v2")
    await world.pass_time(6 * MINUTE)
    world.tell("somebody names a route twice")
    await world.commit(routes=DOUBLED)
    await world.pass_time(MINUTE)


async def test_a_failing_revision_goes_back_though_the_spec_cannot_be_read() -> None:
    async with a_release() as world:
        await on_its_way(world)
        world.tell("v2 begins to fail")
        world.metrics.tell_requests("errors", bad=500, total=1000)

        await world.pass_time(10 * MINUTE)

        same_story("fail_with_unreadable_spec", told_story(world))
        assert (await world.split())["checkout-v1"] == 100


async def test_an_unreadable_spec_raises_nothing_and_a_mended_one_goes_on() -> None:
    async with a_release() as world:
        await on_its_way(world)
        await world.pass_time(30 * MINUTE)
        world.tell("the spec is mended")
        await world.commit(routes=DOUBLED[:1])

        await world.pass_time(10 * MINUTE)

        same_story("unreadable_spec_mended", told_story(world))
        assert await world.split() == {"checkout-v2": 100}


async def test_a_person_can_abort_though_the_spec_cannot_be_read() -> None:
    async with a_release() as world:
        await on_its_way(world)
        aborted = await world.command("abort")

        await world.pass_time(2 * MINUTE)

        assert await world.answer(aborted) == "Accepted: run 1 goes back to v1"
        assert (await world.split())["checkout-v1"] == 100


async def test_a_command_without_a_run_is_refused_with_what_is_wrong() -> None:
    async with a_release() as world:
        await world.commit(routes=DOUBLED)
        retried = await world.command("retry")

        await world.pass_time(MINUTE)

        assert (await world.answer(retried)).startswith("Refused: the spec cannot be read: ")


@pytest.mark.parametrize("objectives", [[{"name": "errors", "kind": "error-ratio", "max": "1%"}] * 2])
async def test_what_was_unreadable_is_said_until_it_is_mended(objectives: list[dict[str, str]]) -> None:
    async with a_release() as world:
        await world.commit(objectives=objectives)

        await world.settle()

        assert [reason.code for reason in world.status.reasons] == ["InvalidSpec"]
        assert {item.type: item.status for item in world.status.conditions} == {"Ready": "False", "Stalled": "True"}


async def test_a_status_that_cannot_be_read_is_neither_overwritten_nor_let_go() -> None:
    async with a_release() as world:
        world.metrics.tell_requests("errors", bad=0, total=1000)
        await world.commit(revision="v2")
        await world.pass_time(MINUTE)
        path = world.path("Rollout", "checkout", "status")
        await world.person.patch(
            path, Patch.MERGE, {"status": {"machine": {"run": {"unavailable": {"spent": "soon"}}}}}
        )
        before = (await world.read("Rollout", "checkout"))["status"]
        await delete(world, "Rollout", "checkout")

        with pytest.raises(Rejected, match="cannot read the status"):
            await world.settle()

        assert (await world.read("Rollout", "checkout"))["status"] == before
        assert await world.split() == {"checkout-v1": 95, "checkout-v2": 5}
