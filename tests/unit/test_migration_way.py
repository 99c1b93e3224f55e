"""Which writes are ahead of a namespace, and what of them is committed?"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.migration.manifests import manifests_of
from rollout.migration.way import Way, way_of
from rollout.model.mesh import MeshNamespace, Mtls, Restartable
from rollout.model.mesh_writes import EvictPod, LabelNamespace, RestartWorkload, WritePeer
from rollout.model.migration import MigrationSpec, NamespaceStatus, Stage, Wave
from rollout.model.migration_seen import NamespaceSeen
from tests.support.mesh import NOON, exemption, namespace, peer, pod, root_peer, workload

HOUR = timedelta(hours=1)
ENROLLED = {"istio-injection": "enabled"}


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
