"""What does an object look like after a strategic merge patch, the dialect that kubectl uses for built-in kinds?

As a merge patch, but a map-type list is merged by its first key, and `$patch`, `$retainKeys`,
`$deleteFromPrimitiveList` and `$setElementOrder` are directives. Element order is left as it is.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from adapters.memory.fields import Lists
from adapters.memory.kinds import Path

CONTENT_TYPE = "application/strategic-merge-patch+json"


def strategic_patched(document: object, patch: object, lists: Lists, path: Path = ()) -> object:
    """The document after the patch."""
    if not isinstance(patch, Mapping):
        return deepcopy(patch)
    if patch.get("$patch") == "replace":
        return {name: deepcopy(value) for name, value in patch.items() if name != "$patch"}
    result = dict(document) if isinstance(document, Mapping) else {}
    for name, value in patch.items():
        if name.startswith("$"):
            _direct(result, name, value)
        elif value is None:
            result.pop(name, None)
        elif isinstance(value, list) and lists.get((*path, name)):
            result[name] = _list_patched(result.get(name) or [], value, lists, (*path, name))
        else:
            result[name] = strategic_patched(result.get(name), value, lists, (*path, name))
    return result


def _direct(result: dict[str, Any], name: str, value: object) -> None:
    if not isinstance(value, list):
        return
    if name == "$retainKeys":
        for other in result.keys() - set(value):
            del result[other]
    directive, _, field = name.partition("/")
    if directive == "$deleteFromPrimitiveList":
        result[field] = [item for item in result.get(field) or [] if item not in value]


def _list_patched(items: list[Any], patches: list[Any], lists: Lists, path: Path) -> list[Any]:
    key = lists[path][0]
    if any(patch.get("$patch") == "replace" for patch in patches):
        return [deepcopy(patch) for patch in patches if "$patch" not in patch]
    result = list(items)
    for patch in patches:
        at = next((i for i, item in enumerate(result) if item.get(key) == patch.get(key)), None)
        if patch.get("$patch") == "delete":
            result = [item for i, item in enumerate(result) if i != at]
        elif at is None:
            result.append(strategic_patched({}, patch, lists, path))
        else:
            result[at] = strategic_patched(result[at], patch, lists, path)
    return result
