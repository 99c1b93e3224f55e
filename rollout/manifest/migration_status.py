"""How is a MeshMigration's status written into the object, and read back without losing anything?

What is as it was at the beginning is left out: a thousand namespaces must fit into one object. A field that this version
does not know is refused, as in a Rollout's status.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from rollout.manifest.data import Json, path_text
from rollout.manifest.errors import SpecError
from rollout.manifest.schema import structural
from rollout.manifest.status_schema import bounded
from rollout.model.migration import MigrationStatus


class MigrationStatusForm(BaseModel):
    """The model's status with the names and types that JSON has."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    status: MigrationStatus


def migration_status_to_dict(status: MigrationStatus) -> dict[str, Any]:
    """The object's `status`; `migration_status_from_dict` makes the same MigrationStatus of it."""
    form = MigrationStatusForm(status=status)
    data: dict[str, Any] = form.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    data = data.get("status", {})
    for entry, one in zip(data.get("namespaces", ()), status.namespaces, strict=True):
        entry["stage"] = one.stage.value
    _rename(data, "since", "lastTransitionTime")
    return data


def migration_status_from_dict(data: Mapping[str, Any]) -> MigrationStatus:
    """The MigrationStatus that `migration_status_to_dict` wrote; SpecError when a field is unknown or unreadable."""
    if not data:
        return MigrationStatus()
    body: dict[str, Any] = json.loads(json.dumps(data))
    _rename(body, "lastTransitionTime", "since")
    try:
        return MigrationStatusForm.model_validate_json(json.dumps({"status": body}), strict=True).status
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = path_text(tuple(first["loc"][1:]))
        raise SpecError(
            f"this version cannot read the status: {path} {first['msg'].lower()}; "
            "run the version that wrote it, or remove the status once no namespace is in mid-move",
            path=f"status.{path}",
        ) from error


def migration_status_schema() -> dict[str, Any]:
    """The structural schema of what `migration_status_to_dict` writes."""
    schema = bounded(structural(MigrationStatusForm)["properties"]["status"])
    _optional(schema)
    conditions = schema["properties"]["conditions"]["items"]
    conditions["properties"]["lastTransitionTime"] = conditions["properties"].pop("since")
    return {**schema, "description": "All that the controller remembers."}


def _rename(data: dict[str, Any], old: str, new: str) -> None:
    for entry in data.get("conditions", ()):
        if old in entry:
            entry[new] = entry.pop(old)


def _optional(value: Json) -> None:
    """Nothing needs to be there: what is as at the beginning is left out."""
    if isinstance(value, dict):
        value.pop("required", None)
        for part in value.values():
            _optional(part)
