"""Does a rollback go the way of enrolling backwards, and touch nothing that is not ours?"""

from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.migration.mtls_restore import kept_open, restored, rollback_waits, snapshot
from rollout.migration.mtls_writes import strict
from rollout.model.mesh import MeshNamespace, MeshWorkload, Mtls, PeerAuth, Restartable
from rollout.model.mesh_writes import KeptObject, RestartWorkload, RestorePeer, Snapshot
from tests.support.mesh import API, NOON, applied, namespace, objects_of, peer, pod, root_peer, workload

ENROLLED = {"istio-injection": "enabled"}
BEFORE = namespace(pods=[pod(meshed=False)], workloads=(workload(),))
OURS = peer("default", Mtls.STRICT, ours="to-strict")
CANARY = peer("rollout-canary-api-1", Mtls.STRICT, selector=API, ours="to-strict")
CREATED = (OURS.uid, CANARY.uid)


def kept(ns: MeshNamespace) -> Snapshot:
    return snapshot(ns, objects_of(ns), NOON)


def told(ns: MeshNamespace, root: tuple[PeerAuth, ...] = (), before: MeshNamespace = BEFORE) -> list[str]:
    """What a rollback does tick by tick until it ends or waits."""
    lines: list[str] = []
    while len(lines) < 20 and (writes := restored(ns, root, kept(before), CREATED, NOON)):
        lines.append(str(writes[0]).replace("PeerAuthentication shop/", ""))
        ns = applied(ns, writes[0])
    return lines


def test_a_rollback_opens_then_unlabels_then_restarts_then_deletes() -> None:
    ns = replace(BEFORE, labels=ENROLLED, peers=(OURS, CANARY), pods=(pod(),))

    assert told(ns) == [
        "set default PERMISSIVE",
        "set rollout-canary-api-1 PERMISSIVE",
        "label Namespace shop istio-injection-",
        "restart Deployment shop/api",
        "delete rollout-canary-api-1",
        "delete default",
    ]


def test_under_a_strict_mesh_the_namespaces_own_object_stays_open() -> None:
    ns = replace(BEFORE, peers=(OURS, CANARY))

    assert told(ns, (root_peer(),)) == ["delete rollout-canary-api-1", "set default PERMISSIVE"]
    assert "the mesh is STRICT" in kept_open(ns, [root_peer()], CREATED)
    assert kept_open(ns, [root_peer(Mtls.PERMISSIVE)], CREATED) == ""


def test_an_object_that_was_there_gets_its_spec_back_to_the_byte() -> None:
    before = namespace(peer("old", Mtls.UNSET, spec='{"mtls":{}}'))
    (flip,) = strict(before, [], [])

    (write,) = restored(applied(before, flip), [], kept(before), CREATED, NOON)

    assert isinstance(write, RestorePeer)
    assert write.spec == '{"mtls":{}}'


def test_an_object_made_again_by_somebody_else_is_not_touched() -> None:
    ns = namespace(peer("old", Mtls.STRICT, uid="another"))

    assert restored(ns, [], kept(namespace(peer("old"))), CREATED, NOON) == ()


def test_an_object_that_came_later_and_is_not_ours_is_not_touched() -> None:
    assert restored(namespace(peer("new", Mtls.STRICT)), [], kept(BEFORE), CREATED, NOON) == ()


def test_pods_that_had_proxies_before_keep_them() -> None:
    ns = replace(BEFORE, labels=ENROLLED, peers=(OURS,), pods=(pod(),))

    assert told(ns, before=replace(BEFORE, labels=ENROLLED)) == ["delete default"]


def test_another_namespace_of_the_same_name_keeps_its_labels() -> None:
    ns = replace(BEFORE, uid="another", labels=ENROLLED)

    assert restored(ns, [], kept(BEFORE), (), NOON) == ()


def test_a_namespace_that_is_gone_is_left_alone() -> None:
    assert restored(replace(BEFORE, exists=False, labels=ENROLLED), [], kept(BEFORE), CREATED, NOON) == ()


@pytest.mark.parametrize("seconds", [0, 5])
def test_a_workload_restarted_since_the_rollback_began_is_waited_for(seconds: int) -> None:
    busy = workload(settled=False, restarted=NOON + timedelta(seconds=seconds))
    ns = replace(BEFORE, peers=(OURS,), pods=(pod(),), workloads=(busy,))

    opened_first = applied(ns, restored(ns, [], kept(BEFORE), CREATED, NOON)[0])

    assert restored(opened_first, [], kept(BEFORE), CREATED, NOON + timedelta(milliseconds=300)) == ()
    assert rollback_waits(opened_first, kept(BEFORE)) == ("pod api-1 still has a proxy: Deployment api is restarted",)


def test_a_workload_whose_pods_are_broken_is_restarted_all_the_same() -> None:
    broken = workload(settled=False, ready=0, restarted=NOON - timedelta(hours=1))
    ns = replace(BEFORE, pods=(pod(ready=False),), workloads=(broken,))

    (write,) = restored(ns, [], kept(BEFORE), (), NOON)

    assert write == RestartWorkload(kind="Deployment", namespace="shop", name="api", version="1", at=NOON)


def partitioned(*unready: str, settled: bool = True) -> MeshNamespace:
    """A StatefulSet of eleven pods with a partition, all with proxies."""
    sets = workload("db", kind="StatefulSet", restartable=Restartable.PARTITIONED, partition=3, settled=settled)
    names = [f"db-{number}" for number in range(11)]
    pods = [pod(name, {"app": "db"}, workload="StatefulSet db", ready=name not in unready) for name in names]
    return replace(BEFORE, pods=tuple(pods), workloads=(sets,))


def ending(ns: MeshNamespace, name: str) -> MeshNamespace:
    """The same while a pod of it goes."""
    pods = (replace(one, is_ending=one.name == name, ready=one.name != name) for one in ns.pods)
    return replace(ns, pods=tuple(pods))


@pytest.mark.parametrize(
    ("ns", "evicted"),
    [
        (partitioned(), ["evict Pod shop/db-10"]),
        (partitioned("db-2", settled=False), ["evict Pod shop/db-2"]),
        (partitioned(settled=False), []),
        (ending(partitioned(settled=False), "db-10"), []),
        (ending(partitioned("db-2", settled=False), "db-10"), []),
    ],
)
def test_pods_of_a_partitioned_set_are_evicted_one_by_one(ns: MeshNamespace, evicted: list[str]) -> None:
    assert [str(write) for write in restored(ns, [], kept(BEFORE), (), NOON)] == evicted


@pytest.mark.parametrize(
    ("mine", "why"),
    [
        (workload(restartable=Restartable.BY_HAND), "delete it, Deployment api is not restarted by itself"),
        (workload("web"), "delete it, Deployment api is not restarted by itself"),
    ],
)
def test_the_modes_stay_open_until_a_person_has_made_the_other_pods_anew(mine: MeshWorkload, why: str) -> None:
    open_peer = replace(OURS, mode=Mtls.PERMISSIVE)
    ns = replace(BEFORE, peers=(open_peer,), pods=(pod(),), workloads=(mine,))

    assert restored(ns, [], kept(BEFORE), CREATED, NOON) == ()
    assert rollback_waits(ns, kept(BEFORE)) == (f"pod api-1 still has a proxy: {why}",)


def test_a_workload_that_asks_for_its_proxy_itself_is_not_restarted() -> None:
    ns = replace(BEFORE, pods=(pod(),), workloads=(workload(forced=True),))

    assert restored(ns, [], kept(BEFORE), (), NOON) == ()
    assert rollback_waits(ns, kept(BEFORE)) == ()


def test_a_snapshot_keeps_all_that_may_be_touched_and_what_was_not_there() -> None:
    ns = replace(BEFORE, labels={"team": "x", **ENROLLED}, annotations={"a": "b"}, peers=(peer("old", Mtls.STRICT),))
    restarted = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-01T00:00:00Z"}}}
    raw = [{**one, "spec": {"template": restarted}} if one["kind"] == "Deployment" else one for one in objects_of(ns)]

    taken = snapshot(ns, raw, NOON)

    assert (taken.namespace, taken.taken) == ("shop", NOON)
    assert taken.objects == (
        KeptObject(
            kind="Namespace",
            name="shop",
            uid="uid-shop",
            spec="",
            labels={"istio-injection": "enabled", "istio.io/rev": None},
            annotations={"a": "b"},
        ),
        KeptObject(
            kind="Deployment",
            name="api",
            uid="uid-api",
            spec="",
            labels={},
            annotations={"kubectl.kubernetes.io/restartedAt": "2026-11-01T00:00:00Z"},
        ),
        KeptObject(
            kind="PeerAuthentication",
            name="old",
            uid="uid-old",
            spec='{"mtls":{"mode":"STRICT"}}',
            labels={},
            annotations={},
        ),
    )
