"""Which GitOps tool owns a route object, and is whoever wrote it last such a tool?"""

from dataclasses import dataclass

from rollout.traffic.entries import Obj

ARGO, FLUX = "Argo CD", "Flux"
_TRACKING = "argocd.argoproj.io/tracking-id"  # application:group/kind:namespace/name
_INSTANCE = "app.kubernetes.io/instance"  # Argo CD's older way; Helm charts set it too, so it needs a second sign
# Field managers, as the API server notes them in metadata.managedFields.
_TOOLS = {
    "argocd-controller": ARGO,
    "argocd-application-controller": ARGO,  # until 2.x, where it applied on the client's side
    "kustomize-controller": FLUX,
    "helm-controller": FLUX,
}
# Where Flux's two appliers leave the name of their Kustomization or HelmRelease.
_FLUX_MARKS = {"kustomize.toolkit.fluxcd.io": "Kustomization", "helm.toolkit.fluxcd.io": "HelmRelease"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A GitOps tool. kind and name: of its object that applies the route; name "" where the route does not say."""

    tool: str
    name: str = ""
    kind: str = "Application"

    def __str__(self) -> str:
        return f"{self.tool} ({self.name})" if self.name else self.tool


def owner_of(obj: Obj) -> Owner | None:
    """The tool that applies this object, by its annotations, labels and managedFields; None for nobody."""
    metadata = obj["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    tools = {_TOOLS.get(str(entry.get("manager", ""))) for entry in metadata.get("managedFields") or ()}
    if _TRACKING in annotations:
        return Owner(tool=ARGO, name=annotations[_TRACKING].partition(":")[0])
    if ARGO in tools:
        return Owner(tool=ARGO, name=labels.get(_INSTANCE, ""))
    for mark, kind in _FLUX_MARKS.items():
        if f"{mark}/name" in labels:
            namespace = labels.get(f"{mark}/namespace", "")
            name = labels[f"{mark}/name"]
            return Owner(tool=FLUX, kind=kind, name=f"{namespace}/{name}" if namespace else name)
    return Owner(tool=FLUX, kind="Kustomization") if FLUX in tools else None


def tool_of(obj: Obj, manager: str) -> str:
    """The GitOps tool that this field manager is, for people: "Flux flux-system/apps"; "" for anybody else.

    By the manager's name alone: a person may edit an object that a tool owns, and that is the person's decision.
    """
    tool = _TOOLS.get(manager)
    if tool is None:
        return ""
    owner = owner_of(obj)
    return f"{tool} {owner.name}".rstrip() if owner is not None and owner.tool == tool else tool
