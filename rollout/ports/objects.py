"""How does a person's tool read and write objects of the cluster?"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Obj = Mapping[str, Any]  # a Kubernetes object as a plain dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One watched change. type: ADDED, MODIFIED or DELETED."""

    type: str
    obj: Obj


class Objects(Protocol):
    """Reads, straight from the API server; namespace "" means all namespaces, or none for cluster-wide kinds.

    kind: a kind's name such as "Rollout" or "VirtualService". KindAbsent when the cluster does not serve it.
    """

    async def get(self, kind: str, namespace: str, name: str) -> Obj:
        """One object; NotFound when it is not there."""

    async def list(self, kind: str, namespace: str = "", selector: str = "") -> tuple[Obj, ...]:
        """All objects, of one namespace if given, by namespace and name, in pages; selector: a label selector."""

    def watch(self, kind: str, namespace: str = "", name: str = "", selector: str = "") -> AsyncIterator[Change]:
        """What there is, as ADDED, then every change, without end."""

    async def allowed(self, verb: str, kind: str, namespace: str = "", subresource: str = "") -> bool:
        """Whether the cluster lets us do this (SelfSubjectAccessReview)."""

    async def whoami(self) -> tuple[str, tuple[str, ...]]:
        """Our user name and groups as the cluster sees them (SelfSubjectReview); ("", ()) where it does not say."""


class ObjectWrites(Protocol):
    """Writes by a person's tool."""

    async def create(self, obj: Obj) -> Obj:
        """The object as stored; Conflict when the name is taken."""

    async def apply(self, obj: Obj, *, dry_run: bool = False) -> Obj:
        """The object after server-side apply as field manager `rollout-cli`; Conflict names another manager."""

    async def patch(self, kind: str, namespace: str, name: str, operations: Sequence[Obj]) -> Obj:
        """The object after a JSON patch; Conflict when a `test` fails, NotFound when the object is gone."""

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete one object; one that is gone already is fine."""
