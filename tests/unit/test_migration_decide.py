"""Is each tick of a migration one step, in the right order, and no more than that?"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.migration.decide import decide
from rollout.migration.opening import any_root, opening
from rollout.model.commands import Result, Verb
from rollout.model.mesh import Mtls, Restartable
from rollout.model.migration import MigrationStatus, NamespaceStatus, Stage
from rollout.model.migration_seen import MigrationDecision, NamespaceSeen
from tests.support.fleets import a_wave
from tests.support.mesh import API, NOON, peer, pod, workload
from tests.support.moving import (
    BLIND,
    ENROLLED,
    HOUR,
    STRICT,
    a_row,
    a_snapshot,
    a_spec,
    a_view,
    an_order,
    enrolled,
    outcomes,
    seen_of,
    standing,
    told,
)

CANARY = peer("rollout-canary-api-1", Mtls.STRICT, selector=API, ours="to-strict")
REFUSED = told(refused=(a_row(2, pod="api-1"),))
EDGES: dict[str, Any] = {"seen": {"findings": ()}}


def decided(view: Any, spec: Any = None, status: Any = None, **seen: Any) -> MigrationDecision:
    """What is decided about shop alone."""
    kept = status or MigrationStatus(namespaces=(view.status,))
    return decide(spec or view.spec, kept, seen_of(view, **seen), NOON)


def wrote(decision: MigrationDecision) -> list[str]:
    """All writes, as people read them."""
    return [str(write).replace("PeerAuthentication shop/", "") for one in decision.actions for write in one.writes]


def test_a_snapshot_is_taken_before_the_first_write() -> None:
    view = a_view(Stage.BASELINE, since=NOON - 25 * HOUR, recorded=False, ns=enrolled(labels={}))

    first = decided(view)
    second = decided(view, status=first.status)

    assert wrote(first) == []
    assert first.actions[0].snapshot is not None
    assert first.status.of("shop").recorded
    assert wrote(second) == ["label Namespace shop istio-injection=enabled"]
    assert second.actions[0].snapshot is None


@pytest.mark.parametrize("ns", [enrolled(pods=(), workloads=(), labels={}), enrolled(labels={})])
def test_nothing_is_enrolled_without_its_label(ns: Any) -> None:
    view = a_view(Stage.ENROLLING, ns=ns)

    decision = decided(view)

    assert decision.status.of("shop").stage is Stage.ENROLLING
    assert wrote(decision) == ["label Namespace shop istio-injection=enabled"]


def test_a_snapshot_is_never_taken_again_of_what_we_wrote() -> None:
    view = a_view(Stage.BASELINE, since=NOON - 25 * HOUR, recorded=True)

    decision = decided(view)

    assert decision.status.of("shop").stage is Stage.ENROLLING
    assert decision.actions[0].snapshot is None


def test_a_stage_writes_once_in_a_tick() -> None:
    view = a_view(Stage.STRICT, ns=enrolled(peer(mode=Mtls.PERMISSIVE), CANARY, logs=True))

    assert wrote(decided(view)) == ["set default STRICT"]


def test_a_fallback_opens_everything_in_the_tick_in_which_it_fires() -> None:
    view = a_view(Stage.STRICT, ns=enrolled(STRICT, CANARY), answers=REFUSED, in_force=NOON)

    decision = decided(view)

    assert decision.status.of("shop").stage is Stage.FALLING_BACK
    assert wrote(decision) == ["set default PERMISSIVE", "set rollout-canary-api-1 PERMISSIVE"]
    assert decision.actions[0].opens


@pytest.mark.parametrize(
    "changes", [{"paused": "ana"}, {"spec": {"suspend": True}}, {"edges": None}, {"taken": {"shop": "other"}}]
)
def test_a_fallback_waits_for_nothing(changes: dict[str, Any]) -> None:
    view = a_view(Stage.STRICT, ns=enrolled(STRICT), answers=REFUSED, in_force=NOON, look=BLIND)
    status = MigrationStatus(namespaces=(view.status,), paused=changes.pop("paused", ""))
    spec = a_spec(**changes.pop("spec", {}))

    decision = decided(view, spec, status, **changes)

    assert wrote(decision) == ["set default PERMISSIVE"]


def test_people_are_told_what_is_cut_before_something_becomes_strict() -> None:
    decision = decided(a_view(Stage.REHEARSAL, **EDGES), edges=())

    assert [reason.code for _, reason in decision.events][:2] == ["Rehearsed", "ConnectionsCut"]
    assert "Deployment api becomes STRICT now" in decision.events[1][1].message
    assert "cut 45 s later" in decision.events[1][1].message


def test_each_move_forward_has_its_proof() -> None:
    (action,) = decided(a_view(Stage.REHEARSAL, **EDGES)).actions

    assert action.proof is not None
    assert (action.proof.stage, action.proof.to) == (Stage.REHEARSAL, Stage.STRICT_CANARY)
    assert ("metrics: mtls", "mtls{}", "pod:api-1=5, at 2026-11-21 12:00:00") in action.proof.facts


def test_a_namespace_whose_record_cannot_be_written_does_not_move() -> None:
    decision = decided(a_view(Stage.REHEARSAL, **EDGES), unkept={"shop": "quota"})

    assert decision.status.of("shop").stage is Stage.REHEARSAL
    assert [one.proof for one in decision.actions] == [None]


def test_of_two_neighbours_one_changes_in_a_tick() -> None:
    shop = a_view(Stage.REHEARSAL, **EDGES)
    spec = a_spec(waves=(a_wave("core", "shop", "pay", concurrency=1),))
    pay = replace(shop.status, name="pay")
    seen = replace(
        seen_of(shop), namespaces={"shop": shop.seen, "pay": replace(shop.seen, namespace=enrolled(name="pay"))}
    )

    decision = decide(spec, MigrationStatus(namespaces=(shop.status, pay)), seen, NOON)

    assert [one.stage for one in decision.status.namespaces] == [Stage.STRICT_CANARY, Stage.REHEARSAL]


def test_what_the_spec_names_no_more_goes_on_no_more() -> None:
    decision = decided(a_view(Stage.REHEARSAL, **EDGES), a_spec(waves=(a_wave("core", "pay"),)))

    assert decision.status.of("shop").stage is Stage.REHEARSAL
    assert [one.code for one in decision.status.of("shop").reasons] == ["NotInSpec"]


def test_what_the_spec_names_no_more_falls_back_all_the_same() -> None:
    view = a_view(Stage.STRICT, ns=enrolled(STRICT), answers=REFUSED, in_force=NOON)

    decision = decided(view, a_spec(waves=(a_wave("core", "pay"),)))

    assert wrote(decision) == ["set default PERMISSIVE"]


def test_a_rollback_of_what_the_spec_names_no_more_ends() -> None:
    view = a_view(Stage.FALLEN_BACK, rolls_back=True)

    decision = decided(view, a_spec(waves=(a_wave("core", "pay"),)))

    assert decision.status.of("shop").stage is Stage.ROLLING_BACK


def test_what_was_never_touched_and_is_named_no_more_is_forgotten() -> None:
    view = a_view(Stage.BASELINE, recorded=False)

    decision = decided(view, a_spec(waves=(a_wave("core", "pay"),)))

    assert [one.name for one in decision.status.namespaces] == ["pay"]


def test_an_empty_namespace_reaches_strict() -> None:
    empty = enrolled(pods=(), workloads=())
    status = MigrationStatus(namespaces=(standing(Stage.REHEARSAL, baseline=()),))
    view = a_view(Stage.REHEARSAL, ns=empty, answers=told(mtls=(), refusals_exist=()), **EDGES)

    first = decided(view, status=status)
    second = decided(view, status=replace(first.status, namespaces=(verified(first),)))

    assert second.status.of("shop").stage is Stage.STRICT
    assert wrote(second) == ["set default STRICT"]
    assert second.status.of("shop").in_force is None


def verified(decision: MigrationDecision) -> NamespaceStatus:
    """shop, once its canary was watched for long enough."""
    return replace(decision.status.of("shop"), in_force=NOON - HOUR)


def glance(view: Any, *commands: Any) -> Any:
    """What the cache alone shows."""
    bare = NamespaceSeen(namespace=view.namespace, answers={})
    return replace(seen_of(view), namespaces={"shop": bare}, commands=commands)


@pytest.mark.parametrize("verb", [Verb.FALLBACK, Verb.ABORT])
def test_an_urgent_command_opens_by_the_cache_alone(verb: Verb) -> None:
    view = a_view(Stage.STRICT, ns=enrolled(STRICT))
    subject = "shop" if verb is Verb.FALLBACK else ""

    decision = opening(
        view.spec, MigrationStatus(namespaces=(view.status,)), glance(view, an_order(verb, subject)), NOON
    )

    assert decision is not None
    assert decision.status.of("shop").stage is Stage.FALLING_BACK
    assert wrote(decision) == ["set default PERMISSIVE"]
    assert decision.replies[0].result is Result.ACCEPTED


def test_a_fallback_that_had_begun_is_written_until_it_is_open() -> None:
    view = a_view(Stage.FALLING_BACK, ns=enrolled(STRICT))

    decision = opening(view.spec, MigrationStatus(namespaces=(view.status,)), glance(view), NOON)

    assert decision is not None
    assert wrote(decision) == ["set default PERMISSIVE"]


def test_where_nothing_must_open_the_cache_alone_decides_nothing() -> None:
    view = a_view(Stage.STRICT, ns=enrolled(STRICT))
    seen = glance(view, an_order(Verb.PAUSE, ""))

    assert opening(view.spec, MigrationStatus(namespaces=(view.status,)), seen, NOON) is None


def test_without_a_readable_spec_the_namespace_says_permissive_itself() -> None:
    view = a_view(Stage.FALLING_BACK, ns=enrolled(peer(mode=Mtls.UNSET)))
    seen = replace(glance(view), root=any_root(NOON))

    decision = opening(a_spec(waves=()), MigrationStatus(namespaces=(view.status,)), seen, NOON)

    assert decision is not None
    assert wrote(decision) == ["set default PERMISSIVE"]


def test_a_fallback_is_looked_at_again_within_seconds() -> None:
    view = a_view(Stage.FALLING_BACK, ns=enrolled(STRICT))

    decision = decided(view)

    assert decision.wake_at == NOON + timedelta(seconds=2)


def test_a_namespace_that_nobody_moves_yet_is_not_written_to() -> None:
    view = a_view(
        Stage.PENDING, ns=enrolled(labels=ENROLLED, logs=True), recorded=False, seen={"snapshot": a_snapshot()}
    )

    assert wrote(decided(view, taken={"shop": "other"})) == []


OLD_POD = replace(enrolled().pods[0], meshed=False)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["restart Deployment shop/api"]),
        ({"settled": False}, []),
        ({"restarted": NOON}, []),
        ({"restartable": Restartable.PARTITIONED, "partition": 1}, ["evict Pod shop/api-1"]),
        ({"restartable": Restartable.BY_HAND}, []),
    ],
)
def test_a_workload_gets_its_proxies_as_its_kind_allows(changes: dict[str, Any], expected: list[str]) -> None:
    ns = enrolled(pods=(OLD_POD,), workloads=(workload(**changes),))

    assert wrote(decided(a_view(Stage.ENROLLING, ns=ns))) == expected


def test_one_workload_after_the_other_is_restarted() -> None:
    ns = enrolled(pods=(OLD_POD, pod("web-1", {"app": "web"}, meshed=False)), workloads=(workload(), workload("web")))

    assert wrote(decided(a_view(Stage.ENROLLING, ns=ns))) == ["restart Deployment shop/api"]


def test_nothing_is_restarted_while_callers_suffer() -> None:
    ns = enrolled(pods=(OLD_POD,))

    assert wrote(decided(a_view(Stage.ENROLLING, ns=ns, answers=told(requests=outcomes(500))))) == []


def test_a_pod_that_came_back_without_a_proxy_is_not_evicted_again() -> None:
    kept = workload(restartable=Restartable.PARTITIONED, partition=1)
    again = replace(OLD_POD, created=NOON)
    old = replace(OLD_POD, created=NOON - HOUR)

    first = decided(a_view(Stage.ENROLLING, ns=enrolled(pods=(old,), workloads=(kept,)), in_force=NOON - HOUR / 2))
    second = decided(a_view(Stage.ENROLLING, ns=enrolled(pods=(again,), workloads=(kept,)), in_force=NOON - HOUR / 2))

    assert wrote(first) == ["evict Pod shop/api-1"]
    assert wrote(second) == []
