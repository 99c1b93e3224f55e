"""Whom does a change wake, with a watch on a memory cluster?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from adapters.kube.api import Patch
from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS, WATCHED
from adapters.kube.watch import WorkWatch
from adapters.memory.cluster import DirectApi, MemoryCluster

HOME = "rollout-system"
OURS = ("Rollout", "RolloutCommand", "SloPolicy", "GitSource", "Receiver")


class Woken:
    """A watch on a memory cluster; `by` tells whom a change wakes."""

    def __init__(self, cluster: MemoryCluster, cache: Cache) -> None:
        self.api = DirectApi(cluster)
        self.cluster = cluster
        self.cache = cache
        self.watch = WorkWatch(cache, HOME)

    def path(self, obj: dict[str, Any]) -> str:
        return self.cache.path(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])

    async def by_seeing(self, *objects: dict[str, Any]) -> list[str]:
        self.cluster.seed(*objects)
        return await self.keys()

    async def by_changing(self, obj: dict[str, Any], change: dict[str, Any], subresource: str = "") -> list[str]:
        path = self.path(obj) + (f"/{subresource}" if subresource else "")
        await self.api.patch(path, Patch.MERGE, change)
        return await self.keys()

    async def by_deleting(self, obj: dict[str, Any]) -> list[str]:
        await self.api.delete(self.path(obj))
        return await self.keys()

    async def keys(self) -> list[str]:
        await self.cache.refresh()  # from here on the keys are there; the time only ends the wait for more
        found: list[str] = []
        changes = self.watch.changes()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                while True:
                    kind, key = await anext(changes)
                    found.append(str(key) if kind == "Rollout" else f"{kind} {key}")
        return sorted(found)


def definition(kind: str) -> dict[str, Any]:
    found = KINDS[kind]
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": found.versions[0], "served": True, "storage": True, "subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{found.plural}.{found.group}"},
        "spec": {
            "group": found.group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": found.plural, "listKind": f"{kind}List", "singular": kind.lower()},
            "versions": [{**version, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def obj(kind: str, name: str, spec: Any = None, namespace: str = "shop", **more: Any) -> dict[str, Any]:
    found = KINDS[kind]
    meta = {"name": name, "namespace": namespace, **more.pop("meta", {})}
    version = found.api_version(found.versions[0])
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec or {}, **more}


def rollout(name: str, namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    wanted = {
        "backend": {"service": f"{name}-{{revision}}"},
        "workload": {"kind": "Deployment", "name": f"{name}-{{revision}}"},
        "routes": [{"kind": "VirtualService", "name": name}],
    }
    return obj("Rollout", name, {**wanted, **spec}, namespace)


def subsets(name: str) -> dict[str, Any]:
    return rollout(name, backend={"subset": {"host": name, "name": "{revision}"}}, workload=None)


@asynccontextmanager
async def a_woken_shop() -> AsyncIterator[Woken]:
    """checkout and cart by Services, reviews by subsets, all in shop; another checkout in bank."""
    cluster = MemoryCluster.with_kinds("VirtualService", "DestinationRule", "HTTPRoute", "GRPCRoute", "TrafficSplit")
    cluster.seed(*(definition(kind) for kind in OURS))
    cluster.seed(
        rollout("checkout", policies=["strict"]), rollout("cart"), subsets("reviews"), rollout("checkout", "bank")
    )
    cache = Cache(DirectApi(cluster), WATCHED)
    woken = Woken(cluster, cache)
    running = asyncio.create_task(cache.run())
    await cache.wait_synced(timedelta(seconds=10))
    await woken.keys()
    yield woken
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
