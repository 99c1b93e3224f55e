"""Does what an exception kept open become STRICT once it left the spec, and never while somebody still needs it?"""

from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.mesh_traffic import Caller
from rollout.migration.read import RESTARTED
from rollout.model.migration import Stage
from tests.support.fleet_world import NAME, FleetWorld, a_fleet

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
SHOP = [{"name": "core", "namespaces": ["shop"]}]
TO_WEB = {"namespace": "shop", "workload": {"app": "web"}, "owner": "team-shop", "expires": "2027-03-01"}
TO_PORT = {**TO_WEB, "port": 8080}
OPEN = "rollout-open-"


def partner() -> Caller:
    """Something outside of the cluster that the exception is for."""
    return Caller(name="partner", source="", target="shop/web", rate=0.2)


async def excepted(world: FleetWorld, stage: str) -> None:
    """shop has come to this stage, with its exception used by nobody."""
    world.fleet.callers.clear()
    await world.pass_time(2 * HOUR, until=f"shop {stage}")


async def left(world: FleetWorld) -> None:
    """Somebody takes the exceptions out of the spec."""
    await world.edit("MeshMigration", "", NAME, {"spec": {"exceptions": []}})


async def openings(world: FleetWorld) -> dict[str, Any]:
    """The specs of the objects that we made for exceptions."""
    return {name: spec for name, (_, spec) in (await world.policies("shop")).items() if name.startswith(OPEN)}


@pytest.mark.parametrize("stage", ["StrictSoak", "Done"])
async def test_what_it_opened_goes_after_a_soak_of_its_own(stage: str) -> None:
    async with a_fleet(waves=SHOP, exceptions=[TO_PORT]) as world:
        await excepted(world, stage)
        await left(world)
        await world.pass_time(MINUTE)
        during = await openings(world), (await world.of("shop")).stage
        await world.pass_time(90 * SECOND)

        assert (len(during[0]), during[1]) == (1, Stage.STRICT_SOAK)
        assert await openings(world) == {}
        world.fleet.call(partner())
        await world.pass_time(MINUTE, until="shop FallenBack")


async def test_a_workload_that_was_kept_out_gets_its_proxies_from_a_person_and_is_closed_then() -> None:
    async with a_fleet(waves=SHOP, exceptions=[TO_WEB]) as world:
        await excepted(world, "Done")
        await left(world)
        await world.pass_time(20 * MINUTE)
        during = [reason.code for reason in (await world.of("shop")).reasons]
        again = {"metadata": {"annotations": {RESTARTED: world.clock.now().isoformat()}}}
        await world.edit("Deployment", "shop", "web", {"spec": {"template": again}})
        await world.pass_time(20 * MINUTE, until="shop Done")

        assert during == ["ExceptionLeft", "PodsUnmeshed"]
        assert await openings(world) == {}


async def test_while_its_caller_still_speaks_plaintext_nothing_is_closed_and_nobody_is_refused() -> None:
    async with a_fleet(waves=SHOP, exceptions=[TO_PORT]) as world:
        await excepted(world, "Done")
        world.fleet.call(partner())
        await world.pass_time(MINUTE)
        await left(world)
        await world.pass_time(20 * MINUTE)

        one = await world.of("shop")
        assert (one.stage, world.fleet.callers["partner"].refused) == (Stage.STRICT_SOAK, 0)
        assert "ExceptionLeft" in [reason.code for reason in one.reasons]
        assert [caller.workload for caller in one.callers] == ["web"]
        world.fleet.callers.clear()
        await world.pass_time(20 * MINUTE, until="shop Done")
        assert await openings(world) == {}


async def test_one_write_a_tick_first_closes_and_then_deletes() -> None:
    async with a_fleet(waves=SHOP, exceptions=[TO_PORT]) as world:
        await excepted(world, "Done")
        world.story.clear()
        await left(world)
        await world.pass_time(20 * MINUTE, until="shop Done")

        writes = [line.split(maxsplit=1) for line in world.story if OPEN in line]
        told = [(at, words.partition(" ")[0]) for at, words in writes]
        assert [verb for _, verb in told if verb in ("set", "delete")] == ["set", "delete"]
        assert len({at for at, verb in told if verb in ("set", "delete")}) == 2


async def test_an_exception_that_expires_closes_nothing() -> None:
    async with a_fleet(waves=SHOP, exceptions=[{**TO_PORT, "expires": "2026-11-22"}]) as world:
        await excepted(world, "Done")
        world.clock.advance(timedelta(days=2))
        await world.pass_time(20 * MINUTE)

        assert len(await openings(world)) == 1
        assert (await world.of("shop")).stage is Stage.DONE


async def test_before_anything_is_strict_it_goes_at_once_and_the_soak_begins_again() -> None:
    async with a_fleet(waves=SHOP, exceptions=[TO_PORT]) as world:
        await excepted(world, "Observing")
        await world.pass_time(MINUTE)
        before = (await world.of("shop")).soak
        await left(world)
        await world.pass_time(MINUTE)

        after = (await world.of("shop")).soak
        assert before.clock is not None
        assert after.clock is not None
        assert after.clock > before.clock
        assert after.restarted == "1 exceptions left the spec"


async def test_in_the_middle_of_the_flip_a_caller_of_an_exception_that_left_is_not_refused() -> None:
    async with a_fleet(waves=SHOP, exceptions=[TO_PORT]) as world:
        await excepted(world, "Strict")
        world.fleet.call(partner())
        await left(world)
        await world.pass_time(10 * MINUTE)

        assert world.fleet.callers["partner"].refused == 0
        world.fleet.callers.clear()
        await world.pass_time(HOUR, until="shop Done")
        assert await openings(world) == {}
