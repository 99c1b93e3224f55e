"""Do objects of a list share what is equal, and only that?"""

from copy import deepcopy
from typing import Any

import pytest

from adapters.kube.kinds import ROUTE_KINDS
from adapters.kube.sharing import Sharing


def parts(value: Any) -> list[Any]:
    """Every text, mapping and list in it, as often as it is there."""
    inside: list[Any] = []
    if isinstance(value, dict):
        inside = [*value.keys(), *value.values()]
    elif isinstance(value, list):
        inside = value
    own = [value] if isinstance(value, str | dict | list) else []
    return own + [part for one in inside for part in parts(one)]


def kept(objects: list[Any]) -> int:
    """How many different parts are in memory."""
    return len({id(part) for one in objects for part in parts(one)})


def listed(count: int) -> list[dict[str, Any]]:
    """Objects that differ by their names alone, each read by itself."""
    spec = {"steps": [{"weight": 10}, {"weight": 50}], "backend": {"service": "{name}-{revision}"}}
    return [deepcopy({"metadata": {"name": f"service-{number}"}, "spec": spec}) for number in range(count)]


def test_what_is_shared_is_equal_to_what_was_read() -> None:
    objects, sharing = listed(3), Sharing()

    shared = [sharing.shared("Rollout", one) for one in objects]

    assert shared == objects


def test_a_further_object_costs_only_its_own_name_and_what_holds_it() -> None:
    sharing = Sharing()
    few = [sharing.shared("Rollout", one) for one in listed(2)]
    many = [sharing.shared("Rollout", one) for one in listed(102)]

    name, metadata, whole = 1, 1, 1
    assert kept(many) - kept(few) == 100 * (name + metadata + whole)


def test_an_object_that_is_read_again_costs_nothing() -> None:
    sharing = Sharing()

    first, second = (sharing.shared("Rollout", one) for one in (listed(1)[0], listed(1)[0]))

    assert first is second


def test_of_a_page_that_is_over_only_what_it_said_more_than_once_is_remembered() -> None:
    sharing = Sharing()
    first, second = (sharing.shared("Rollout", one) for one in listed(2))

    sharing.turned()
    again = sharing.shared("Rollout", listed(1)[0])

    assert again["spec"] is first["spec"] is second["spec"]
    assert again["metadata"] is not first["metadata"]


@pytest.mark.parametrize(("one", "other"), [(1, True), (0, False), (1, 1.0), ({}, []), ("1", 1), ([], [[]])])
def test_what_only_looks_equal_is_not_shared(one: Any, other: Any) -> None:
    sharing = Sharing()
    sharing.shared("Rollout", {"value": one})

    found = sharing.shared("Rollout", {"value": other})

    assert found["value"] == other
    assert type(found["value"]) is type(other)


def test_order_is_kept() -> None:
    sharing = Sharing()
    sharing.shared("Rollout", {"a": "1", "b": "2"})

    assert list(sharing.shared("Rollout", {"b": "2", "a": "1"})) == ["b", "a"]


@pytest.mark.parametrize("kind", ROUTE_KINDS)
def test_routes_are_left_as_they_are_because_they_are_copied_and_changed(kind: str) -> None:
    route = {"kind": kind, "spec": {"http": [{"route": [{"weight": 1}]}, {"route": [{"weight": 1}]}]}}

    assert Sharing().shared(kind, route) is route
