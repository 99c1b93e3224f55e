"""What makes the GitOps tool that owns a route leave its traffic alone?"""

from dataclasses import dataclass
from typing import Any

import yaml

from rollout.ports.objects import Obj
from rollout.traffic.owners import ARGO, FLUX, Owner, owner_of

_ISTIO = ("/spec/http", "/spec/tcp", "/spec/tls")
_POINTERS = {"VirtualService": _ISTIO, "TrafficSplit": ("/spec/backends",)}
_RULES = ("/spec/rules",)  # HTTPRoute and GRPCRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedRoute:
    """A route that a GitOps tool applies and may set back. todo: what to add where; snippet: the YAML to add."""

    route: str
    owner: Owner
    todo: str
    snippet: str


def owned_route(route: Obj) -> OwnedRoute | None:
    """Whose route this is and what makes them leave its traffic alone; None where nobody would touch it."""
    owner = owner_of(route)
    if owner is None or (owner.tool == FLUX and is_ignored_by_annotation(route)):
        return None
    since = " (Flux 2.9 or newer)" if owner.kind == "Kustomization" else ""
    return OwnedRoute(
        route=f"{route['kind']}/{route['metadata']['name']}",
        owner=owner,
        todo=f"unless it is there already, add to its {owner.kind}{since}:",
        snippet=ignore_snippet(owner, route),
    )


def ignore_snippet(owner: Owner, route: Obj) -> str:
    """YAML for the owner's Application, Kustomization or HelmRelease that makes it leave this route's traffic alone.

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
        ignore: dict[str, Any] = {"ignore": [{"paths": pointers, "target": target}]}
        spec = {"driftDetection": ignore} if owner.kind == "HelmRelease" else ignore
    return str(yaml.safe_dump({"spec": spec}, sort_keys=False))


def is_ignored_by_annotation(route: Obj) -> bool:
    """Whether the route itself says that Flux must not write it again."""
    value = (route["metadata"].get("annotations") or {}).get("kustomize.toolkit.fluxcd.io/ssa", "")
    return str(value).lower() in ("ifnotpresent", "ignore")
