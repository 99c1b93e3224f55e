"""Which structural OpenAPI schema do our classes amount to?

Structural (Kubernetes): every field has one type, nothing refers to anything elsewhere, and what JSON Schema says
with `anyOf null` is simply not required.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from rollout.manifest.data import Json, Path

_DROPPED = frozenset({"title", "$defs", "discriminator", "const", "propertyNames", "patternProperties"})


@cache
def structural(form: type[BaseModel]) -> Mapping[str, Any]:
    """The schema of `form` with everything written out; descriptions, limits and CEL rules included."""
    schema = form.model_json_schema(by_alias=True)
    return _inlined(schema, schema.get("$defs", {}))


def at(schema: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """The part of a structural schema that describes `path`; {} where it describes none."""
    for part in path:
        if isinstance(part, int):
            schema = schema.get("items", {})
        else:
            schema = schema.get("properties", {}).get(part, schema.get("additionalProperties", {}))
        if not isinstance(schema, Mapping):
            return {}
    return schema


def _inlined(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        return _inlined({**target, **beside}, definitions)
    if "anyOf" in schema:
        (only,) = [option for option in schema["anyOf"] if option != {"type": "null"}]
        beside = {name: value for name, value in schema.items() if name != "anyOf"}
        return _inlined({**only, **beside}, definitions)
    result = {name: _value(name, value, definitions) for name, value in schema.items() if name not in _DROPPED}
    if (
        "patternProperties" in schema
    ):  # a structural schema has no patterns for names: the values' schema is what is left
        (result["additionalProperties"],) = (
            _inlined(value, definitions) for value in schema["patternProperties"].values()
        )
    if result.get("default") is None:
        result.pop("default", None)  # absence means something of its own
    elif isinstance(result["default"], Mapping):
        result["default"] = {}  # its fields have their own
    if "required" in result:
        properties = schema.get("properties", {})
        result["required"] = [name for name in result["required"] if not _may_be_null(properties[name])]
    if "const" in schema:
        result["enum"] = [schema["const"]]
    if result.get("additionalProperties") is False:
        del result["additionalProperties"]  # the API server prunes or refuses unknown fields by itself
    if result.get("format") == "duration":
        del result["format"]  # JSON Schema means ISO 8601 by it, Kubernetes means Go's syntax
    return result


def _may_be_null(schema: Mapping[str, Any]) -> bool:
    return {"type": "null"} in schema.get("anyOf", ())


def _value(name: str, value: Json, definitions: Mapping[str, Any]) -> Json:
    if name == "properties":
        return {field: _inlined(schema, definitions) for field, schema in value.items()}
    if name in ("items", "additionalProperties") and isinstance(value, Mapping):
        return _inlined(value, definitions)
    if name == "description":
        return " ".join(value.split())
    return value
