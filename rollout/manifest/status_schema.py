"""Which schema does a Rollout's status have, arranged as `status.py` arranges it?"""

from collections.abc import Mapping
from typing import Any

from rollout.manifest.data import Json
from rollout.manifest.schema import structural
from rollout.manifest.status import MACHINE, PLACES, StatusForm

# Generous, and no limit on texts: a status that the API server refuses would stop a run in the middle.
MOST_ENTRIES = 1000


def status_schema() -> dict[str, Any]:
    """The structural schema of what `status_to_dict` writes."""
    rest = bounded(structural(StatusForm)["properties"]["status"])
    properties: dict[str, Any] = {}
    for path, name in PLACES.items():
        properties[name] = _taken(rest, path)
    # Version 0.1 wrote one policy a step, "" for none: without this the API server forgets the gates of its runs.
    rest["properties"]["run"]["properties"]["plan"]["items"]["properties"]["approval"] = {
        "type": "string",
        "description": "The policy that must agree, as version 0.1 wrote it; read, and never written.",
    }
    conditions = properties["conditions"]["items"]
    conditions["properties"]["lastTransitionTime"] = conditions["properties"].pop("since")
    conditions["required"] = ["lastTransitionTime" if name == "since" else name for name in conditions["required"]]
    properties["steps"] = {"type": "integer", "description": "Number of steps of the plan."}
    properties["verdict"] = {"type": "string", "description": "The verdict that decides."}
    rest["description"] = "What only the controller needs."
    rest.pop("required", None)
    properties[MACHINE] = rest
    return {"type": "object", "description": "All that the controller remembers.", "properties": properties}


def _taken(schema: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    *parents, last = path
    for part in parents:
        schema = schema["properties"][part]
    if "required" in schema:
        schema["required"] = [name for name in schema["required"] if name != last]
        if not schema["required"]:
            del schema["required"]
    taken: dict[str, Any] = schema["properties"].pop(last)
    return taken


def bounded(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that nobody else holds, with every list bounded and every backend a text.

    Without defaults: a field that the API server fills in would be a memory that nobody has.
    """
    copy = {name: _part(name, value) for name, value in schema.items() if name != "default"}
    if schema.get("type") == "array":
        copy.setdefault("maxItems", MOST_ENTRIES)
    return copy


def _part(name: str, value: Json) -> Json:
    if name == "properties":
        backend = {"type": "string", "description": "SERVICE, or SERVICE/SUBSET."}
        return {field: backend if field == "backend" else bounded(schema) for field, schema in value.items()}
    if name in ("items", "additionalProperties") and isinstance(value, Mapping):
        return bounded(value)
    return list(value) if isinstance(value, list) else value
