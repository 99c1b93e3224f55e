"""Where are snapshots and proofs kept? In a ConfigMap for each namespace, in the controller's own namespace."""

from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.mesh.marks import WRITE, marks
from rollout.manifest.errors import SpecError
from rollout.manifest.records import record_from_data, record_to_data
from rollout.ports.errors import NotFound, Rejected
from rollout.ports.migrations import Record


class KubeRecords:
    """`ports.migrations.Records` on an API server. home: the controller's namespace.

    A record is read once and remembered: nobody else writes it, and a save finds out if somebody did.
    """

    def __init__(self, api: KubeApi, home: str) -> None:
        self._api = api
        self._home = home
        self._known: dict[tuple[str, str], Record] = {}

    async def read(self, migration: str, namespace: str) -> Record:
        """The record; an empty one when there is none."""
        known = self._known.get((migration, namespace))
        if known is not None:
            return known
        try:
            obj = await self._api.get(self._path(migration, namespace))
        except NotFound:
            return Record()
        return self._remembered(migration, namespace, obj)

    async def keep(self, migration: str, namespace: str, record: Record) -> Record:
        """The record as stored, once it is durable; Conflict when somebody wrote since `record.version`."""
        self._known.pop((migration, namespace), None)
        data = record_to_data(record.snapshot, record.proofs)
        if record.version:
            patch: list[dict[str, Any]] = [
                {"op": "test", "path": "/metadata/resourceVersion", "value": record.version},
                {"op": "add", "path": "/data", "value": data},
            ]
            obj = await self._api.patch(self._path(migration, namespace), Patch.JSON, patch, WRITE)
            return self._remembered(migration, namespace, obj)
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": _name(migration, namespace), "namespace": self._home, **marks(migration)},
            "data": data,
        }
        obj = await self._api.create(f"/api/v1/namespaces/{self._home}/configmaps", body, WRITE)
        return self._remembered(migration, namespace, obj)

    def _remembered(self, migration: str, namespace: str, obj: Obj) -> Record:
        try:
            snapshot, proofs = record_from_data(obj.get("data") or {})
        except SpecError as error:
            raise Rejected(f"ConfigMap {self._home}/{_name(migration, namespace)}: {error}") from error
        record = Record(snapshot=snapshot, proofs=proofs, version=str(obj["metadata"].get("resourceVersion", "")))
        self._known[migration, namespace] = record
        return record

    def _path(self, migration: str, namespace: str) -> str:
        return f"/api/v1/namespaces/{self._home}/configmaps/{_name(migration, namespace)}"


def _name(migration: str, namespace: str) -> str:
    return f"mesh-{migration}.{namespace}"  # a dot is in neither name, so no two records share one
