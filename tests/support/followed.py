"""How does a test follow an API server through a cache, and wait until it has seen something?"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS
from adapters.kube.reflector import Pace

SOON = timedelta(seconds=10)
QUICK = Pace(first_delay=timedelta(milliseconds=5), absent=timedelta(milliseconds=40), page=2)


@dataclass(kw_only=True)
class Followed:
    """A server and a cache that follows one kind of it, in one namespace."""

    api: KubeApi
    cache: Cache
    namespace: str
    told: list[tuple[str, str, str]] = field(default_factory=list)  # name, old and new value

    async def create(self, name: str, value: str = "1", kind: str = "Service") -> Obj:
        body = {
            "apiVersion": self.cache.api_version(kind),
            "kind": kind,
            "metadata": {"name": name, "annotations": {"value": value}},
            "spec": {"ports": [{"port": 80}]},
        }
        return await self.api.create(self.cache.path(kind, self.namespace), body)

    async def change(self, name: str, value: str) -> Obj:
        body = {"metadata": {"annotations": {"value": value}}}
        return await self.api.patch(self.cache.path("Service", self.namespace, name), Patch.MERGE, body)

    async def delete(self, name: str) -> None:
        await self.api.delete(self.cache.path("Service", self.namespace, name))

    def values(self, kind: str = "Service") -> dict[str, str]:
        return {obj["metadata"]["name"]: value_of(obj) for obj in self.cache.list(kind, self.namespace)}

    def watched(self, name: str) -> str:
        return value_of(self.cache.watched("Service", self.namespace, name))

    def newest(self, name: str) -> str:
        return value_of(self.cache.get("Service", self.namespace, name))

    def note(self, _: str, old: Obj | None, new: Obj | None) -> None:
        name = (new or old or {})["metadata"]["name"]
        self.told.append((name, value_of(old), value_of(new)))


def value_of(obj: Obj | None) -> str:
    return "" if obj is None else obj["metadata"].get("annotations", {}).get("value", "")


async def until(fact: Callable[[], bool]) -> None:
    for _ in range(5000):
        if fact():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("not so after 10 s")


@asynccontextmanager
async def following(api: KubeApi, *kinds: str, namespace: str, pace: Pace = QUICK) -> AsyncIterator[Followed]:
    cache = Cache(api, [KINDS[kind] for kind in kinds or ("Service",)], namespace, pace=pace)
    followed = Followed(api=api, cache=cache, namespace=namespace)
    cache.subscribe(followed.note)
    running = asyncio.create_task(cache.run())
    try:
        yield followed
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
