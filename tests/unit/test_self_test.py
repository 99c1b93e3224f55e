"""When is a marked request due, and what is said of the last one?"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.migration.fleet import Fleet
from rollout.migration.graph import calls_of
from rollout.migration.self_test import due, mark_of, self_test_reason
from rollout.migration.view import View
from rollout.model.mesh import MeshNamespace, Mtls, Sink
from rollout.model.migration import MigrationSpec, MigrationStatus, NamespaceStatus, Stage, Wave
from rollout.model.migration_marks import Acknowledged, SelfTestMark, SoakMark
from rollout.model.migration_seen import NamespaceSeen, PlaintextLook, Probe
from tests.support.mesh import API, NOON, exemption, namespace, peer, pod

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SPEC = MigrationSpec(name="to-strict", waves=(Wave(name="all", namespaces=("shop",)),))
READY = pod("api-1", API, 8080, ip="10.0.0.1")
SHOP = namespace(pods=[READY], sinks=(Sink(pod="api-1", port=8080),))
QUIET = SoakMark(clock=NOON - HOUR)
DAY_AGO = SelfTestMark(asked_at=NOON - 24 * HOUR, pod="api-1", seen_at=NOON - 24 * HOUR + MINUTE)


def a_view(shop: MeshNamespace = SHOP, spec: MigrationSpec = SPEC, *, complete: bool = True, **status: Any) -> View:
    known = NamespaceStatus(name="shop", stage=Stage.OBSERVING, **{"soak": QUIET, **status})
    fleet = Fleet(
        spec=spec,
        status=MigrationStatus(namespaces=(known,)),
        calls=calls_of(()),
        enrolled=frozenset(),
        rollouts={},
        frozen="",
        now=NOON,
    )
    seen = NamespaceSeen(namespace=shop, answers={}, plaintext=PlaintextLook(complete=complete))
    return View(status=known, seen=seen, fleet=fleet, root=(), now=NOON)


def test_the_first_one_goes_to_a_ready_pod_with_an_http_port() -> None:
    assert due(a_view()) == Probe(
        pod="api-1", address="10.0.0.1", port=8080, mark="/.rollout-selftest/to-strict/shop/20261121T120000"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"stage": Stage.REHEARSAL},
        {"soak": SoakMark()},
        {"soak": SoakMark(clock=NOON - 59 * timedelta(seconds=1))},
        {"acknowledged": (Acknowledged(key="SELFTEST", by="ana", reason="it speaks TCP"),)},
        {"complete": False},
        {"spec": replace(SPEC, self_test=False)},
        {"spec": replace(SPEC, suspend=True)},
        {"spec": replace(SPEC, waves=())},
        {"spec": replace(SPEC, exceptions=(exemption(API, 8080),))},
        {"shop": replace(SHOP, sinks=())},
        {"shop": replace(SHOP, pods=(replace(READY, ready=False),))},
        {"shop": replace(SHOP, pods=(replace(READY, meshed=False),))},
        {"shop": replace(SHOP, pods=(replace(READY, ip=""),))},
        {"shop": replace(SHOP, pods=(replace(READY, host_network=True),))},
        {"shop": replace(SHOP, pods=())},
        {"shop": replace(SHOP, peers=(peer(mode=Mtls.STRICT),))},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_none_is_sent_where_it_would_show_nothing_or_is_not_wanted(changes: dict[str, Any]) -> None:
    stage = changes.pop("stage", Stage.OBSERVING)
    view = a_view(**changes)

    assert due(view.of(replace(view.status, stage=stage))) is None


@pytest.mark.parametrize(
    ("asked", "seen", "is_due"),
    [
        (30 * timedelta(seconds=1), None, False),
        (10 * MINUTE - timedelta(seconds=1), None, False),
        (10 * MINUTE, None, True),
        (HOUR, MINUTE, False),
        (24 * HOUR - timedelta(seconds=1), MINUTE, False),
        (24 * HOUR, MINUTE, True),
        (10 * MINUTE, 2 * MINUTE, True),
    ],
    ids=["pending", "failed", "failed for long", "good", "good for a day", "old", "seen too late"],
)
def test_the_next_one_follows_a_day_after_a_good_one_and_ten_minutes_after_another(
    asked: timedelta, seen: timedelta | None, is_due: bool
) -> None:
    at = NOON - asked
    mark = SelfTestMark(asked_at=at, pod="api-1", seen_at=at + seen if seen is not None else None)

    assert (due(a_view(self_test=mark)) is not None) is is_due


def reason(view: View) -> str:
    found = self_test_reason(view)
    return found.code if found is not None else ""


def test_before_the_first_one_nobody_knows() -> None:
    assert reason(a_view()) == "SelfTestMissing"


def test_where_none_can_be_sent_it_is_said_what_a_person_can_do() -> None:
    found = self_test_reason(a_view(replace(SHOP, sinks=())))

    assert found is not None
    assert found.code == "SelfTestImpossible"
    assert "acknowledge SELFTEST" in found.message


def test_one_that_was_seen_in_time_holds_nothing_up() -> None:
    assert reason(a_view(self_test=DAY_AGO)) == ""


@pytest.mark.parametrize(("last_event", "code"), [(None, "DetectorBlind"), (NOON - 4 * MINUTE, "SelfTestPending")])
def test_one_that_was_not_seen_is_blindness_unless_others_spoke_too(last_event: Any, code: str) -> None:
    mark = SelfTestMark(asked_at=NOON - 5 * MINUTE, pod="api-1")

    assert reason(a_view(self_test=mark, soak=replace(QUIET, last_event=last_event))) == code


def test_each_request_has_a_mark_of_its_own() -> None:
    marks = {mark_of("to-strict", name, at) for name in ("shop", "pay") for at in (NOON, NOON + MINUTE)}

    assert len(marks) == 4
