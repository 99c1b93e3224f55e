"""What does a CustomResourceDefinition's schema make of an object: what is cut off, filled in, refused?

The structural part of OpenAPI v3: types, required, enum, bounds, patterns, defaults, pruning. Rules in CEL and oneOf,
anyOf, not are left out; where a test needs one of them it gives the cluster an admission hook.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from adapters.memory.kinds import Target
from adapters.memory.objects import Obj
from adapters.memory.statuses import RefusalError

Schema = Mapping[str, Any]

_ALWAYS = frozenset({"apiVersion", "kind", "metadata"})
_META = frozenset(
    (
        *("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp"),
        *("deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers"),
        "managedFields",
    )
)
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (Mapping,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def shaped(target: Target, obj: Obj) -> dict[str, Any]:
    """The object as its kind's schema stores it; raises RefusalError 422 that names every field at fault."""
    schema = target.kind.schema
    if not schema:
        return dict(obj)
    fitted = _fitted(schema, {name: value for name, value in obj.items() if name not in _ALWAYS})
    problems = list(_problems(schema, fitted, "")) if isinstance(fitted, dict) else []
    if problems:
        causes = tuple({"reason": "FieldValueInvalid", "message": text, "field": path} for path, text in problems)
        listed = [f"{path}: {text}" for path, text in problems]
        text = listed[0] if len(listed) == 1 else f"[{', '.join(listed)}]"
        about = target.kind.about((obj.get("metadata") or {}).get("name", target.name))
        raise RefusalError(422, f"{about.text} is invalid: {text}", about=about, causes=causes)
    return {**{name: obj[name] for name in obj if name in _ALWAYS}, **fitted} if isinstance(fitted, dict) else {}


def check_strict(target: Target, obj: Obj) -> None:
    """Refuse (400) fields that the kind's schema does not know, as fieldValidation=Strict asks for."""
    unknown = [f'unknown field "{path}"' for path in undeclared(target, obj)]
    if unknown:
        raise undecodable(target, f"strict decoding error: {', '.join(unknown)}")


def check_typed(target: Target, obj: Obj) -> None:
    """Refuse (500, as a kube-apiserver does) a server-side apply of fields that the kind's schema does not know."""
    unknown = [f".{path}: field not declared in schema" for path in undeclared(target, obj)]
    if unknown:
        listed = unknown[0] if len(unknown) == 1 else "errors:\n  " + "\n  ".join(unknown)
        about = f"{target.namespace}/{target.name}; {target.api_version}, Kind={target.kind.kind}"
        raise RefusalError(500, f"failed to create typed patch object ({about}): {listed}", reason="")


def undecodable(target: Target, why: str) -> RefusalError:
    """What a body that cannot be an object of this kind is answered (400)."""
    kind, version = target.kind.kind, target.api_version.rpartition("/")[2]
    return RefusalError(400, f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')


def undeclared(target: Target, obj: Obj) -> Iterator[str]:
    """The path of each field that the kind's schema does not know; none for a kind without a schema."""
    if target.kind.schema:
        meta = obj.get("metadata")
        yield from (f"metadata.{name}" for name in meta if name not in _META) if isinstance(meta, dict) else ()
        yield from _undeclared(target.kind.schema, {name: obj[name] for name in obj if name not in _ALWAYS}, "")


def _undeclared(schema: Schema, value: object, path: str) -> Iterator[str]:
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield from _undeclared(schema["items"], item, f"{path}[{index}]")
    if not isinstance(value, dict):
        return
    known, others = schema.get("properties") or {}, schema.get("additionalProperties")
    for name, child in value.items():
        inside = known.get(name, others)
        if isinstance(inside, dict):
            yield from _undeclared(inside, child, f"{path}.{name}".lstrip("."))
        elif not inside and not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield f"{path}.{name}".lstrip(".")


def _fitted(schema: Schema, value: object) -> object:
    """The value without what the schema does not know and with its defaults."""
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return [_fitted(schema["items"], item) for item in value]
    if not isinstance(value, dict):
        return value
    known, others = schema.get("properties") or {}, schema.get("additionalProperties")
    result: dict[str, Any] = {}
    for name, child in value.items():
        if name in known:
            if child is not None or known[name].get("nullable"):
                result[name] = _fitted(known[name], child)
        elif isinstance(others, dict):
            result[name] = _fitted(others, child)
        elif others or schema.get("x-kubernetes-preserve-unknown-fields"):
            result[name] = child
    for name, inside in known.items():
        if name not in result and "default" in inside:
            result[name] = _fitted(inside, deepcopy(inside["default"]))
    return result


def _problems(schema: Schema, value: object, path: str) -> Iterator[tuple[str, str]]:
    """Path and text of everything that is wrong with a value."""
    if value is None and schema.get("nullable"):
        return
    wrong = _wrong_type(schema, value) or next(_out_of_bounds(schema, value), "")
    if wrong:
        yield path, f"Invalid value: {value!r}: must be {wrong}"
        return
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield from _problems(schema["items"], item, f"{path}[{index}]")
    if not isinstance(value, dict):
        return
    for name in schema.get("required") or ():
        if name not in value and not (not path and name in _ALWAYS):
            yield f"{path}.{name}".lstrip("."), "Required value"
    known, others = schema.get("properties") or {}, schema.get("additionalProperties")
    for name, child in value.items():
        inside = known.get(name, others if isinstance(others, dict) else None)
        if inside is not None:
            yield from _problems(inside, child, f"{path}.{name}".lstrip("."))


def _wrong_type(schema: Schema, value: object) -> str:
    if schema.get("x-kubernetes-int-or-string"):
        fits = isinstance(value, int | str) and not isinstance(value, bool)
        return "" if fits else "an integer or a string"
    wanted = schema.get("type")
    if wanted is None:
        return ""
    if isinstance(value, bool):
        return "" if wanted == "boolean" else f"of type {wanted}"
    if wanted == "integer" and isinstance(value, float) and value.is_integer():
        return ""
    return "" if isinstance(value, _TYPES[wanted]) else f"of type {wanted}"


def _out_of_bounds(schema: Schema, value: object) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"one of {', '.join(map(str, schema['enum']))}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            yield f"at least {schema['minimum']}"
        if value > schema.get("maximum", value):
            yield f"at most {schema['maximum']}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"like {schema['pattern']}"
    if isinstance(value, str | list | Mapping):
        noun = {str: "Length", list: "Items"}.get(type(value), "Properties")
        if len(value) < schema.get(f"min{noun}", 0):
            yield f"of {schema[f'min{noun}']} or more"
        if len(value) > schema.get(f"max{noun}", len(value)):
            yield f"of {schema[f'max{noun}']} or fewer"
