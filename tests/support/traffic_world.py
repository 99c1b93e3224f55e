"""How does a contract test stand before an API server, with a cache and a record of all requests?"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from adapters.kube.client import HttpApi
from adapters.kube.kinds import KINDS
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.model.names import Key

WATCHED = (
    *("VirtualService", "DestinationRule", "HTTPRoute", "GRPCRoute", "TrafficSplit"),
    *("Deployment", "StatefulSet", "DaemonSet", "Service", "EndpointSlice", "Pod"),
)
ROUTE_KINDS = ("VirtualService", "DestinationRule", "HTTPRoute", "GRPCRoute")
WITH_SMI = (*ROUTE_KINDS, "TrafficSplit")
SERVERS = ("memory", pytest.param("real", marks=pytest.mark.server))


class RecordingApi:
    """A `KubeApi` that notes each request as (verb, path, body).

    before_patch: somebody else's merge patches by path; each of our patches is overtaken by the next one of them.
    """

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self.requests: list[tuple[str, str, Any]] = []
        self.queries: list[Mapping[str, str]] = []
        self.before_patch: list[tuple[str, dict[str, Any]]] = []

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """As the server's."""
        self.requests.append(("get", path, None))
        return await self._api.get(path, query)

    async def create(self, path: str, body: Obj, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """As the server's."""
        self.requests.append(("create", path, body))
        return await self._api.create(path, body, query)

    async def patch(
        self, path: str, kind: Patch, body: Obj | list[dict[str, Any]], query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """As the server's, after what somebody else does first."""
        if self.before_patch:
            overtaking, change = self.before_patch.pop(0)
            await self._api.patch(overtaking, Patch.MERGE, change)
        self.requests.append(("patch", path, body))
        self.queries.append(query or {})
        return await self._api.patch(path, kind, body, query)

    async def delete(self, path: str, body: Obj | None = None) -> dict[str, Any]:
        """As the server's."""
        self.requests.append(("delete", path, body))
        return await self._api.delete(path, body)

    def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """As the server's; not noted."""
        return self._api.watch(path, query)


class World:
    """A namespace of its own on one API server, with a running cache; stands for `shop` of the samples.

    `api` is what the adapter under test uses; its requests are recorded, those of the test are not.
    """

    def __init__(self, server: KubeApi, cache: Cache, namespace: str) -> None:
        self._server = server
        self.api = RecordingApi(server)
        self.cache = cache
        self.key = Key(namespace=namespace, name="checkout")

    async def put(self, *objects: Obj) -> None:
        """Create objects with their status, moved here from `shop`, and wait until the cache shows them."""
        for given in objects:
            obj = json.loads(json.dumps(given).replace(".shop.svc", f".{self.key.namespace}.svc"))
            obj["metadata"] = {**obj["metadata"], "namespace": self.key.namespace}
            obj["metadata"].pop("resourceVersion", None)
            obj["apiVersion"] = self.cache.api_version(obj["kind"])
            await self._server.create(self.path(obj["kind"]), obj)
            if "status" in obj:
                await self._report(obj["kind"], obj["metadata"]["name"], obj["status"])
        await self.shown()

    async def edit(self, kind: str, name: str, change: dict[str, Any], *, manager: str = "kubectl-edit") -> None:
        """A person's merge patch; the cache is not waited for."""
        await self._server.patch(self.path(kind, name), Patch.MERGE, change, {"fieldManager": manager})

    async def report(self, kind: str, name: str, status: dict[str, Any]) -> None:
        """A controller's status, waited for in the cache."""
        await self._report(kind, name, status)
        await self.shown()

    async def remove(self, kind: str, name: str) -> None:
        """Delete an object; the cache is not waited for."""
        await self._server.delete(self.path(kind, name))

    async def stored(self, kind: str, name: str) -> dict[str, Any]:
        """The object on the server."""
        return await self._server.get(self.path(kind, name))

    async def shown(self) -> None:
        """Wait until the cache has seen all that is on the server."""
        await self.cache.refresh()

    def path(self, kind: str, name: str = "") -> str:
        """The path of a kind's collection, or of an object."""
        return self.cache.path(kind, self.key.namespace, name)

    async def _report(self, kind: str, name: str, status: dict[str, Any]) -> None:
        path = self.cache.path(kind, self.key.namespace, name, "status")
        await self._server.patch(path, Patch.MERGE, {"status": status})


@asynccontextmanager
async def a_world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The world of `request.param`, one of SERVERS, with an empty namespace; "bare" is in memory and has no TrafficSplit."""
    if request.param == "real":
        api = await HttpApi.connect(str(request.getfixturevalue("apiserver").kubeconfig("admin")))
        try:
            async with _world_on(api, f"shop-{secrets.token_hex(4)}") as world:
                yield world
        finally:
            await api.close()
        return
    kinds = ROUTE_KINDS if request.param == "bare" else WITH_SMI
    async with _world_on(DirectApi(_memory_cluster(kinds)), "shop") as world:
        yield world


def _memory_cluster(kinds: tuple[str, ...]) -> MemoryCluster:
    """A cluster whose clock moves a second each time it is read: managedFields count seconds."""
    seconds = (datetime(2026, 11, 21, 12, tzinfo=UTC) + timedelta(seconds=number) for number in count())
    return MemoryCluster.with_kinds(*kinds, now=lambda: next(seconds))


@asynccontextmanager
async def _world_on(server: KubeApi, namespace: str) -> AsyncIterator[World]:
    await server.create("/api/v1/namespaces", _named("v1", "Namespace", namespace))
    # pods need it, and where no controllers run nobody else makes it
    await server.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", _named("v1", "ServiceAccount", "default"))
    cache = Cache(server, [KINDS[name] for name in WATCHED], namespace)
    running = asyncio.create_task(cache.run())
    try:
        await cache.wait_synced(timedelta(seconds=20))
        yield World(server, cache, namespace)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await server.delete(f"/api/v1/namespaces/{namespace}")


def _named(version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
