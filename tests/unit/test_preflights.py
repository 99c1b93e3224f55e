"""Is the cluster listed once for however many ask, and again once something changed or time passed?"""

import asyncio
from dataclasses import replace

import pytest

from adapters.memory.cluster import DirectApi
from rollout.model.migration_marks import Acknowledged
from rollout.services.migrate_observe import FleetObserver
from rollout.services.migration_reads import Moving, migration
from rollout.services.moves import Moves
from rollout.services.preflights import TOLD_FOR
from rollout.wiring.telling import moves
from tests.support.fleet_world import HOME, NAME, FleetWorld, a_fleet
from tests.support.mesh_terminal import cluster_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def asked(world: FleetWorld) -> tuple[Moves, Moving, list[str]]:
    """What tells of the fleet, its migration, and a line for every look that is begun from now on."""
    told, looks = moves(DirectApi(world.cluster), world.cache, world.clock, HOME), list[str]()
    eyes = told.preflights.eyes

    def counted() -> FleetObserver:
        looks.append("look")
        return eyes()

    told.preflights.eyes = counted
    return told, await migration(cluster_of(world).objects, NAME), looks


async def test_many_who_ask_at_once_make_one_look() -> None:
    async with a_fleet() as world:
        told, moving, looks = await asked(world)
        answers = await asyncio.gather(*(told.preflight(moving) for _ in range(20)))

    assert (len(looks), all(one == answers[0] for one in answers)) == (1, True)


async def test_what_was_found_is_told_for_a_moment_and_then_looked_at_again() -> None:
    async with a_fleet() as world:
        told, moving, looks = await asked(world)
        await told.preflight(moving)
        await told.preflight(moving, "shop")
        before = len(looks)
        world.clock.advance(TOLD_FOR)
        await told.preflight(moving, "shop")

    assert (before, len(looks)) == (1, 2)


async def test_who_answers_for_a_warning_is_seen_at_once() -> None:
    async with a_fleet() as world:
        told, moving, looks = await asked(world)
        await told.preflight(moving, "shop")
        shop = replace(
            moving.status.of("shop"), acknowledged=(Acknowledged(key="CALLER-01", by="ana", reason="known"),)
        )
        later = replace(moving, status=replace(moving.status, namespaces=(shop,)))
        await told.preflight(later, "shop")

    assert len(looks) == 2
