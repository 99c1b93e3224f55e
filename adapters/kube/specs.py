"""How are objects of our kinds brought into the cluster as a source's, without writing what is right already?"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from adapters.kube.drift import Difference, Field, Place, difference, mending, value_at
from adapters.kube.marks import SOURCE_NAME, SOURCE_NAMESPACE, SPEC_HASH, SPEC_KINDS, manager, owner
from rollout.manifest.group import COMMIT, SOURCE
from rollout.model.names import Key
from rollout.ports.errors import Conflict, NotFound, Rejected, Unreachable
from rollout.ports.specs import Applied, Edited, ObjectRef, Spec

_UNKNOWN_FIELD = "field not declared in schema"  # a kube-apiserver answers 500 to an apply with one
_LONGEST_LABEL = 63


class KubeSpecs:
    """Specs over a Kubernetes API server, real or in memory; the cache must watch all of `SPEC_KINDS`."""

    def __init__(self, api: KubeApi, cache: Cache) -> None:
        self._api = api
        self._cache = cache
        self._staying: dict[ObjectRef, dict[Place, object]] = {}  # what came back when it was removed: defaults
        self._agreed: dict[ObjectRef, tuple[Spec, Key, str]] = {}  # the version that was found to be as git says

    def owned(self, source: Key) -> tuple[ObjectRef, ...]:
        """What the source applied and still is there, sorted; what is being deleted is not."""
        return self._of(source, leaving=False)

    def leaving(self, source: Key) -> tuple[ObjectRef, ...]:
        """What the source applied and is being deleted, but not gone yet, sorted."""
        return self._of(source, leaving=True)

    def owner(self, ref: ObjectRef) -> Key | None:
        """The source that applied the object; None when none did, or it is absent."""
        obj = self._live(ref) if ref.kind in SPEC_KINDS else None
        return owner(obj) if obj is not None else None

    async def apply(self, spec: Spec, source: Key) -> Applied:
        """Make the object what git says, as the source's; unchanged when it is that already.

        Rejected when the server does not take it, or when a setting keeps us from its kind.
        """
        ref, own = spec.ref, manager(source)
        if self._cache.is_left_out(ref.kind):
            raise Rejected(f"this controller leaves {ref.kind}s alone: see ROLLOUT_TRAFFIC and ROLLOUT_NAMESPACE")
        live = self._live(ref)
        if live is not None and self._is_known(spec, source, live):
            return Applied(changed=False)
        body = self._body(spec, source)
        if live is None:
            await self._written(ref, body, own)
            return Applied(changed=True, put_back=(Edited(path=""),))
        if "deletionTimestamp" in live["metadata"]:
            raise Conflict(f"{ref} is still being deleted; it is applied once it is gone")
        found = self._difference(ref, live, body, own)
        taken_back: tuple[Field, ...] = ()
        mended = live
        if found.added:
            mended, taken_back = await self._mended(ref, live, body, own)
        rest = self._difference(ref, mended, body, own) if mended is not live else found
        if rest.wrong or rest.lost or _hash_of(mended) != _hash_of(body):
            await self._written(ref, body, own)
        elif not found.added:
            self._agreed[ref] = (spec, source, live["metadata"]["resourceVersion"])
            return Applied(changed=False)
        put_back = _edited((*found.wrong, *found.lost), own)
        return Applied(changed=True, taken_back=_edited(taken_back, own), put_back=put_back)

    async def delete(self, ref: ObjectRef, source: Key) -> None:
        """Delete the object if the source still owns it; one that is gone is left alone."""
        live = self._live(ref)
        if live is None or owner(live) != source or "deletionTimestamp" in live["metadata"]:
            return
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": live["metadata"]["uid"]},
        }
        try:
            await self._api.delete(self._path(ref), options)
        except NotFound:
            return
        finally:
            self._staying.pop(ref, None)
            self._agreed.pop(ref, None)

    def _of(self, source: Key, *, leaving: bool) -> tuple[ObjectRef, ...]:
        return tuple(
            sorted(
                ObjectRef(kind=kind, key=_key(obj))
                for kind in SPEC_KINDS
                for obj in self._cache.indexed(kind, "source", str(source))
                if ("deletionTimestamp" in obj["metadata"]) is leaving
            )
        )

    def _is_known(self, spec: Spec, source: Key, live: Obj) -> bool:
        """Whether this very version was found to be as git says before: a thousand objects are not compared each time."""
        known = self._agreed.get(spec.ref)
        return known is not None and known[0] is spec and known[1:] == (source, live["metadata"]["resourceVersion"])

    def _live(self, ref: ObjectRef) -> Obj | None:
        return self._cache.get(ref.kind, ref.key.namespace, ref.key.name)

    def _path(self, ref: ObjectRef) -> str:
        return self._cache.path(ref.kind, ref.key.namespace, ref.key.name)

    async def _written(self, ref: ObjectRef, body: Obj, own: str) -> None:
        query = {"fieldManager": own, "force": "true", "fieldValidation": "Strict"}
        try:
            written = await self._api.patch(self._path(ref), Patch.APPLY, body, query)
        except Unreachable as error:
            if _UNKNOWN_FIELD in str(error):
                raise Rejected(f"{error}; update the CustomResourceDefinitions") from error
            raise
        self._cache.wrote(ref.kind, written)

    async def _mended(self, ref: ObjectRef, live: Obj, body: Obj, own: str) -> tuple[Obj, tuple[Field, ...]]:
        """The object without what others added, and what of that is really gone.

        An apply leaves such fields alone. What a schema fills in has no manager, unless somebody created the object
        without an apply, or changed it; it comes back at once, and is not taken out again while it has that value.
        """
        found = self._difference(ref, live, body, own)
        query = {"fieldManager": own, "fieldValidation": "Strict"}
        written = await self._api.patch(self._path(ref), Patch.JSON, mending(live, body, found), query)
        self._cache.wrote(ref.kind, written)
        back = {field.place: value_at(written, field.place) for field in difference(written, _stated(body), own).added}
        if back:
            self._staying[ref] = {**self._staying.get(ref, {}), **back}
        gone = (f for f in found.added if f.place not in back or back[f.place] != value_at(live, f.place))
        return written, tuple(gone)

    def _difference(self, ref: ObjectRef, live: Obj, body: Obj, own: str) -> Difference:
        found = difference(live, _stated(body), own)
        staying = self._staying.get(ref)
        if not staying or not found.added:
            return found
        added = (f for f in found.added if f.place not in staying or value_at(live, f.place) != staying[f.place])
        return Difference(wrong=found.wrong, lost=found.lost, added=tuple(added))

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
                **({"namespace": key.namespace} if key.namespace else {}),
                "labels": labels,
                "annotations": {**annotations, **marks},
            },
            "spec": said,
        }


def _stated(body: Obj) -> Obj:
    """What the object must hold; a new commit or place alone is no difference, and the hash is no field of git's."""
    meta = body["metadata"]
    moving = (COMMIT, SOURCE, SPEC_HASH)
    annotations = {name: value for name, value in meta["annotations"].items() if name not in moving}
    stated = {name: value for name, value in (("labels", meta["labels"]), ("annotations", annotations)) if value}
    return {"metadata": stated, "spec": body["spec"]}


def _hash_of(obj: Obj) -> object:
    return (obj["metadata"].get("annotations") or {}).get(SPEC_HASH)


def _edited(fields: tuple[Field, ...], own: str) -> tuple[Edited, ...]:
    """For people; what only our own removals had brought about is nobody's edit."""
    by_path = {field.path: field.manager for field in reversed(fields) if field.manager != own}
    return tuple(Edited(path=path, manager=by_path[path]) for path in sorted(by_path))


def _without_nulls(value: object) -> object:
    """`value` without fields that are null: the API server drops them too."""
    if isinstance(value, Mapping):
        return {name: _without_nulls(field) for name, field in value.items() if field is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _key(obj: Obj) -> Key:
    return Key(namespace=obj["metadata"].get("namespace", ""), name=obj["metadata"]["name"])
