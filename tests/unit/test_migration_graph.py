"""Does the graph of calls know both ends of every call?"""

import pytest

from rollout.migration.graph import EXTERNAL, NODE, Call, calls_of
from tests.support.fleets import calling


def test_callers_and_callees_are_sorted_and_named_once() -> None:
    calls = calling("web>shop", "app>shop", "web>shop", "web>pay")

    assert calls.callers_of("shop") == ("app", "web")
    assert calls.callees_of("web") == ("pay", "shop")


def test_a_namespace_nobody_spoke_of_calls_nobody() -> None:
    calls = calling("web>shop")

    assert calls.callers_of("web") == ()
    assert calls.callees_of("tools") == ()
    assert calls.neighbours_of("tools") == frozenset()


def test_the_two_ends_of_a_call_are_adjacent_both_ways() -> None:
    calls = calling("web>shop", "shop>pay")

    assert calls.adjacent("web", "shop")
    assert calls.adjacent("shop", "web")
    assert not calls.adjacent("web", "pay")


def test_nothing_is_adjacent_to_itself() -> None:
    calls = calling("shop>shop")

    assert not calls.adjacent("shop", "shop")
    assert calls.callers_of("shop") == ("shop",)


@pytest.mark.parametrize("caller", [EXTERNAL, NODE])
def test_callers_from_outside_are_nobodys_neighbours(caller: str) -> None:
    calls = calling(f"{caller}>shop", f"{caller}>pay")

    assert calls.callers_of("shop") == (caller,)
    assert not calls.adjacent(caller, "shop")
    assert not calls.adjacent("shop", "pay")


def test_one_plaintext_call_is_remembered_among_those_with_mtls() -> None:
    seen = [Call(caller="web", callee="shop", seen_mtls=way) for way in (True, False, None)]

    assert calls_of(seen).plaintext == {("web", "shop")}
    assert calls_of(seen[:1]).plaintext == frozenset()


def test_what_a_network_policy_keeps_apart_is_no_call_any_more() -> None:
    calls = calls_of([Call(caller="web", callee="shop")], blocked=frozenset({("web", "shop")}))

    assert calls.callers_of("shop") == ()
    assert not calls.adjacent("web", "shop")
