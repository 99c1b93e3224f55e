"""Which fields does an object have, in the terms of managedFields?

A field is a path of FieldsV1 elements: `f:name` in a map, `k:{"type":"Ready"}` for an item of a map-type list, `v:"x"`
for a member of a set. A list that is neither is one field, as a whole.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.memory.kinds import Kind, Path
from adapters.memory.objects import Obj

Field = tuple[str, ...]
Lists = Mapping[Path, tuple[str, ...]]

ITEM = object()  # the value of a list item's own path; its content has paths of its own
# What belongs to the API server, or says which object it is, is nobody's field.
_UNOWNED_META = frozenset(
    {
        *("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "generateName"),
        *("deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"),
    }
)
_KEY_DEFAULTS = {"protocol": "TCP"}  # a port without a protocol is a TCP port


def flat(kind: Kind, obj: Obj, subresource: str = "") -> dict[Field, object]:
    """Every field with its value: only the status for /status, all but the status where that is a subresource."""
    if subresource:
        content: dict[str, Any] = {name: value for name, value in obj.items() if name == subresource}
    else:
        hidden = {"apiVersion", "kind"} | ({"status"} if kind.status else set())
        content = {name: value for name, value in obj.items() if name not in hidden}
        meta = {k: v for k, v in (obj.get("metadata") or {}).items() if k not in _UNOWNED_META}
        content["metadata"] = meta
        if not meta:
            del content["metadata"]
    return {field: value for field, value in _walk(content, kind.lists, (), ()) if field}


def merged(old: object, new: object, lists: Lists, path: Path = ()) -> object:
    """`new` laid over `old`: maps by name, map-type lists by key, sets by member, anything else replaced."""
    if isinstance(old, dict) and isinstance(new, Mapping):
        both = {name: merged(old.get(name), value, lists, (*path, name)) for name, value in new.items()}
        return {**old, **both}
    if not isinstance(old, list) or not isinstance(new, list) or path not in lists:
        return new
    items = {element(item, lists[path]): item for item in old}
    for item in new:
        key = element(item, lists[path])
        items[key] = merged(items.get(key), item, lists, path)
    return list(items.values())


def without(value: object, fields: set[Field], lists: Lists, here: Field = (), path: Path = ()) -> object:
    """The value less these fields; maps and lists that this empties go too."""
    if isinstance(value, dict):
        kept = {
            name: without(child, fields, lists, (*here, f"f:{name}"), (*path, name))
            for name, child in value.items()
            if (*here, f"f:{name}") not in fields
        }
        return {name: child for name, child in kept.items() if child not in ({}, []) or value[name] in ({}, [])}
    if isinstance(value, list) and path in lists:
        keyed = [((*here, element(item, lists[path])), item) for item in value]
        return [without(item, fields, lists, field, path) for field, item in keyed if field not in fields]
    return value


def encoded(fields: frozenset[Field]) -> dict[str, Any]:
    """The set as FieldsV1."""
    tree: dict[str, Any] = {}
    for field in sorted(fields):
        here = tree
        for part in field:
            here = here.setdefault(part, {})
    for field in fields:
        here = tree
        for part in field:
            here = here[part]
        if here:
            here["."] = {}
    return tree


def decoded(tree: Mapping[str, Any], here: Field = ()) -> Iterator[Field]:
    """The fields of a FieldsV1."""
    for part, inside in tree.items():
        if part == "." or not inside:
            yield here if part == "." else (*here, part)
        if part != ".":
            yield from decoded(inside, (*here, part))


def shown(field: Field) -> str:
    """The field as Kubernetes prints it: `.status.conditions[type="Ready"].status`."""
    return "".join(_shown_part(part) for part in field)


def element(item: object, keys: Sequence[str]) -> str:
    """What identifies an item of a map-type list (its keys), or of a set (itself)."""
    if not keys or not isinstance(item, dict):
        return f"v:{json.dumps(item, separators=(',', ':'))}"
    named = {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in keys}
    return f"k:{json.dumps(named, separators=(',', ':'), sort_keys=True)}"


def _walk(value: object, lists: Lists, here: Field, path: Path) -> Iterator[tuple[Field, object]]:
    if isinstance(value, dict) and value:
        for name, child in value.items():
            yield from _walk(child, lists, (*here, f"f:{name}"), (*path, name))
    elif isinstance(value, list) and value and path in lists:
        for item in value:
            inside = (*here, element(item, lists[path]))
            yield inside, ITEM
            if isinstance(item, dict):
                yield from _walk(item, lists, inside, path)
    else:
        yield here, value


def _shown_part(part: str) -> str:
    kind, text = part.split(":", 1)
    if kind == "f":
        return f".{text}"
    if kind == "v":
        return f"[={text}]"
    return "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(text).items()) + "]"
