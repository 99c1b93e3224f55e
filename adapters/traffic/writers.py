"""Who manages the fields of a route object's spec, and what makes the API server forget that we do?

All from metadata.managedFields. Istio's `spec.http` and the lists of the other APIs are one field each: who changes one
weight in them manages all of it, and Argo CD passes over what somebody else manages (argo-rollouts#3854).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.kube.api import Obj

_LIST = "/metadata/managedFields"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A field manager and when it wrote last, by the API server's clock; manager "" and at None for nobody known."""

    manager: str = ""
    at: datetime | None = None


def last_writer(obj: Obj, own: str) -> Writer:
    """The field manager that wrote fields of the spec last; nobody when that is `own`, or nobody is known.

    Status writers do not count, and of two of one second the one that is not `own`, then the later name wins.
    """
    writers = [
        (entry.get("time") or "", entry["manager"] != own, entry["manager"])
        for entry in _entries(obj)
        if entry.get("manager") and _is_of_spec(entry)
    ]
    time, is_other, manager = max(writers, default=("", False, ""))
    if not is_other:
        return Writer()
    return Writer(manager=manager, at=datetime.fromisoformat(time) if time else None)


def is_managed_by(obj: Obj, own: str) -> bool:
    """Whether `own` is among the managers of fields of the spec."""
    return any(entry.get("manager") == own and _is_of_spec(entry) for entry in _entries(obj))


def without_manager(obj: Obj, own: str) -> list[dict[str, Any]]:
    """The JSON patch that takes `own` out of the managers of the spec; [] when it is none of them."""
    entries = _entries(obj)
    places = [place for place, entry in enumerate(entries) if entry.get("manager") == own and _is_of_spec(entry)]
    if not places:
        return []
    version = {"op": "test", "path": "/metadata/resourceVersion", "value": obj["metadata"]["resourceVersion"]}
    tests = [{"op": "test", "path": f"{_LIST}/{place}/manager", "value": own} for place in places]
    if len(places) == len(entries):
        # An empty list reads as "a client that knows nothing of managedFields"; one empty entry means none at all.
        return [version, *tests, {"op": "replace", "path": _LIST, "value": [{}]}]
    return [version, *tests, *({"op": "remove", "path": f"{_LIST}/{place}"} for place in reversed(places))]


def _entries(obj: Obj) -> list[dict[str, Any]]:
    return obj["metadata"].get("managedFields") or []


def _is_of_spec(entry: dict[str, Any]) -> bool:
    return not entry.get("subresource") and "f:spec" in (entry.get("fieldsV1") or {})
