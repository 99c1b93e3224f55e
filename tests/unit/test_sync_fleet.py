"""Does a MeshMigration come from git into the cluster, stay as git says, and leave with it?"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.model.names import Key
from rollout.services.sync_report import SyncState
from tests.support.sync_world import HOME, URL, SyncWorld, a_migration, a_policy, a_sync_world, namespaces

FLEET = Key(namespace="", name="fleet")
FILES = {"fleet.yaml": a_migration("fleet"), "a.yaml": a_policy("a")}


@asynccontextmanager
async def a_cluster(*without: str) -> AsyncIterator[SyncWorld]:
    cluster = MemoryCluster()
    cluster.seed(*namespaces("shop", HOME), *definitions().values())
    async with a_sync_world(DirectApi(cluster), without=without) as world:
        yield world


@pytest.fixture
async def world() -> AsyncIterator[SyncWorld]:
    async with a_cluster() as world:
        yield world


async def soaks(world: SyncWorld) -> dict[str, str]:
    """The soak of each MeshMigration on the server, by name."""
    found = await world.api.get(world.cache.path("MeshMigration", ""))
    return {obj["metadata"]["name"]: obj["spec"]["soak"] for obj in found["items"]}


async def test_it_comes_with_the_controllers_own_source(world: SyncWorld) -> None:
    key = await world.a_source("all", HOME)
    commit = world.git.commit(URL, FILES)

    await world.look(key)

    assert await soaks(world) == {"fleet": "24h"}
    assert world.condition(key) == ("True", "Synced", f"commit {commit[:12]}: 2 specs")


async def test_another_source_keeps_its_whole_commit_out_and_says_why(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, FILES)

    report = await world.look(key)

    assert (await soaks(world), await world.policies()) == ({}, {})
    assert report.state is not SyncState.READY
    assert "MeshMigration fleet: a MeshMigration is for the whole cluster" in world.condition(key)[2]


async def test_an_edit_by_hand_is_put_back_when_the_watch_tells(world: SyncWorld) -> None:
    key = await world.a_source("all", HOME)
    world.git.commit(URL, FILES)
    await world.look(key)
    await world.edit("MeshMigration", FLEET, {"spec": {"soak": "1s"}})

    report = await world.wake(key)

    assert await soaks(world) == {"fleet": "24h"}
    assert "MeshMigration fleet: spec.soak was changed by kubectl-edit" in report.news[0].message


async def test_it_leaves_with_its_manifest(world: SyncWorld) -> None:
    key = await world.a_source("all", HOME)
    world.git.commit(URL, FILES)
    await world.look(key)
    world.git.commit(URL, {"a.yaml": FILES["a.yaml"]})

    await world.look(key, hours=1)

    assert (await soaks(world), set(await world.policies(HOME))) == ({}, {"a"})


async def test_a_controller_that_moves_no_fleet_says_so_and_brings_the_rest() -> None:
    async with a_cluster("MeshMigration") as world:
        key = await world.a_source("all", HOME)
        world.git.commit(URL, FILES)

        await world.look(key)

        assert (await soaks(world), set(await world.policies(HOME))) == ({}, {"a"})
        assert "this controller leaves MeshMigrations alone: see ROLLOUT_TRAFFIC" in world.condition(key)[2]
