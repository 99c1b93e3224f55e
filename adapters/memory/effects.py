"""What else changes when an object is stored or removed?

A CustomResourceDefinition makes its kind served; the last finalizer gone completes a deletion; owned objects and the
contents of a Namespace go with it. The real cluster does the last two by controllers, a little later.
"""

from collections.abc import Iterator
from typing import Any

from adapters.memory import definitions, writes
from adapters.memory.kinds import Kind, Kinds
from adapters.memory.objects import Obj, Store, key_of


def keep(store: Store, kinds: Kinds, kind: Kind, obj: Obj, now: str) -> Obj:
    """The object as stored, with what follows from it; a deletion that nothing holds any more is completed."""
    meta = obj["metadata"]
    if "deletionTimestamp" in meta and not meta.get("finalizers"):
        return _gone(store, kinds, kind, obj, now)
    if kind.resource == definitions.CRDS:
        definitions.check(obj)
        obj = {**obj, "status": definitions.established(obj, now)}
        kinds.add(definitions.served_by(obj))
    return store.put(kind.resource, obj)


def drop(store: Store, kinds: Kinds, kind: Kind, obj: Obj, now: str) -> Obj | None:
    """None once the object is removed; the object when finalizers hold it."""
    if not obj["metadata"].get("finalizers"):
        _gone(store, kinds, kind, obj, now)
        return None
    if "deletionTimestamp" in obj["metadata"]:
        return obj
    return store.put(kind.resource, writes.marked_deleted(obj, now))


def orphan(store: Store, owner: Obj) -> None:
    """Let the objects that `owner` owns live on without it."""
    for resource, obj in tuple(_owned(store, owner["metadata"]["uid"])):
        left = [ref for ref in obj["metadata"]["ownerReferences"] if ref["uid"] != owner["metadata"]["uid"]]
        store.put(resource, {**obj, "metadata": {**obj["metadata"], "ownerReferences": left}})


def _gone(store: Store, kinds: Kinds, kind: Kind, obj: Obj, now: str) -> Obj:
    if kind.resource == definitions.CRDS:
        _drop_all(store, kinds, definitions.served_by(obj), "", now)
        kinds.drop(obj["metadata"]["name"])
    if kind.resource == "namespaces":
        for inside in kinds:
            if inside.namespaced:
                _drop_all(store, kinds, inside, obj["metadata"]["name"], now)
    removed = store.remove(kind.resource, obj)
    for resource, owned in tuple(_owned(store, obj["metadata"]["uid"])):
        owned_kind = kinds.find(resource)
        others = [ref for ref in owned["metadata"]["ownerReferences"] if ref["uid"] != obj["metadata"]["uid"]]
        still_there = store.find(resource, key_of(owned)) is not None
        if owned_kind is not None and still_there and not _is_any_alive(store, kinds, others, owned):
            drop(store, kinds, owned_kind, owned, now)
    return removed


def _drop_all(store: Store, kinds: Kinds, kind: Kind, namespace: str, now: str) -> None:
    for obj in store.listed(kind.resource, namespace=namespace or None):
        if store.find(kind.resource, key_of(obj)) is not None:  # it may have gone with its owner
            drop(store, kinds, kind, obj, now)


def _owned(store: Store, uid: str) -> Iterator[tuple[str, Obj]]:
    for resource in store.resources():
        for obj in store.listed(resource):
            if any(ref.get("uid") == uid for ref in obj["metadata"].get("ownerReferences") or ()):
                yield resource, obj


def _is_any_alive(store: Store, kinds: Kinds, refs: list[dict[str, Any]], owned: Obj) -> bool:
    for ref in refs:
        for kind in kinds:
            if kind.kind == ref.get("kind") and kind.group == ref.get("apiVersion", "").rpartition("/")[0]:
                namespace = owned["metadata"].get("namespace", "") if kind.namespaced else ""
                found = store.find(kind.resource, (namespace, ref.get("name", "")))
                if found is not None and found["metadata"]["uid"] == ref["uid"]:
                    return True
    return False
