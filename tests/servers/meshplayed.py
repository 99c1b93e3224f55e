"""Who is there in namespaces of a real API server that move into a mesh, where no kubelet, proxy or Prometheus runs?

The fleet of adapters/memory, on the server's objects: it makes pods anew, injects proxies, calls, and scrapes. What it
scraped it tells at a URL as Prometheus would, to the product's own queries.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.client import HttpApi
from adapters.memory.mesh_fleet import MemoryFleet
from adapters.memory.mesh_metrics import MemoryMeshMetrics
from adapters.memory.mesh_traffic import Caller, Workload
from adapters.metrics.mesh_queries import SCRAPE_TIMES, query
from rollout.model.migration import MeshKind
from rollout.model.telemetry import Asked, MeshQuestion
from rollout.ports.errors import NotFound, PortError

BEAT_S = 0.25
PATIENCE_S = 60.0
_NAMESPACE, _WINDOW = re.compile(r'namespace="([^"]+)"'), re.compile(r"(?:(?<=\[)|(?<=offset ))(\d+)s")

T = TypeVar("T")


class PlayedFleet:
    """Workloads, their callers and the metrics server at `url`, from `start` on. All of it lives in one loop."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = str(kubeconfig)
        self._metrics = MemoryMeshMetrics()
        self._loop = asyncio.new_event_loop()
        self._turn = asyncio.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._living = Thread(target=self._loop.run_forever, name="played fleet", daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Time passes from now on."""
        self._living.start()
        Thread(target=self._server.serve_forever, args=(0.05,), name="played metrics", daemon=True).start()
        self._api = self._done(HttpApi.connect(self._kubeconfig))
        self._glance = Glance(self._api)
        self._fleet = MemoryFleet(self._glance, self._metrics)
        self._beating = asyncio.run_coroutine_threadsafe(self._beat(), self._loop)

    def stop(self) -> None:
        """Nobody calls, and nothing is told."""
        self._beating.cancel()
        self._done(self._api.close())
        self._server.shutdown()
        self._server.server_close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._living.join(PATIENCE_S)
        self._loop.close()

    def deploy(self, workload: Workload) -> None:
        """Its Deployment, its Service and its pods are there."""
        self._done(self._deployed(workload))

    def settle(self) -> None:
        """Each workload has seen its template, and has pods."""
        self._done(self._lived())

    def call(self, name: str, target: str) -> None:
        """Somebody without a proxy begins to call."""
        self._fleet.call(Caller(name=name, source="", target=target, rate=5.0))

    def leave(self, name: str) -> None:
        """A caller calls no more."""
        self._fleet.callers[name].silent = True

    def forget(self, caller: str, workload: str) -> None:
        """Let time stand still for a workload, and for who called it."""
        self._done(self._forgotten(caller, workload))

    def told(self, text: str, at: float) -> dict[str, Any]:
        """Prometheus' answer to a query at this time, in seconds since 1970."""
        question = question_of(text)
        answer = self._done(self._metrics.ask(question, datetime.fromtimestamp(at, UTC)))
        is_time = question.asked in SCRAPE_TIMES
        rows = [
            {
                "metric": dict(one.labels),
                "value": [one.at.timestamp(), str(one.at.timestamp() if is_time else one.value)],
            }
            for one in answer.series or ()
        ]
        return {"status": "success", "data": {"resultType": "vector", "result": rows}}

    async def _beat(self) -> None:
        while True:
            with suppress(PortError):  # the API server is busy: what is not counted now is at the next beat
                await self._lived()
            await asyncio.sleep(BEAT_S)

    async def _lived(self) -> None:
        async with self._turn:
            self._glance.forget()
            await self._fleet.beat(datetime.now(UTC))

    async def _deployed(self, workload: Workload) -> None:
        async with self._turn:
            self._glance.forget()
            await self._fleet.deploy(workload, datetime.now(UTC))

    async def _forgotten(self, caller: str, workload: str) -> None:
        async with self._turn:
            self._fleet.callers.pop(caller, None)
            self._fleet.workloads.pop(workload)

    def _done(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        played = self

        class Page(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._tell(urlsplit(self.path).query)

            def do_POST(self) -> None:
                self._tell(self.rfile.read(int(self.headers["Content-Length"])).decode())

            def _tell(self, asked: str) -> None:
                given = parse_qs(asked)
                body = json.dumps(played.told(given["query"][0], float(given["time"][0]))).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing: a question is no news."""

        return Page


class Glance:
    """The API server as a `KubeApi` that lists each kind once until `forget` or a write, whoever of it is looked for.

    All is forgotten together: who sees a restart must see the label that was there before it.
    """

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._lists: dict[str, list[Any]] = {}

    def forget(self) -> None:
        """What is looked for next is listed anew."""
        self._lists.clear()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The object or list, chosen from all of the cluster; NotFound when there is none."""
        kind, place, name = _parsed(path)
        if kind not in self._lists:
            self._lists[kind] = (await self._api.get(kind))["items"]
        found = [one for one in self._lists[kind] if one["metadata"].get("namespace", "") == place]
        if not name:
            key, _, value = (query or {}).get("labelSelector", "").partition("=")
            return {"items": [one for one in found if not key or one["metadata"]["labels"].get(key) == value]}
        for one in found:
            if one["metadata"]["name"] == name:
                return dict(one)
        raise NotFound(f"{path} is not there")

    async def create(self, path: str, body: Obj, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The object as stored."""
        self.forget()
        return await self._api.create(path, body, query)

    async def patch(
        self, path: str, kind: Patch, body: Obj | list[dict[str, Any]], query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The object as stored."""
        self.forget()
        return await self._api.patch(path, kind, body, query)

    async def delete(self, path: str, body: Obj | None = None) -> dict[str, Any]:
        """What the server says."""
        self.forget()
        return await self._api.delete(path, body)

    def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """The server's own events."""
        return self._api.watch(path, query)


def _parsed(path: str) -> tuple[str, str, str]:
    """Where all of a kind are listed, and the namespace and name in a path, each empty where it has none."""
    root, _, rest = path.partition("/namespaces/")
    place, kind, name = [*rest.split("/"), "", ""][:3]
    return (f"{root}/{kind}", place, name) if kind else (f"{root}/namespaces", "", place)


def question_of(text: str) -> MeshQuestion:
    """What the product asks by this query; StopIteration for one that it has not."""
    place, seconds = _NAMESPACE.search(text), _WINDOW.search(text)
    shape = _WINDOW.sub("1s", _NAMESPACE.sub('namespace=""', text))
    window = timedelta(seconds=int(seconds[1]) if seconds else 1)
    return MeshQuestion(asked=_asked(shape), namespace=place[1] if place else "", window=window)


@cache
def _asked(shape: str) -> Asked:
    every = (MeshQuestion(asked=one, namespace="", window=timedelta(seconds=1)) for one in Asked)
    return next(one.asked for one in every if query(one, MeshKind.ISTIO_SIDECAR) == shape)
