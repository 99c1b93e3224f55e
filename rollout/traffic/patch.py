"""Which JSON patch (RFC 6902) turns a route object into the one that `weights.write` made of it?

The smallest one: numbers, one added entry, one removed entry; never a list where a number will do, because lists of
routes have no merge keys and a whole list would undo what somebody else changes at the same time.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from rollout.traffic.dialects import Dialect
from rollout.traffic.entries import Obj
from rollout.traffic.weights import Pointer, places

Operation = dict[str, Any]


def patch(old: Obj, new: Obj, dialect: Dialect) -> list[Operation]:
    """Operations from `old` to `new`, which differ only in entries of pools; [] when they are equal.

    First the resourceVersion (where `old` has one) and where each touched entry leads are tested, so that a write
    made for another object fails instead of moving somebody's traffic.
    """
    tests: list[Operation] = []
    changes: list[Operation] = []
    for before, after in zip(places(old, dialect), places(new, dialect), strict=True):
        if before.entries != after.entries:
            for operation in _list_changes(before.pointer, before.entries, after.entries, dialect):
                (tests if operation["op"] == "test" else changes).append(operation)
    version = old.get("metadata", {}).get("resourceVersion")
    if changes and version is not None:
        tests.insert(0, {"op": "test", "path": "/metadata/resourceVersion", "value": version})
    return tests + changes


def _list_changes(pointer: Pointer, old: Sequence[Obj], new: Sequence[Obj], dialect: Dialect) -> Iterator[Operation]:
    """Weights by their old index, then removals from the end, then additions at the end: no index shifts under another."""
    kept = _kept(old, new)
    gone = [index for index in range(len(old)) if index not in kept]
    for index in range(len(old)):
        if index not in kept or old[index] != new[kept[index]]:
            yield from _identity(pointer, index, old[index], dialect)
    for index, place in kept.items():
        if old[index] != new[place]:
            verb = "replace" if "weight" in old[index] else "add"
            yield {"op": verb, "path": _text((*pointer, index, "weight")), "value": new[place]["weight"]}
    for index in reversed(gone):
        yield {"op": "remove", "path": _text((*pointer, index))}
    for entry in new[len(kept) :]:
        yield {"op": "add", "path": _text((*pointer, "-")), "value": entry}


def _kept(old: Sequence[Obj], new: Sequence[Obj]) -> dict[int, int]:
    """Old index to new index of every entry that stays; they keep their order, and new ones stand behind them."""
    kept: dict[int, int] = {}
    for index, entry in enumerate(old):
        place = len(kept)
        if place < len(new) and _bare(entry) == _bare(new[place]):
            kept[index] = place
    return kept


def _identity(pointer: Pointer, index: int, entry: Obj, dialect: Dialect) -> Iterator[Operation]:
    for name in dialect.identity:
        if name in entry:
            yield {"op": "test", "path": _text((*pointer, index, name)), "value": entry[name]}


def _bare(entry: Obj) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "weight"}


def _text(pointer: Pointer) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in pointer)
