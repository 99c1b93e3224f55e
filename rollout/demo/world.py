"""Where do the demo's pods live, and how are they steered?

`python -m rollout.demo.world` is one process that holds all pods and a control port; its first line of output is
{"control": PORT}. `running_world()` starts it and gives the handle that steers it.
"""

import argparse
import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

import aiohttp
from aiohttp import web

from rollout.demo.bootstrap import LOOPBACK
from rollout.demo.matches import Json
from rollout.demo.pods import Behaviour, Pod
from rollout.demo.tether import Child, dismissed, python_child, say

POD = "/pods/{pod}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodState:
    """What the world says of one pod."""

    name: str
    host: str
    port: int
    version: str
    failing: float  # percent
    latency_ms: float
    requests: int
    failures: int


class WorldError(Exception):
    """The world refused a request; says which pod and why."""


class World:
    """A handle on the process that holds the pods."""

    def __init__(self, child: Child, url: str, session: aiohttp.ClientSession) -> None:
        self._child = child
        self._url = url
        self._session = session

    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._child.is_running()

    async def start_pod(self, name: str, version: str, *, failing: float = 0.0, latency_ms: float = 0.0) -> PodState:
        """Start a pod on a free loopback port; raises WorldError when the name is taken."""
        return await self._ask("PUT", name, version=version, failing=failing, latency_ms=latency_ms)

    async def change_pod(self, name: str, **behaviour: float) -> PodState:
        """Change `failing` (percent) or `latency_ms` of a running pod."""
        return await self._ask("PATCH", name, **behaviour)

    async def stop_pod(self, name: str, *, grace_s: float = 0.0) -> PodState:
        """Stop a pod; its last counts. With grace, open connections are served that long, so take it out of the routes first."""
        return await self._ask("DELETE", name, grace_s=grace_s)

    async def pods(self) -> list[PodState]:
        """All running pods, by name."""
        async with self._session.get(f"{self._url}/pods") as answer:
            return [PodState(**state) for state in await answer.json()]

    async def requests_by_version(self) -> dict[str, int]:
        """Requests that reached the running pods, as counted by them."""
        counts: dict[str, int] = {}
        for pod in await self.pods():
            counts[pod.version] = counts.get(pod.version, 0) + pod.requests
        return counts

    async def _ask(self, method: str, pod: str, **body: str | float) -> PodState:
        async with self._session.request(method, f"{self._url}/pods/{pod}", json=body) as answer:
            if answer.status >= 400:
                raise WorldError(f"pod {pod}: {await answer.text()}")
            return PodState(**await answer.json())


@asynccontextmanager
async def running_world(seed: int = 1) -> AsyncIterator[World]:
    """The world's process, until the end of this block or of this process."""
    async with (
        python_child("rollout.demo.world", "--seed", str(seed)) as child,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
    ):
        control = json.loads(await child.line())["control"]
        yield World(child, f"http://{LOOPBACK}:{control}", session)


class Population:
    """The pods inside the process, and the HTTP handlers that steer them."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._pods: dict[str, Pod] = {}

    async def put(self, request: web.Request) -> web.Response:
        """Start a pod."""
        name = request.match_info["pod"]
        if name in self._pods:
            return web.Response(status=409, text="is running already")
        chance = random.Random(f"{self._seed} {name}")
        pod = Pod(name=name, behaviour=Behaviour(**await request.json()), chance=chance)
        self._pods[name] = pod
        await pod.start()
        return web.json_response(_described(pod))

    async def patch(self, request: web.Request) -> web.Response:
        """Change how a pod behaves."""
        pod = self._pods.get(request.match_info["pod"])
        if pod is None:
            return web.Response(status=404, text="is not running")
        changes = await request.json()
        pod.behaviour = Behaviour(**asdict(pod.behaviour) | changes)
        return web.json_response(_described(pod))

    async def delete(self, request: web.Request) -> web.Response:
        """Stop a pod."""
        pod = self._pods.pop(request.match_info["pod"], None)
        if pod is None:
            return web.Response(status=404, text="is not running")
        await pod.stop(float((await request.json()).get("grace_s", 0)))
        return web.json_response(_described(pod))

    async def list(self, _: web.Request) -> web.Response:
        """All pods."""
        return web.json_response([_described(pod) for _, pod in sorted(self._pods.items())])

    async def stop(self) -> None:
        """Stop all pods at once."""
        for pod in self._pods.values():
            await pod.stop(0)


def _described(pod: Pod) -> Json:
    counts = {"requests": pod.requests, "failures": pod.failures}
    return {"name": pod.name, "host": LOOPBACK, "port": pod.port} | asdict(pod.behaviour) | counts


async def _run(seed: int) -> None:
    population = Population(seed)
    app = web.Application()
    app.add_routes([web.put(POD, population.put), web.patch(POD, population.patch), web.delete(POD, population.delete)])
    app.add_routes([web.get("/pods", population.list)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0)
    await site.start()
    say({"control": runner.addresses[0][1]})
    await dismissed()
    await population.stop()
    await runner.cleanup()


def main() -> int:
    """Hold pods until our stdin is closed."""
    parser = argparse.ArgumentParser(prog="rollout.demo.world")
    parser.add_argument("--seed", type=int, default=1, help="of the failures")
    asyncio.run(_run(parser.parse_args().seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
