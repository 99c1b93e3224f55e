"""Does `KubeObjects` keep the contracts of `ports.objects.Objects` and `ObjectWrites` on every API server?"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any, cast

import pytest

from adapters.kube.api import KubeApi, Patch
from adapters.kube.client import HttpApi
from adapters.kube.objects import KubeObjects
from adapters.memory.access import Asked
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.face import start_face
from rollout.ports.errors import Conflict, KindAbsent, NotFound, Rejected, Unreachable
from rollout.ports.objects import Change

NAMESPACE = f"objects-{secrets.token_hex(3)}"
TIMEOUT = 20


@pytest.fixture(params=["direct", "http", pytest.param("real", marks=pytest.mark.server)])
async def api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[KubeApi]:
    """An API server with a namespace of this file's own."""
    async with AsyncExitStack() as stack:
        if request.param == "real":
            client = await HttpApi.connect(str(request.getfixturevalue("apiserver").kubeconfig("admin")))
            stack.push_async_callback(client.close)
            server: KubeApi = client
        else:
            cluster = MemoryCluster.with_kinds("VirtualService")
            server = DirectApi(cluster)
            if request.param == "http":
                face = await start_face(cluster)
                stack.push_async_callback(face.close)
                server = client = await HttpApi.connect(str(face.kubeconfig(tmp_path / "kubeconfig")))
                stack.push_async_callback(client.close)
        objects = KubeObjects(server)
        await objects.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        for found in await objects.list("ConfigMap", NAMESPACE):
            await objects.delete("ConfigMap", NAMESPACE, found["metadata"]["name"])
        yield server


@pytest.fixture
def objects(api: KubeApi) -> KubeObjects:
    return KubeObjects(api)


def a_map(name: str, labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


async def test_an_object_is_read_as_it_was_created(objects: KubeObjects) -> None:
    await objects.create(a_map("one", colour="red"))

    found = await objects.get("ConfigMap", NAMESPACE, "one")

    assert (found["kind"], found["data"]) == ("ConfigMap", {"colour": "red"})


async def test_an_object_that_is_not_there_is_not_found(objects: KubeObjects) -> None:
    with pytest.raises(NotFound) as caught:
        await objects.get("ConfigMap", NAMESPACE, "nobody")

    assert not isinstance(caught.value, KindAbsent)


async def test_a_kind_that_nobody_serves_is_absent(objects: KubeObjects) -> None:
    with pytest.raises(KindAbsent):
        await objects.get("Nonsense", NAMESPACE, "one")


async def test_a_kind_of_ours_whose_definition_is_missing_is_absent() -> None:
    objects = KubeObjects(DirectApi(MemoryCluster()))

    with pytest.raises(KindAbsent):
        await objects.list("Rollout", "default")


@pytest.mark.parametrize("api", ["http", pytest.param("real", marks=pytest.mark.server)], indirect=True)
async def test_a_kind_that_we_have_no_row_for_is_found_by_asking(objects: KubeObjects) -> None:
    found = await objects.list("ReplicaSet", NAMESPACE)

    assert found == ()


async def test_an_older_version_is_read_where_the_newest_is_not_served() -> None:
    cluster = MemoryCluster()
    cluster.seed(_only_v1beta1())
    objects = KubeObjects(DirectApi(cluster))

    assert await objects.list("VirtualService", "default") == ()


async def test_a_list_is_in_order_and_holds_only_what_the_selector_takes(objects: KubeObjects) -> None:
    for name, colour in (("c", "red"), ("a", "red"), ("b", "blue")):
        await objects.create(a_map(name, labels={"colour": colour}))

    found = await objects.list("ConfigMap", NAMESPACE, "colour=red")

    assert [(item["kind"], item["metadata"]["name"]) for item in found] == [("ConfigMap", "a"), ("ConfigMap", "c")]


async def test_a_watch_tells_what_is_there_and_then_what_changes(api: KubeApi, objects: KubeObjects) -> None:
    await objects.create(a_map("one"))
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/one"
    told: list[tuple[str, str]] = []

    async with asyncio.timeout(TIMEOUT), aclosing(_watched(objects)) as changes:
        async for change in changes:
            told.append((change.type, change.obj["metadata"]["name"]))
            match len(told):
                case 1:
                    await api.patch(path, Patch.MERGE, {"data": {"a": "b"}})
                case 2:
                    await objects.delete("ConfigMap", NAMESPACE, "one")
                case _:
                    break

    assert told == [("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one")]


async def test_a_watch_of_one_name_tells_nothing_of_others(objects: KubeObjects) -> None:
    await objects.create(a_map("other"))
    await objects.create(a_map("one"))

    async with asyncio.timeout(TIMEOUT), aclosing(_watched(objects, "one")) as changes:
        first = await anext(changes)

    assert first.obj["metadata"]["name"] == "one"


async def test_a_watch_goes_on_when_the_server_has_forgotten_its_history() -> None:
    cluster = MemoryCluster()
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    objects = KubeObjects(DirectApi(cluster))
    await objects.create(a_map("one"))

    async with asyncio.timeout(TIMEOUT), aclosing(_watched(objects)) as changes:
        before = await anext(changes)
        cluster.seed(a_map("two"))
        cluster.compact()
        after = await anext(changes)

    assert [before.obj["metadata"]["name"], after.obj["metadata"]["name"]] == ["one", "two"]


async def test_an_outage_ends_no_watch() -> None:
    cluster = MemoryCluster()
    cluster.seed(a_map("one"))
    objects = KubeObjects(DirectApi(cluster))

    async with asyncio.timeout(TIMEOUT), aclosing(_watched(objects)) as changes:
        await anext(changes)
        cluster.faults.fail_all(Unreachable("away"))
        waiting = asyncio.create_task(_next(changes))
        await asyncio.sleep(0)
        cluster.faults.recover()
        cluster.seed(a_map("two"))
        after = await waiting

    assert after.obj["metadata"]["name"] == "two"


async def test_a_name_that_is_taken_is_a_conflict(objects: KubeObjects) -> None:
    await objects.create(a_map("one"))

    with pytest.raises(Conflict):
        await objects.create(a_map("one"))


async def test_a_manifest_without_a_namespace_is_refused_where_it_needs_one(objects: KubeObjects) -> None:
    with pytest.raises(Rejected, match="namespace"):
        await objects.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}})


async def test_what_another_manager_applied_is_a_conflict_that_names_it(api: KubeApi, objects: KubeObjects) -> None:
    await _applied_by(api, "flux", a_map("one", colour="red"))

    with pytest.raises(Conflict, match="flux"):
        await objects.apply(a_map("one", colour="blue"))


async def test_a_dry_run_shows_what_would_go_and_stores_nothing(api: KubeApi, objects: KubeObjects) -> None:
    await _applied_by(api, "flux", a_map("one", colour="red", size="xl"))

    shown = await objects.apply(a_map("one", colour="blue"), dry_run=True)

    stored = await objects.get("ConfigMap", NAMESPACE, "one")
    assert (shown["data"], stored["data"]) == ({"colour": "blue"}, {"colour": "red", "size": "xl"})


async def test_a_patch_changes_what_it_names_and_is_a_conflict_when_its_test_fails(objects: KubeObjects) -> None:
    await objects.create(a_map("one", colour="red"))
    same = {"op": "test", "path": "/data/colour", "value": "red"}
    change = {"op": "replace", "path": "/data/colour", "value": "blue"}

    changed = await objects.patch("ConfigMap", NAMESPACE, "one", [same, change])
    with pytest.raises(Conflict):
        await objects.patch("ConfigMap", NAMESPACE, "one", [same, change])
    with pytest.raises(NotFound):
        await objects.patch("ConfigMap", NAMESPACE, "nobody", [change])

    assert changed["data"] == {"colour": "blue"}


async def test_deleting_twice_is_fine(objects: KubeObjects) -> None:
    await objects.create(a_map("one"))

    await objects.delete("ConfigMap", NAMESPACE, "one")
    await objects.delete("ConfigMap", NAMESPACE, "one")

    assert await objects.list("ConfigMap", NAMESPACE) == ()


async def test_the_server_says_who_we_are(objects: KubeObjects) -> None:
    user, groups = await objects.whoami()

    assert user
    assert "system:authenticated" in groups


async def test_what_may_be_done_is_asked_of_the_server() -> None:
    cluster = MemoryCluster.with_kinds("VirtualService")
    cluster.allows = _reads_only
    objects = KubeObjects(DirectApi(cluster))

    answers = [await objects.allowed(verb, "VirtualService", "shop") for verb in ("get", "patch")]

    assert answers == [True, False]


async def test_nothing_may_be_done_with_a_kind_that_is_not_served(objects: KubeObjects) -> None:
    assert not await objects.allowed("get", "Nonsense", NAMESPACE)


def _reads_only(asked: Asked) -> bool:
    return asked.verb in ("get", "list")


def _watched(objects: KubeObjects, name: str = "") -> Any:
    selected = objects.watch("ConfigMap", NAMESPACE, name)
    return cast("Any", _without_root_ca(selected))


async def _without_root_ca(changes: AsyncIterator[Change]) -> AsyncIterator[Change]:
    async for change in changes:
        if change.obj["metadata"]["name"] != "kube-root-ca.crt":  # a real cluster puts one into every namespace
            yield change


async def _next(changes: AsyncIterator[Change]) -> Change:
    return await anext(changes)


async def _applied_by(api: KubeApi, manager: str, obj: dict[str, Any]) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{obj['metadata']['name']}"
    await api.patch(path, Patch.APPLY, obj, {"fieldManager": manager})


def _only_v1beta1() -> dict[str, Any]:
    group = "networking.istio.io"
    version = {"name": "v1beta1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"virtualservices.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "VirtualService", "plural": "virtualservices"},
            "versions": [version],
        },
    }
