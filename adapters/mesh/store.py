"""Where do MeshMigrations live? In the API server; reads come from the watch cache."""

from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from rollout.manifest.errors import SpecError, SpecErrors
from rollout.manifest.migration_status import migration_status_from_dict, migration_status_to_dict
from rollout.manifest.parse import parse_mesh_migration
from rollout.model.migration import MigrationSpec, MigrationStatus
from rollout.ports.errors import Rejected
from rollout.ports.migrations import StoredMigration

_KIND = "MeshMigration"
_STATUS_WRITER = {"fieldManager": "rollout-status"}


class KubeMigrations:
    """`ports.migrations.Migrations` on an API server. Parsed once per version."""

    def __init__(self, api: KubeApi, cache: Cache) -> None:
        self._api = api
        self._cache = cache
        self._seen: dict[str, StoredMigration] = {}

    def get(self, name: str) -> StoredMigration | None:
        """The newest known one; None when there is none."""
        obj = self._cache.get(_KIND, "", name)
        if obj is None:
            self._seen.pop(name, None)
            return None
        return self._stored(obj)

    def names(self) -> tuple[str, ...]:
        """All of them, sorted."""
        return tuple(obj["metadata"]["name"] for obj in self._cache.list(_KIND))

    async def save(self, stored: StoredMigration, status: MigrationStatus) -> StoredMigration:
        """The MeshMigration with `status` saved; Conflict when somebody wrote since `stored.version`."""
        written = migration_status_to_dict(status)
        patch: list[dict[str, Any]] = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": stored.version},
            {"op": "add", "path": "/status", "value": written},
        ]
        path = self._cache.path(_KIND, "", stored.name, "status")
        answer = await self._api.patch(path, Patch.JSON, patch, _STATUS_WRITER)
        self._cache.wrote(_KIND, answer)
        if answer.get("status") != written:
            raise Rejected(
                f"{stored.name}: the API server dropped a part of the status; apply the CRDs of this version"
            )
        return self._stored(answer)

    def _stored(self, obj: Obj) -> StoredMigration:
        metadata = obj["metadata"]
        name, version = metadata["name"], str(metadata.get("resourceVersion", ""))
        known = self._seen.get(name)
        if known is None or known.version != version or known.uid != metadata.get("uid"):
            known = self._seen[name] = _read(obj)
        return known


def _read(obj: Obj) -> StoredMigration:
    metadata = obj["metadata"]
    spec, error = _spec(obj)
    status, unreadable = _status(obj)
    return StoredMigration(
        name=metadata["name"],
        uid=str(metadata.get("uid", "")),
        version=str(metadata.get("resourceVersion", "")),
        generation=int(metadata.get("generation", 0)),
        spec=None if unreadable else spec,
        status=status,
        error=unreadable or error,
        deleting="deletionTimestamp" in metadata,
        is_status_readable=not unreadable,
    )


def _spec(obj: Obj) -> tuple[MigrationSpec | None, str]:
    try:
        return parse_mesh_migration(obj), ""
    except SpecErrors as error:
        return None, "; ".join(str(one) for one in error.errors)


def _status(obj: Obj) -> tuple[MigrationStatus, str]:
    try:
        return migration_status_from_dict(obj.get("status") or {}), ""
    except SpecError as error:
        return MigrationStatus(), str(error)
