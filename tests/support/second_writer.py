"""What do Flux and Argo CD write when a route in the cluster is not as git has it?

Values in, a write out, so that the same tool works on the memory cluster and on a real API server. Sources: Flux's
`ssa.ResourceManager.ApplyAll` (fluxcd/pkg) and Argo CD's documentation of diffing and of sync options.
"""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Protocol

import yaml

from adapters.kube.api import Obj, Patch

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One PATCH of the route."""

    kind: Patch
    body: dict[str, Any]
    query: dict[str, str]


class Tool(Protocol):
    """A GitOps tool with one route in git."""

    def write(self, live: Obj) -> Write | None:
        """What it writes now; None where it finds nothing to do."""

    def told(self, snippet: str) -> None:
        """A person adds this YAML to its Kustomization or Application."""


@dataclass(slots=True)
class Flux:
    """kustomize-controller: a server-side apply with force of what git says, where that would change anything.

    With `spec.ignore` (2.9) the paths count for nothing in the comparison, and those that differ are left out of what is
    applied for another reason. The annotation `ssa: IfNotPresent` on git's manifest lets it only create the object.
    """

    manifest: dict[str, Any]
    spec: dict[str, Any] = field(default_factory=dict)
    manager: str = "kustomize-controller"

    def __post_init__(self) -> None:
        labels = {f"kustomize.toolkit.fluxcd.io/{name}": value for name, value in _KUSTOMIZATION.items()}
        meta = self.manifest["metadata"]
        self.manifest = {**self.manifest, "metadata": {**meta, "labels": {**meta.get("labels", {}), **labels}}}

    def told(self, snippet: str) -> None:
        """Merged into the Kustomization's spec."""
        self.spec = _merged(self.spec, yaml.safe_load(snippet)["spec"])

    def write(self, live: Obj) -> Write | None:
        """An apply, where the dry run differs from what is there."""
        annotations = self.manifest["metadata"].get("annotations", {})
        if annotations.get("kustomize.toolkit.fluxcd.io/ssa") == "IfNotPresent":
            return None
        paths = [path for rule in self.spec.get("ignore", ()) if self._matches(rule) for path in rule["paths"]]
        dry = _merged(live, self.manifest)
        if _without(dry, paths) == _without(live, paths):
            return None
        drifted = [path for path in paths if _at(live, path) != _at(dry, path)]
        query = {"fieldManager": self.manager, "force": "true"}
        return Write(kind=Patch.APPLY, body=_without(self.manifest, drifted), query=query)

    def _matches(self, rule: Mapping[str, Any]) -> bool:
        meta = self.manifest["metadata"]
        found = {"kind": self.manifest["kind"], "name": meta["name"], "namespace": meta["namespace"]}
        target = rule.get("target", {})
        return all(re.fullmatch(pattern, found[name]) for name, pattern in target.items())


_KUSTOMIZATION = {"name": "apps", "namespace": "flux-system"}


@dataclass(slots=True)
class Argo:
    """Argo CD with self-heal: a three-way merge of git, what it applied last, and what is there, sent as a merge patch.

    `ignoreDifferences` takes pointers out of the comparison that starts a sync; only with the sync option
    RespectIgnoreDifferences a sync leaves them as they are, too.
    """

    manifest: dict[str, Any]
    spec: dict[str, Any] = field(default_factory=dict)
    manager: str = "argocd-controller"

    def __post_init__(self) -> None:
        meta = self.manifest["metadata"]
        group = self.manifest["apiVersion"].partition("/")[0]
        tracking = f"shop:{group}/{self.manifest['kind']}:{meta['namespace']}/{meta['name']}"
        annotations = {**meta.get("annotations", {}), "argocd.argoproj.io/tracking-id": tracking}
        self.manifest = {**self.manifest, "metadata": {**meta, "annotations": annotations}}

    def told(self, snippet: str) -> None:
        """Merged into the Application's spec."""
        self.spec = _merged(self.spec, yaml.safe_load(snippet)["spec"])

    def write(self, live: Obj) -> Write | None:
        """A merge patch, where the route is out of sync."""
        ignored = [
            path for rule in self.spec.get("ignoreDifferences", ()) if self._matches(rule) for path in _paths(rule)
        ]
        if _without(_merged(live, self.manifest), ignored) == _without(live, ignored):
            return None
        target = deepcopy(self.manifest)
        options = self.spec.get("syncPolicy", {}).get("syncOptions", ())
        for path in ignored if "RespectIgnoreDifferences=true" in options else ():
            _put(target, path, _at(live, path))
        before = json.loads((live["metadata"].get("annotations") or {}).get(_LAST_APPLIED, "{}"))
        applied = json.dumps(target, sort_keys=True)
        body = _merged(_gone(before, target), target)
        body["metadata"] = {
            **body["metadata"],
            "annotations": {**target["metadata"]["annotations"], _LAST_APPLIED: applied},
        }
        return Write(kind=Patch.MERGE, body=body, query={"fieldManager": self.manager})

    def _matches(self, rule: Mapping[str, Any]) -> bool:
        meta = self.manifest["metadata"]
        group = self.manifest["apiVersion"].partition("/")[0]
        found = {"group": group, "kind": self.manifest["kind"], "name": meta["name"], "namespace": meta["namespace"]}
        return all(rule.get(name) in (None, "", value) for name, value in found.items())


def _paths(rule: Mapping[str, Any]) -> list[str]:
    return list(rule.get("jsonPointers", ()))


def _merged(old: Any, new: Any) -> Any:
    """Maps by name; lists are replaced as a whole, as custom resources without merge keys have them."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return deepcopy(new)
    return {**old, **{name: _merged(old.get(name), value) for name, value in new.items()}}


def _gone(before: Any, now: Any) -> dict[str, Any]:
    """The merge patch that drops what was applied before and is not wanted now."""
    if not isinstance(before, Mapping) or not isinstance(now, Mapping):
        return {}
    dropped: dict[str, Any] = {name: None for name in before if name not in now}
    nested = {name: _gone(before[name], now[name]) for name in before if name in now}
    return {**dropped, **{name: value for name, value in nested.items() if value}}


def _without(obj: Obj, pointers: list[str]) -> dict[str, Any]:
    copy: dict[str, Any] = deepcopy(dict(obj))
    for pointer in pointers:
        *parents, last = pointer.strip("/").split("/")
        here: Any = copy
        for part in parents:
            here = here.get(part, {})
        here.pop(last, None)
    return copy


def _at(obj: Obj, pointer: str) -> Any:
    here: Any = obj
    for part in pointer.strip("/").split("/"):
        here = here.get(part) if isinstance(here, Mapping) else None
    return here


def _put(obj: dict[str, Any], pointer: str, value: Any) -> None:
    *parents, last = pointer.strip("/").split("/")
    here = obj
    for part in parents:
        here = here.setdefault(part, {})
    here[last] = value


def snippet_in(text: str) -> str:
    """The YAML that `rollout plan` or `rollout check` printed for the owner of a route."""
    lines = text.splitlines()
    start = next(place for place, line in enumerate(lines) if line.strip() == "spec:")
    depth = len(lines[start]) - len(lines[start].lstrip())
    block = takewhile(lambda line: line.startswith(" " * depth) and line.strip(" `"), lines[start:])
    return "\n".join(line[depth:] for line in block)
