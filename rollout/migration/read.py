"""What do Kubernetes objects mean for a migration?"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rollout.model.mesh import Applied, MeshPod, MeshWorkload, Mtls, PeerAuth, Restartable
from rollout.traffic.owners import FLUX, owner_of

Obj = Mapping[str, Any]

MIGRATION = "rollout.dev/migration"  # the annotation on what a migration created: its name
INJECTED = "sidecar.istio.io/status"
INJECT = "sidecar.istio.io/inject"
REVISION = "istio.io/rev"
RESTARTED = "kubectl.kubernetes.io/restartedAt"  # as `kubectl rollout restart` writes it
MANAGER = "rollout-controller"  # our field manager
# How an object tells the tool that applies it to leave it alone, by (tool, kind of the tool's object). Argo CD knows such a
# word only on an Application, for all that it applies.
LEAVE_ALONE: Mapping[tuple[str, str], tuple[str, str]] = {
    (FLUX, "Kustomization"): ("kustomize.toolkit.fluxcd.io/reconcile", "disabled"),
    (FLUX, "HelmRelease"): ("helm.toolkit.fluxcd.io/driftDetection", "disabled"),
}
_PROXY = "istio-proxy"
_OVER = ("Succeeded", "Failed")


def canonical(spec: Mapping[Any, Any]) -> str:
    """A spec as JSON with sorted keys and no spaces: equal specs are equal texts."""
    plain = json.loads(json.dumps(spec))  # keys that YAML has as numbers sort as the texts that JSON has
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def peer_auth(obj: Obj) -> PeerAuth:
    """A PeerAuthentication. A missing or empty selector is namespace-wide, a missing mode says nothing."""
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    ports = spec.get("portLevelMtls") or {}
    return PeerAuth(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        version=metadata.get("resourceVersion", ""),
        created=_time(metadata["creationTimestamp"]),
        selector=dict(_of(spec, "selector").get("matchLabels") or {}),
        mode=_mode(spec.get("mtls")),
        ports={int(port): _mode(ports[port]) for port in sorted(ports, key=int)},
        ours=_of(metadata, "annotations").get(MIGRATION, ""),
        spec=canonical(spec),
        applied=applied(obj),
        written=_fields(obj, ours=True) - _fields(obj, ours=False),
    )


def _fields(obj: Obj, *, ours: bool) -> frozenset[str]:
    """The modes that we, or that others, are the managers of: "mode", and ports."""
    found: set[str] = set()
    for entry in obj["metadata"].get("managedFields") or ():
        if (entry.get("manager") == MANAGER) is ours and not entry.get("subresource"):
            spec = _of(_of(entry, "fieldsV1"), "f:spec")
            found |= {"mode"} if "f:mode" in _of(spec, "f:mtls") else set()
            found |= {name.removeprefix("f:") for name in _of(spec, "f:portLevelMtls") if name.startswith("f:")}
    return frozenset(found)


def applied(obj: Obj) -> Applied | None:
    """The GitOps tool that applies an object; None for none."""
    owner = owner_of(obj)
    if owner is None:
        return None
    annotation, value = LEAVE_ALONE.get((owner.tool, owner.kind), ("", ""))
    metadata = obj["metadata"]
    return Applied(
        tool=str(owner),
        annotation=annotation,
        value=value,
        suspended=bool(annotation) and _of(metadata, "annotations").get(annotation) == value,
        patched=any(
            entry.get("manager") == MANAGER and "f:spec" in _of(entry, "fieldsV1")
            for entry in metadata.get("managedFields") or ()
        ),
    )


def mesh_pod(obj: Obj, owners: Mapping[str, str]) -> MeshPod:
    """A pod. owners: names of Deployments by those of their ReplicaSets; one that is not there is told by its name."""
    metadata, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    apps = [one for one in spec.get("containers") or () if one["name"] != _PROXY]
    states = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    meshed = _has_proxy(spec) or INJECTED in _of(metadata, "annotations")
    return MeshPod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        labels=dict(_of(metadata, "labels")),
        ports=tuple(
            sorted({port["containerPort"] for one in apps for port in one.get("ports") or () if _is_tcp(port)})
        ),
        workload=_workload_of(metadata, owners),
        ip=status.get("podIP", ""),
        node=spec.get("nodeName", ""),
        meshed=meshed,
        ready=any((one["type"], one["status"]) == ("Ready", "True") for one in status.get("conditions") or ()),
        restarts=sum(state.get("restartCount", 0) for state in states),
        proxy_since=_proxy_since(states),
        host_network=bool(spec.get("hostNetwork")),
        is_finished=status.get("phase") in _OVER,
        is_ending="deletionTimestamp" in metadata,
        node_ip=status.get("hostIP", ""),
        created=_time(metadata["creationTimestamp"]) if metadata.get("creationTimestamp") else None,
    )


def mesh_workload(obj: Obj) -> MeshWorkload:
    """A Deployment, StatefulSet or DaemonSet."""
    metadata, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    kind, template = obj["kind"], _of(spec, "template")
    partition = _partition(spec)
    if kind == "DaemonSet":
        wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
        pods, updated = wanted, status.get("updatedNumberScheduled", 0)
    else:
        wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
        pods, updated = status.get("replicas", 0), status.get("updatedReplicas", 0)
    seen = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
    return MeshWorkload(
        kind=kind,
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        version=metadata.get("resourceVersion", ""),
        template_labels=dict(_of(_of(template, "metadata"), "labels")),
        restartable=_restartable(spec, partition),
        partition=partition,
        wanted=wanted,
        ready=ready,
        settled=seen and pods == wanted == ready and updated >= max(wanted - partition, 0),
        selector=dict(_of(spec, "selector").get("matchLabels") or {}),
        forced=_is_forced(template),
        restarted=_restarted(template),
    )


def _of(obj: Obj, field: str) -> Obj:
    """A field that may be missing or null; {} for both."""
    return obj.get(field) or {}


def _mode(mtls: Obj | None) -> Mtls:
    return Mtls((mtls or {}).get("mode") or Mtls.UNSET)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _is_tcp(port: Obj) -> bool:
    return str(port.get("protocol", "TCP")) == "TCP"


def _has_proxy(spec: Obj) -> bool:
    containers = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    return any(one["name"] == _PROXY for one in containers)


def _proxy_since(states: list[Obj]) -> datetime | None:
    for state in states:
        started = _of(_of(state, "state"), "running").get("startedAt")
        if state["name"] == _PROXY and started:
            return _time(started)
    return None


def _workload_of(metadata: Obj, owners: Mapping[str, str]) -> str:
    """Kind and name of the controller, of a ReplicaSet's Deployment where it has one. A static pod is a bare one."""
    owner = next((one for one in metadata.get("ownerReferences") or () if one.get("controller")), None)
    if owner is None or owner["kind"] == "Node":
        return ""
    if owner["kind"] == "ReplicaSet":
        if owner["name"] in owners:
            return f"Deployment {owners[owner['name']]}"
        ending = f"-{_of(metadata, 'labels').get('pod-template-hash', '')}"
        if len(ending) > 1 and owner["name"].endswith(ending):
            return f"Deployment {owner['name'].removesuffix(ending)}"
    return f"{owner['kind']} {owner['name']}"


def _partition(spec: Obj) -> int:
    return int(_of(_of(spec, "updateStrategy"), "rollingUpdate").get("partition") or 0)


def _restartable(spec: Obj, partition: int) -> Restartable:
    if spec.get("paused") or _of(spec, "updateStrategy").get("type") == "OnDelete":
        return Restartable.BY_HAND
    return Restartable.PARTITIONED if partition else Restartable.ROLLING


def _restarted(template: Obj) -> datetime | None:
    text = _of(_of(template, "metadata"), "annotations").get(RESTARTED)
    return _time(text) if text else None


def _is_forced(template: Obj) -> bool:
    labels = _of(_of(template, "metadata"), "labels")
    # The webhooks that look at pods alone go by labels: the annotation of the same name cannot force anything.
    return labels.get(INJECT) == "true" or REVISION in labels or _has_proxy(_of(template, "spec"))
