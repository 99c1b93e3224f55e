"""Which behaviour of the Kubernetes API do the adapters rely on, whoever serves it?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from adapters.kube.api import KubeApi, Patch
from adapters.kube.client import HttpApi
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.face import start_face
from rollout.ports.errors import Conflict, Expired, KindAbsent, NotFound, Rejected, Unreachable

GROUP = "contract.example.org"
NAMESPACE = "kube-api-contract"  # one for all tests: a real server is shared, and emptied in between
WIDGETS = f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/widgets"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CONFIGMAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
TIMEOUT = 20


def crd(plural: str, kind: str) -> dict[str, Any]:
    conditions = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"type": "string"}, "status": {"type": "string"}},
        },
    }
    status = {"type": "object", "properties": {"phase": {"type": "string"}, "conditions": conditions}}
    plan = {
        "type": "object",
        "required": ["mode"],
        "properties": {
            "mode": {"type": "string", "enum": ["Auto", "Manual"]},
            "percent": {"type": "integer", "minimum": 0, "maximum": 100, "default": 5},
            "note": {"type": "string", "maxLength": 4},
            "tags": {"type": "array", "maxItems": 2, "items": {"type": "string", "pattern": "^[a-z]+$"}},
            "extra": {"type": "object", "additionalProperties": {"type": "boolean"}},
        },
    }
    spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"plan": plan}}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    version = {"served": True, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [{**version, "name": "v1", "storage": True}, {**version, "name": "v1beta1", "storage": False}],
        },
    }


def widget(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


def labelled(name: str, **labels: str) -> dict[str, Any]:
    return {**widget(name), "metadata": {"name": name, "labels": labels}}


@pytest.fixture(params=["direct", "http", pytest.param("real", marks=pytest.mark.server)])
async def api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[KubeApi]:
    """An empty namespace on a server that serves widgets: in process, over HTTP, and a real kube-apiserver."""
    async with AsyncExitStack() as stack:
        if request.param == "real":
            client = await HttpApi.connect(str(request.getfixturevalue("apiserver").kubeconfig("admin")))
            stack.push_async_callback(client.close)
            await prepare(client)
            yield client
            return
        cluster = MemoryCluster()
        await prepare(DirectApi(cluster))
        cluster.compact()
        yield DirectApi(cluster) if request.param == "direct" else await over_http(cluster, tmp_path, stack)


async def over_http(cluster: MemoryCluster, directory: Path, stack: AsyncExitStack) -> HttpApi:
    """A client of the cluster's HTTP face, as kubectl would find it."""
    face = await start_face(cluster)
    stack.push_async_callback(face.close)
    client = await HttpApi.connect(str(face.kubeconfig(directory / "kubeconfig")))
    stack.push_async_callback(client.close)
    return client


async def prepare(server: KubeApi) -> None:
    """See that the namespace is there and empty, and that widgets are served."""
    for path, body in (
        ("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        (CRDS, crd("widgets", "Widget")),
    ):
        with suppress(Conflict):
            await server.create(path, body)
    await until_served(server, WIDGETS)
    await server.delete(WIDGETS)
    for path in (f"{CONFIGMAPS}/a", f"{DEPLOYMENTS}/a"):
        with suppress(NotFound):
            await server.delete(path)


async def seen(api: KubeApi, query: dict[str, str], count: int) -> list[dict[str, Any]]:
    """The first `count` events of a watch on widgets."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(TIMEOUT):
        async for event in api.watch(WIDGETS, {"timeoutSeconds": "10", **query}):
            found.append(event)
            if len(found) == count:
                break
    return found


async def test_a_created_object_has_uid_generation_and_resource_version(api: KubeApi) -> None:
    created = await api.create(WIDGETS, widget("a", size=1))

    meta = created["metadata"]
    assert meta["namespace"] == NAMESPACE
    assert meta["generation"] == 1
    assert meta["uid"]
    assert int(meta["resourceVersion"]) > 0
    assert meta["creationTimestamp"].endswith("Z")


async def test_a_created_object_can_be_read_back(api: KubeApi) -> None:
    created = await api.create(WIDGETS, widget("a", size=1))

    found = await api.get(f"{WIDGETS}/a")

    assert found == created


async def test_a_name_is_taken_only_once(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a"))

    with pytest.raises(Conflict):
        await api.create(WIDGETS, widget("a"))


async def test_generate_name_makes_different_names(api: KubeApi) -> None:
    body = {**widget(""), "metadata": {"generateName": "cmd-"}}

    names = {(await api.create(WIDGETS, body))["metadata"]["name"] for _ in range(3)}

    assert len(names) == 3
    assert all(name.startswith("cmd-") for name in names)


async def test_a_missing_object_is_not_found(api: KubeApi) -> None:
    with pytest.raises(NotFound) as caught:
        await api.get(f"{WIDGETS}/nobody")

    assert not isinstance(caught.value, KindAbsent)


async def test_a_kind_that_is_not_served_is_absent(api: KubeApi) -> None:
    with pytest.raises(KindAbsent):
        await api.get("/apis/nowhere.example.org/v1/namespaces/default/things")


async def test_nothing_is_created_in_a_namespace_that_does_not_exist(api: KubeApi) -> None:
    with pytest.raises(NotFound):
        await api.create(f"/apis/{GROUP}/v1/namespaces/nowhere/widgets", widget("a"))


async def test_a_body_of_another_kind_is_rejected(api: KubeApi) -> None:
    with pytest.raises(Rejected):
        await api.create(WIDGETS, {**widget("a"), "kind": "Gadget"})


async def test_a_name_that_is_no_dns_name_is_rejected(api: KubeApi) -> None:
    with pytest.raises(Rejected):
        await api.create(WIDGETS, widget("Not_A_Name"))


async def test_every_served_version_shows_the_same_object(api: KubeApi) -> None:
    created = await api.create(WIDGETS, widget("a", size=1))

    older = await api.get(f"{WIDGETS}/a".replace("/v1/", "/v1beta1/"))

    assert older["apiVersion"] == f"{GROUP}/v1beta1"
    assert older["metadata"]["uid"] == created["metadata"]["uid"]
    assert older["spec"] == {"size": 1}


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


async def test_a_deleted_object_is_gone(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a"))

    await api.delete(f"{WIDGETS}/a")

    with pytest.raises(NotFound):
        await api.get(f"{WIDGETS}/a")


async def test_a_deletion_meant_for_another_uid_conflicts(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a"))

    with pytest.raises(Conflict):
        await api.delete(f"{WIDGETS}/a", {"preconditions": {"uid": "another"}})

    assert (await api.get(f"{WIDGETS}/a"))["metadata"]["name"] == "a"


async def test_a_finalizer_holds_an_object_until_it_is_taken_off(api: KubeApi) -> None:
    await api.create(WIDGETS, {**widget("a"), "metadata": {"name": "a", "finalizers": ["example.org/wait"]}})
    await api.delete(f"{WIDGETS}/a")
    held = await api.get(f"{WIDGETS}/a")

    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"metadata": {"finalizers": None}})

    assert held["metadata"]["deletionTimestamp"]
    with pytest.raises(NotFound):
        await api.get(f"{WIDGETS}/a")


async def test_a_list_selects_by_label(api: KubeApi) -> None:
    await api.create(WIDGETS, labelled("a", tier="web", team="pay"))
    await api.create(WIDGETS, labelled("b", tier="db"))
    await api.create(WIDGETS, widget("c"))

    async def names(selector: str) -> list[str]:
        found = await api.get(WIDGETS, {"labelSelector": selector})
        return [item["metadata"]["name"] for item in found["items"]]

    assert await names("tier=web") == ["a"]
    assert await names("tier!=web") == ["b", "c"]
    assert await names("tier in (web,db),team") == ["a"]
    assert await names("tier notin (web)") == ["b", "c"]
    assert await names("!tier") == ["c"]


async def test_a_list_selects_by_name(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a"))
    await api.create(WIDGETS, widget("b"))

    found = await api.get(WIDGETS, {"fieldSelector": "metadata.name=b"})

    assert [item["metadata"]["name"] for item in found["items"]] == ["b"]


async def test_a_list_over_all_namespaces_shows_this_one(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a"))

    found = await api.get(f"/apis/{GROUP}/v1/widgets", {"fieldSelector": f"metadata.namespace={NAMESPACE}"})

    assert found["kind"] == "WidgetList"
    assert [item["metadata"]["name"] for item in found["items"]] == ["a"]


async def test_the_pages_of_a_list_are_one_snapshot(api: KubeApi) -> None:
    for name in "abc":
        await api.create(WIDGETS, widget(name))
    first = await api.get(WIDGETS, {"limit": "2"})
    await api.delete(f"{WIDGETS}/c")

    second = await api.get(WIDGETS, {"limit": "2", "continue": first["metadata"]["continue"]})

    names = [item["metadata"]["name"] for page in (first, second) for item in page["items"]]
    assert names == ["a", "b", "c"]
    assert not second["metadata"].get("continue")


async def test_a_watch_tells_what_happened_since_a_list(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a", size=1))
    revision = (await api.get(WIDGETS))["metadata"]["resourceVersion"]
    await api.create(WIDGETS, widget("b"))
    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"size": 2}})
    await api.delete(f"{WIDGETS}/b")

    events = await seen(api, {"resourceVersion": revision}, 3)

    told = [(event["type"], event["object"]["metadata"]["name"]) for event in events]
    assert told == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]


async def test_a_watch_wakes_when_something_is_written_later(api: KubeApi) -> None:
    revision = (await api.get(WIDGETS))["metadata"]["resourceVersion"]
    watcher = asyncio.create_task(seen(api, {"resourceVersion": revision}, 1))
    await asyncio.sleep(0)

    await api.create(WIDGETS, widget("late"))

    assert [event["object"]["metadata"]["name"] for event in await watcher] == ["late"]


async def test_leaving_the_selection_of_a_watch_is_a_deletion(api: KubeApi) -> None:
    revision = (await api.get(WIDGETS))["metadata"]["resourceVersion"]
    await api.create(WIDGETS, labelled("a", tier="web"))
    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"metadata": {"labels": {"tier": "db"}}})

    events = await seen(api, {"resourceVersion": revision, "labelSelector": "tier=web"}, 2)

    assert [event["type"] for event in events] == ["ADDED", "DELETED"]


async def test_a_watch_ends_by_itself_after_its_time(api: KubeApi) -> None:
    revision = (await api.get(WIDGETS))["metadata"]["resourceVersion"]

    events = await seen(api, {"resourceVersion": revision, "timeoutSeconds": "1"}, 1)

    assert events == []


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


async def test_a_deletion_that_a_finalizer_holds_is_a_change_and_a_generation(api: KubeApi) -> None:
    created = await api.create(WIDGETS, {**widget("a"), "metadata": {"name": "a", "finalizers": ["example.org/wait"]}})
    await api.delete(f"{WIDGETS}/a")
    await api.patch(f"{WIDGETS}/a", Patch.JSON, [{"op": "remove", "path": "/metadata/finalizers"}])

    events = await seen(api, {"resourceVersion": created["metadata"]["resourceVersion"]}, 2)

    assert [(event["type"], event["object"]["metadata"]["generation"]) for event in events] == [
        ("MODIFIED", 2),
        ("DELETED", 2),
    ]


async def test_a_deletion_is_told_under_its_own_resource_version(api: KubeApi) -> None:
    created = await api.create(WIDGETS, widget("a", size=1))
    await api.delete(f"{WIDGETS}/a")

    (event,) = await seen(api, {"resourceVersion": created["metadata"]["resourceVersion"]}, 1)

    assert event["object"]["spec"] == {"size": 1}
    assert int(event["object"]["metadata"]["resourceVersion"]) > int(created["metadata"]["resourceVersion"])


async def test_a_watch_of_one_name_tells_of_it_alone(api: KubeApi) -> None:
    revision = (await api.get(WIDGETS))["metadata"]["resourceVersion"]
    for name in "ab":
        await api.create(WIDGETS, widget(name))

    events = await seen(api, {"resourceVersion": revision, "fieldSelector": "metadata.name=b"}, 1)

    assert [event["object"]["metadata"]["name"] for event in events] == ["b"]


async def test_the_initial_events_of_a_watch_end_with_a_bookmark(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a"))

    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    added, bookmark = await seen(api, query, 2)

    assert (added["type"], bookmark["type"]) == ("ADDED", "BOOKMARK")
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_field_that_cannot_be_selected_by_is_rejected(api: KubeApi) -> None:
    with pytest.raises(Rejected):
        await api.get(WIDGETS, {"fieldSelector": "spec.size=1"})


async def test_a_selector_that_makes_no_sense_is_rejected(api: KubeApi) -> None:
    with pytest.raises(Rejected):
        await api.get(WIDGETS, {"labelSelector": "a in b"})


async def test_only_some_kinds_have_a_generation(api: KubeApi) -> None:
    config = await api.create(CONFIGMAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
    created = await api.create(WIDGETS, widget("a"))

    assert "generation" not in config["metadata"]
    assert created["metadata"]["generation"] == 1


@pytest.mark.parametrize(
    ("plan", "stored"),
    [
        ({"mode": "Auto"}, {"mode": "Auto", "percent": 5}),
        ({"mode": "Auto", "percent": 0, "unknown": 1}, {"mode": "Auto", "percent": 0}),
        ({"mode": "Auto", "percent": None}, {"mode": "Auto", "percent": 5}),
        ({"mode": "Auto", "note": None, "extra": {"x": True}}, {"mode": "Auto", "percent": 5, "extra": {"x": True}}),
    ],
)
async def test_a_schema_fills_in_defaults_and_cuts_off_what_it_does_not_know(
    api: KubeApi, plan: dict[str, Any], stored: dict[str, Any]
) -> None:
    created = await api.create(WIDGETS, widget("a", plan=plan))

    assert created["spec"]["plan"] == stored


@pytest.mark.parametrize(
    "plan",
    [
        {},
        "Auto",
        {"mode": "Sometimes"},
        {"mode": "Auto", "percent": "5"},
        {"mode": "Auto", "percent": True},
        {"mode": "Auto", "percent": 101},
        {"mode": "Auto", "percent": -1},
        {"mode": "Auto", "note": "longer"},
        {"mode": "Auto", "tags": ["a", "b", "c"]},
        {"mode": "Auto", "tags": ["A"]},
        {"mode": "Auto", "extra": {"x": 1}},
    ],
)
async def test_what_the_schema_forbids_is_rejected(api: KubeApi, plan: Any) -> None:
    with pytest.raises(Rejected, match=r"spec\.plan"):
        await api.create(WIDGETS, widget("a", plan=plan))


async def test_a_patch_with_unknown_fields_alone_changes_nothing(api: KubeApi) -> None:
    created = await api.create(WIDGETS, widget("a", plan={"mode": "Auto"}))

    same = await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"plan": {"unknown": 1}}})

    assert same == created


async def test_a_definition_without_a_group_is_rejected(api: KubeApi) -> None:
    body = crd("things", "Thing")
    del body["spec"]["group"]

    with pytest.raises(Rejected):
        await api.create(CRDS, body)


async def test_each_writer_manages_what_it_wrote_last(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a", size=1, colour="red"), {"fieldManager": "ana"})
    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"size": 2}}, {"fieldManager": "bob"})
    await api.patch(f"{WIDGETS}/a/status", Patch.MERGE, {"status": {"phase": "Done"}}, {"fieldManager": "bob"})

    found = await api.get(f"{WIDGETS}/a")

    managed = {(e["manager"], e.get("subresource", "")): e["fieldsV1"] for e in found["metadata"]["managedFields"]}
    assert managed[("ana", "")]["f:spec"].keys() - {"."} == {"f:colour"}
    assert managed[("bob", "")]["f:spec"].keys() - {"."} == {"f:size"}
    assert managed[("bob", "status")]["f:status"].keys() - {"."} == {"f:phase"}


async def test_a_forced_apply_leaves_the_other_manager_the_rest(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1, colour="red"))
    await apply(api, "bob", widget("a", size=2), force="true")

    found = await apply(api, "ana", widget("a", colour="blue"))

    assert found["spec"] == {"size": 2, "colour": "blue"}


async def test_the_message_of_a_conflict_names_the_field(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1))

    with pytest.raises(Conflict, match=r"\.spec\.size"):
        await apply(api, "bob", widget("a", size=2))


async def test_appliers_of_a_deployment_share_its_containers_by_name(api: KubeApi) -> None:
    labels = {"app": "a"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod},
    }
    await api.patch(f"{DEPLOYMENTS}/a", Patch.APPLY, body, {"fieldManager": "ana"})
    sidecar = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "side:1"}]}}}}
    extra = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, **sidecar}

    both = await api.patch(f"{DEPLOYMENTS}/a", Patch.APPLY, extra, {"fieldManager": "bob"})

    assert [c["name"] for c in both["spec"]["template"]["spec"]["containers"]] == ["app", "side"]


async def apply(api: KubeApi, manager: str, body: dict[str, Any], **query: str) -> dict[str, Any]:
    """A server-side apply of a widget by `manager`."""
    path = f"{WIDGETS}/{body['metadata']['name']}"
    return await api.patch(path, Patch.APPLY, body, {"fieldManager": manager, **query})


async def test_an_apply_makes_a_missing_object(api: KubeApi) -> None:
    made = await apply(api, "ana", widget("a", size=1))

    assert made["spec"] == {"size": 1}
    assert made["metadata"]["managedFields"][0]["manager"] == "ana"
    assert made["metadata"]["managedFields"][0]["fieldsV1"] == {"f:spec": {"f:size": {}}}


async def test_applying_the_same_twice_changes_nothing(api: KubeApi) -> None:
    first = await apply(api, "ana", widget("a", size=1))

    second = await apply(api, "ana", widget("a", size=1))

    assert second == first


async def test_an_apply_leaves_the_fields_of_others(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1))

    both = await apply(api, "bob", widget("a", colour="red"))

    assert both["spec"] == {"size": 1, "colour": "red"}


async def test_a_field_that_an_applier_no_longer_lists_goes(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1, colour="red"))

    fewer = await apply(api, "ana", widget("a", size=1))

    assert fewer["spec"] == {"size": 1}


async def test_a_field_that_another_applier_lists_too_stays(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1, colour="red"))
    await apply(api, "bob", widget("a", colour="red"))

    fewer = await apply(api, "ana", widget("a", size=1))

    assert fewer["spec"] == {"size": 1, "colour": "red"}


async def test_applying_another_value_for_the_field_of_another_conflicts_by_name(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1))

    with pytest.raises(Conflict, match="ana"):
        await apply(api, "bob", widget("a", size=2))


async def test_a_patch_takes_over_the_fields_that_it_changes(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1))
    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"size": 2}}, {"fieldManager": "hand"})

    with pytest.raises(Conflict, match="hand"):
        await apply(api, "ana", widget("a", size=1))


async def test_a_forced_apply_takes_the_field_over(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1))

    forced = await apply(api, "bob", widget("a", size=2), force="true")

    assert forced["spec"] == {"size": 2}
    assert [entry["manager"] for entry in forced["metadata"]["managedFields"]] == ["bob"]


async def test_two_appliers_share_a_list_of_conditions(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a"))

    for manager, condition in (("ana", "Ready"), ("bob", "Frozen")):
        status = {"conditions": [{"type": condition, "status": "True"}]}
        body = {**widget("a"), "status": status}
        del body["spec"]
        await api.patch(f"{WIDGETS}/a/status", Patch.APPLY, body, {"fieldManager": manager})

    found = await api.get(f"{WIDGETS}/a")
    assert {condition["type"] for condition in found["status"]["conditions"]} == {"Ready", "Frozen"}


async def test_a_list_without_keys_belongs_to_one_applier(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", routes=[{"weight": 100}]))

    with pytest.raises(Conflict, match="ana"):
        await apply(api, "bob", widget("a", routes=[{"weight": 90}]))


async def test_an_apply_from_an_old_resource_version_conflicts(api: KubeApi) -> None:
    old = await apply(api, "ana", widget("a", size=1))
    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"metadata": {"labels": {"team": "pay"}}})

    body = widget("a", size=2)
    body["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
    with pytest.raises(Conflict):
        await apply(api, "ana", body)


async def test_an_apply_without_a_manager_is_rejected(api: KubeApi) -> None:
    with pytest.raises(Rejected):
        await api.patch(f"{WIDGETS}/a", Patch.APPLY, widget("a", size=1))


async def test_a_compacted_revision_is_expired(api: KubeApi) -> None:
    with pytest.raises(Expired):
        await seen(api, {"resourceVersion": "1"}, 1)


async def test_a_review_of_ones_own_access_answers(api: KubeApi) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    wanted = {"group": GROUP, "resource": "widgets", "verb": "get", "namespace": NAMESPACE}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "metadata": {},
        "spec": {"resourceAttributes": wanted},
    }

    answer = await api.create(path, body)

    assert answer["status"]["allowed"] is True


async def test_a_kind_is_served_no_more_once_its_definition_is_deleted(api: KubeApi) -> None:
    gadgets = f"/apis/{GROUP}/v1/gadgets"
    await api.create(CRDS, crd("gadgets", "Gadget"))
    await until_served(api, gadgets)

    await api.delete(f"{CRDS}/gadgets.{GROUP}")

    await until_absent(api, gadgets)


async def until_served(api: KubeApi, path: str) -> None:
    """Wait until a GET of `path` is answered; a real server needs a moment for a new definition."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            with suppress(KindAbsent, Unreachable):  # 429 while the storage of a new kind is made
                await api.get(path)
                return
            await asyncio.sleep(0.1)


async def until_absent(api: KubeApi, path: str) -> None:
    """Wait until the kind at `path` is served no more."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            try:
                await api.get(path)
            except KindAbsent:
                return
            await asyncio.sleep(0.1)
