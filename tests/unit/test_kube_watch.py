"""Does a change wake those Rollouts that it concerns, and no others?"""

import asyncio
from typing import Any

import pytest

from adapters.kube.api import Obj
from adapters.kube.cache import Cache
from adapters.kube.kinds import WATCHED
from adapters.kube.watch import RolloutWatch
from adapters.memory.cluster import DirectApi, MemoryCluster

HOME = "rollout-system"


class Woken:
    """A watch on a cache that is filled by hand."""

    def __init__(self) -> None:
        self.cache = Cache(DirectApi(MemoryCluster()), WATCHED)
        self.watch = RolloutWatch(self.cache, HOME)
        self.version = 0

    def show(self, kind: str, obj: Obj, *, deleted: bool = False) -> None:
        self.version += 1
        meta = {**obj["metadata"], "resourceVersion": str(self.version)}
        shelf = self.cache._reflectors[kind].shelf  # noqa: SLF001
        shelf.changed({**obj, "kind": kind, "metadata": meta}, deleted=deleted)

    async def keys(self) -> list[str]:
        found: list[str] = []
        try:
            async with asyncio.timeout(0.02):
                async for key in self.watch.changes():
                    found.append(str(key))
        except TimeoutError:
            pass
        return sorted(found)


def obj(name: str, spec: Any = None, namespace: str = "shop", **more: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, **more.pop("meta", {})}
    return {"metadata": meta, "spec": spec or {}, **more}


def rollout(name: str, namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    routes = [{"kind": "VirtualService", "name": name}]
    workload = {"kind": "Deployment", "name": f"{name}-{{revision}}"}
    wanted = {"backend": {"service": f"{name}-{{revision}}"}, "workload": workload, "routes": routes, **spec}
    return obj(name, wanted, namespace, meta={"generation": 1})
