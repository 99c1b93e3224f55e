"""What does a field of our kinds mean, what may it hold, and what holds it when nobody says? As `kubectl explain` tells."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from rollout.cli.errors import Exit, StoppedError, translated
from rollout.cli.terminal import paper, say, spell
from rollout.services.paper import Paper

Schema = Mapping[str, Any]

# what every object has, in the words of the Kubernetes API
_EVERY_OBJECT = {
    "apiVersion": "The group and version of the kind.",
    "kind": "What the object is.",
    "metadata": "Name, namespace, labels and annotations, as of every object of Kubernetes.",
    "spec": "What is wanted.",
    "status": "How it stands; the controller writes it.",
}
_BOUNDS = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", "characters"),
    ("minItems", "maxItems", "entries"),
    ("minProperties", "maxProperties", "entries"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field, or a whole kind, of which the path is ()."""

    kind: str
    version: str
    path: tuple[str, ...]
    schema: Schema
    is_required: bool


@click.command()
@click.argument("wanted", metavar="KIND[.FIELD...]")
@click.option("--recursive", is_flag=True, help="All fields below it, without their descriptions.")
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="Output format.")
def explain(wanted: str, recursive: bool, output: str | None) -> None:
    """What a kind or a field is: type, default, limits and what it does. No cluster is asked.

    A kind by its name, plural or short name, a field by its path: rollout explain rlt.spec.steps.soak
    """
    with translated(as_json=output is not None):
        field = found(wanted)
    if output is not None:
        say(spell({"apiVersion": "cli.rollout.dev/v1alpha1", "kind": "Explanation", **_data(field)}, output))
        return
    for line in [*_head(field), *(_tree(field) if recursive else _told(field, paper()))]:
        say(line)


def found(wanted: str) -> Field:
    """The field that `KIND.FIELD...` names; StoppedError that names the nearest one when there is none."""
    from rollout.crds import definitions
    from rollout.manifest.group import GROUP
    from rollout.manifest.problems import did_you_mean

    name, _, rest = wanted.partition(".")
    rest = re.sub(r"\[\d*\]", "", rest.removeprefix(GROUP).removeprefix("."))
    definition = _definition(name, definitions())
    version = definition["spec"]["versions"][0]
    kind, schema, is_required = definition["spec"]["names"]["kind"], version["schema"]["openAPIV3Schema"], False
    path: tuple[str, ...] = ()
    for part in rest.split(".") if rest else ():
        inside = _fields(schema)
        if part not in inside:
            about = f"{kind}{''.join(f'.{step}' for step in path)} has no field {part}"
            raise StoppedError(Exit.NOT_FOUND, f"{about}{did_you_mean(part, sorted(inside))}")
        is_required = part in _object(schema).get("required", ())
        path, schema = (*path, part), inside[part]
    return Field(kind=kind, version=version["name"], path=path, schema=schema, is_required=is_required)


def _definition(name: str, known: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    from rollout.manifest.problems import did_you_mean

    for definition in known.values():
        names = definition["spec"]["names"]
        if name.lower() in (names["kind"].lower(), names["plural"], names["singular"], *names.get("shortNames", ())):
            return definition
    kinds = {kind.lower(): kind for kind in known}
    hint = did_you_mean(name.lower(), list(kinds))
    for lower, kind in kinds.items():
        hint = re.sub(rf"\b{lower}\b", kind, hint)
    raise StoppedError(Exit.NOT_FOUND, f"there is no kind {name} of ours{hint}")


def _object(schema: Schema) -> Schema:
    """The schema of one entry of a list or map, and of a single value its own."""
    inside = schema.get("items", schema.get("additionalProperties"))
    return _object(inside) if isinstance(inside, Mapping) else schema


def _fields(schema: Schema) -> Mapping[str, Schema]:
    fields: Mapping[str, Schema] = _object(schema).get("properties", {})
    return fields


def _type(schema: Schema) -> str:
    """The type as kubectl writes it: Object, []string, map[string]string."""
    if schema.get("type") == "array":
        return f"[]{_type(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), Mapping):
        return f"map[string]{_type(schema['additionalProperties'])}"
    return "Object" if schema.get("type") == "object" else str(schema.get("type"))


def _head(field: Field) -> list[str]:
    from rollout.manifest.group import GROUP

    lines = [f"GROUP:     {GROUP}", f"KIND:      {field.kind}", f"VERSION:   {field.version}", ""]
    if field.path:
        lines += [f"FIELD:     {field.path[-1]} <{_type(field.schema)}>"]
        lines += [f"{title + ':':<11}{text}" for title, text in _facts(field)]
        lines += [""]
    return lines


def _facts(field: Field) -> Iterator[tuple[str, str]]:
    from json import dumps

    yield "REQUIRED", "yes" if field.is_required else "no"
    if "default" in field.schema:
        yield "DEFAULT", dumps(field.schema["default"])
    for schema in _levels(field.schema):
        lead = "" if schema is field.schema else "each "
        if "enum" in schema:
            yield "ENUM", lead + ", ".join(schema["enum"])
        for limit in _limits(schema):
            yield "LIMITS", lead + limit
        if "pattern" in schema:
            yield "PATTERN", schema["pattern"]
        for rule in schema.get("x-kubernetes-validations", ()):
            yield "RULE", rule["message"]


def _levels(schema: Schema) -> Iterator[Schema]:
    """The schema, and those of the entries in it."""
    yield schema
    inside = schema.get("items", schema.get("additionalProperties"))
    if isinstance(inside, Mapping):
        yield from _levels(inside)


def _limits(schema: Schema) -> Iterator[str]:
    for low, high, unit in _BOUNDS:
        if low not in schema and high not in schema:
            continue
        ends = f"{schema[low]} to {schema[high]}" if low in schema and high in schema else ""
        ends = ends or (f"at most {schema[high]}" if high in schema else f"at least {schema[low]}")
        yield f"{ends} {unit}".strip()


def _described(path: Sequence[str], schema: Schema) -> str:
    inside = _object(schema).get("description", "")
    own: str = schema.get("description", inside)
    return _EVERY_OBJECT.get(path[-1], own) if len(path) == 1 else own


def _told(field: Field, on: Paper) -> Iterator[str]:
    yield "DESCRIPTION:"
    yield "    " + on.wrapped(_described(field.path, field.schema), 4)
    fields = _fields(field.schema)
    if not fields:
        return
    yield from ("", "FIELDS:")
    required = _object(field.schema).get("required", ())
    width = max(len(name) for name in fields)
    for name, schema in fields.items():
        yield f"  {name:<{width}}   <{_type(schema)}>{_note(schema, is_required=name in required)}"
        yield "      " + on.wrapped(_described((*field.path, name), schema), 6)


def _note(schema: Schema, *, is_required: bool) -> str:
    from json import dumps

    return " -required-" if is_required else f" default {dumps(schema['default'])}" if "default" in schema else ""


def _tree(field: Field) -> Iterator[str]:
    yield "FIELDS:"
    yield from _branches(field.schema, "  ")


def _branches(schema: Schema, indent: str) -> Iterator[str]:
    required = _object(schema).get("required", ())
    for name, inside in _fields(schema).items():
        yield f"{indent}{name} <{_type(inside)}>{_note(inside, is_required=name in required)}"
        yield from _branches(inside, indent + "  ")


def _data(field: Field) -> dict[str, Any]:
    from rollout.manifest.group import API_VERSION

    return {
        "of": {"apiVersion": API_VERSION, "kind": field.kind, "path": ".".join(field.path)},
        "type": _type(field.schema),
        "required": field.is_required,
        "description": _described(field.path, field.schema),
        "schema": field.schema,
    }
