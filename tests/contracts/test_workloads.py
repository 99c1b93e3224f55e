"""Does what the cache shows of workloads and endpoints keep the contract of `rollout.ports.workloads.Workloads`?"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.kube.workloads import ClusterWorkloads
from rollout.model.names import BackendName
from rollout.model.rollout import WorkloadRef
from tests.support.traffic_world import SERVERS, World, a_world

CHECKOUT = BackendName(service="checkout")
SUBSET = BackendName(service="checkout", subset="v2")
V2 = (("version", "v2"),)


@pytest.fixture(params=SERVERS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with a_world(request) as world:
        yield world


@pytest.fixture
def workloads(world: World) -> ClusterWorkloads:
    return ClusterWorkloads(world.cache)


def an_object(kind: str, name: str, labels: dict[str, str] | None = None, **content: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "shop", "labels": labels or {}}, **content}


def a_workload(kind: str = "Deployment", **status: Any) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": "checkout"}},
        "spec": {"containers": [{"name": "app", "image": "shop:2"}]},
    }
    spec: dict[str, Any] = {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "checkout"}},
        "template": template,
    }
    if kind == "DaemonSet":
        del spec["replicas"]
    if kind == "StatefulSet":
        spec["serviceName"] = "checkout"
    return an_object(kind, "checkout-v2", spec=spec, status=ONE_SEEN | status)


def a_service(name: str = "checkout", **spec: Any) -> dict[str, Any]:
    return an_object("Service", name, spec={"selector": {"app": name}, "ports": [{"port": 80}], **spec})


def an_endpoint(
    pod: str, address: str = "10.0.0.1", *, ready: bool | None = True, **conditions: bool
) -> dict[str, Any]:
    states = {**conditions, **({} if ready is None else {"ready": ready})}
    target = {"targetRef": {"kind": "Pod", "name": pod, "namespace": "shop"}} if pod else {}
    return {"addresses": [address], "conditions": states, **target}


def a_slice(*endpoints: dict[str, Any], name: str = "checkout-a", family: str = "IPv4") -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": "checkout"}
    return an_object("EndpointSlice", name, labels, addressType=family, endpoints=list(endpoints), ports=[])


def a_pod(name: str, version: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "app", "image": "shop:2"}]}
    return an_object("Pod", name, {"app": "checkout", "version": version}, spec=spec)


def a_rule(**labels: str) -> dict[str, Any]:
    spec = {"host": "checkout", "subsets": [{"name": "v2", "labels": labels}]}
    return an_object("DestinationRule", "checkout", spec=spec)


ONE_SEEN: dict[str, Any] = {"observedGeneration": 1}
ALL_NEW: dict[str, dict[str, int]] = {
    "Deployment": {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2},
    "StatefulSet": {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2},
    "DaemonSet": {
        "currentNumberScheduled": 2,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 2,
        "updatedNumberScheduled": 2,
        "numberReady": 2,
    },
}


@pytest.mark.parametrize("kind", sorted(ALL_NEW))
async def test_a_workload_with_all_pods_new_and_ready_is_settled(
    world: World, workloads: ClusterWorkloads, kind: str
) -> None:
    await world.put(a_workload(kind, **ALL_NEW[kind]))

    seen = workloads.workload(world.key.namespace, WorkloadRef(kind=kind, name="checkout-v2"), "v2")

    assert (seen.wanted, seen.ready, seen.settled) == (2, 2, True)


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 0, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2},
        {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 1},
        {"replicas": 3, "updatedReplicas": 2, "readyReplicas": 3},
        {"replicas": 2, "updatedReplicas": 1, "readyReplicas": 2},
        {},
    ],
    ids=["spec not seen", "one not ready", "an old one left", "one not updated", "nothing yet"],
)
async def test_a_deployment_on_its_way_is_not_settled(
    world: World, workloads: ClusterWorkloads, status: dict[str, Any]
) -> None:
    await world.put(a_workload(**status))

    assert not workloads.workload(world.key.namespace, WorkloadRef(kind="Deployment", name="checkout-v2"), "v2").settled


async def test_a_workload_that_is_not_there_does_not_exist(world: World, workloads: ClusterWorkloads) -> None:
    seen = workloads.workload(world.key.namespace, WorkloadRef(kind="Deployment", name="checkout-v2"), "v2")

    assert (seen.exists, seen.template) == (False, "")


async def test_a_restart_keeps_the_template_hash(world: World, workloads: ClusterWorkloads) -> None:
    ref = WorkloadRef(kind="Deployment", name="checkout-v2")
    await world.put(a_workload())
    before = workloads.workload(world.key.namespace, ref, "v2").template

    restart = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-21T12:00:00Z"}}}
    await world.edit("Deployment", "checkout-v2", {"spec": {"template": restart}})
    await world.shown()

    assert workloads.workload(world.key.namespace, ref, "v2").template == before != ""


async def test_a_service_has_its_ready_endpoints_and_all_its_pods(world: World, workloads: ClusterWorkloads) -> None:
    await world.put(a_service(), a_slice(an_endpoint("a"), an_endpoint("b", ready=False), an_endpoint("c", ready=None)))

    seen = workloads.backend(world.key.namespace, CHECKOUT, ())

    assert (seen.exists, seen.ready, seen.pods) == (True, 2, frozenset({"a", "b", "c"}))


async def test_a_pod_counts_once_over_slices_and_families(world: World, workloads: ClusterWorkloads) -> None:
    second = a_slice(an_endpoint("a", "fd00::1"), name="checkout-b", family="IPv6")
    await world.put(a_service(), a_slice(an_endpoint("a")), second)

    assert workloads.backend(world.key.namespace, CHECKOUT, ()).ready == 1


async def test_a_pod_that_is_published_unready_is_not_ready(world: World, workloads: ClusterWorkloads) -> None:
    await world.put(a_service(publishNotReadyAddresses=True), a_slice(an_endpoint("a", serving=False)))

    assert workloads.backend(world.key.namespace, CHECKOUT, ()).ready == 0


async def test_addresses_without_pods_count_by_one_family(world: World, workloads: ClusterWorkloads) -> None:
    four = a_slice(an_endpoint("", "10.0.0.1"), an_endpoint("", "10.0.0.2"))
    six = a_slice(an_endpoint("", "fd00::1"), an_endpoint("", "fd00::2"), name="checkout-b", family="IPv6")
    await world.put(a_service(), four, six)

    seen = workloads.backend(world.key.namespace, CHECKOUT, ())

    assert (seen.ready, seen.pods) == (2, frozenset())


async def test_a_service_without_endpoints_has_none_ready(world: World, workloads: ClusterWorkloads) -> None:
    await world.put(a_service())

    seen = workloads.backend(world.key.namespace, CHECKOUT, ())

    assert (seen.exists, seen.ready) == (True, 0)


async def test_a_service_that_is_not_there_does_not_exist(world: World, workloads: ClusterWorkloads) -> None:
    assert not workloads.backend(world.key.namespace, CHECKOUT, ()).exists


async def test_an_external_name_is_taken_as_ready(world: World, workloads: ClusterWorkloads) -> None:
    await world.put(an_object("Service", "checkout", spec={"type": "ExternalName", "externalName": "example.com"}))

    assert workloads.backend(world.key.namespace, CHECKOUT, ()).ready == 1


@pytest.mark.parametrize("host", ["checkout.pay.svc.cluster.local", "api.example.com", "x.io:ServiceImport:far.shop"])
async def test_what_is_out_of_sight_is_taken_as_ready(world: World, workloads: ClusterWorkloads, host: str) -> None:
    seen = workloads.backend(world.key.namespace, BackendName(service=host), ())

    assert (seen.exists, seen.ready, seen.pods) == (True, 1, frozenset())


async def test_a_subset_has_the_hosts_pods_with_its_labels(world: World, workloads: ClusterWorkloads) -> None:
    await world.put(a_pod("a", "v1"), a_pod("b", "v2"), a_pod("c", "v2"))
    await world.put(a_service(), a_slice(an_endpoint("a"), an_endpoint("b"), an_endpoint("c", ready=False)))

    seen = workloads.backend(world.key.namespace, SUBSET, V2)

    assert (seen.ready, seen.pods) == (1, frozenset({"b", "c"}))


@pytest.mark.parametrize(("labels", "is_defined"), [({"version": "v2"}, True), ({"version": "two"}, False)])
async def test_a_subset_is_defined_by_a_rule_with_just_these_labels(
    world: World, workloads: ClusterWorkloads, labels: dict[str, str], is_defined: bool
) -> None:
    await world.put(a_service(), a_rule(**labels))

    assert workloads.backend(world.key.namespace, SUBSET, V2).subset_defined is is_defined


@pytest.mark.parametrize("is_own", [True, False])
async def test_a_subset_is_our_own_where_a_rule_of_ours_has_it(
    world: World, workloads: ClusterWorkloads, is_own: bool
) -> None:
    rule = a_rule(version="v2")
    ours = {"name": "rollout-checkout", "labels": {"app.kubernetes.io/managed-by": "rollout-controller"}}
    await world.put(a_service(), rule | {"metadata": rule["metadata"] | (ours if is_own else {})})

    seen = workloads.backend(world.key.namespace, SUBSET, V2)

    assert (seen.subset_defined, seen.subset_own) == (True, is_own)


async def test_a_subset_without_a_rule_is_not_defined(world: World, workloads: ClusterWorkloads) -> None:
    await world.put(a_service())

    assert not workloads.backend(world.key.namespace, SUBSET, V2).subset_defined


async def test_a_subset_whose_labels_nobody_gives_has_those_of_its_rule(
    world: World, workloads: ClusterWorkloads
) -> None:
    await world.put(a_service(), a_rule(version="v2"), a_pod("b", "v2"), a_slice(an_endpoint("b")))

    assert workloads.backend(world.key.namespace, SUBSET, ()).pods == frozenset({"b"})
