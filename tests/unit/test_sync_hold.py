"""How long is the commit in force held against edits, and what ends that?"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.model.names import Key
from rollout.ports.errors import LeaseLost, Unreachable
from rollout.services.sync_report import SyncReport, SyncState
from tests.support.builders import NOON
from tests.support.sync_world import HOME, URL, SyncWorld, a_policy, a_sync_world, namespaces, policies

A = Key(namespace="shop", name="a")
LOOSE = {"spec": {"objectives": [{"name": "errors", "kind": "error-ratio", "max": "99%", "method": "threshold"}]}}


@pytest.fixture
async def world() -> AsyncIterator[SyncWorld]:
    cluster = MemoryCluster()
    cluster.seed(*namespaces("shop", HOME), *definitions().values())
    async with a_sync_world(DirectApi(cluster)) as world:
        yield world


async def in_force(world: SyncWorld, *names: str, **spec: Any) -> Key:
    key = await world.a_source(**spec)
    world.git.commit(URL, policies(*(names or ("a",))))
    await world.look(key)
    return key


def told(report: SyncReport) -> list[tuple[str, str]]:
    return [(reason.code, reason.message) for reason in report.news]


async def test_an_invalid_commit_does_not_end_the_hold_of_the_one_before(world: SyncWorld) -> None:
    key = await in_force(world)
    world.git.commit(URL, {"bad.yaml": "apiVersion: rollout.dev/v1alpha1\nkind: SloPolicy\n"})
    await world.look(key, hours=1)
    await world.edit("SloPolicy", A, LOOSE)

    report = await world.wake(key)

    assert (report.reason, (await world.policies())["a"]["spec"]["objectives"][0]["max"]) == ("InvalidSpecs", "1%")
    assert told(report)[0][0] == "DriftPutBack"


async def test_a_git_that_is_away_does_not_end_the_hold(world: SyncWorld) -> None:
    key = await in_force(world)
    world.git.fail(Unreachable("down"))
    due = (await world.look(key, hours=1)).wake_at
    await world.edit("SloPolicy", A, LOOSE)

    report = await world.wake(key)

    assert (report.reason, report.wake_at, told(report)[0][0]) == ("FetchFailed", due, "DriftPutBack")


async def test_after_a_restart_the_commit_in_force_is_held_though_a_newer_one_is_invalid(world: SyncWorld) -> None:
    key = await in_force(world)
    world.git.commit(URL, {"bad.yaml": "apiVersion: rollout.dev/v1alpha1\nkind: SloPolicy\n"})
    await world.look(key, hours=1)
    world.restart()
    await world.edit("SloPolicy", A, LOOSE)

    report = await world.look(key, hours=2)

    assert (report.reason, told(report)[0][0]) == ("InvalidSpecs", "DriftPutBack")


async def test_what_another_replica_took_meanwhile_is_not_undone(world: SyncWorld) -> None:
    key = await in_force(world)
    former = world.service
    world.restart()
    world.git.commit(URL, {"a.yaml": a_policy("a", "9%")})
    await world.look(key, hours=1)
    world.service = former

    report = await world.wake(key)

    assert (report.news, (await world.policies())["a"]["spec"]["objectives"][0]["max"]) == ((), "9%")


async def test_what_another_replica_took_is_held_though_a_newer_commit_is_invalid(world: SyncWorld) -> None:
    key = await in_force(world)
    former = world.service
    world.restart()
    world.git.commit(URL, {"a.yaml": a_policy("a", "9%")})
    await world.look(key, hours=1)
    world.git.commit(URL, {"bad.yaml": "apiVersion: rollout.dev/v1alpha1\nkind: SloPolicy\n"})
    await world.edit("SloPolicy", A, LOOSE)
    world.service = former

    report = await world.look(key, hours=2)

    assert (report.reason, (await world.policies())["a"]["spec"]["objectives"][0]["max"]) == ("InvalidSpecs", "9%")


async def test_a_suspended_source_puts_nothing_back(world: SyncWorld) -> None:
    key = await in_force(world)
    await world.edit("GitSource", key, {"spec": {"suspend": True}})
    await world.edit("SloPolicy", A, LOOSE)

    report = await world.wake(key)

    assert (report.state, (await world.policies())["a"]["spec"]["objectives"][0]["max"]) == (SyncState.SUSPENDED, "99%")


async def test_a_mass_edit_is_one_sentence(world: SyncWorld) -> None:
    names = [f"p{number:02}" for number in range(8)]
    key = await in_force(world, *names)
    for name in names:
        await world.edit("SloPolicy", Key(namespace="shop", name=name), LOOSE)

    report = await world.wake(key)

    ((_, message),) = told(report)
    assert (len(report.applied), "and 3 more objects; put back" in message) == (8, True)


async def test_two_who_fight_over_a_field_do_not_keep_the_cluster_busy(world: SyncWorld) -> None:
    key = await in_force(world)
    for _ in range(6):
        await world.edit("SloPolicy", A, LOOSE)
        last = await world.wake(key)
    await world.edit("SloPolicy", A, LOOSE)

    resting = await world.wake(key)
    requests = list(world.api.requests)
    later = await world.look(key, hours=1)

    assert (bool(last.news), requests, resting.news, resting.state) == (True, [], (), SyncState.READY)
    assert (resting.wake_at, bool(later.news)) == (NOON + timedelta(seconds=2), True)


@pytest.mark.slow
async def test_a_thousand_objects_are_applied_one_by_one_and_held_without_a_request(world: SyncWorld) -> None:
    names = [f"p{number:04}" for number in range(1000)]
    key = await in_force(world, *names)
    written = len(world.api.requests)

    report = await world.wake(key)

    assert (written, world.api.requests, report.total) == (1001, [], 1000)


async def test_a_lost_lease_stops_in_the_middle(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a", "b", "c"))
    world.api.failing = {world.cache.path("SloPolicy", "shop", "b"): LeaseLost("gone")}

    with pytest.raises(LeaseLost):
        await world.look(key)

    assert set(await world.policies()) == {"a"}
