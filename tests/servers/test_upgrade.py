"""Does a run that an earlier version began go on after an upgrade, without a step lost or taken twice?"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.kube.cache import Cache
from adapters.kube.kinds import WATCHED
from adapters.kube.objects import KubeObjects
from adapters.kube.reflector import Pace
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.services.installing import apply_all
from tests.servers.apiserver import ApiServer
from tests.servers.cluster import Cluster, deployment, service
from tests.servers.controller import Controller, rollout
from tests.servers.controllers import Controllers
from tests.servers.kubelet import Kubelet
from tests.servers.missing import obtained
from tests.servers.process import eventually
from tests.servers.test_install import is_served
from tests.support.builders import an_approval_manifest
from tests.support.recorded import crds, fresh, objects
from tests.support.world import a_world

VERSIONS = ("v0_1_0",)
NAMESPACE = "upgraded"  # as recorded
ROLLOUT = f"/apis/rollout.dev/v1alpha1/namespaces/{NAMESPACE}/rollouts/checkout"
ROUTE = f"/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices/checkout"
ROLLOUTS = "/apis/rollout.dev/v1alpha1/namespaces/default/rollouts"
PATIENCE_S = 120.0
LOOKS = 8  # renewals of the lease, which come every few seconds
MOST_LISTS = 40  # there are about a dozen absent kinds; a loop of errors would ask for each every half second
A_ROLLOUT = {
    "apiVersion": "rollout.dev/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "quiet", "namespace": "default"},
    "spec": {
        "revision": "v1",
        "backend": {"service": "quiet-{revision}"},
        "routes": [{"kind": "HTTPRoute", "name": "quiet"}],
        "steps": [{"weight": 50}],
        "objectives": [],
    },
}


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_run_of_an_earlier_version_goes_on_in_the_memory_cluster(version: str) -> None:
    async with a_world() as world:
        world.clock.advance(timedelta(minutes=7))
        world.metrics.tell_requests("errors", bad=0, total=2000)
        tool = KubeObjects(world.person)
        for crd in definitions().values():
            await tool.delete("CustomResourceDefinition", "", crd["metadata"]["name"])
        left = [fresh(obj) for obj in objects(version, "memory", world.clock.now())]
        world.cluster.seed(*crds(version), *left)
        await apply_all(tool, tool, tuple(definitions().values()), (), lambda _line: None, timedelta(seconds=20))
        await world.restart()
        await world.settle()
        waits = {reason.code for reason in world.status.reasons}
        await world.put(an_approval_manifest("qa"))
        at_first = (world.status.phase.value, world.status.run and world.status.run.step, await world.split())

        answer = await world.answer(await approved(world))
        await world.pass_time(timedelta(minutes=10))

        assert "PolicyMissing" in waits, "versions before policies only named them"
        assert at_first == ("Progressing", 2, {"checkout-v1": 50, "checkout-v2": 50})
        assert answer.startswith("Accepted")
        assert await world.split() == {"checkout-v2": 100}
        assert (world.status.phase.value, world.status.runs) == ("Idle", 1)


async def approved(world: Any) -> str:
    """The name of an approval of the present step, answered."""
    name: str = await world.command("approve")
    await world.settle()
    return name


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of its own: its CRDs are those of an earlier version at first."""
    server = ApiServer(tmp_path_factory.mktemp("upgraded"))
    controllers, kubelet = Controllers(server), Kubelet(server)
    try:
        obtained(server.start)
        obtained(lambda: server.install_crds(["istio"]))
        obtained(controllers.start)
        kubelet.start()
        yield Cluster(server=server, controllers=controllers, kubelet=kubelet)
    finally:
        kubelet.stop()
        controllers.stop()
        server.stop()


@pytest.fixture(params=VERSIONS)
def left_behind(request: pytest.FixtureRequest, cluster: Cluster) -> Cluster:
    """The CRDs and the objects that an earlier version left there in mid-run; nobody looks after them."""
    kube = cluster.kube
    kube.apply(*crds(request.param), manager="rollout-cli")  # as its own `rollout install` did
    assert eventually(lambda: is_served(cluster.server), PATIENCE_S)
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for revision in ("v1", "v2"):
        labels = {"app": "checkout", "version": revision}
        kube.apply(
            deployment(NAMESPACE, f"checkout-{revision}", revision), service(NAMESPACE, f"checkout-{revision}", labels)
        )
    cluster.wait_available(NAMESPACE, "checkout-v1", "checkout-v2")
    for obj in objects(request.param, "real", datetime.now(UTC)):
        stored = kube.create(fresh(obj))
        if "status" in obj:
            kube.patch(f"{ROLLOUT}/status", {"status": obj["status"]})
            assert kube.get(ROLLOUT)["status"] == obj["status"], "the old CRD keeps the old status"
        assert stored["metadata"]["name"] == "checkout"
    return cluster


def status(cluster: Cluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.kube.get(ROLLOUT).get("status", {})
    return found


def weights(cluster: Cluster) -> dict[str, int]:
    route = cluster.kube.get(ROUTE)["spec"]["http"][0]["route"]
    return {entry["destination"]["host"]: entry.get("weight", 100) for entry in route}


@pytest.mark.server
def test_a_run_of_an_earlier_version_goes_on_to_promotion_on_a_real_api_server(
    left_behind: Cluster, tmp_path: Path
) -> None:
    before = status(left_behind)
    kubeconfig = left_behind.kubeconfig("admin", NAMESPACE)
    upgraded = rollout("install", kubeconfig=kubeconfig, namespace="rollout-system")
    assert upgraded.returncode == 0, upgraded.stderr
    kept = status(left_behind)
    controller = Controller(tmp_path, kubeconfig, namespace=NAMESPACE, own_namespace=NAMESPACE)
    controller.start()
    try:
        assert eventually(lambda: status(left_behind).get("reasons") is not None, PATIENCE_S)
        at_first = weights(left_behind)
        promoted = rollout("promote", "checkout", kubeconfig=kubeconfig, namespace=NAMESPACE)
        is_promoted = eventually(lambda: status(left_behind).get("stableRevision") == "v2", PATIENCE_S, 0.2)
    finally:
        controller.kill()

    assert kept == before, "the new CRD loses nothing of the old status"
    assert at_first == {"checkout-v1": 50, "checkout-v2": 50}
    assert (promoted.returncode, is_promoted) == (0, True), (promoted.stderr, controller.last_words())
    assert {host for host, weight in weights(left_behind).items() if weight} == {"checkout-v2"}
    assert status(left_behind)["run"] == before["run"]


async def test_kinds_that_are_absent_are_asked_for_once_and_found_when_they_come() -> None:
    cluster = MemoryCluster()
    cache = Cache(DirectApi(cluster), WATCHED, pace=Pace(absent=timedelta(milliseconds=200)))
    appeared = asyncio.Event()
    cache.subscribe(lambda kind, _old, _new: appeared.set() if kind == "Rollout" else None)
    following = asyncio.create_task(cache.run())
    try:
        await cache.wait_synced(timedelta(seconds=20))
        mark = len(cluster.faults.writes), cluster.faults.calls.total()

        await asyncio.sleep(1.0)  # five times as long as it takes to look for them again
        asked = cluster.faults.calls["list", "rollouts"]
        cluster.seed(*definitions().values(), A_ROLLOUT)
        async with asyncio.timeout(20):
            await appeared.wait()
    finally:
        following.cancel()

    assert (asked, cache.problems(), mark[0]) == (0, {}, 0)


@pytest.mark.server
def test_a_controller_in_a_cluster_without_our_kinds_waits_for_them_quietly(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server, place = ApiServer(tmp_path_factory.mktemp("kindless")), tmp_path_factory.mktemp("quiet")
    try:
        obtained(server.start)
        controller = Controller(place, server.kubeconfig("admin"), namespace="default", own_namespace="default")
        controller.start()
        mark = server.audit_mark()
        lease = ("patch", "leases")
        assert eventually(lambda: server.audit_counts("admin", mark)[lease] >= LOOKS, PATIENCE_S, 0.5)
        asked = server.audit_counts("admin", mark)
        complaints = [line for line in controller.log.read_text().splitlines() if '"level": "error"' in line]
        installed = rollout("install", kubeconfig=server.kubeconfig(), namespace="rollout-system")
        server.client().create(A_ROLLOUT)
        found = eventually(lambda: "status" in server.client().get(f"{ROLLOUTS}/quiet"), PATIENCE_S, 0.5)
        controller.kill()
    finally:
        server.stop()

    lists = {what: times for what, times in asked.items() if what[0] == "list"}
    assert sum(lists.values()) <= MOST_LISTS, lists
    assert (complaints, installed.returncode, found) == ([], 0, True)
