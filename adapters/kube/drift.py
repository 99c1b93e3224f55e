"""In which fields does an object differ from what git says, and which field manager made it differ?

Fields that git does not have are looked for in managedFields alone: what the schema fills in has no manager.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.kube.api import Obj

Place = tuple[str | int, ...]  # names and list indexes from the object's root
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of the object. manager: who wrote it last; "" when nobody is known (it was removed)."""

    place: Place
    manager: str = ""

    @property
    def path(self) -> str:
        """As people write it: `spec.steps`."""
        return ".".join(str(part) for part in self.place)

    @property
    def pointer(self) -> str:
        """As a JSON patch names it (RFC 6901)."""
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """wrong: what git states and the object has otherwise or not; lost: what git states and only others manage; added:
    what others manage in `spec` and git does not state, its outermost part."""

    wrong: tuple[Field, ...] = ()
    lost: tuple[Field, ...] = ()
    added: tuple[Field, ...] = ()


def difference(live: Obj, body: Obj, own: str) -> Difference:
    """How `live` differs from `body`, which `own` applies; fields that `body` does not state may be there.

    An annotation that is to change with the commit alone must not be in `body`.
    """
    entries = live["metadata"].get("managedFields") or ()
    mine = next((_fields(entry) for entry in entries if _is_own(entry, own)), {})
    lost: list[Field] = []
    added: dict[Place, Field] = {}
    for entry in entries:
        if _is_own(entry, own) or entry.get("subresource"):
            continue
        for is_stated, place in _foreign(_part(_fields(entry), "f:spec"), _part(mine, "f:spec"), live, body):
            field = Field(place=place, manager=str(entry.get("manager", "")))
            if is_stated:
                lost.append(field)
            else:
                added.setdefault(place, field)
    wrong = tuple(Field(place=place, manager=_writer(entries, own, place)) for place in _wrong(live, body))
    return Difference(wrong=wrong, lost=tuple(lost), added=tuple(added[place] for place in sorted(added, key=_order)))


def mending(live: Obj, body: Obj, found: Difference) -> list[dict[str, Any]]:
    """The JSON patch that takes the added fields out and puts the wrong ones right, all at once.

    At once, because a schema may allow only one of two fields. From the last to the first, so that no index moves.
    """
    patch: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]}
    ]
    patch += [{"op": "remove", "path": field.pointer} for field in reversed(found.added)]
    in_spec = (field for field in found.wrong if field.place[0] == "spec")
    return patch + [{"op": "add", "path": field.pointer, "value": value_at(body, field.place)} for field in in_spec]


def value_at(value: object, place: Place) -> object:
    """What stands at a place; None where nothing does."""
    for part in place:
        if isinstance(value, Mapping):
            value = value.get(str(part))
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def _wrong(live: object, wanted: object, here: Place = ()) -> Iterator[Place]:
    """The innermost places of maps where something wanted is not; a list is one value, with room for defaults."""
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        for name, value in wanted.items():
            if name not in live:
                yield (*here, name)
            else:
                yield from _wrong(live[name], value, (*here, name))
    elif not _holds(live, wanted):
        yield here


def _holds(live: object, wanted: object) -> bool:
    """Whether everything wanted is there; more fields (defaults) do not matter."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(name in live and _holds(live[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return isinstance(live, list) and len(live) == len(wanted) and all(map(_holds, live, wanted))
    return live == wanted


def _foreign(theirs: Mapping[str, Any], mine: Mapping[str, Any], live: Obj, body: Obj) -> Iterator[tuple[bool, Place]]:
    """Places in `spec` that another manager has and we have not, and whether git states them."""
    if theirs:
        yield from _walked(theirs, mine, live.get("spec"), body.get("spec"), ("spec",))


def _walked(
    theirs: Mapping[str, Any], mine: Mapping[str, Any], live: object, said: object, here: Place
) -> Iterator[tuple[bool, Place]]:
    for part, inside in theirs.items():
        at = _step(part, live)
        if part == "." or at is None:
            continue
        stated = _step(part, said)
        value = _ABSENT if stated is None else value_at(said, (stated,))
        if value is _ABSENT:
            yield False, (*here, at)
        elif not inside or not isinstance(value, (Mapping, list)):
            if part not in mine:
                yield True, (*here, at)
        else:
            yield from _walked(inside, _part(mine, part), value_at(live, (at,)), value, (*here, at))


def _step(part: str, value: object) -> str | int | None:
    """Where an element of FieldsV1 is in a value: `f:name` in a map, `k:{...}` or `v:...` in a list; None for nowhere."""
    kind, _, text = part.partition(":")
    if kind == "f":
        return text if isinstance(value, Mapping) and text in value else None
    if kind not in ("k", "v") or not isinstance(value, list):
        return None
    sought = json.loads(text)
    for index, item in enumerate(value):
        if item == sought or (kind == "k" and isinstance(item, Mapping) and sought.items() <= item.items()):
            return index
    return None


def _writer(entries: Iterable[Mapping[str, Any]], own: str, place: Place) -> str:
    """Which other manager has the field, or a list or map that it is a part of."""
    for entry in entries:
        if not _is_own(entry, own) and _has(_fields(entry), place):
            return str(entry.get("manager", ""))
    return ""


def _has(fields: Mapping[str, Any], place: Place) -> bool:
    for part in place:
        inside = fields.get(f"f:{part}")
        if not isinstance(inside, Mapping):
            return False
        if not inside:
            return True
        fields = inside
    return True


def _is_own(entry: Mapping[str, Any], own: str) -> bool:
    return entry.get("manager") == own and entry.get("operation") == "Apply"


def _fields(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return entry.get("fieldsV1") or {}


def _part(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return fields.get(name) or {}


def _order(place: Place) -> list[tuple[bool, str, int]]:
    return [
        (isinstance(part, int), str(part) if isinstance(part, str) else "", part if isinstance(part, int) else 0)
        for part in place
    ]
