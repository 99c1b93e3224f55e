"""Which GitOps tool owns an object, and what makes that tool leave the traffic of a route alone?"""

from dataclasses import dataclass

import yaml

from rollout.ports.objects import Obj

ARGO, FLUX = "Argo CD", "Flux"
_TRACKING = "argocd.argoproj.io/tracking-id"  # application:group/kind:namespace/name
_INSTANCE = "app.kubernetes.io/instance"  # Argo CD's older way; Helm charts set it too, so it needs a second sign
_ARGO_MANAGERS = ("argocd-controller", "argocd-application-controller")
_FLUX_NAME = "kustomize.toolkit.fluxcd.io/name"
_FLUX_NAMESPACE = "kustomize.toolkit.fluxcd.io/namespace"
_FLUX_MANAGER = "kustomize-controller"
_ISTIO = ("/spec/http", "/spec/tcp", "/spec/tls")
_POINTERS = {"VirtualService": _ISTIO, "TrafficSplit": ("/spec/backends",)}
_RULES = ("/spec/rules",)  # HTTPRoute and GRPCRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A GitOps tool. name: its Application or Kustomization, "" where the object does not say."""

    tool: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.tool} ({self.name})" if self.name else self.tool


def owner_of(obj: Obj) -> Owner | None:
    """The tool that applies this object, by its annotations, labels and managedFields; None for nobody."""
    metadata = obj["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    managers = {str(entry.get("manager", "")) for entry in metadata.get("managedFields") or ()}
    if _TRACKING in annotations:
        return Owner(tool=ARGO, name=annotations[_TRACKING].partition(":")[0])
    if managers.intersection(_ARGO_MANAGERS):
        return Owner(tool=ARGO, name=labels.get(_INSTANCE, ""))
    if _FLUX_NAME in labels:
        namespace = labels.get(_FLUX_NAMESPACE, "")
        return Owner(tool=FLUX, name=f"{namespace}/{labels[_FLUX_NAME]}" if namespace else labels[_FLUX_NAME])
    if _FLUX_MANAGER in managers:
        return Owner(tool=FLUX)
    return None


def ignore_snippet(owner: Owner, route: Obj) -> str:
    """YAML for the owner's Application or Kustomization that makes it leave the traffic of this route alone.

    Argo CD ignores a difference when syncing only with RespectIgnoreDifferences. Flux has `spec.ignore` since 2.9;
    before that the annotation `kustomize.toolkit.fluxcd.io/ssa: IfNotPresent` on the route lets git only create it.
    """
    kind, metadata = route["kind"], route["metadata"]
    pointers = [path for path in _POINTERS.get(kind, _RULES) if path.rpartition("/")[2] in route.get("spec", {})]
    if owner.tool == ARGO:
        group = str(route.get("apiVersion", "")).rpartition("/")[0]
        rule = {"group": group, "kind": kind, "name": metadata["name"], "namespace": metadata["namespace"]}
        rule |= {"jsonPointers": pointers}
        spec = {"ignoreDifferences": [rule], "syncPolicy": {"syncOptions": ["RespectIgnoreDifferences=true"]}}
    else:
        target = {"kind": kind, "name": metadata["name"], "namespace": metadata["namespace"]}
        spec = {"ignore": [{"paths": pointers, "target": target}]}
    return str(yaml.safe_dump({"spec": spec}, sort_keys=False))


def is_ignored_by_annotation(route: Obj) -> bool:
    """Whether the route itself says that Flux must not write it again."""
    value = (route["metadata"].get("annotations") or {}).get("kustomize.toolkit.fluxcd.io/ssa", "")
    return str(value).lower() in ("ifnotpresent", "ignore")
