"""How does a test stand between a git repository and a cluster?"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS
from adapters.kube.sources import KubeSources
from adapters.kube.specs import KubeSpecs
from adapters.memory.source import MemorySpecSource
from rollout.model.names import Key
from rollout.ports.errors import NotFound
from rollout.ports.specs import StoredSource
from rollout.services.sync import Sync
from rollout.services.sync_report import SyncReport
from tests.support.builders import NOON

URL = "https://git.example.org/shop.git"
API_VERSION = "rollout.dev/v1alpha1"
HOME = "rollout-system"
WATCHED = ("GitSource", "Rollout", "SloPolicy")


def a_policy(name: str, ratio: str = "1%", *, namespace: str = "") -> str:
    """The YAML of a SloPolicy: the smallest object of ours."""
    place = f"{{name: {name}, namespace: {namespace}}}" if namespace else f"{{name: {name}}}"
    objective = f'{{name: errors, kind: error-ratio, max: "{ratio}"}}'
    return f"apiVersion: {API_VERSION}\nkind: SloPolicy\nmetadata: {place}\nspec:\n  objectives:\n  - {objective}\n"


def policies(*names: str) -> dict[str, str]:
    """One file per SloPolicy."""
    return {f"{name}.yaml": a_policy(name) for name in names}


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
        self.service = Sync(self.sources, self.specs, self.git, HOME)
        self._server = server

    async def a_source(self, name: str = "apps", namespace: str = "shop", **spec: Any) -> Key:
        """A new GitSource on URL."""
        meta = {"name": name, "namespace": namespace}
        body = {"apiVersion": API_VERSION, "kind": "GitSource", "metadata": meta, "spec": {"url": URL, **spec}}
        await self._server.create(self.cache.path("GitSource", namespace), body)
        await self.cache.refresh()
        return Key(namespace=namespace, name=name)

    async def edit(self, kind: str, key: Key, change: Mapping[str, Any]) -> None:
        """A person's merge patch, shown in the cache."""
        await self._server.patch(self.cache.path(kind, key.namespace, key.name), Patch.MERGE, change)
        await self.cache.refresh()

    async def annotate(self, key: Key, name: str, value: str) -> None:
        """A person's annotation on a GitSource."""
        await self.edit("GitSource", key, {"metadata": {"annotations": {f"rollout.dev/{name}": value}}})

    async def remove(self, kind: str, key: Key) -> None:
        """A person's delete."""
        with suppress(NotFound):
            await self._server.delete(self.cache.path(kind, key.namespace, key.name))
        await self.cache.refresh()

    async def look(self, key: Key, minutes: float = 0) -> SyncReport:
        """One look by the service, at noon or so many minutes later, with an up-to-date cache and a fresh record."""
        await self.cache.refresh()
        self.api.requests.clear()
        return await self.service.sync(key, NOON + timedelta(minutes=minutes))

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
async def a_sync_world(server: KubeApi) -> AsyncIterator[SyncWorld]:
    """A world on a server that serves our CRDs."""
    cache = Cache(server, [KINDS[name] for name in WATCHED])
    running = asyncio.create_task(cache.run())
    try:
        await cache.wait_synced(timedelta(seconds=10))
        yield SyncWorld(server, cache)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
