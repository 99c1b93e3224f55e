"""How does each of a migration's writes look to an API server: as a JSON patch, or as a new object?

The controller, a person's tool and a printed command all send these, so that they do the same.
"""

from collections.abc import Mapping
from typing import Any

from rollout.migration.read import Obj
from rollout.model.mesh import Mtls
from rollout.model.mesh_writes import LabelNamespace, WritePeer

Operation = dict[str, Any]


def version_test(version: str) -> Operation:
    """The patch is refused unless the object still has this resourceVersion."""
    return {"op": "test", "path": "/metadata/resourceVersion", "value": version}


def modes_patch(write: WritePeer, live: Obj) -> list[Operation]:
    """Only the modes: what else the live object says, it goes on saying."""
    spec = live.get("spec")
    mtls = {"mode": write.mode.value}
    if not isinstance(spec, Mapping):
        return [{"op": "add", "path": "/spec", "value": {"mtls": mtls}}]
    change: list[Operation] = [{"op": "add", "path": "/spec/mtls", "value": mtls}]
    if write.ports:
        change.append({"op": "add", "path": "/spec/portLevelMtls", "value": ports_spec(write.ports)})
    elif "portLevelMtls" in spec:
        change.append({"op": "remove", "path": "/spec/portLevelMtls"})
    return change


def peer_object(write: WritePeer, api_version: str, metadata: Obj | None = None) -> dict[str, Any]:
    """The PeerAuthentication that the write creates. metadata: besides name and namespace."""
    spec: dict[str, Any] = {"mtls": {"mode": write.mode.value}}
    if write.selector:
        spec["selector"] = {"matchLabels": dict(write.selector)}
    if write.ports:
        spec["portLevelMtls"] = ports_spec(write.ports)
    return {
        "apiVersion": api_version,
        "kind": "PeerAuthentication",
        "metadata": {"name": write.name, "namespace": write.namespace, **(metadata or {})},
        "spec": spec,
    }


def labels_patch(write: LabelNamespace, known: Mapping[str, str] | None) -> list[Operation]:
    """The labels that change. known: those that the namespace has."""
    change: list[Operation] = [] if known else [{"op": "add", "path": "/metadata/labels", "value": {}}]
    for name, value in write.labels.items():
        path = f"/metadata/labels/{escaped(name)}"
        if value is not None:
            change.append({"op": "add", "path": path, "value": value})
        elif name in (known or {}):
            change.append({"op": "remove", "path": path})
    return change


def annotation_patch(name: str, value: str, known: Mapping[str, str] | None) -> list[Operation]:
    """One annotation. known: those that the object has."""
    change: list[Operation] = [] if known else [{"op": "add", "path": "/metadata/annotations", "value": {}}]
    return [*change, {"op": "add", "path": f"/metadata/annotations/{escaped(name)}", "value": value}]


def ports_spec(ports: Mapping[int, Mtls]) -> dict[str, dict[str, str]]:
    """`portLevelMtls` as the API has it."""
    return {str(port): {"mode": mode.value} for port, mode in sorted(ports.items())}


def opens(write: WritePeer) -> bool:
    """Whether nothing of the object is STRICT after the write."""
    return Mtls.STRICT not in (write.mode, *write.ports.values())


def escaped(name: str) -> str:
    """A key as a JSON pointer has it (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
