"""Does the demo's watch see what an API server holds, whatever the connection does?"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from rollout.demo.objects import Objects
from rollout.demo.watch import Server, Watched

Json = dict[str, Any]


class Api:
    """One kind, /api/v1/services, in memory; everything else is unknown."""

    def __init__(self, *names: str) -> None:
        self.items: dict[str, Json] = {name: service(name) for name in names}
        self.events: asyncio.Queue[Json | None] = asyncio.Queue()  # None ends the watch

    async def services(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": list(self.items.values())})
        answer = web.StreamResponse()
        await answer.prepare(request)
        while (event := await self.events.get()) is not None:
            await answer.write(json.dumps(event).encode() + b"\n")
        return answer

    def change(self, change: str, item: Json) -> None:
        if change == "DELETED":
            self.items.pop(item["metadata"]["name"])
        else:
            self.items[item["metadata"]["name"]] = item
        self.events.put_nowait({"type": change, "object": item})


def service(name: str, **spec: object) -> Json:
    return {"metadata": {"name": name, "namespace": "shop", "resourceVersion": "2"}, "spec": spec}


def names(objects: Objects) -> list[str]:
    return sorted(item["metadata"]["name"] for item in objects["Service"])


@asynccontextmanager
async def watched(api: Api, **kinds: str) -> AsyncIterator[Callable[[Callable[[Objects], bool]], Awaitable[Objects]]]:
    """Gives a function that waits until the objects are as wanted."""
    app = web.Application()
    app.add_routes([web.get("/api/v1/services", api.services)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    seen = Watched(Server(url=url, kinds={"Service": "/api/v1/services", **kinds}))
    running = asyncio.create_task(seen.run())

    async def until(is_wanted: Callable[[Objects], bool]) -> Objects:
        async with asyncio.timeout(5):
            async for objects in seen.changes():
                if is_wanted(objects):
                    break
        return seen.objects

    yield until
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await runner.cleanup()


async def test_what_is_listed_is_seen() -> None:
    async with watched(Api("cart", "checkout")) as until:
        objects = await until(bool)

    assert names(objects) == ["cart", "checkout"]


async def test_an_object_that_is_added_later_is_seen() -> None:
    api = Api("cart")

    async with watched(api) as until:
        api.change("ADDED", service("checkout"))
        objects = await until(lambda found: len(names(found)) == 2)

    assert names(objects) == ["cart", "checkout"]


async def test_an_object_that_is_deleted_is_gone() -> None:
    api = Api("cart", "checkout")

    async with watched(api) as until:
        await until(bool)
        api.change("DELETED", service("cart"))
        objects = await until(lambda found: len(names(found)) == 1)

    assert names(objects) == ["checkout"]


async def test_an_object_larger_than_a_read_buffer_arrives_whole() -> None:
    api = Api("cart")

    async with watched(api) as until:
        await until(bool)
        api.change("MODIFIED", service("cart", note="x" * 500_000))
        objects = await until(lambda found: next(iter(found["Service"]))["spec"] != {})

    assert len(next(iter(objects["Service"]))["spec"]["note"]) == 500_000


async def test_what_changed_while_a_version_was_forgotten_is_listed_anew() -> None:
    api = Api("cart")

    async with watched(api) as until:
        await until(bool)
        api.items["checkout"] = service("checkout")
        api.events.put_nowait({"type": "ERROR", "object": {"code": 410, "message": "too old"}})
        objects = await until(lambda found: len(names(found)) == 2)

    assert names(objects) == ["cart", "checkout"]


async def test_a_kind_that_the_server_does_not_know_is_empty() -> None:
    async with watched(Api("cart"), TrafficSplit="/apis/split.smi-spec.io/v1alpha2/trafficsplits") as until:
        objects = await until(bool)

    assert objects["TrafficSplit"] == []
