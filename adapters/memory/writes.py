"""What does the API server make of an object that somebody creates or changes?

Pure rules on plain dicts: names, identity, generation, the split between an object and its status.
"""

import re
from collections.abc import Mapping
from typing import Any

from adapters.memory.kinds import Target
from adapters.memory.objects import Obj
from adapters.memory.patches import is_same
from adapters.memory.statuses import About, RefusalError, invalid, stale

_NAME = re.compile(r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")  # RFC 1123 subdomain
_LABEL_NAME = re.compile(r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")
_LABEL_VALUE = re.compile(r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?\Z")
_LOOSE_NAMES = frozenset({"rbac.authorization.k8s.io"})  # their names are path segments such as system:node
_ASSIGNED = (
    *("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"),
    "managedFields",
)
_KEPT = tuple(field for field in _ASSIGNED if field != "managedFields")  # a change may say who manages what


def fresh(target: Target, body: Obj, *, now: str, uid: str) -> dict[str, Any]:
    """The object that a create stores, without resourceVersion; raises RefusalError (400, 422)."""
    _check_type(target, body)
    given = dict(body.get("metadata") or {})
    if given.pop("resourceVersion", None):
        raise RefusalError(400, "resourceVersion should not be set on objects to be created")
    name = given.get("name") or _generated(given, uid)
    _check_name(target, name)
    _check_labels(target.kind.about(name), given)
    for assigned in _ASSIGNED:
        given.pop(assigned, None)
    meta = {**given, "name": name, "uid": uid, "creationTimestamp": now}
    if target.kind.namespaced:
        meta["namespace"] = _namespace(target, given)
    if target.kind.counted:
        meta["generation"] = 1
    obj = {**body, "metadata": meta}
    if target.kind.status:
        obj.pop("status", None)
    if target.kind.resource == "namespaces":
        obj["status"] = {"phase": "Active"}
    return obj


def changed(target: Target, old: Obj, new: object) -> dict[str, Any]:
    """The object that an update or a patch stores; raises RefusalError (400, 409, 422).

    On /status only the status moves, elsewhere the status stays; generation counts changes of anything else but
    metadata.
    """
    if not isinstance(new, Mapping):
        raise RefusalError(400, f"{target.about.text}: what remains after the change is not an object")
    _check_type(target, new)
    meta = _identity(target, old["metadata"], dict(new.get("metadata") or {}))
    if target.subresource == "status":
        return _with_status(old, new)
    obj = {**new, "metadata": meta}
    if target.kind.status:
        obj = _with_status(obj, old)
    if target.kind.counted and not is_same(_content(target, old), _content(target, obj)):
        meta["generation"] = old["metadata"].get("generation", 0) + 1
    return obj


def marked_deleted(old: Obj, now: str) -> dict[str, Any]:
    """The object once its deletion is asked for but finalizers still hold it."""
    meta = {**old["metadata"], "deletionTimestamp": now, "deletionGracePeriodSeconds": 0}
    if "generation" in meta:
        meta["generation"] += 1
    return {**old, "metadata": meta}


def check_preconditions(target: Target, old: Obj, options: Obj) -> None:
    """Refuse (409) a deletion meant for another uid or resourceVersion."""
    for name, wanted in (options.get("preconditions") or {}).items():
        found = old["metadata"].get(name)
        if wanted is not None and wanted != found:
            text = f"Precondition failed: {name} in precondition: {wanted}, in object meta: {found}"
            raise RefusalError(409, f"Operation cannot be fulfilled on {target.about.text}: {text}", about=target.about)


def _check_type(target: Target, body: Obj) -> None:
    for field, expected in (("apiVersion", target.api_version), ("kind", target.kind.kind)):
        if body.get(field, expected) != expected:
            raise RefusalError(400, f"{field} in the data ({body[field]}) does not match the expected {expected}")
    if not isinstance(body.get("metadata", {}) or {}, Mapping):
        raise RefusalError(400, f"{target.about.text}: metadata is not an object")


def _generated(meta: Mapping[str, Any], uid: str) -> str:
    prefix = meta.get("generateName") or ""
    return f"{prefix}{uid.replace('-', '')[-5:]}" if prefix else ""


def _check_name(target: Target, name: str) -> None:
    about = target.kind.about(name)
    if not name:
        raise invalid(about, "metadata.name", "Required value: name or generateName is required")
    if target.kind.group not in _LOOSE_NAMES and not _NAME.match(name):
        raise invalid(about, "metadata.name", f'Invalid value: "{name}": a lowercase RFC 1123 subdomain is expected')


def _check_labels(about: About, meta: Mapping[str, Any]) -> None:
    for name, value in (meta.get("labels") or {}).items():
        if not isinstance(value, str):
            raise RefusalError(400, f"{about.text}: metadata.labels.{name}: a label is of type string")
        if not _LABEL_NAME.match(name):
            raise invalid(about, "metadata.labels", f'Invalid value: "{name}": name part must consist of alphanumerics')
        if not _LABEL_VALUE.match(value):
            raise invalid(about, "metadata.labels", f'Invalid value: "{value}": a valid label must be an empty string')


def _namespace(target: Target, meta: Mapping[str, Any]) -> str:
    given = meta.get("namespace") or target.namespace
    if not target.namespace or given != target.namespace:
        raise RefusalError(400, "the namespace of the provided object does not match the namespace sent on the request")
    return target.namespace


def _identity(target: Target, old: Obj, meta: dict[str, Any]) -> dict[str, Any]:
    for field in ("name", "namespace"):
        if meta.setdefault(field, old.get(field)) != old.get(field):
            raise invalid(target.about, f"metadata.{field}", f'Invalid value: "{meta[field]}": field is immutable')
    _check_labels(target.about, meta)
    if meta.get("resourceVersion") and meta["resourceVersion"] != old["resourceVersion"]:
        raise stale(target.about)
    if meta.get("uid") and meta["uid"] != old["uid"]:
        raise invalid(target.about, "metadata.uid", f'Invalid value: "{meta["uid"]}": field is immutable')
    if "deletionTimestamp" in old and set(meta.get("finalizers") or ()) - set(old.get("finalizers") or ()):
        problem = "Forbidden: no new finalizers can be added if the object is being deleted"
        raise invalid(target.about, "metadata.finalizers", problem)
    assigned = {field: old[field] for field in _KEPT if field in old}
    given = {name: value for name, value in meta.items() if name not in _KEPT and value not in (None, [], {})}
    return {**given, **assigned, "resourceVersion": old["resourceVersion"]}


def _with_status(obj: Obj, source: Obj) -> dict[str, Any]:
    rest = {name: value for name, value in obj.items() if name != "status"}
    return {**rest, "status": source["status"]} if "status" in source else rest


def _content(target: Target, obj: Obj) -> dict[str, Any]:
    ignored = {"apiVersion", "kind", "metadata"} | ({"status"} if target.kind.status else set())
    return {name: value for name, value in obj.items() if name not in ignored}
