"""Which objects are stored, at which resourceVersion, and what changed since?

One revision counter for everything, as in etcd: each write is exactly one `Change`. Stored objects are never mutated,
only replaced, so a change may hold them without a copy; who hands them out copies them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

_Json = TypeVar("_Json")
_NESTED = (dict, list)
Obj = Mapping[str, Any]
Key = tuple[str, str]  # namespace ("" for cluster scope), name


class CompactedError(Exception):
    """The history no longer reaches back to the revision that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One write: `type` is ADDED, MODIFIED or DELETED, `before` is None for the first of an object."""

    revision: int
    type: str
    resource: str
    obj: Obj
    before: Obj | None


@dataclass(slots=True, kw_only=True, eq=False)
class Listener:
    """Who wants to know of changes to one resource. seen: up to this revision it has nothing left to hear."""

    resource: str
    seen: int
    wake: Callable[[], None]


def key_of(obj: Obj) -> Key:
    """Namespace and name of an object."""
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]


def copied(value: _Json) -> _Json:
    """A JSON value that shares nothing with this one, in a third of the time that JSON takes."""
    copy: Any = value
    if isinstance(value, dict):
        copy = {name: copied(child) if isinstance(child, _NESTED) else child for name, child in value.items()}
    elif isinstance(value, list):
        copy = [copied(child) if isinstance(child, _NESTED) else child for child in value]
    found: _Json = copy
    return found


def as_json(value: _Json) -> _Json:
    """A value as it would come over HTTP: tuples are lists, and nothing is shared."""
    copy: _Json = json.loads(json.dumps(value))
    return copy


class Store:
    """Objects by resource (`plural.group`), with a bounded history of changes."""

    def __init__(self, *, history: int) -> None:
        self.revision = 1
        self.listeners: set[Listener] = set()
        self._history = history
        self._objects: dict[str, dict[Key, Obj]] = {}
        self._changes: list[Change] = []

    @property
    def oldest(self) -> int:
        """The lowest revision from which changes can still be told."""
        return self.revision - len(self._changes)

    def find(self, resource: str, key: Key) -> Obj | None:
        """The object as it is now; None when there is none."""
        return self._objects.get(resource, {}).get(key)

    def resources(self) -> tuple[str, ...]:
        """Every resource that has objects."""
        return tuple(sorted(resource for resource, objects in self._objects.items() if objects))

    def listed(self, resource: str, *, namespace: str | None = None, revision: int | None = None) -> list[Obj]:
        """Objects by namespace and name, as they were at `revision` (now when None); None as namespace means all."""
        objects = self._objects.get(resource, {})
        if revision is not None and revision != self.revision:
            objects = dict(objects)
            for change in reversed(self.since(revision)):
                _undo(objects, change, resource)
        return [objects[key] for key in sorted(objects) if namespace is None or key[0] == namespace]

    def put(self, resource: str, obj: Obj) -> Obj:
        """The object as stored, under the next resourceVersion."""
        before = self.find(resource, key_of(obj))
        stored = self._stamped(obj)
        self._objects.setdefault(resource, {})[key_of(stored)] = stored
        self._record("MODIFIED" if before else "ADDED", resource, stored, before)
        return stored

    def remove(self, resource: str, obj: Obj) -> Obj:
        """The object as it was last, under the resourceVersion of its deletion."""
        before = self._objects[resource].pop(key_of(obj))
        stored = self._stamped(obj)
        self._record("DELETED", resource, stored, before)
        return stored

    def since(self, revision: int) -> list[Change]:
        """Changes after `revision`, oldest first; raises CompactedError."""
        if revision < self.oldest:
            raise CompactedError(f"revision {revision} is compacted, the oldest is {self.oldest}")
        return self._changes[len(self._changes) - (self.revision - revision) :] if revision < self.revision else []

    def compact(self) -> None:
        """Forget the history: only the present can be listed and watched from."""
        self._changes.clear()

    def _stamped(self, obj: Obj) -> Obj:
        return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.revision + 1)}}

    def _record(self, kind: str, resource: str, obj: Obj, before: Obj | None) -> None:
        self.revision += 1
        self._changes.append(Change(revision=self.revision, type=kind, resource=resource, obj=obj, before=before))
        if len(self._changes) > 2 * self._history:  # cut in halves: a cut per write would copy the list each time
            del self._changes[: -self._history]
        for listener in tuple(self.listeners):
            if listener.resource != resource and listener.seen == self.revision - 1:
                listener.seen = self.revision
            else:
                listener.wake()


def _undo(objects: dict[Key, Obj], change: Change, resource: str) -> None:
    if change.resource != resource:
        return
    if change.before is None:
        objects.pop(key_of(change.obj), None)
    else:
        objects[key_of(change.before)] = change.before
