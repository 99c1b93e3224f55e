"""How does a test stand between a git repository and a cluster?"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from adapters.kube.commands import KubeCommands
from adapters.kube.kinds import KINDS
from adapters.kube.marks import SPEC_KINDS
from adapters.kube.secrets import KubeSourceSecrets
from adapters.kube.sources import KubeSources
from adapters.kube.specs import KubeSpecs
from adapters.memory.clock import ManualClock
from adapters.memory.source import MemorySpecSource
from rollout.model.names import Key
from rollout.ports.errors import NotFound
from rollout.ports.sources import SpecSource
from rollout.ports.specs import StoredSource
from rollout.services.sync import Sync, SyncPorts
from rollout.services.sync_report import SyncReport
from tests.support.builders import NOON

URL = "https://git.example.org/shop.git"
API_VERSION = "rollout.dev/v1alpha1"
HOME = "rollout-system"
WATCHED = ("GitSource", *SPEC_KINDS, "RolloutCommand")


def a_policy(name: str, ratio: str = "1%", *, namespace: str = "") -> str:
    """The YAML of a SloPolicy: the smallest object of ours."""
    place = f"{{name: {name}, namespace: {namespace}}}" if namespace else f"{{name: {name}}}"
    objective = f'{{name: errors, kind: error-ratio, max: "{ratio}", method: threshold}}'
    return f"apiVersion: {API_VERSION}\nkind: SloPolicy\nmetadata: {place}\nspec:\n  objectives:\n  - {objective}\n"


def a_migration(name: str, *, soak: str = "24h", namespace: str = "") -> str:
    """The YAML of a MeshMigration of one namespace."""
    place = f"{{name: {name}, namespace: {namespace}}}" if namespace else f"{{name: {name}}}"
    wave = "{name: first, namespaces: [shop]}"
    head = f"apiVersion: {API_VERSION}\nkind: MeshMigration\nmetadata: {place}\nspec:\n"
    return f"{head}  mesh: {{kind: istio-sidecar}}\n  soak: {soak}\n  waves:\n  - {wave}\n"


def policies(*names: str) -> dict[str, str]:
    """One file per SloPolicy."""
    return {f"{name}.yaml": a_policy(name) for name in names}


def namespaces(*names: str) -> list[dict[str, Any]]:
    """Namespaces of these names."""
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]


class WatchedApi:
    """A `KubeApi` that notes each request as (verb, path, body), and fails those on the paths in `failing`."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self.requests: list[tuple[str, str, object]] = []
        self.failing: Mapping[str, BaseException] = {}

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """As the server's."""
        self._noted("get", path, None)
        return await self._api.get(path, query)

    async def create(self, path: str, body: Obj, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """As the server's."""
        self._noted("create", path, body)
        return await self._api.create(path, body, query)

    async def patch(
        self, path: str, kind: Patch, body: Obj | list[dict[str, Any]], query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """As the server's."""
        self._noted("patch", path, body)
        return await self._api.patch(path, kind, body, query)

    async def delete(self, path: str, body: Obj | None = None) -> dict[str, Any]:
        """As the server's."""
        self._noted("delete", path, body)
        return await self._api.delete(path, body)

    def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """As the server's; not noted."""
        return self._api.watch(path, query)

    def _noted(self, verb: str, path: str, body: object) -> None:
        self.requests.append((verb, path, body))
        if path in self.failing:
            raise self.failing[path]


class SyncWorld:
    """A cluster with our CRDs, a GitSource shop/apps, a repository in memory, and the service between them."""

    def __init__(self, server: KubeApi, cache: Cache) -> None:
        self.api = WatchedApi(server)
        self.cache = cache
        self.git = MemorySpecSource()
        self.specs = KubeSpecs(self.api, cache)
        self.sources = KubeSources(self.api, cache)
        self.secrets = KubeSourceSecrets(self.api, cache)
        self._server = server
        self._now = NOON
        self.restart()

    def restart(self, git: SpecSource | None = None) -> None:
        """A service that remembers nothing, on the repository in memory or on `git`."""
        ports = SyncPorts(
            sources=self.sources,
            secrets=self.secrets,
            commands=KubeCommands(self.api, self.cache, ManualClock(NOON), "GitSource"),
            specs=self.specs,
            git=git or self.git,
        )
        self.service = Sync(ports, HOME)

    async def a_source(self, name: str = "apps", namespace: str = "shop", **spec: Any) -> Key:
        """A new GitSource on URL."""
        meta = {"name": name, "namespace": namespace}
        body = {"apiVersion": API_VERSION, "kind": "GitSource", "metadata": meta, "spec": {"url": URL, **spec}}
        await self._server.create(self.cache.path("GitSource", namespace), body)
        await self.cache.refresh()
        return Key(namespace=namespace, name=name)

    async def edit(self, kind: str, key: Key, change: Mapping[str, Any], manager: str = "kubectl-edit") -> None:
        """A person's merge patch, shown in the cache."""
        query = {"fieldManager": manager}
        await self._server.patch(self.cache.path(kind, key.namespace, key.name), Patch.MERGE, change, query)
        await self.cache.refresh()

    async def apply(self, kind: str, key: Key, said: Mapping[str, Any], manager: str) -> None:
        """Another tool's server-side apply, by force, shown in the cache."""
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": key.name}, **said}
        query = {"fieldManager": manager, "force": "true"}
        await self._server.patch(self.cache.path(kind, key.namespace, key.name), Patch.APPLY, body, query)
        await self.cache.refresh()

    async def patch_status(self, kind: str, key: Key, status: Mapping[str, Any]) -> None:
        """What a controller writes, shown in the cache."""
        path = self.cache.path(kind, key.namespace, key.name, "status")
        await self._server.patch(path, Patch.MERGE, {"status": status}, {"fieldManager": "rollout-status"})
        await self.cache.refresh()

    async def annotate(self, key: Key, name: str, value: str) -> None:
        """A person's annotation on a GitSource."""
        await self.edit("GitSource", key, {"metadata": {"annotations": {f"rollout.dev/{name}": value}}})

    async def remove(self, kind: str, key: Key) -> None:
        """A person's delete."""
        with suppress(NotFound):
            await self._server.delete(self.cache.path(kind, key.namespace, key.name))
        await self.cache.refresh()

    async def look(self, key: Key, hours: float = 0) -> SyncReport:
        """One look at noon or so many hours later, when it is due, with an up-to-date cache and a fresh record."""
        await self.cache.refresh()
        self.api.requests.clear()
        self._now = NOON + timedelta(hours=hours)
        return await self.service.sync(key, self._now)

    async def wake(self, key: Key) -> SyncReport:
        """One more look at the same moment, as the watch brings it about: git's turn has not come."""
        await self.cache.refresh()
        self.api.requests.clear()
        return await self.service.sync(key, self._now)

    async def command(self, key: Key, revision: str = "", verb: str = "confirm") -> str:
        """A person's command for a source; its name."""
        spec = {
            "target": {"kind": "GitSource", "name": key.name},
            "verb": verb,
            "actor": {"user": "ana"},
            "channel": "cli",
        }
        meta = {"namespace": key.namespace, "generateName": "go-"}
        body = {"apiVersion": API_VERSION, "kind": "RolloutCommand", "metadata": meta}
        given = {**spec, **({"revision": revision} if revision else {})}
        made = await self._server.create(self.cache.path("RolloutCommand", key.namespace), {**body, "spec": given})
        await self.cache.refresh()
        return str(made["metadata"]["name"])

    async def answer(self, key: Key, name: str) -> tuple[str, str]:
        """Result and message of a command; "" for none yet."""
        found = await self._server.get(self.cache.path("RolloutCommand", key.namespace, name))
        status = found.get("status") or {}
        return status.get("result", ""), status.get("message", "")

    async def policies(self, namespace: str = "shop") -> dict[str, Obj]:
        """The SloPolicies on the server, by name."""
        found = await self._server.get(self.cache.path("SloPolicy", namespace))
        return {obj["metadata"]["name"]: obj for obj in found["items"]}

    def source(self, key: Key) -> StoredSource:
        """The GitSource as known."""
        stored = self.sources.get(key)
        assert stored is not None
        return stored

    def condition(self, key: Key, kind: str = "Ready") -> tuple[str, str, str]:
        """Status, reason and message of a condition; all "" when it is not there."""
        for condition in self.source(key).status.conditions:
            if condition.type == kind:
                return condition.status, condition.reason, condition.message
        return "", "", ""


@asynccontextmanager
async def a_sync_world(server: KubeApi, *, without: Iterable[str] = ()) -> AsyncIterator[SyncWorld]:
    """A world on a server that serves our CRDs. without: kinds that a setting keeps the controller from."""
    cache = Cache(server, [KINDS[name] for name in WATCHED], without=without)
    running = asyncio.create_task(cache.run())
    try:
        await cache.wait_synced(timedelta(seconds=10))
        yield SyncWorld(server, cache)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
