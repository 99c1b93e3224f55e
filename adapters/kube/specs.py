"""How are objects of our kinds brought into the cluster as a source's, without writing what is right already?"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from rollout.manifest.group import COMMIT, SOURCE
from rollout.model.names import Key
from rollout.ports.errors import Conflict, NotFound, Rejected, Unreachable
from rollout.ports.specs import ObjectRef, Spec

SOURCE_NAME = "rollout.dev/source"  # label: name of the GitSource that applies the object ...
SOURCE_NAMESPACE = "rollout.dev/source-namespace"  # ... and its namespace
SPEC_HASH = "rollout.dev/spec-hash"  # annotation: hash of what git said
KINDS = ("Rollout", "SloPolicy")
_UNKNOWN_FIELD = "field not declared in schema"  # a kube-apiserver answers 500 to an apply with one
_LONGEST_LABEL = 63
_LONGEST_MANAGER = 128


class KubeSpecs:
    """Specs over a Kubernetes API server, real or in memory; the cache must watch all of `KINDS`."""

    def __init__(self, api: KubeApi, cache: Cache) -> None:
        self._api = api
        self._cache = cache

    def owned(self, source: Key) -> tuple[ObjectRef, ...]:
        """What the source applied and still is there, sorted; what is being deleted is not."""
        return tuple(
            sorted(
                ObjectRef(kind=kind, key=_key(obj))
                for kind in KINDS
                for obj in self._cache.list(kind)
                if _owner(obj) == source and "deletionTimestamp" not in obj["metadata"]
            )
        )

    def owner(self, ref: ObjectRef) -> Key | None:
        """The source that applied the object; None when none did, or it is absent."""
        obj = self._cache.get(ref.kind, ref.key.namespace, ref.key.name) if ref.kind in KINDS else None
        return _owner(obj) if obj is not None else None

    async def apply(self, spec: Spec, source: Key) -> bool:
        """Make the object what git says, as the source's; False when it is that already."""
        ref = spec.ref
        body = self._body(spec, source)
        live = self._cache.get(ref.kind, ref.key.namespace, ref.key.name)
        if live is not None and "deletionTimestamp" in live["metadata"]:
            raise Conflict(f"{ref} is still being deleted; it is applied once it is gone")
        if live is not None and _agrees(live, body):
            return False
        path = self._cache.path(ref.kind, ref.key.namespace, ref.key.name)
        query = {"fieldManager": manager(source), "force": "true", "fieldValidation": "Strict"}
        try:
            written = await self._api.patch(path, Patch.APPLY, body, query)
        except Unreachable as error:
            if _UNKNOWN_FIELD in str(error):
                raise Rejected(f"{error}; update the CustomResourceDefinitions") from error
            raise
        self._cache.wrote(ref.kind, written)
        return True

    async def delete(self, ref: ObjectRef, source: Key) -> None:
        """Delete the object if the source still owns it; one that is gone is left alone."""
        live = self._cache.get(ref.kind, ref.key.namespace, ref.key.name)
        if live is None or _owner(live) != source or "deletionTimestamp" in live["metadata"]:
            return
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": live["metadata"]["uid"]},
        }
        try:
            await self._api.delete(self._cache.path(ref.kind, ref.key.namespace, ref.key.name), options)
        except NotFound:
            return

    def _body(self, spec: Spec, source: Key) -> dict[str, Any]:
        """The object to apply: git's labels, annotations and spec, and our marks."""
        if len(source.name) > _LONGEST_LABEL:
            raise Rejected(f"the name of GitSource {source} does not fit into a label (63 characters); shorten it")
        meta = spec.manifest.get("metadata") or {}
        labels = {**(meta.get("labels") or {}), SOURCE_NAME: source.name, SOURCE_NAMESPACE: source.namespace}
        said = _without_nulls(spec.manifest.get("spec") or {})
        annotations = meta.get("annotations") or {}
        git = {"labels": labels, "annotations": annotations, "spec": said}
        marks = {SPEC_HASH: _hash(git), COMMIT: spec.commit, SOURCE: spec.place}
        key = spec.ref.key
        return {
            "apiVersion": self._cache.api_version(spec.ref.kind),
            "kind": spec.ref.kind,
            "metadata": {
                "name": key.name,
                "namespace": key.namespace,
                "labels": labels,
                "annotations": {**annotations, **marks},
            },
            "spec": said,
        }


def manager(source: Key) -> str:
    """The field manager of a source, within the API's 128 characters."""
    name = f"rollout-git/{source.namespace}.{source.name}"
    if len(name) <= _LONGEST_MANAGER:
        return name
    return f"{name[: _LONGEST_MANAGER - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _agrees(live: Obj, body: Obj) -> bool:
    """Whether git said the same before and nobody has changed it since; a new commit alone is no difference."""
    wanted = {
        "labels": body["metadata"]["labels"],
        "annotations": {
            name: value for name, value in body["metadata"]["annotations"].items() if name not in (COMMIT, SOURCE)
        },
    }
    return _holds(live["metadata"], wanted) and _holds(live.get("spec"), body["spec"])


def _holds(live: object, wanted: object) -> bool:
    """Whether everything wanted is there; more fields (defaults) do not matter."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(name in live and _holds(live[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return isinstance(live, list) and len(live) == len(wanted) and all(map(_holds, live, wanted))
    return live == wanted


def _without_nulls(value: object) -> object:
    """`value` without fields that are null: the API server drops them too."""
    if isinstance(value, Mapping):
        return {name: _without_nulls(field) for name, field in value.items() if field is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _key(obj: Obj) -> Key:
    return Key(namespace=obj["metadata"]["namespace"], name=obj["metadata"]["name"])


def _owner(obj: Obj) -> Key | None:
    labels = obj["metadata"].get("labels") or {}
    if SOURCE_NAME not in labels or SOURCE_NAMESPACE not in labels:
        return None
    return Key(namespace=labels[SOURCE_NAMESPACE], name=labels[SOURCE_NAME])
