"""For how long does a caller that a log named count as one?"""

from datetime import timedelta

import pytest

from rollout.migration.graph import Call
from rollout.migration.soaking import plaintext_calls
from rollout.model.migration import MigrationSpec, NamespaceStatus, Wave
from rollout.model.migration_marks import PlaintextCaller, SoakMark
from rollout.model.migration_seen import NamespaceSeen, PlaintextLook
from tests.support.mesh import NOON, namespace

HOUR = timedelta(hours=1)
BEGUN = SoakMark()
SPEC = MigrationSpec(name="to-strict", waves=(Wave(name="all", namespaces=("shop",)),), soak=2 * HOUR)


def calls(
    source: str = "legacy/web", ago: timedelta = HOUR, soak: SoakMark = BEGUN, *, in_this_look: bool = False
) -> list[Call]:
    caller = PlaintextCaller(workload="api", source=source, calls=1, last=NOON - ago)
    status = NamespaceStatus(name="shop", soak=soak, callers=() if in_this_look else (caller,))
    look = PlaintextLook(named=(caller,) if in_this_look else ())
    seen = NamespaceSeen(namespace=namespace(), answers={}, plaintext=look)
    return list(plaintext_calls(SPEC, status, seen, NOON))


@pytest.mark.parametrize("in_this_look", [False, True])
def test_a_named_caller_is_an_edge_in_plaintext(in_this_look: bool) -> None:
    assert calls(in_this_look=in_this_look) == [Call(caller="legacy", callee="shop", seen_mtls=False)]


@pytest.mark.parametrize(("source", "caller"), [("external 192.0.2.1", "external"), ("node a", "node")])
def test_addresses_of_no_pod_are_callers_from_outside(source: str, caller: str) -> None:
    assert [one.caller for one in calls(source)] == [caller]


def test_a_caller_that_nobody_could_name_is_no_edge() -> None:
    assert calls("") == []


@pytest.mark.parametrize(("ago", "count"), [(2 * HOUR - timedelta(seconds=1), 1), (2 * HOUR, 0)])
def test_it_counts_until_it_was_quiet_for_as_long_as_a_soak_takes(ago: timedelta, count: int) -> None:
    assert len(calls(ago=ago)) == count


def test_the_window_that_the_soak_needed_counts_rather_than_the_specs() -> None:
    assert len(calls(ago=3 * HOUR, soak=SoakMark(window=4 * HOUR))) == 1


def test_a_person_who_says_that_it_is_quiet_is_believed() -> None:
    assert calls(soak=SoakMark(skipped_by="ana", skipped_why="moved away")) == []
