"""Does the memory cluster keep the rules that only it can be asked about?"""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.kube.api import Obj, Patch
from adapters.memory.access import Asked
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.ports.errors import Conflict, Forbidden, KindAbsent, NotFound, Rejected, Unreachable

CONFIGMAPS = "/api/v1/namespaces/shop/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
OUTAGE = Unreachable("the memory cluster is down")


def a_config(name: str, **data: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def a_shop(**settings: Any) -> tuple[MemoryCluster, DirectApi]:
    cluster = MemoryCluster(**settings)
    cluster.seed(a_config("a", x="1"))
    return cluster, DirectApi(cluster)


async def test_timestamps_come_from_the_clock_that_was_given() -> None:
    _, api = a_shop(now=lambda: datetime(2026, 11, 21, 12, 0, tzinfo=UTC))

    found = await api.get(f"{CONFIGMAPS}/a")

    assert found["metadata"]["creationTimestamp"] == "2026-11-21T12:00:00Z"


async def test_nobody_changes_the_store_through_what_he_was_given() -> None:
    _, api = a_shop()
    (await api.get(f"{CONFIGMAPS}/a"))["data"]["x"] = "2"

    found = await api.get(f"{CONFIGMAPS}/a")

    assert found["data"] == {"x": "1"}


async def test_seeding_keeps_the_status_and_makes_the_namespace() -> None:
    cluster, api = a_shop()
    meta = {"name": "web", "namespace": "new"}
    cluster.seed({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "status": {"readyReplicas": 2}})

    found = await api.get("/apis/apps/v1/namespaces/new/deployments/web")

    assert found["status"] == {"readyReplicas": 2}
    assert (await api.get("/api/v1/namespaces/new"))["status"]["phase"] == "Active"


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("VirtualService", "/apis/networking.istio.io/v1beta1/virtualservices"),
        ("DestinationRule", "/apis/networking.istio.io/v1/destinationrules"),
        ("HTTPRoute", "/apis/gateway.networking.k8s.io/v1/httproutes"),
        ("GRPCRoute", "/apis/gateway.networking.k8s.io/v1/grpcroutes"),
        ("TrafficSplit", "/apis/split.smi-spec.io/v1alpha4/trafficsplits"),
    ],
)
async def test_mesh_kinds_are_served_on_demand_only(kind: str, path: str) -> None:
    with_it, without_it = DirectApi(MemoryCluster.with_kinds(kind)), DirectApi(MemoryCluster())

    found = await with_it.get(path)

    assert found["items"] == []
    with pytest.raises(KindAbsent):
        await without_it.get(path)


async def test_an_event_is_the_same_object_in_both_of_its_groups() -> None:
    _cluster, api = a_shop()
    regarding = {"kind": "Rollout", "name": "checkout", "namespace": "shop"}
    body = {"metadata": {"name": "e"}, "reason": "WeightSet", "note": "5 %", "regarding": regarding}
    await api.create("/apis/events.k8s.io/v1/namespaces/shop/events", body)

    query = {"fieldSelector": "involvedObject.name=checkout"}
    (found,) = (await api.get("/api/v1/namespaces/shop/events", query))["items"]

    assert found["apiVersion"] == "v1"
    assert (found["message"], found["involvedObject"]) == ("5 %", regarding)


async def test_what_an_owner_owns_goes_with_it() -> None:
    cluster, api = a_shop()
    owner = await api.get(f"{CONFIGMAPS}/a")
    owned = a_config("owned")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": owner["metadata"]["uid"]}
    cluster.seed({**owned, "metadata": {**owned["metadata"], "ownerReferences": [reference]}})

    await api.delete(f"{CONFIGMAPS}/a")

    with pytest.raises(NotFound):
        await api.get(f"{CONFIGMAPS}/owned")


async def test_an_orphaned_object_outlives_its_owner() -> None:
    cluster, api = a_shop()
    owner = await api.get(f"{CONFIGMAPS}/a")
    owned = a_config("owned")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": owner["metadata"]["uid"]}
    cluster.seed({**owned, "metadata": {**owned["metadata"], "ownerReferences": [reference]}})

    await api.delete(f"{CONFIGMAPS}/a", {"propagationPolicy": "Orphan"})

    assert not (await api.get(f"{CONFIGMAPS}/owned"))["metadata"]["ownerReferences"]


async def test_a_deleted_namespace_takes_its_contents_along() -> None:
    _, api = a_shop()

    await api.delete("/api/v1/namespaces/shop")

    assert (await api.get("/api/v1/configmaps"))["items"] == []


async def test_an_admission_hook_refuses_a_change() -> None:
    def no_changes(operation: str, old: Obj | None, new: Obj | None) -> None:
        if operation == "UPDATE":
            raise Rejected("shop/a: data is immutable")

    _, api = a_shop(admission=(no_changes,))

    with pytest.raises(Rejected, match="immutable"):
        await api.patch(f"{CONFIGMAPS}/a", Patch.MERGE, {"data": {"x": "2"}})


async def test_who_may_not_write_is_forbidden() -> None:
    def only_reads(asked: Asked) -> bool:
        return asked.user.name != "viewer" or asked.verb in {"get", "list", "watch"}

    cluster, _ = a_shop(allows=only_reads)
    viewer = DirectApi(cluster, user="viewer")
    await viewer.get(f"{CONFIGMAPS}/a")

    with pytest.raises(Forbidden, match='User "viewer" cannot patch resource "configmaps"'):
        await viewer.patch(f"{CONFIGMAPS}/a", Patch.MERGE, {"data": {"x": "2"}})


async def test_two_definitions_of_one_name_conflict() -> None:
    cluster = MemoryCluster.with_kinds("HTTPRoute")
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    found = await DirectApi(cluster).get(f"{definitions}/httproutes.gateway.networking.k8s.io")
    again = {"metadata": {"name": found["metadata"]["name"]}, "spec": found["spec"]}

    with pytest.raises(Conflict):
        await DirectApi(cluster).create(definitions, again)


async def test_a_definition_that_serves_nothing_is_rejected() -> None:
    _, api = a_shop()

    with pytest.raises(Rejected, match=r"spec\.group"):
        await api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {"metadata": {"name": "x.y"}})
