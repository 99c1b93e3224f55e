"""Which GitSources does the cluster hold, and where is their status written?"""

from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from adapters.kube.conditions import LONG_AGO, conditions_from_list, conditions_to_list, moment_of, text_of
from adapters.kube.source_watch import REQUESTED_AT
from rollout.manifest.errors import SpecErrors
from rollout.manifest.parse import parse_git_source
from rollout.model.names import Key
from rollout.model.source import GitSource
from rollout.ports.errors import Conflict, NotFound
from rollout.ports.specs import SourceStatus, StoredSource

FINALIZER = "rollout.dev/specs"  # on a GitSource that deletes what it applied, until that is gone
_KIND = "GitSource"


class KubeSources:
    """Sources over a Kubernetes API server, real or in memory; the cache must watch GitSource."""

    def __init__(self, api: KubeApi, cache: Cache) -> None:
        self._api = api
        self._cache = cache

    def keys(self) -> tuple[Key, ...]:
        """All GitSources, sorted."""
        found = (obj["metadata"] for obj in self._cache.list(_KIND))
        return tuple(sorted(Key(namespace=meta["namespace"], name=meta["name"]) for meta in found))

    def get(self, key: Key) -> StoredSource | None:
        """The newest known GitSource; None when there is none."""
        obj = self._cache.get(_KIND, key.namespace, key.name)
        if obj is None:
            return None
        source, error = _parsed(obj)
        annotations = obj["metadata"].get("annotations") or {}
        return StoredSource(
            key=key,
            uid=str(obj["metadata"].get("uid", "")),
            version=str(obj["metadata"].get("resourceVersion", "")),
            generation=int(obj["metadata"].get("generation") or 0),
            source=source,
            status=status_from_dict(obj.get("status") or {}),
            error=error,
            request=annotations.get(REQUESTED_AT, ""),
            deleting="deletionTimestamp" in obj["metadata"],
            finalizer=FINALIZER in (obj["metadata"].get("finalizers") or ()),
            created=moment_of(obj["metadata"].get("creationTimestamp")) or LONG_AGO,
        )

    async def report(self, key: Key, status: SourceStatus) -> None:
        """Write the status; a GitSource that is gone meanwhile is left alone."""
        obj = self._cache.get(_KIND, key.namespace, key.name)
        if obj is None:
            return
        body = {
            "metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]},
            "status": status_to_dict(status),
        }
        path = self._cache.path(_KIND, key.namespace, key.name, "status")
        try:
            written = await self._api.patch(path, Patch.MERGE, body)
        except NotFound:
            return
        self._cache.wrote(_KIND, written)

    async def request(self, key: Key, value: str) -> None:
        """Ask whoever looks after the source to look now; `value` is echoed into its status."""
        body = {"metadata": {"annotations": {REQUESTED_AT: value}}}
        await self._api.patch(self._cache.path(_KIND, key.namespace, key.name), Patch.MERGE, body)

    async def set_finalizer(self, stored: StoredSource, *, present: bool) -> None:
        """Put our finalizer on the source or take it off; Conflict when somebody wrote since `stored.version`."""
        key = stored.key
        obj = self._cache.get(_KIND, key.namespace, key.name)
        if obj is None:
            return
        if obj["metadata"]["resourceVersion"] != stored.version:
            raise Conflict(f"GitSource {key}: it changed since it was read; look again")
        finalizers = [name for name in obj["metadata"].get("finalizers") or () if name != FINALIZER]
        patch: list[dict[str, Any]] = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": stored.version},
            {"op": "add", "path": "/metadata/finalizers", "value": [*finalizers, *([FINALIZER] if present else [])]},
        ]
        path = self._cache.path(_KIND, key.namespace, key.name)
        try:
            self._cache.wrote(_KIND, await self._api.patch(path, Patch.JSON, patch))
        except NotFound:
            return


def status_to_dict(status: SourceStatus) -> dict[str, Any]:
    """The object's `status`, every field named so that a merge patch leaves nothing old behind."""
    return {
        "observedGeneration": status.observed_generation,
        "commit": status.commit,
        "attempted": status.attempted,
        "attemptedAt": text_of(status.attempted_at) if status.attempted_at else None,
        "applied": status.applied,
        "foreign": status.foreign,
        "handledRequest": status.handled_request,
        "signer": status.signer,
        "confirmed": status.confirmed,
        "waiting": status.waiting,
        "origin": status.origin,
        "conditions": conditions_to_list(status.conditions),
    }


def status_from_dict(data: Obj) -> SourceStatus:
    """The SourceStatus that `status_to_dict` wrote. It only saves work, so what cannot be read is left out."""
    return SourceStatus(
        observed_generation=int(data.get("observedGeneration") or 0),
        commit=str(data.get("commit") or ""),
        attempted=str(data.get("attempted") or ""),
        attempted_at=moment_of(data.get("attemptedAt")),
        applied=int(data.get("applied") or 0),
        foreign=int(data.get("foreign") or 0),
        handled_request=str(data.get("handledRequest") or ""),
        signer=str(data.get("signer") or ""),
        confirmed=str(data.get("confirmed") or ""),
        waiting=str(data.get("waiting") or ""),
        origin=str(data.get("origin") or ""),
        conditions=conditions_from_list(data.get("conditions")),
    )


def _parsed(obj: Obj) -> tuple[GitSource | None, str]:
    try:
        return parse_git_source(obj), ""
    except SpecErrors as errors:
        return None, "; ".join(str(error) for error in errors.errors)
