"""Does the plan of a namespace write what its execution writes, in the same order?"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.mesh_traffic import Caller, Workload
from rollout.migration.manifests import manifests_of
from rollout.migration.way import Way, way_of
from rollout.model.mesh import MeshNamespace, Mtls, Restartable
from rollout.model.mesh_writes import EvictPod, LabelNamespace, MeshWrite, RestartWorkload, WritePeer
from rollout.model.migration import MigrationSpec, NamespaceStatus, Stage, Wave
from rollout.model.migration_seen import NamespaceSeen
from tests.support.fleet_world import NAME, START, FleetWorld, a_fleet
from tests.support.mesh import NOON, exemption, namespace, peer, pod, root_peer, workload

HOUR = timedelta(hours=1)
ENROLLED = {"istio-injection": "enabled"}


async def ways(world: FleetWorld) -> dict[str, tuple[MeshWrite, ...]]:
    """What is ahead of each namespace, as a person would see it now."""
    await world.tick()
    migrator = world.kept.migrator
    stored = migrator.migrations.get(NAME)
    assert stored is not None
    assert stored.spec is not None
    now = world.clock.now()
    seen = await migrator.observer.observe(stored.spec, stored.status, now)
    return {
        name: way_of(stored.spec, stored.status.of(name), one, seen.root, now).writes
        for name, one in seen.namespaces.items()
    }


def executed(world: FleetWorld) -> dict[str, tuple[MeshWrite, ...]]:
    """What was written to each namespace."""
    wrote = [write for moved in world.moved for write in moved.wrote]
    names = sorted({write.namespace for write in wrote})
    return {name: tuple(write for write in wrote if write.namespace == name) for name in names}


def comparable(writes: dict[str, tuple[MeshWrite, ...]]) -> dict[str, list[MeshWrite]]:
    """The writes without what only the server and the clock know: versions, uids and moments."""
    return {name: [_timeless(write) for write in these] for name, these in writes.items()}


def _timeless(write: MeshWrite) -> MeshWrite:
    changes: dict[str, Any] = {}
    if getattr(write, "version", ""):
        changes["version"] = "some"
    if hasattr(write, "uid"):
        changes["uid"] = ""
    if isinstance(write, RestartWorkload):
        changes["at"] = START
    return replace(write, **changes)


async def test_the_plan_of_three_namespaces_is_what_their_execution_writes() -> None:
    async with a_fleet() as world:
        planned = await ways(world)
        await world.pass_time(HOUR, until="pay Done")
        await world.pass_time(HOUR / 6, until="tools Done")

        assert comparable(planned) == comparable(executed(world))
        assert len(planned["shop"]) == 8


async def test_a_plan_in_the_middle_of_the_way_is_what_is_still_written() -> None:
    async with a_fleet() as world:
        await world.pass_time(HOUR, until="shop Observing")
        await world.pass_time(timedelta(seconds=30))
        planned = await ways(world)
        world.moved.clear()
        await world.pass_time(HOUR, until="pay Done")
        await world.pass_time(HOUR / 6, until="tools Done")

        assert comparable({"shop": planned["shop"]}) == comparable({"shop": executed(world)["shop"]})


async def test_exceptions_and_policies_that_were_there_are_planned_as_they_are_executed() -> None:
    legacy = {"namespace": "shop", "workload": {"app": "old"}, "port": 9090, "owner": "x", "expires": "2030-01-01"}
    async with a_fleet(exceptions=[legacy]) as world:
        await world.fleet.deploy(Workload(namespace="shop", name="old", port=9090), START)
        world.fleet.call(Caller(name="old", source="shop/old", target="shop/web", rate=0.1))
        mtls = {"mtls": {"mode": "UNSET"}, "selector": {"matchLabels": {"app": "web"}}}
        metadata = {"name": "web", "namespace": "shop"}
        api = "security.istio.io/v1"
        await world.put({"apiVersion": api, "kind": "PeerAuthentication", "metadata": metadata, "spec": mtls})
        planned = await ways(world)
        shop = planned["shop"]
        await world.pass_time(HOUR, until="shop Strict")
        await world.pass_time(timedelta(seconds=20))

        assert comparable({"shop": shop}) == comparable({"shop": executed(world)["shop"]})


def a_way(ns: MeshNamespace, *, root: Mtls | None = None, stage: Stage = Stage.PENDING, **spec: Any) -> Way:
    made = MigrationSpec(**{"name": "to-strict", "waves": (Wave(name="one", namespaces=("shop",)),), **spec})
    status = NamespaceStatus(name="shop", stage=stage)
    return way_of(made, status, NamespaceSeen(namespace=ns, answers={}), (root_peer(root),) if root else (), NOON)


def a_shop(**changes: Any) -> MeshNamespace:
    return namespace(pods=(pod(meshed=False),), workloads=(workload(),), **changes)


@pytest.mark.parametrize("stage", [Stage.DONE, Stage.EXCEPTED])
def test_nothing_is_planned_where_nothing_is_ahead(stage: Stage) -> None:
    assert a_way(namespace(peer(mode=Mtls.STRICT)), stage=stage).writes == ()


def test_a_namespace_that_is_gone_has_no_way() -> None:
    assert a_way(a_shop(exists=False)).writes == ()


def test_what_holds_the_fleet_now_keeps_no_write_out_of_the_plan() -> None:
    ns = a_shop(rollouts=("checkout",))

    assert a_way(ns, suspend=True).writes == a_way(a_shop()).writes


def test_an_exception_that_has_run_out_is_planned_as_if_it_were_renewed() -> None:
    live = exemption({"app": "legacy"}, 9090)
    old = replace(live, expires=NOON.date() - timedelta(days=1))

    writes = a_way(a_shop(), exceptions=(old,)).writes

    assert writes == a_way(a_shop(), exceptions=(live,)).writes
    assert any(isinstance(write, WritePeer) and write.ports == {9090: Mtls.PERMISSIVE} for write in writes)


def test_pods_that_only_a_person_can_make_anew_are_not_written_and_do_not_end_the_way() -> None:
    by_hand = (workload(restartable=Restartable.BY_HAND),)

    way = a_way(namespace(pods=(pod(meshed=False),), workloads=by_hand))

    assert not any(isinstance(write, RestartWorkload) for write in way.writes)
    assert way.strict is not None
    assert way.strict.peers[0].mode is Mtls.STRICT


def test_pods_below_a_partition_are_evicted_one_by_one() -> None:
    parts = workload(kind="StatefulSet", restartable=Restartable.PARTITIONED, partition=2, wanted=2)
    pods = [pod(f"api-{n}", meshed=False, workload="StatefulSet api") for n in (0, 1)]

    writes = a_way(namespace(pods=pods, workloads=(parts,))).writes

    assert [write.name for write in writes if isinstance(write, EvictPod)] == ["api-1", "api-0"]


def test_the_moments_of_a_way_are_the_namespace_enrolled_and_the_namespace_strict() -> None:
    way = a_way(a_shop(), root=Mtls.STRICT)

    assert way.enrolled is not None
    assert way.strict is not None
    assert [one.mode for one in (*way.enrolled.peers, *way.strict.peers)] == [Mtls.PERMISSIVE, Mtls.STRICT]
    assert way.enrolled.labels == {"istio-injection": "enabled"}


def test_a_fallback_that_is_under_way_is_written_before_the_way_goes_on() -> None:
    writes = a_way(namespace(peer(mode=Mtls.STRICT), pods=(pod(),), workloads=(workload(),)), stage=Stage.FALLING_BACK)

    assert str(writes.writes[0]) == "set PeerAuthentication shop/default PERMISSIVE"
    assert not any(isinstance(write, LabelNamespace) for write in writes.writes)


def test_what_is_committed_for_strict_has_the_exceptions_and_not_what_is_gone_by_then() -> None:
    legacy = exemption({"app": "legacy"}, 9090)

    found = manifests_of(a_way(a_shop(), exceptions=(legacy,)))

    kinds = {stage: [(one["kind"], one["metadata"]["name"]) for one in these] for stage, these in found.items()}
    space, own = ("Namespace", "shop"), ("PeerAuthentication", "default")
    opened = ("PeerAuthentication", next(name for _, name in kinds["strict"] if name.startswith("rollout-open-")))
    assert kinds == {"permissive": [space, own], "strict": [space, own, opened]}


def test_what_others_say_in_a_policy_stays_in_what_is_committed() -> None:
    spec = '{"mtls":{"mode":"PERMISSIVE"},"selector":{"matchLabels":{}}}'

    (policy,) = manifests_of(a_way(a_shop(peers=(peer(mode=Mtls.PERMISSIVE, spec=spec),), labels=ENROLLED)))["strict"]

    assert policy["spec"] == {"mtls": {"mode": "STRICT"}, "selector": {"matchLabels": {}}}


def test_where_nothing_changes_nothing_is_committed() -> None:
    assert manifests_of(a_way(namespace(peer(mode=Mtls.STRICT), labels=ENROLLED), stage=Stage.STRICT_SOAK)) == {}


@pytest.mark.parametrize("stage", ["Observing", "StrictSoak", "Done"])
async def test_a_plan_closes_what_an_exception_left_open_as_the_execution_does(stage: str) -> None:
    exception = {"namespace": "shop", "workload": {"app": "web"}, "port": 8080, "owner": "ana", "expires": "2027-03-01"}
    async with a_fleet(waves=[{"name": "core", "namespaces": ["shop"]}], exceptions=[exception]) as world:
        world.fleet.callers.clear()
        await world.pass_time(HOUR, until=f"shop {stage}")
        await world.edit("MeshMigration", "", NAME, {"spec": {"exceptions": []}})
        planned = await ways(world)
        world.moved.clear()
        await world.pass_time(timedelta(seconds=10))
        await world.pass_time(HOUR, until="shop Done")

        assert comparable(planned) == comparable(executed(world))
