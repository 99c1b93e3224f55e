"""How does `kubectl get` print an object, in columns?"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.memory.kinds import Column, Kind
from adapters.memory.objects import Obj

# One step of a printer column's JSON path: .name, ['name'], [0], or [?(@.type=="Ready")].
_STEP = re.compile(
    r"""\.([-\w]+)|\['([^']+)'\]|\[(\d+)\]|\[\?\(@\.([-\w.]+)\s*==\s*["']([^"']*)["']\)\]|\["([^"]+)"\]""",
)
_NAME = Column(name="Name", type="string", path=".metadata.name")
_AGE = Column(name="Age", type="date", path=".metadata.creationTimestamp")
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def table(kind: Kind, objects: Sequence[Obj], meta: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A meta.k8s.io/v1 Table of the objects."""
    own = tuple(column for column in kind.columns if column.name not in {"Name", "Age"})
    columns = (_NAME, *own, _AGE)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": dict(meta),
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": [
            {"cells": [_cell(obj, column, now) for column in columns], "object": _partial(obj)} for obj in objects
        ],
    }


def _definition(column: Column) -> dict[str, Any]:
    kind = "string" if column.type == "date" else column.type
    return {
        "name": column.name,
        "type": kind,
        "format": "name" if column is _NAME else "",
        "description": "",
        "priority": 1 if column.wide else 0,
    }


def _partial(obj: Obj) -> dict[str, Any]:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def _cell(obj: Obj, column: Column, now: datetime) -> object:
    value = _at(obj, column.path)
    if column.type == "date" and isinstance(value, str):
        return _age(now - datetime.fromisoformat(value))
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def _age(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), _UNITS[-1])
    return f"{seconds // size}{unit}"


def _at(obj: Obj, path: str) -> object:
    here: object = obj
    for step in _STEP.finditer(path):
        name, quoted, index, field, wanted, double = step.groups()
        if name or quoted or double:
            here = here.get(name or quoted or double) if isinstance(here, Mapping) else None
        elif not isinstance(here, list):
            return None
        elif index:
            here = here[int(index)] if int(index) < len(here) else None
        else:
            here = next((item for item in here if str(item.get(field)) == wanted), None)
    return here
