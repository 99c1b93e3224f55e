"""What of an object is worth keeping in memory?"""

from collections.abc import Callable, Mapping
from typing import Any

from adapters.kube.api import Obj
from adapters.kube.marks import SPEC_KINDS

_MODES = "PeerAuthentication"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # a copy of the whole object in an annotation
_WRITER_FIELDS = ("manager", "operation", "time", "subresource")
_STATED = ("f:spec", "f:metadata")  # what git can state
_POD_SPEC = ("nodeName", "readinessGates", "hostNetwork")
_POD_STATUS = ("phase", "conditions", "podIP", "hostIP")
_PORT = ("containerPort", "name", "protocol")
_CONTAINERS = ("containers", "initContainers")
_CONTAINER_STATUSES = ("containerStatuses", "initContainerStatuses")


def slim(kind: str, obj: Obj) -> Obj:
    """`obj` without what nobody reads: field ownership beyond who wrote the spec and when, and kubectl's own copy.

    In managedFields each entry keeps manager, operation, time and `fieldsV1: {"f:spec": {}}` if it owns spec fields; of
    what sources apply, the fields of its spec, labels and annotations stay: they tell who changed what git says; and of a
    PeerAuthentication those of its spec: they tell which modes are ours.
    """
    meta = dict(obj["metadata"])
    if "managedFields" in meta:
        meta["managedFields"] = [_writer(kind, entry) for entry in meta["managedFields"] or ()]
    annotations = meta.get("annotations") or {}
    if _LAST_APPLIED in annotations:
        meta["annotations"] = {name: value for name, value in annotations.items() if name != _LAST_APPLIED}
    more = _SLIMMER.get(kind)
    return {**obj, **(more(obj) if more else {}), "metadata": meta}


def _writer(kind: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: entry[name] for name in _WRITER_FIELDS if name in entry}
    fields = entry.get("fieldsV1") or {}
    if kind in SPEC_KINDS:
        return {**kept, "fieldsV1": {name: fields[name] for name in _STATED if name in fields}}
    stated = fields["f:spec"] if kind == _MODES and "f:spec" in fields else {}
    return {**kept, "fieldsV1": {"f:spec": stated} if "f:spec" in fields else {}}


def _pod(obj: Obj) -> dict[str, Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return {
        "spec": {
            **{name: spec[name] for name in _POD_SPEC if name in spec},
            **{name: [_container(one) for one in spec[name]] for name in _CONTAINERS if spec.get(name)},
        },
        "status": {
            **{name: status[name] for name in _POD_STATUS if name in status},
            **{name: [_ran(one) for one in status[name]] for name in _CONTAINER_STATUSES if status.get(name)},
        },
    }


def _container(container: Mapping[str, Any]) -> dict[str, Any]:
    """Name and declared ports: whether it is a proxy, what its modes are about, and what Services name."""
    kept: dict[str, Any] = {"name": container.get("name", "")}
    ports = [{name: port[name] for name in _PORT if name in port} for port in container.get("ports") or ()]
    return {**kept, "ports": ports} if ports else kept


def _ran(status: Mapping[str, Any]) -> dict[str, Any]:
    """Since when it runs, and how often it was started again."""
    kept: dict[str, Any] = {"name": status.get("name", ""), "restartCount": status.get("restartCount", 0)}
    running = (status.get("state") or {}).get("running")
    return {**kept, "state": {"running": running}} if running else kept


_SLIMMER: Mapping[str, Callable[[Obj], dict[str, Any]]] = {"Pod": _pod}
