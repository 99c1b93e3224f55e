"""What becomes of the objects of a source that is deleted?"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml

from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.model.names import Key
from rollout.ports.errors import LeaseLost, Unreachable
from tests.support.sync_world import HOME, URL, SyncWorld, a_policy, a_sync_world, namespaces, policies

A = Key(namespace="shop", name="a")


@pytest.fixture
async def world() -> AsyncIterator[SyncWorld]:
    cluster = MemoryCluster()
    cluster.seed(*namespaces("shop", "pay", HOME), *definitions().values())
    async with a_sync_world(DirectApi(cluster)) as world:
        yield world


async def in_force(world: SyncWorld, **spec: Any) -> Key:
    key = await world.a_source(**spec)
    world.git.commit(URL, policies("a", "b"))
    await world.look(key)
    return key


async def test_a_source_leaves_its_objects_behind_by_default(world: SyncWorld) -> None:
    key = await in_force(world)
    await world.remove("GitSource", key)

    report = await world.wake(key)

    assert (report.reason, set(await world.policies()), world.api.requests) == ("Gone", {"a", "b"}, [])


async def test_the_finalizer_comes_before_the_first_object(world: SyncWorld) -> None:
    key = await in_force(world, deletionPolicy="Delete")

    paths = [path for verb, path, _ in world.api.requests if verb == "patch"]

    assert (paths[0], world.source(key).finalizer) == (world.cache.path("GitSource", "shop", "apps"), True)


async def test_a_source_with_that_policy_deletes_what_it_applied_and_then_goes(world: SyncWorld) -> None:
    key = await in_force(world, deletionPolicy="Delete")
    await world.remove("GitSource", key)

    await world.wake(key)
    await world.wake(key)
    await world.cache.refresh()

    assert (await world.policies(), world.sources.get(key)) == ({}, None)


@pytest.mark.parametrize("state", [{"suspend": True}, {"url": "https://ana:secret@git.example.org/a.git"}])
async def test_a_source_that_is_suspended_or_cannot_be_read_deletes_all_the_same(
    world: SyncWorld, state: dict[str, Any]
) -> None:
    key = await in_force(world, deletionPolicy="Delete")
    world.git.fail(Unreachable("down"))
    await world.edit("GitSource", key, {"spec": state})
    await world.remove("GitSource", key)

    await world.wake(key)
    await world.wake(key)
    await world.cache.refresh()

    assert (await world.policies(), world.sources.get(key)) == ({}, None)


async def test_it_waits_for_objects_that_end_later_and_says_so(world: SyncWorld) -> None:
    key = await in_force(world, deletionPolicy="Delete")
    await world.edit("SloPolicy", A, {"metadata": {"finalizers": ["example.org/wait"]}})
    await world.remove("GitSource", key)
    await world.wake(key)

    report = await world.wake(key)

    assert (report.reason, world.source(key).deleting, report.wake_at is not None) == ("Deleting", True, True)
    assert "waits for SloPolicy shop/a" in world.condition(key, "Reconciling")[2]
    await world.edit("SloPolicy", A, {"metadata": {"finalizers": None}})
    await world.wake(key)
    await world.cache.refresh()
    assert world.sources.get(key) is None


async def test_a_change_of_the_policy_puts_the_finalizer_on_and_takes_it_off(world: SyncWorld) -> None:
    key = await in_force(world)
    await world.edit("GitSource", key, {"spec": {"deletionPolicy": "Delete"}})
    await world.wake(key)
    held = world.source(key).finalizer
    await world.edit("GitSource", key, {"spec": {"deletionPolicy": "Orphan", "suspend": True}})

    await world.wake(key)

    assert (held, world.source(key).finalizer) == (True, False)


async def test_a_change_of_mind_while_it_is_deleted_leaves_what_is_left(world: SyncWorld) -> None:
    key = await in_force(world, deletionPolicy="Delete")
    await world.remove("GitSource", key)
    await world.edit("GitSource", key, {"spec": {"deletionPolicy": "Orphan"}})

    await world.wake(key)
    await world.cache.refresh()

    assert (set(await world.policies()), world.sources.get(key)) == ({"a", "b"}, None)


async def test_a_cluster_that_fails_in_between_is_tried_again(world: SyncWorld) -> None:
    key = await in_force(world, deletionPolicy="Delete")
    await world.remove("GitSource", key)
    world.api.failing = {world.cache.path("SloPolicy", "shop", "a"): Unreachable("503")}
    report = await world.wake(key)
    world.api.failing = {}

    await world.wake(key)
    await world.wake(key)
    await world.cache.refresh()

    assert ("503" in report.message, await world.policies(), world.sources.get(key)) == (True, {}, None)


async def test_a_lost_lease_stops_the_deletion(world: SyncWorld) -> None:
    key = await in_force(world, deletionPolicy="Delete")
    await world.remove("GitSource", key)
    world.api.failing = {world.cache.path("SloPolicy", "shop", "a"): LeaseLost("gone")}

    with pytest.raises(LeaseLost):
        await world.wake(key)

    assert set(await world.policies()) == {"a", "b"}


async def test_a_source_of_the_controllers_namespace_deletes_everywhere(world: SyncWorld) -> None:
    key = await world.a_source("all", HOME, deletionPolicy="Delete")
    world.git.commit(URL, {"p.yaml": a_policy("p", namespace="pay")})
    await world.look(key)
    await world.remove("GitSource", key)

    await world.wake(key)

    assert await world.policies("pay") == {}


async def test_a_label_on_an_object_elsewhere_does_not_have_it_deleted(world: SyncWorld) -> None:
    key = await in_force(world, deletionPolicy="Delete")
    labels = {"rollout.dev/source": "apps", "rollout.dev/source-namespace": "shop"}
    planted = yaml.safe_load(a_policy("p", namespace="pay"))
    planted["metadata"]["labels"] = labels
    await world.api.create(world.cache.path("SloPolicy", "pay"), planted)
    await world.remove("GitSource", key)

    await world.wake(key)
    await world.wake(key)

    assert (set(await world.policies("pay")), await world.policies()) == ({"p"}, {})


async def test_a_command_for_a_source_that_is_deleted_is_refused(world: SyncWorld) -> None:
    key = await in_force(world, deletionPolicy="Delete")
    await world.edit("SloPolicy", A, {"metadata": {"finalizers": ["example.org/wait"]}})
    await world.remove("GitSource", key)
    name = await world.command(key, "c" * 40)

    await world.wake(key)

    assert "is being deleted" in (await world.answer(key, name))[1]
