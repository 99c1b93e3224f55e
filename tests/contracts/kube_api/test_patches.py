"""What does a change store, and what does it refuse?"""

from typing import Any

import pytest

from adapters.kube.api import KubeApi, Patch
from rollout.ports.errors import Conflict, NotFound, Rejected
from tests.contracts.kube_api.widgets import CONFIGMAPS, WIDGETS, labelled, widget


async def test_a_change_of_the_spec_counts_a_generation(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a", size=1))

    changed = await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"size": 2}})

    assert changed["metadata"]["generation"] == 2


async def test_a_change_of_labels_counts_no_generation(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a", size=1))

    changed = await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"metadata": {"labels": {"team": "pay"}}})

    assert changed["metadata"]["generation"] == 1
    assert changed["metadata"]["labels"] == {"team": "pay"}


async def test_status_is_dropped_when_an_object_is_created(api: KubeApi) -> None:
    created = await api.create(WIDGETS, {**widget("a"), "status": {"phase": "Done"}})

    assert "status" not in created


async def test_a_patch_of_status_changes_the_status_alone(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a", size=1))

    both = {"spec": {"size": 9}, "status": {"phase": "Done"}}
    changed = await api.patch(f"{WIDGETS}/a/status", Patch.MERGE, both)

    assert changed["spec"] == {"size": 1}
    assert changed["status"] == {"phase": "Done"}
    assert changed["metadata"]["generation"] == 1


async def test_a_patch_of_the_object_leaves_the_status(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a", size=1))
    await api.patch(f"{WIDGETS}/a/status", Patch.MERGE, {"status": {"phase": "Done"}})

    changed = await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"size": 2}, "status": {"phase": "Lost"}})

    assert changed["status"] == {"phase": "Done"}


async def test_a_kind_without_status_has_no_such_path(api: KubeApi) -> None:
    await api.create(CONFIGMAPS, {"metadata": {"name": "a"}})

    with pytest.raises(NotFound):
        await api.get(f"{CONFIGMAPS}/a/status")


async def test_a_merge_patch_from_an_old_resource_version_conflicts(api: KubeApi) -> None:
    old = await api.create(WIDGETS, widget("a", size=1))
    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"size": 2}})

    stale = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "spec": {"size": 3}}
    with pytest.raises(Conflict):
        await api.patch(f"{WIDGETS}/a", Patch.MERGE, stale)


async def test_a_json_patch_that_sets_an_old_resource_version_conflicts(api: KubeApi) -> None:
    old = await api.create(WIDGETS, widget("a", size=1))
    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"size": 2}})

    operations: list[dict[str, Any]] = [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": old["metadata"]["resourceVersion"]},
        {"op": "replace", "path": "/spec/size", "value": 3},
    ]
    with pytest.raises(Conflict):
        await api.patch(f"{WIDGETS}/a", Patch.JSON, operations)


async def test_a_json_patch_with_the_current_resource_version_is_stored(api: KubeApi) -> None:
    created = await api.create(WIDGETS, widget("a", size=1))

    operations: list[dict[str, Any]] = [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": created["metadata"]["resourceVersion"]},
        {"op": "test", "path": "/spec/size", "value": 1},
        {"op": "replace", "path": "/spec/size", "value": 3},
    ]
    changed = await api.patch(f"{WIDGETS}/a", Patch.JSON, operations)

    assert changed["spec"] == {"size": 3}


async def test_a_failed_test_in_a_json_patch_conflicts_and_changes_nothing(api: KubeApi) -> None:
    created = await api.create(WIDGETS, widget("a", size=1))

    operations: list[dict[str, Any]] = [
        {"op": "replace", "path": "/spec/size", "value": 3},
        {"op": "test", "path": "/metadata/resourceVersion", "value": "0"},
    ]
    with pytest.raises(Conflict):
        await api.patch(f"{WIDGETS}/a", Patch.JSON, operations)

    assert await api.get(f"{WIDGETS}/a") == created


async def test_a_write_that_changes_nothing_keeps_the_resource_version(api: KubeApi) -> None:
    created = await api.create(WIDGETS, widget("a", size=1))

    same = await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"size": 1}})

    assert same["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]


async def test_a_dry_run_stores_nothing(api: KubeApi) -> None:
    created = await api.create(WIDGETS, widget("a", size=1))

    answer = await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"size": 2}}, {"dryRun": "All"})

    assert answer["spec"] == {"size": 2}
    assert await api.get(f"{WIDGETS}/a") == created


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/spec/colour"},
        {"op": "test", "path": "/spec/colour", "value": "red"},
        {"op": "replace", "path": "/spec/routes/1", "value": 2},
        {"op": "replace", "path": "/spec/nothing/size", "value": 2},
        {"op": "add", "path": "/spec/nothing/size", "value": 2},
        {"op": "add", "path": "/spec/routes/2", "value": 2},
    ],
    ids=lambda operation: f"{operation['op']} {operation['path']}",
)
async def test_a_json_patch_for_what_is_not_there_conflicts(api: KubeApi, operation: dict[str, Any]) -> None:
    await api.create(WIDGETS, widget("a", size=1, routes=[1]))

    with pytest.raises(Conflict):
        await api.patch(f"{WIDGETS}/a", Patch.JSON, [operation])


async def test_replacing_a_name_that_is_not_there_adds_it(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a", size=1))

    operations = [{"op": "replace", "path": "/spec/colour", "value": "red"}]
    changed = await api.patch(f"{WIDGETS}/a", Patch.JSON, operations)

    assert changed["spec"] == {"size": 1, "colour": "red"}


async def test_a_malformed_json_patch_is_rejected(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a", size=1))

    with pytest.raises(Rejected):
        await api.patch(f"{WIDGETS}/a", Patch.JSON, {"spec": {"size": 2}})


async def test_a_patch_of_a_missing_object_is_not_found(api: KubeApi) -> None:
    with pytest.raises(NotFound):
        await api.patch(f"{WIDGETS}/nobody", Patch.MERGE, {"spec": {"size": 1}})


async def test_a_patch_for_another_uid_is_rejected(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a", size=1))

    with pytest.raises(Rejected):
        await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"metadata": {"uid": "another"}, "spec": {"size": 2}})


async def test_a_patch_of_status_leaves_the_labels(api: KubeApi) -> None:
    await api.create(WIDGETS, labelled("a", tier="web"))

    both = {"metadata": {"labels": {"tier": "db"}}, "status": {"phase": "Done"}}
    changed = await api.patch(f"{WIDGETS}/a/status", Patch.MERGE, both)

    assert changed["metadata"]["labels"] == {"tier": "web"}


async def test_a_status_patch_from_an_old_resource_version_conflicts(api: KubeApi) -> None:
    old = await api.create(WIDGETS, widget("a", size=1))
    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"size": 2}})

    stale = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "status": {"phase": "Done"}}
    with pytest.raises(Conflict):
        await api.patch(f"{WIDGETS}/a/status", Patch.MERGE, stale)
