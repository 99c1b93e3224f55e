"""What does an object look like after a JSON patch (RFC 6902) or a merge patch (RFC 7396)?

Pure: the document given is never changed, the result shares nothing that a caller may change later.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.memory.objects import copied
from adapters.memory.statuses import PATCH_DOES_NOT_APPLY, RefusalError

_OPERATIONS = frozenset({"add", "remove", "replace", "move", "copy", "test"})


def json_patched(document: object, operations: object) -> object:
    """The document after all operations; raises RefusalError 422 when one does not apply, 400 when it is malformed."""
    if not isinstance(operations, Sequence) or isinstance(operations, str):
        raise RefusalError(400, "a JSON patch is a list of operations")
    result = copied(document)
    for operation in operations:
        result = _applied(result, operation)
    return result


def merge_patched(document: object, patch: object) -> object:
    """The document after a merge patch: null removes, a list replaces, a map merges."""
    if not isinstance(patch, dict):
        return copied(patch)
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patched(result.get(name), value)
    return result


def is_same(left: object, right: object) -> bool:
    """Whether two JSON values are equal; unlike in Python, true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(is_same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(is_same(a, b) for a, b in zip(left, right, strict=True))
    return left == right


def _applied(document: object, operation: object) -> object:
    if not isinstance(operation, dict) or operation.get("op") not in _OPERATIONS:
        raise RefusalError(400, f"not a JSON patch operation: {operation!r}")
    path = _pointer(operation.get("path"))
    match operation["op"]:
        case "test":
            if not is_same(_found(document, path, default=None), operation.get("value")):
                raise _not_applicable()
            return document
        case "add":
            return _added(document, path, copied(_value(operation)))
        case "remove":
            return _removed(document, path)
        case "replace":
            return _replaced(document, path, copied(_value(operation)))
        case "copy":
            return _added(document, path, copied(_found(document, _pointer(operation.get("from")))))
        case _:
            source = _pointer(operation.get("from"))
            moved = _found(document, source)
            return _added(_removed(document, source), path, moved)


def _value(operation: Mapping[str, Any]) -> object:
    if "value" not in operation:
        raise RefusalError(400, f"the JSON patch operation {operation['op']} {operation['path']} has no value")
    value: object = operation["value"]
    return value


def _pointer(text: object) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise RefusalError(400, f"not a JSON pointer: {text!r}")
    return [token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:]]


_REQUIRED = object()


def _found(document: object, path: Sequence[str], *, default: object = _REQUIRED) -> object:
    here = document
    for token in path:
        if isinstance(here, dict) and token in here:
            here = here[token]
        elif isinstance(here, list) and _is_index(token, len(here) - 1):
            here = here[int(token)]
        elif default is _REQUIRED:
            raise _not_applicable()
        else:
            return default
    return here


def _added(document: object, path: Sequence[str], value: object) -> object:
    if not path:
        return value
    parent, last = _found(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list) and last == "-":
        parent.append(value)
    elif isinstance(parent, list) and _is_index(last, len(parent)):
        parent.insert(int(last), value)
    else:
        raise _not_applicable()
    return document


def _replaced(document: object, path: Sequence[str], value: object) -> object:
    """As the real server (evanphx/json-patch v4) and unlike the RFC: replacing a missing name in a map adds it."""
    if not path:
        return value
    parent, last = _found(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list) and _is_index(last, len(parent) - 1):
        parent[int(last)] = value
    else:
        raise _not_applicable()
    return document


def _removed(document: object, path: Sequence[str]) -> object:
    _found(document, path)
    if not path:
        return None
    parent, last = _found(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        del parent[last]
    elif isinstance(parent, list):
        del parent[int(last)]
    return document


def _is_index(token: str, highest: int) -> bool:
    return token.isascii() and token.isdigit() and (token == "0" or token[0] != "0") and int(token) <= highest


def _not_applicable() -> RefusalError:
    return RefusalError(422, PATCH_DOES_NOT_APPLY)
