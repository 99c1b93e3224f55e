"""Is what people make of git's objects put back, without asking git, and is it said who it was?"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml

from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.model.names import Key
from rollout.services.sync_report import SyncReport
from tests.support.builders import CHECKOUT, a_rollout_manifest
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


async def a_rollout_in_force(world: SyncWorld) -> Key:
    key = await world.a_source()
    world.git.commit(URL, {"checkout.yaml": yaml.safe_dump(a_rollout_manifest(revision="v7"))})
    await world.look(key)
    return key


async def rollout(world: SyncWorld) -> dict[str, Any]:
    return await world.api.get(world.cache.path("Rollout", "shop", "checkout"))


def told(report: SyncReport) -> list[tuple[str, str]]:
    return [(reason.code, reason.message) for reason in report.news]


def verbs(world: SyncWorld) -> list[str]:
    return [verb for verb, _, _ in world.api.requests]


async def test_what_nobody_touched_costs_nothing_between_two_looks(world: SyncWorld) -> None:
    key = await in_force(world, "a", "b")
    heads = world.git.heads

    report = await world.wake(key)

    assert (world.git.heads - heads, world.api.requests, report.news) == (0, [], ())


async def test_an_edit_is_put_back_without_asking_git_and_its_author_named(world: SyncWorld) -> None:
    key = await in_force(world)
    heads = world.git.heads
    await world.edit("SloPolicy", A, LOOSE)

    report = await world.wake(key)

    commit = world.source(key).status.commit[:12]
    words = f"SloPolicy shop/a: spec.objectives was changed by kubectl-edit; put back to what commit {commit} says"
    assert (await world.policies())["a"]["spec"]["objectives"][0]["max"] == "1%"
    assert (told(report), world.git.heads - heads, verbs(world)) == ([("DriftPutBack", words)], 0, ["patch"])


async def test_it_is_said_once(world: SyncWorld) -> None:
    key = await in_force(world)
    await world.edit("SloPolicy", A, LOOSE)
    await world.wake(key)

    report = await world.wake(key)

    assert (report.news, world.api.requests) == ((), [])


async def test_a_deleted_object_comes_back(world: SyncWorld) -> None:
    key = await in_force(world, "a", "b")
    await world.remove("SloPolicy", A)

    report = await world.wake(key)

    assert set(await world.policies()) == {"a", "b"}
    assert told(report)[0][1].startswith("SloPolicy shop/a: was deleted; put back")


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {"rollout.dev/source": None}},
        {"labels": {"rollout.dev/source": "somebody", "rollout.dev/source-namespace": "else"}},
        {"annotations": {"rollout.dev/spec-hash": None}},
        {"annotations": {"rollout.dev/spec-hash": "0"}},
    ],
)
async def test_marks_that_were_removed_or_changed_are_put_back(world: SyncWorld, change: dict[str, Any]) -> None:
    key = await in_force(world)
    before = (await world.policies())["a"]["metadata"]
    await world.edit("SloPolicy", A, {"metadata": change})

    await world.wake(key)

    after = (await world.policies())["a"]["metadata"]
    assert (after["labels"], after["annotations"]) == (before["labels"], before["annotations"])


async def test_labels_and_annotations_of_others_and_finalizers_stay(world: SyncWorld) -> None:
    key = await in_force(world)
    theirs = {"labels": {"team": "shop"}, "annotations": {"note": "x"}, "finalizers": ["example.org/wait"]}
    await world.edit("SloPolicy", A, {"metadata": theirs, **LOOSE})

    await world.wake(key)

    meta = (await world.policies())["a"]["metadata"]
    assert (meta["labels"]["team"], meta["annotations"]["note"], meta["finalizers"]) == (
        "shop",
        "x",
        ["example.org/wait"],
    )


async def test_a_field_that_somebody_added_is_removed_and_named(world: SyncWorld) -> None:
    key = await a_rollout_in_force(world)
    await world.edit("Rollout", CHECKOUT, {"spec": {"suspend": True}})

    report = await world.wake(key)

    ((code, message),) = told(report)
    assert (code, (await rollout(world))["spec"]["suspend"]) == ("FieldsRemoved", False)  # the schema's default again
    assert message.startswith("Rollout shop/checkout: spec.suspend was added by kubectl-edit; removed, because commit")


async def test_a_field_that_another_tool_applies_is_removed_and_named(world: SyncWorld) -> None:
    key = await a_rollout_in_force(world)
    await world.apply("Rollout", CHECKOUT, {"spec": {"analysis": {"bake": "5m"}}}, "argocd-controller")

    report = await world.wake(key)

    assert (await rollout(world))["spec"]["analysis"]["bake"] == "0s"  # the schema's default again
    assert "added by argocd-controller" in told(report)[0][1]


async def test_what_another_tool_applies_as_git_has_it_is_no_drift(world: SyncWorld) -> None:
    key = await a_rollout_in_force(world)
    await world.apply("Rollout", CHECKOUT, {"spec": {"revision": "v7"}}, "argocd-controller")

    report = await world.wake(key)

    assert (report.news, world.api.requests) == ((), [])


async def test_one_of_two_fields_that_exclude_each_other_is_put_back_at_once(world: SyncWorld) -> None:
    key = await a_rollout_in_force(world)
    subset = {"host": "checkout", "name": "{revision}", "labels": {"version": "{revision}"}}
    await world.edit("Rollout", CHECKOUT, {"spec": {"backend": {"service": None, "subset": subset}}})

    report = await world.wake(key)

    assert (await rollout(world))["spec"]["backend"] == {"service": "checkout-{revision}"}
    first = world.api.requests[0][2]
    assert isinstance(first, list)
    assert [change["op"] for change in first] == ["test", "remove", "add"]
    assert {code for code, _ in told(report)} == {"DriftPutBack", "FieldsRemoved"}


async def test_a_field_inside_a_list_is_put_back_with_its_list(world: SyncWorld) -> None:
    key = await a_rollout_in_force(world)
    steps = [{**step, "approval": "me"} for step in (await rollout(world))["spec"]["steps"]]
    await world.edit("Rollout", CHECKOUT, {"spec": {"steps": steps}})

    report = await world.wake(key)

    assert not any("approval" in step for step in (await rollout(world))["spec"]["steps"])
    assert "spec.steps was changed by kubectl-edit" in told(report)[0][1]


async def test_a_status_is_no_drift(world: SyncWorld) -> None:
    key = await a_rollout_in_force(world)
    await world.patch_status("Rollout", CHECKOUT, {"phase": "Idle"})

    report = await world.wake(key)

    assert (report.news, world.api.requests) == ((), [])


async def test_a_new_commit_is_no_drift(world: SyncWorld) -> None:
    key = await in_force(world)
    world.git.commit(URL, {"a.yaml": a_policy("a", "9%"), **policies("b")})

    report = await world.look(key, hours=1)

    assert (len(report.applied), report.news) == (2, ())


async def test_a_field_added_before_git_had_the_object_is_removed_and_said(world: SyncWorld) -> None:
    made = a_rollout_manifest(revision="v1", suspend=True)
    await world.api.create(world.cache.path("Rollout", "shop"), made, {"fieldManager": "kubectl-create"})

    key = await a_rollout_in_force(world)

    assert ((await rollout(world))["spec"]["suspend"], world.source(key).status.applied) == (False, 1)
