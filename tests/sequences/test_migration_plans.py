"""Does the plan of a namespace write what its execution writes, in the same order?"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.mesh_traffic import Caller, Workload
from rollout.migration.way import way_of
from rollout.model.mesh_writes import MeshWrite, RestartWorkload
from tests.support.fleet_world import NAME, START, FleetWorld, a_fleet

HOUR = timedelta(hours=1)


async def ways(world: FleetWorld) -> dict[str, tuple[MeshWrite, ...]]:
    """What is ahead of each namespace, as a person would see it now."""
    await world.tick()
    migrator = world.kept.migrator
    stored = migrator.migrations.get(NAME)
    assert stored is not None
    assert stored.spec is not None
    now = world.clock.now()
    seen = await migrator.observer.observe(stored.spec, stored.status, now)
    return {
        name: way_of(stored.spec, stored.status.of(name), one, seen.root, now).writes
        for name, one in seen.namespaces.items()
    }


def executed(world: FleetWorld) -> dict[str, tuple[MeshWrite, ...]]:
    """What was written to each namespace."""
    wrote = [write for moved in world.moved for write in moved.wrote]
    names = sorted({write.namespace for write in wrote})
    return {name: tuple(write for write in wrote if write.namespace == name) for name in names}


def comparable(writes: dict[str, tuple[MeshWrite, ...]]) -> dict[str, list[MeshWrite]]:
    """The writes without what only the server and the clock know: versions, uids and moments."""
    return {name: [_timeless(write) for write in these] for name, these in writes.items()}


def _timeless(write: MeshWrite) -> MeshWrite:
    changes: dict[str, Any] = {}
    if getattr(write, "version", ""):
        changes["version"] = "some"
    if hasattr(write, "uid"):
        changes["uid"] = ""
    if isinstance(write, RestartWorkload):
        changes["at"] = START
    return replace(write, **changes)


async def test_the_plan_of_three_namespaces_is_what_their_execution_writes() -> None:
    async with a_fleet() as world:
        planned = await ways(world)
        await world.pass_time(HOUR, until="pay Done")
        await world.pass_time(HOUR / 6, until="tools Done")

        assert comparable(planned) == comparable(executed(world))
        assert len(planned["shop"]) == 8


async def test_a_plan_in_the_middle_of_the_way_is_what_is_still_written() -> None:
    async with a_fleet() as world:
        await world.pass_time(HOUR, until="shop Observing")
        await world.pass_time(timedelta(seconds=30))
        planned = await ways(world)
        world.moved.clear()
        await world.pass_time(HOUR, until="pay Done")
        await world.pass_time(HOUR / 6, until="tools Done")

        assert comparable({"shop": planned["shop"]}) == comparable({"shop": executed(world)["shop"]})


async def test_exceptions_and_policies_that_were_there_are_planned_as_they_are_executed() -> None:
    legacy = {"namespace": "shop", "workload": {"app": "old"}, "port": 9090, "owner": "x", "expires": "2030-01-01"}
    async with a_fleet(exceptions=[legacy]) as world:
        await world.fleet.deploy(Workload(namespace="shop", name="old", port=9090), START)
        world.fleet.call(Caller(name="old", source="shop/old", target="shop/web", rate=0.1))
        mtls = {"mtls": {"mode": "UNSET"}, "selector": {"matchLabels": {"app": "web"}}}
        metadata = {"name": "web", "namespace": "shop"}
        api = "security.istio.io/v1"
        await world.put({"apiVersion": api, "kind": "PeerAuthentication", "metadata": metadata, "spec": mtls})
        planned = await ways(world)
        shop = planned["shop"]
        await world.pass_time(HOUR, until="shop Strict")
        await world.pass_time(timedelta(seconds=20))

        assert comparable({"shop": shop}) == comparable({"shop": executed(world)["shop"]})


@pytest.mark.parametrize("stage", ["Observing", "StrictSoak", "Done"])
async def test_a_plan_closes_what_an_exception_left_open_as_the_execution_does(stage: str) -> None:
    exception = {"namespace": "shop", "workload": {"app": "web"}, "port": 8080, "owner": "ana", "expires": "2027-03-01"}
    async with a_fleet(waves=[{"name": "core", "namespaces": ["shop"]}], exceptions=[exception]) as world:
        world.fleet.callers.clear()
        await world.pass_time(HOUR, until=f"shop {stage}")
        await world.edit("MeshMigration", "", NAME, {"spec": {"exceptions": []}})
        planned = await ways(world)
        world.moved.clear()
        await world.pass_time(timedelta(seconds=10))
        await world.pass_time(HOUR, until="shop Done")

        assert comparable(planned) == comparable(executed(world))
