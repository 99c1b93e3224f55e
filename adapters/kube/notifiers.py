"""Which Notifiers does the cluster hold, and where is written how far each told?"""

from collections.abc import Mapping
from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from adapters.kube.conditions import LONG_AGO, conditions_from_list, conditions_to_list, moment_of, text_of
from rollout.manifest.errors import SpecErrors
from rollout.manifest.parse import key_of, parse_notifier
from rollout.model.names import Key
from rollout.model.notifier import Notifier, NotifierStatus, ToldOf
from rollout.ports.notifiers import StoredNotifier
from rollout.ports.specs import ObjectRef

_KIND = "Notifier"
_WRITER = {"fieldManager": "rollout-status"}


class KubeNotifiers:
    """`Notifiers` over a Kubernetes API server, real or in memory; the cache must watch Notifier."""

    def __init__(self, api: KubeApi, cache: Cache) -> None:
        self._api = api
        self._cache = cache

    def keys(self) -> tuple[Key, ...]:
        """All of them, sorted."""
        if _KIND not in self._cache.kinds:
            return ()
        return tuple(sorted(key_of(obj) for obj in self._cache.list(_KIND)))

    def get(self, key: Key) -> StoredNotifier | None:
        """The newest known one; None when there is none."""
        obj = self._cache.get(_KIND, key.namespace, key.name)
        if obj is None:
            return None
        notifier, error = _parsed(obj)
        metadata = obj["metadata"]
        return StoredNotifier(
            key=key,
            uid=str(metadata.get("uid", "")),
            version=str(metadata.get("resourceVersion", "")),
            generation=int(metadata.get("generation") or 0),
            created=moment_of(metadata.get("creationTimestamp")) or LONG_AGO,
            notifier=notifier,
            status=status_from_dict(obj.get("status") or {}),
            error=error,
            deleting="deletionTimestamp" in metadata,
        )

    def labels(self, ref: ObjectRef) -> Mapping[str, str]:
        """The labels of a Rollout or MeshMigration; none when it is absent."""
        obj = self._cache.get(ref.kind, ref.key.namespace, ref.key.name) if ref.kind in self._cache.kinds else None
        return (obj["metadata"].get("labels") or {}) if obj is not None else {}

    async def save(self, stored: StoredNotifier, status: NotifierStatus) -> None:
        """Write the status; Conflict when somebody wrote since `stored.version`, NotFound when it is gone."""
        patch: list[dict[str, Any]] = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": stored.version},
            {"op": "add", "path": "/status", "value": status_to_dict(status)},
        ]
        path = self._cache.path(_KIND, stored.key.namespace, stored.key.name, "status")
        self._cache.wrote(_KIND, await self._api.patch(path, Patch.JSON, patch, _WRITER))


def status_to_dict(status: NotifierStatus) -> dict[str, Any]:
    """The object's `status`."""
    since = {"since": text_of(status.since)} if status.since is not None else {}
    return {
        "observedGeneration": status.observed_generation,
        **since,
        "told": [
            {"object": one.subject, "mark": one.mark, **({"message": one.receipt} if one.receipt else {})}
            for one in status.told
        ],
        "conditions": conditions_to_list(status.conditions),
    }


def status_from_dict(data: Obj) -> NotifierStatus:
    """The NotifierStatus that `status_to_dict` wrote; what cannot be read of it is as if it had not been told."""
    return NotifierStatus(
        observed_generation=int(data.get("observedGeneration") or 0),
        since=moment_of(data.get("since")),
        told=tuple(
            ToldOf(subject=str(one["object"]), mark=str(one["mark"]), receipt=str(one.get("message") or ""))
            for one in data.get("told") or ()
        ),
        conditions=conditions_from_list(data.get("conditions")),
    )


def _parsed(obj: Obj) -> tuple[Notifier | None, str]:
    try:
        return parse_notifier(obj), ""
    except SpecErrors as errors:
        return None, "; ".join(str(error) for error in errors.errors)
