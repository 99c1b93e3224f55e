"""How is a Rollout's status written into the object, and read back without losing anything?

What people look at stands at the top under the names they know; what only the next tick needs is under `machine`.
A field that this version does not know is refused: guessing at the state of a run moves traffic.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from policies.verdict import worst
from rollout.manifest.checkpoints import packed, unpacked
from rollout.manifest.data import Json, path_text
from rollout.manifest.errors import SpecError
from rollout.model.names import BackendName, backend_named
from rollout.model.rollout import Mode
from rollout.model.status import RolloutStatus

# where a field of the model stands in the object; what is not listed here is in `machine` under its own name
PLACES: dict[tuple[str, ...], str] = {
    ("phase",): "phase",
    ("stable", "name"): "stableRevision",
    ("run", "canary", "name"): "canaryRevision",
    ("run", "canary", "template"): "template",
    ("runs",): "run",
    ("run", "weight"): "weight",
    ("run", "step"): "step",
    ("run", "stepStarted"): "stepStartedAt",
    ("run", "outlook"): "outlook",
    ("added",): "added",
    ("removable",): "removable",
    ("verdicts",): "verdicts",
    ("reasons",): "reasons",
    ("next",): "next",
    ("conditions",): "conditions",
    ("handled",): "handledCommands",
    ("observedGeneration",): "observedGeneration",
    ("sourceCommit",): "sourceCommit",
    ("history",): "history",
}
DERIVED = frozenset({"steps", "verdict"})  # written for people and printer columns, never read
MACHINE = "machine"


class StatusForm(BaseModel):
    """The model's status with the names and types that JSON has."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    status: RolloutStatus


def status_to_dict(status: RolloutStatus) -> dict[str, Any]:
    """The object's `status`; `status_from_dict` makes the same RolloutStatus of it."""
    data = StatusForm(status=status).model_dump(mode="json", by_alias=True, exclude_none=True)["status"]
    _each_backend(data, lambda backend: str(BackendName(**backend)))
    _each_checkpoint(data, packed)
    _rename(data["conditions"], "since", "lastTransitionTime")
    top: dict[str, Any] = {}
    for path, name in PLACES.items():
        value = _taken(data, path)
        if value is not None:
            top[name] = value
    if status.run is not None:
        top["steps"] = len(status.run.plan)
    if status.verdicts:
        top["verdict"] = worst(entry.verdict for entry in _deciding(status)).value
    if data:
        top[MACHINE] = data
    return top


def status_from_dict(data: Mapping[str, Any]) -> RolloutStatus:
    """The RolloutStatus that `status_to_dict` wrote; nothing there at all is a status without memory.

    Raises SpecError when a field is unknown or unreadable.
    """
    if not data:
        return RolloutStatus()
    copy: dict[str, Any] = json.loads(json.dumps(data))
    body = copy.pop(MACHINE, {})
    for path, name in PLACES.items():
        if name in copy:
            _put(body, path, copy.pop(name))
    unknown = sorted(copy.keys() - DERIVED)
    if unknown:
        raise _refused(unknown[0], "is unknown")
    _rename(body.get("conditions", []), "lastTransitionTime", "since")
    for step in (body.get("run") or {}).get("plan") or ():
        if "approval" in step:  # as version 0.1 wrote it
            step["approvals"] = [name for name in (step.pop("approval"),) if name]
    _each_backend(body, lambda text: _backend_dict(backend_named(str(text))))
    _each_checkpoint(body, unpacked)
    for verdict in body.get("verdicts", []):
        verdict.setdefault("samples", None)
    try:
        return StatusForm.model_validate_json(json.dumps({"status": body}), strict=True).status
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _refused(path_text(tuple(first["loc"][1:])), first["msg"].lower()) from error


def _deciding(status: RolloutStatus) -> list[Any]:
    deciding = [entry for entry in status.verdicts if entry.mode is Mode.DECIDE]
    return deciding or list(status.verdicts)


def _refused(path: str, what: str) -> SpecError:
    return SpecError(
        f"this version cannot read the status: {path} {what}; "
        "run the version that wrote it, or remove the status after traffic was put where it belongs",
        path=f"status.{path}",
    )


def _taken(data: dict[str, Any], path: tuple[str, ...]) -> Json:
    """The value at `path`, which is then gone from `data`; None when it is not there."""
    *parents, last = path
    for part in parents:
        data = data.get(part, {})
    return data.pop(last, None)


def _put(data: dict[str, Any], path: tuple[str, ...], value: Json) -> None:
    *parents, last = path
    for part in parents:
        data = data.setdefault(part, {})
    data[last] = value


def _rename(entries: list[dict[str, Any]], old: str, new: str) -> None:
    for entry in entries:
        if old in entry:
            entry[new] = entry.pop(old)


def _each_checkpoint(data: dict[str, Any], change: Callable[[Json], Json]) -> None:
    run = data.get("run", {})
    if isinstance(run.get("judged"), list):
        run["judged"] = [change(entry) for entry in run["judged"]]


def _backend_dict(backend: BackendName) -> dict[str, str]:
    return {"service": backend.service, "subset": backend.subset}


def _each_backend(value: Json, change: Callable[[Json], Json]) -> None:
    """Put `change(...)` in the place of everything called `backend`, at any depth."""
    if isinstance(value, list):
        for entry in value:
            _each_backend(entry, change)
    elif isinstance(value, dict):
        for name, entry in value.items():
            if name == "backend":
                value[name] = change(entry)
            else:
                _each_backend(entry, change)
