"""Does one kind's memory keep what is newest, and tell what was watched?"""

from typing import Any

import pytest

from adapters.kube.api import Obj
from adapters.kube.shelf import Shelf


class Shown:
    """A shelf with an index by colour, and what it told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []  # old and new resourceVersion
        self.shelf = Shelf(kind="Thing", indexes={"colour": lambda obj: [obj["colour"]]}, tell=self._note)

    def _note(self, _: str, old: Obj | None, new: Obj | None) -> None:
        self.told.append((version(old), version(new)))

    def coloured(self, colour: str) -> list[str]:
        return [obj["metadata"]["name"] for obj in self.shelf.indexed("colour", colour)]


def thing(version: int, name: str = "a", colour: str = "red", namespace: str = "shop") -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name, "resourceVersion": str(version)}, "colour": colour}


def version(obj: Obj | None) -> str:
    return obj["metadata"]["resourceVersion"] if obj else ""


@pytest.fixture
def shown() -> Shown:
    shown = Shown()
    shown.shelf.replaced([thing(5)], 10)
    shown.told.clear()
    return shown


def test_resource_versions_are_compared_as_numbers(shown: Shown) -> None:
    shown.shelf.wrote(thing(100))

    shown.shelf.changed(thing(99), deleted=False)

    assert version(shown.shelf.newest(("shop", "a"))) == "100"


def test_an_own_write_moves_the_object_in_the_indexes(shown: Shown) -> None:
    shown.shelf.wrote(thing(11, colour="blue"))

    assert (shown.coloured("red"), shown.coloured("blue")) == ([], ["a"])


def test_an_own_write_is_not_told(shown: Shown) -> None:
    shown.shelf.wrote(thing(11))

    assert shown.told == []


def test_the_echo_of_an_own_write_is_told_as_a_change_of_what_was_watched(shown: Shown) -> None:
    shown.shelf.wrote(thing(11))

    shown.shelf.changed(thing(11), deleted=False)

    assert shown.told == [("5", "11")]


def test_an_own_write_ends_with_the_next_event_of_another_object(shown: Shown) -> None:
    shown.shelf.wrote(thing(11, colour="blue"))

    shown.shelf.changed(thing(12, name="b"), deleted=False)

    assert version(shown.shelf.newest(("shop", "a"))) == "5"


def test_an_own_write_ends_with_a_newer_bookmark(shown: Shown) -> None:
    shown.shelf.wrote(thing(11, name="b"))

    shown.shelf.passed(11)

    assert shown.shelf.newest(("shop", "b")) is None


def test_an_own_write_outlives_an_older_bookmark(shown: Shown) -> None:
    shown.shelf.wrote(thing(12, name="b"))

    shown.shelf.passed(11)

    assert version(shown.shelf.newest(("shop", "b"))) == "12"


def test_an_own_write_ends_with_a_newer_deletion(shown: Shown) -> None:
    shown.shelf.wrote(thing(11))

    shown.shelf.changed(thing(12), deleted=True)

    assert shown.shelf.newest(("shop", "a")) is None


def test_an_own_write_that_the_watch_has_passed_already_changes_nothing(shown: Shown) -> None:
    shown.shelf.wrote(thing(9, colour="blue"))

    assert shown.coloured("blue") == []


def test_the_older_of_two_own_writes_does_not_replace_the_newer(shown: Shown) -> None:
    shown.shelf.wrote(thing(12))
    shown.shelf.wrote(thing(11))

    assert version(shown.shelf.newest(("shop", "a"))) == "12"


def test_an_event_that_a_newer_list_has_told_is_ignored(shown: Shown) -> None:
    shown.shelf.changed(thing(10), deleted=True)

    assert shown.told == []
    assert version(shown.shelf.newest(("shop", "a"))) == "5"


def test_a_list_tells_only_differences(shown: Shown) -> None:
    shown.shelf.replaced([thing(5), thing(11, name="b")], 12)

    assert shown.told == [("", "11")]


def test_own_writes_that_a_restored_server_forgot_are_forgotten(shown: Shown) -> None:
    shown.shelf.wrote(thing(11, name="b"))

    shown.shelf.replaced([thing(5)], 6)

    assert shown.shelf.newest(("shop", "b")) is None
    assert shown.shelf.revision == 6


def test_lists_are_sorted_by_namespace_and_name(shown: Shown) -> None:
    shown.shelf.replaced([thing(1, "b"), thing(2, "a"), thing(3, "c", namespace="bank")], 12)

    assert [obj["metadata"]["name"] for obj in shown.shelf.all()] == ["c", "a", "b"]
    assert [obj["metadata"]["name"] for obj in shown.shelf.indexed("namespace", "shop")] == ["a", "b"]


def test_an_unknown_index_names_the_known_ones(shown: Shown) -> None:
    with pytest.raises(KeyError, match="namespace, colour"):
        shown.shelf.indexed("size", "1")
