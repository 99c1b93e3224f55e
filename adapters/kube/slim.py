"""What of an object is worth keeping in memory?"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from adapters.kube.api import Obj
from adapters.kube.kinds import WORKLOAD_KINDS
from adapters.kube.marks import SPEC_KINDS

_MODES = "PeerAuthentication"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # a copy of the whole object in an annotation
_WRITER_FIELDS = ("manager", "operation", "time", "subresource")
_TIMELESS = frozenset((*SPEC_KINDS, *WORKLOAD_KINDS))  # of which nobody asks when it was written, only by whom
_UNOWNED = ("Pod", "Service", "EndpointSlice")  # of which nobody asks who wrote them ...
_PLACED = ("Service", "EndpointSlice")  # ... or anything else of their metadata but these:
_PLACE = ("name", "namespace", "resourceVersion", "labels", "annotations", "deletionTimestamp")
_SERVICE_SPEC = ("type", "selector", "ports")
_CONDITIONS = ("ready", "serving")
_REFERENCE = ("kind", "name")
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
    PeerAuthentication those of its spec: they tell which modes are ours. Of pods, Services and EndpointSlices, which
    there are most of, it stays what they select, name or run.
    """
    more = _SLIMMER.get(kind)
    if more is None:
        return {**obj, "metadata": _metadata(kind, obj["metadata"])}
    typed = {name: obj[name] for name in ("apiVersion", "kind") if name in obj}
    return {**typed, "metadata": _metadata(kind, obj["metadata"]), **more(obj)}


def _metadata(kind: str, given: Obj) -> dict[str, Any]:
    meta = dict(given)
    if kind in _UNOWNED:
        meta.pop("managedFields", None)
    elif "managedFields" in meta:
        meta["managedFields"] = [_writer(kind, entry) for entry in meta["managedFields"] or ()]
    annotations = meta.get("annotations") or {}
    if _LAST_APPLIED in annotations:
        meta["annotations"] = {name: value for name, value in annotations.items() if name != _LAST_APPLIED}
    return meta if kind not in _PLACED else _chosen(meta, _PLACE)


def _chosen(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}


def _writer(kind: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    kept = _chosen(entry, _WRITER_FIELDS)
    if kind in _TIMELESS:
        kept.pop("time", None)
    fields = entry.get("fieldsV1") or {}
    if kind in SPEC_KINDS:
        return {**kept, "fieldsV1": {name: fields[name] for name in _STATED if name in fields}}
    stated = fields["f:spec"] if kind == _MODES and "f:spec" in fields else {}
    return {**kept, "fieldsV1": {"f:spec": stated} if "f:spec" in fields else {}}


def _pod(obj: Obj) -> dict[str, Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return {
        "spec": {
            **_chosen(spec, _POD_SPEC),
            **{name: [_container(one) for one in spec[name]] for name in _CONTAINERS if spec.get(name)},
        },
        "status": {
            **_chosen(status, _POD_STATUS),
            **{name: [_ran(one) for one in status[name]] for name in _CONTAINER_STATUSES if status.get(name)},
        },
    }


def _container(container: Mapping[str, Any]) -> dict[str, Any]:
    """Name and declared ports: whether it is a proxy, what its modes are about, and what Services name."""
    kept: dict[str, Any] = {"name": container.get("name", "")}
    ports = [_chosen(port, _PORT) for port in container.get("ports") or ()]
    return {**kept, "ports": ports} if ports else kept


def _ran(status: Mapping[str, Any]) -> dict[str, Any]:
    """Since when it runs, and how often it was started again."""
    kept: dict[str, Any] = {"name": status.get("name", ""), "restartCount": status.get("restartCount", 0)}
    running = (status.get("state") or {}).get("running")
    return {**kept, "state": {"running": running}} if running else kept


def _service(obj: Obj) -> dict[str, Any]:
    return {"spec": _chosen(obj.get("spec") or {}, _SERVICE_SPEC)}


def _slice(obj: Obj) -> dict[str, Any]:
    """How many pods are ready and which; not their nodes and zones, and no ports."""
    endpoints = [_endpoint(one) for one in obj.get("endpoints") or ()]
    return {**_chosen(obj, ("addressType",)), "endpoints": endpoints}


def _endpoint(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_chosen(endpoint, ("addresses",)),
        "conditions": _chosen(endpoint.get("conditions") or {}, _CONDITIONS),
        "targetRef": _chosen(endpoint.get("targetRef") or {}, _REFERENCE),
    }


def _workload(obj: Obj) -> dict[str, Any]:
    """All that a person states, and how many pods there are; not since when."""
    status = {name: value for name, value in (obj.get("status") or {}).items() if name != "conditions"}
    return {**_chosen(obj, ("spec",)), "status": status}


_SLIMMER: Mapping[str, Callable[[Obj], dict[str, Any]]] = {
    "Pod": _pod,
    "Service": _service,
    "EndpointSlice": _slice,
    **dict.fromkeys(WORKLOAD_KINDS, _workload),
}
