"""Do patches do what their RFCs and kubectl say?"""

from typing import Any

import pytest

from adapters.memory.patches import json_patched, merge_patched
from adapters.memory.statuses import RefusalError
from adapters.memory.strategic import strategic_patched

# The examples of RFC 6902 appendix A, in short: document, operation, result.
APPLIES: list[tuple[Any, dict[str, Any], Any]] = [
    ({"a": 1}, {"op": "add", "path": "/b", "value": 2}, {"a": 1, "b": 2}),
    ({"a": [1, 3]}, {"op": "add", "path": "/a/1", "value": 2}, {"a": [1, 2, 3]}),
    ({"a": [1]}, {"op": "add", "path": "/a/-", "value": [2]}, {"a": [1, [2]]}),
    ({"a": 1}, {"op": "add", "path": "", "value": {"b": 2}}, {"b": 2}),
    ({"a": 1, "b": 2}, {"op": "remove", "path": "/b"}, {"a": 1}),
    ({"a": [1, 2, 3]}, {"op": "remove", "path": "/a/1"}, {"a": [1, 3]}),
    ({"a": 1}, {"op": "replace", "path": "/a", "value": None}, {"a": None}),
    ({"a": {"b": 1}, "c": {}}, {"op": "move", "from": "/a/b", "path": "/c/d"}, {"a": {}, "c": {"d": 1}}),
    ({"a": [1, 2, 3]}, {"op": "move", "from": "/a/0", "path": "/a/2"}, {"a": [2, 3, 1]}),
    ({"a": {"b": [1]}}, {"op": "copy", "from": "/a", "path": "/c"}, {"a": {"b": [1]}, "c": {"b": [1]}}),
    ({"a/b": {"~": 1}}, {"op": "replace", "path": "/a~1b/~0", "value": 2}, {"a/b": {"~": 2}}),
    ({"a": [1, {"b": 2}]}, {"op": "test", "path": "/a/1/b", "value": 2}, {"a": [1, {"b": 2}]}),
    ({"a": 1}, {"op": "test", "path": "/b", "value": None}, {"a": 1}),
    ({"a": 1}, {"op": "replace", "path": "/b", "value": 2}, {"a": 1, "b": 2}),  # where the real server leaves the RFC
]

DOES_NOT_APPLY: list[tuple[Any, dict[str, Any]]] = [
    ({"a": 1}, {"op": "test", "path": "/a", "value": 2}),
    ({"a": 1}, {"op": "test", "path": "/a", "value": True}),
    ({"a": 1}, {"op": "remove", "path": "/b"}),
    ({"a": [1]}, {"op": "replace", "path": "/a/1", "value": 2}),
    ({"a": 1}, {"op": "replace", "path": "/b/c", "value": 2}),
    ({"a": 1}, {"op": "add", "path": "/b/c", "value": 2}),
    ({"a": [1]}, {"op": "add", "path": "/a/2", "value": 2}),
    ({"a": [1]}, {"op": "add", "path": "/a/01", "value": 2}),
]

MALFORMED: list[Any] = [
    {"op": "add"},
    [{"op": "change", "path": "/a"}],
    [{"op": "add", "path": "a", "value": 1}],
    [{"op": "add", "path": "/a"}],
    ["add"],
]


@pytest.mark.parametrize(("document", "operation", "expected"), APPLIES)
def test_an_operation_applies(document: Any, operation: dict[str, Any], expected: Any) -> None:
    assert json_patched(document, [operation]) == expected


@pytest.mark.parametrize(("document", "operation"), DOES_NOT_APPLY)
def test_an_operation_that_does_not_apply_is_422(document: Any, operation: dict[str, Any]) -> None:
    with pytest.raises(RefusalError) as caught:
        json_patched(document, [operation])

    assert caught.value.code == 422


@pytest.mark.parametrize("operations", MALFORMED)
def test_a_malformed_patch_is_400(operations: Any) -> None:
    with pytest.raises(RefusalError) as caught:
        json_patched({"a": 1}, operations)

    assert caught.value.code == 400


def test_a_merge_patch_replaces_lists_and_removes_nulls() -> None:
    document = {"a": {"b": 1, "c": [1, 2]}, "d": 1}

    result = merge_patched(document, {"a": {"c": [3], "e": {"f": None}}, "d": None})

    assert result == {"a": {"b": 1, "c": [3], "e": {}}}


def test_a_strategic_patch_merges_containers_by_name() -> None:
    lists: dict[tuple[str, ...], tuple[str, ...]] = {("containers",): ("name",)}
    document = {"containers": [{"name": "app", "image": "app:1", "args": ["x"]}, {"name": "side", "image": "side:1"}]}
    patch = {"containers": [{"name": "app", "image": "app:2"}, {"name": "side", "$patch": "delete"}]}

    result = strategic_patched(document, patch, lists)

    assert result == {"containers": [{"name": "app", "image": "app:2", "args": ["x"]}]}


def test_a_strategic_patch_keeps_only_the_retained_keys() -> None:
    document = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}
    patch = {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}

    assert strategic_patched(document, patch, {}) == {"strategy": {"type": "Recreate"}}


def test_a_strategic_patch_deletes_from_a_list_of_primitives() -> None:
    patch = {"$deleteFromPrimitiveList/finalizers": ["a"]}

    assert strategic_patched({"finalizers": ["a", "b"]}, patch, {}) == {"finalizers": ["b"]}
