"""What holds for the memory cluster whatever is written to it?"""

import asyncio
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.kube.api import Patch
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.patches import json_patched, merge_patched
from adapters.memory.statuses import RefusalError
from rollout.ports.errors import Conflict, NotFound
from tests.support.examples import examples

WIDGETS = "/apis/example.org/v1/namespaces/default/widgets"
NAMES = st.sampled_from("abc")
KEYS = st.sampled_from(["x", "y", "z"])
LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from("uv")
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=3)


def definition() -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [version],
        },
    }


def widget(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


def merged_by_the_rfc(target: Any, patch: Any) -> Any:
    """MergePatch, as the pseudocode of RFC 7396 has it."""
    if not isinstance(patch, dict):
        return patch
    target = deepcopy(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is not None:
            target[name] = merged_by_the_rfc(target.get(name), value)
        elif name in target:
            del target[name]
    return target


@given(DOCUMENTS, VALUES)
def test_a_merge_patch_is_what_the_rfc_says(document: dict[str, Any], patch: Any) -> None:
    before = deepcopy(document)

    result = merge_patched(document, patch)

    assert result == merged_by_the_rfc(document, patch)
    assert document == before


@given(DOCUMENTS, KEYS, VALUES)
def test_what_a_json_patch_adds_its_test_finds_and_its_removal_takes_away(
    document: dict[str, Any], key: str, value: Any
) -> None:
    before = deepcopy(document)
    add, test = ({"op": op, "path": f"/{key}", "value": value} for op in ("add", "test"))

    added = json_patched(document, [add, test])
    removed = json_patched(added, [{"op": "remove", "path": f"/{key}"}])

    assert added == {**before, key: value}
    assert removed == {name: kept for name, kept in before.items() if name != key}
    assert document == before


@given(st.lists(st.integers(), max_size=4), st.integers(0, 5), st.integers())
def test_a_json_patch_inserts_like_a_list(items: list[int], at: int, value: int) -> None:
    operation = {"op": "add", "path": f"/items/{at}", "value": value}

    try:
        result = json_patched({"items": items}, [operation])
    except RefusalError:
        assert at > len(items)
    else:
        assert result == {"items": [*items[:at], value, *items[at:]]}


WRITES = st.lists(st.tuples(st.sampled_from(["create", "patch", "delete"]), NAMES, st.integers(0, 3)), max_size=20)


async def replayed(writes: list[tuple[str, str, int]], since: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The objects by name that a watcher knows who listed before write number `since`, and those that are there."""
    cluster = MemoryCluster()
    cluster.seed(definition())
    api = DirectApi(cluster)
    first = await api.get(WIDGETS)
    for number, (verb, name, size) in enumerate(writes):
        if number == since:
            first = await api.get(WIDGETS)
        await written(api, verb, name, size)
    known = {item["metadata"]["name"]: item for item in first["items"]}
    query = {"resourceVersion": first["metadata"]["resourceVersion"], "timeoutSeconds": "0.001"}
    async for event in api.watch(WIDGETS, query):
        name = event["object"]["metadata"]["name"]
        if event["type"] == "DELETED":
            del known[name]
        else:
            known[name] = event["object"]
    return known, {item["metadata"]["name"]: item for item in (await api.get(WIDGETS))["items"]}


async def written(api: DirectApi, verb: str, name: str, size: int) -> None:
    try:
        if verb == "create":
            await api.create(WIDGETS, widget(name, {"size": size}))
        elif verb == "patch":
            await api.patch(f"{WIDGETS}/{name}", Patch.MERGE, {"spec": {"size": size}})
        else:
            await api.delete(f"{WIDGETS}/{name}")
    except (Conflict, NotFound):
        return  # the model does not know what is there; the state afterwards is what counts


@examples(60)
@given(WRITES, st.integers(0, 20))
def test_a_watcher_ends_with_what_a_list_shows(writes: list[tuple[str, str, int]], since: int) -> None:
    known, there = asyncio.run(replayed(writes, since))

    assert known == there


async def applied_twice(specs: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The object after several managers applied by force, and after the last one did so again."""
    cluster = MemoryCluster()
    cluster.seed(definition())
    api = DirectApi(cluster)
    once: dict[str, Any] = {}
    for number, spec in enumerate([*specs, specs[-1]]):
        last = once
        query = {"fieldManager": f"m{min(number, len(specs) - 1) % 2}", "force": "true"}
        once = await api.patch(f"{WIDGETS}/a", Patch.APPLY, widget("a", spec), query)
    return last, once


@examples(60)
@given(st.lists(DOCUMENTS, min_size=1, max_size=4))
def test_applying_twice_is_applying_once(specs: list[dict[str, Any]]) -> None:
    once, twice = asyncio.run(applied_twice(specs))

    assert twice == once


@examples(60)
@given(DOCUMENTS)
def test_one_applier_gets_exactly_what_it_applies(spec: dict[str, Any]) -> None:
    once, _ = asyncio.run(applied_twice([spec]))

    assert once["spec"] == spec
