"""How is each of a migration's writes sent: the smallest patch, conditional on what was seen?"""

import json
from typing import Any, assert_never

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from adapters.mesh.marks import LOG_NAME, WRITE, marks
from rollout.manifest.group import API_VERSION
from rollout.migration.patches import (
    annotation_patch,
    escaped,
    labels_patch,
    modes_patch,
    opens,
    peer_object,
    version_test,
)
from rollout.migration.read import RESTARTED
from rollout.model.mesh_writes import (
    EvictPod,
    LabelNamespace,
    LogPlaintext,
    MeshWrite,
    RemovePeer,
    RestartWorkload,
    RestorePeer,
    SuspendTool,
    WritePeer,
)
from rollout.ports.errors import Conflict, NotFound

_PEER = "PeerAuthentication"
_LOG = "Telemetry"
_PLAINTEXT = "!has(connection.mtls) || !connection.mtls"  # CEL; what is no TLS has no such attribute


class KubeMeshWrites:
    """`ports.migrations.MeshWrites` on an API server; each answer is shown by the cache at once."""

    def __init__(self, api: KubeApi, cache: Cache) -> None:
        self._api = api
        self._cache = cache

    async def write(self, write: MeshWrite, migration: str, owner: str) -> None:
        """Do it. Conflict when the object is not as it was seen; what is gone or there already is fine."""
        match write:
            case WritePeer():
                await self._peer(write, migration)
            case RestorePeer():
                change = [{"op": "replace", "path": "/spec", "value": json.loads(write.spec)}]
                await self._patch(_PEER, write.namespace, write.name, write.version, change)
            case RemovePeer():
                await self._remove(write)
            case LabelNamespace():
                await self._label(write)
            case RestartWorkload():
                await self._restart(write)
            case EvictPod():
                await self._evict(write)
            case LogPlaintext():
                await self._log(write, migration, owner)
            case SuspendTool():
                await self._annotate(write)
            case _:
                assert_never(write)

    async def _peer(self, write: WritePeer, migration: str) -> None:
        if write.version:
            live = self._cache.get(_PEER, write.namespace, write.name) or {}
            try:
                await self._patch(_PEER, write.namespace, write.name, write.version, modes_patch(write, live))
            except Conflict:
                if not opens(write):
                    raise
                await self._open_once_more(write)
            return
        body = peer_object(write, self._cache.api_version(_PEER), marks(migration))
        stored = await self._api.create(self._cache.path(_PEER, write.namespace), body, WRITE)
        self._cache.wrote(_PEER, stored)

    async def _open_once_more(self, write: WritePeer) -> None:
        """Opening is right whatever somebody else wrote meanwhile: on what a GET brings, once."""
        live = await self._api.get(self._cache.path(_PEER, write.namespace, write.name))
        version = str(live["metadata"]["resourceVersion"])
        await self._patch(_PEER, write.namespace, write.name, version, modes_patch(write, live))

    async def _remove(self, write: RemovePeer) -> None:
        conditions = {"uid": write.uid, "resourceVersion": write.version}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": conditions}
        try:
            await self._api.delete(self._cache.path(_PEER, write.namespace, write.name), options)
        except NotFound:
            return

    async def _label(self, write: LabelNamespace) -> None:
        live = self._cache.get("Namespace", "", write.namespace) or {}
        change = labels_patch(write, (live.get("metadata") or {}).get("labels"))
        await self._patch("Namespace", "", write.namespace, write.version, change)

    async def _restart(self, write: RestartWorkload) -> None:
        stamp = write.at.isoformat().replace("+00:00", "Z")
        live = self._cache.get(write.kind, write.namespace, write.name) or {}
        template = ((live.get("spec") or {}).get("template") or {}).get("metadata") or {}
        root = "/spec/template/metadata"
        change: list[dict[str, Any]] = [] if template else [{"op": "add", "path": root, "value": {}}]
        if not template.get("annotations"):
            change.append({"op": "add", "path": f"{root}/annotations", "value": {}})
        change.append({"op": "add", "path": f"{root}/annotations/{escaped(RESTARTED)}", "value": stamp})
        await self._patch(write.kind, write.namespace, write.name, write.version, change)

    async def _evict(self, write: EvictPod) -> None:
        path = f"{self._cache.path('Pod', write.namespace, write.name)}/eviction"
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": write.name, "namespace": write.namespace},
            "deleteOptions": {"preconditions": {"uid": write.uid}},
        }
        try:
            await self._api.create(path, body)
        except NotFound:
            return

    async def _log(self, write: LogPlaintext, migration: str, owner: str) -> None:
        path = self._cache.path(_LOG, write.namespace)
        if not write.present:
            try:
                await self._api.delete(f"{path}/{LOG_NAME}")
            except NotFound:
                return
            return
        parent = {"apiVersion": API_VERSION, "kind": "MeshMigration", "name": migration, "uid": owner}
        logging = {"match": {"mode": "SERVER"}, "filter": {"expression": _PLAINTEXT}, "providers": [{"name": "envoy"}]}
        body = {
            "apiVersion": self._cache.api_version(_LOG),
            "kind": _LOG,
            # it goes with the migration; the modes, which have no owner, stay
            "metadata": {
                "name": LOG_NAME,
                "namespace": write.namespace,
                **marks(migration),
                "ownerReferences": [parent],
            },
            "spec": {"accessLogging": [logging]},
        }
        try:
            self._cache.wrote(_LOG, await self._api.create(path, body, WRITE))
        except Conflict:
            return

    async def _annotate(self, write: SuspendTool) -> None:
        live = self._cache.get(write.kind, write.namespace, write.name) or {}
        known = (live.get("metadata") or {}).get("annotations")
        change = annotation_patch(write.annotation, write.value, known)
        stored = await self._api.patch(
            self._cache.path(write.kind, write.namespace, write.name), Patch.JSON, change, WRITE
        )
        self._cache.wrote(write.kind, stored)

    async def _patch(self, kind: str, namespace: str, name: str, version: str, change: list[dict[str, Any]]) -> None:
        test = version_test(version)
        stored: Obj = await self._api.patch(self._cache.path(kind, namespace, name), Patch.JSON, [test, *change], WRITE)
        self._cache.wrote(kind, stored)
