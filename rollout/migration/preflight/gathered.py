"""What do the preflight checks look at?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollout.model.migration import MigrationSpec
from rollout.model.telemetry import Asked, MeshAnswer

Obj = Mapping[str, Any]  # a Kubernetes object as a plain dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """All that was read for the preflight of one namespace.

    objects: by kind, of the whole cluster; a kind that is not served is (). unread: kinds that could not be read, and why:
    nothing is concluded from their absence. told: the answers of the metrics server. enrolled: namespaces in the mesh.
    """

    namespace: str
    spec: MigrationSpec
    objects: Mapping[str, tuple[Obj, ...]]
    unread: Mapping[str, str]
    told: Mapping[Asked, MeshAnswer]
    enrolled: frozenset[str] = frozenset()
    now: datetime

    def all(self, kind: str) -> tuple[Obj, ...]:
        """All objects of a kind."""
        return self.objects.get(kind, ())

    def here(self, kind: str) -> tuple[Obj, ...]:
        """Those of the namespace."""
        return self.of(kind, self.namespace)

    def of(self, kind: str, namespace: str) -> tuple[Obj, ...]:
        """Those of another namespace."""
        return tuple(obj for obj in self.all(kind) if obj["metadata"].get("namespace", "") == namespace)

    def cluster(self, kind: str, names: Iterable[str]) -> tuple[Obj, ...]:
        """Cluster-wide objects with these names."""
        wanted = set(names)
        return tuple(obj for obj in self.all(kind) if obj["metadata"]["name"] in wanted)
