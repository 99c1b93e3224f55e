"""How does a real Envoy route by the objects of one namespace on the tests' API server?

The translation is the demo's (`rollout.demo.translator`), an independent reading of what the product writes. A
backend's name in Envoy's statistics, the label `envoy_cluster_name`, is SERVICE.NAMESPACE, with .SUBSET where a route
names one.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Event, Thread
from typing import Any

import aiohttp

from rollout.demo.envoy import Proxy, ProxyError, configuration, running_envoy
from rollout.demo.objects import UntranslatableError
from tests.servers import build
from tests.servers.apiserver import ApiServer

COLLECTIONS = {
    "Service": "/api/v1/namespaces/{}/services",
    "Pod": "/api/v1/namespaces/{}/pods",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
    "VirtualService": "/apis/networking.istio.io/v1/namespaces/{}/virtualservices",
    "DestinationRule": "/apis/networking.istio.io/v1/namespaces/{}/destinationrules",
    "HTTPRoute": "/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes",
    "TrafficSplit": "/apis/split.smi-spec.io/v1alpha4/namespaces/{}/trafficsplits",
}
STARTED_S = 30.0
RETRY_S = 0.2
CONTROLLER = "test.rollout/envoy"

Addresses = Callable[[], Mapping[str, tuple[str, int]]]

log = logging.getLogger(__name__)


class EnvoyFront:
    """An Envoy before the Services of one namespace, in a thread that watches that namespace.

    addresses: asked at each change; podIP -> where that pod really listens.
    """

    def __init__(self, server: ApiServer, namespace: str, addresses: Addresses) -> None:
        self.url = ""  # the Host header chooses the Service
        self.metrics_url = ""  # counters in the Prometheus text format
        self.reports = True  # whether HTTPRoutes are told that they are in force
        self.refusal = ""  # why the present objects are not in force; empty when they are
        self._server, self._namespace, self._addresses = server, namespace, addresses
        self._objects: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in COLLECTIONS}
        self._listed: set[str] = set()
        self._routes: dict[str, Any] = {}
        self._generations: dict[tuple[str, str], int] = {}
        self._ready = Event()
        self._loop = asyncio.new_event_loop()
        self._changed = asyncio.Event()
        self._main: asyncio.Task[None] | None = None
        self._thread = Thread(target=self._run, name="envoy", daemon=True)

    def start(self) -> None:
        """Return when Envoy routes by the objects that are there."""
        build.envoy()  # says how to get it when it is missing
        self._thread.start()
        if not self._ready.wait(STARTED_S):
            raise TimeoutError(f"Envoy did not route in {STARTED_S:g} s: {self.refusal or 'no reason known'}")

    def weights(self, host: str) -> dict[str, int]:
        """What Envoy does with requests to `host` now: weight by backend in its first route that shares them out.

        A single backend has 100; an unknown host has none at all.
        """
        for found in self._routes.get("virtual_hosts", ()):
            if host in found["domains"]:
                return _weights(found["routes"][0]["route"])
        return {}

    def generation(self, kind: str, name: str) -> int:
        """The generation of an object that Envoy routes by now; 0 while it knows none."""
        return self._generations.get((kind, name), 0)

    def report(self) -> None:
        """Tell HTTPRoutes again that they are in force."""
        self.reports = True
        self._loop.call_soon_threadsafe(self._changed.set)

    def stop(self) -> None:
        """End Envoy and the thread."""
        if self._main and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._main.cancel)
            self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._main = self._loop.create_task(self._live())
        with suppress(asyncio.CancelledError):  # that is how `stop` ends it
            self._loop.run_until_complete(self._main)
        self._loop.close()

    async def _live(self) -> None:
        trusted = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(self._server.ca)))
        headers = {"Authorization": f"Bearer {self._server.token['admin']}"}
        async with (
            aiohttp.ClientSession(self._server.url, headers=headers, connector=trusted) as session,
            running_envoy() as proxy,
            asyncio.TaskGroup() as tasks,
        ):
            self.url, self.metrics_url = proxy.url, proxy.metrics_url
            for kind in COLLECTIONS:
                tasks.create_task(self._follow(session, kind))
            await self._translate(session, proxy)

    async def _translate(self, session: aiohttp.ClientSession, proxy: Proxy) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._listed != COLLECTIONS.keys():
                continue
            objects = {kind: list(found.values()) for kind, found in self._objects.items()}
            try:
                wanted = configuration(objects, self._addresses())
                await proxy.apply(wanted)
            except (UntranslatableError, ProxyError) as error:
                self.refusal = str(error)
                log.warning("Envoy stays as it was: %s", error)
                if isinstance(error, ProxyError):
                    self._loop.call_later(RETRY_S, self._changed.set)
                continue
            self.refusal, self._routes, self._generations = "", wanted.routes, _generations(objects)
            self._ready.set()
            for route in objects["HTTPRoute"] if self.reports else ():
                await _accept(session, route)

    async def _follow(self, session: aiohttp.ClientSession, kind: str) -> None:
        path = COLLECTIONS[kind].format(self._namespace)
        while True:
            try:
                await self._list_and_watch(session, kind, path)
            except (aiohttp.ClientError, TimeoutError) as error:
                log.info("%s is listed again after: %s", kind, error)
                await asyncio.sleep(RETRY_S)  # the API server restarts in some tests

    async def _list_and_watch(self, session: aiohttp.ClientSession, kind: str, path: str) -> None:
        async with session.get(path, raise_for_status=True) as answer:
            found = await answer.json()
        self._objects[kind] = {item["metadata"]["uid"]: item | {"kind": kind} for item in found["items"]}
        self._listed.add(kind)
        self._changed.set()
        query = f"{path}?watch=1&resourceVersion={found['metadata']['resourceVersion']}&timeoutSeconds=300"
        endless = aiohttp.ClientTimeout(total=None)
        async with session.get(query, timeout=endless, raise_for_status=True) as stream:
            async for line in stream.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                self._take(kind, event)

    def _take(self, kind: str, event: dict[str, Any]) -> None:
        item = event["object"]
        if event["type"] == "DELETED":
            self._objects[kind].pop(item["metadata"]["uid"], None)
        else:
            self._objects[kind][item["metadata"]["uid"]] = item
        self._changed.set()


def _generations(objects: Mapping[str, list[dict[str, Any]]]) -> dict[tuple[str, str], int]:
    metas = [(kind, item["metadata"]) for kind, items in objects.items() for item in items]
    return {(kind, meta["name"]): meta.get("generation", 0) for kind, meta in metas}


def _weights(action: dict[str, Any]) -> dict[str, int]:
    if "cluster" in action:
        return {action["cluster"]: 100}
    return {entry["name"]: entry["weight"] for entry in action["weighted_clusters"]["clusters"]}


async def _accept(session: aiohttp.ClientSession, route: dict[str, Any]) -> None:
    """Say in the route's status what a Gateway controller says once a generation is in force."""
    generation = route["metadata"]["generation"]
    reported = (route.get("status") or {}).get("parents") or ()
    seen = {condition["observedGeneration"] for parent in reported for condition in parent["conditions"]}
    if seen == {generation}:
        return
    parents = [
        {
            "parentRef": reference,
            "controllerName": CONTROLLER,
            "conditions": [_condition(kind, generation) for kind in ("Accepted", "ResolvedRefs")],
        }
        for reference in route["spec"].get("parentRefs") or ()
    ]
    meta = route["metadata"]
    path = f"{COLLECTIONS['HTTPRoute'].format(meta['namespace'])}/{meta['name']}/status"
    merge = {"Content-Type": "application/merge-patch+json"}
    async with session.patch(path, data=json.dumps({"status": {"parents": parents}}), headers=merge) as answer:
        if answer.status not in {200, 404, 409}:
            log.warning("the status of %s was refused: %s", path, await answer.text())


def _condition(kind: str, generation: int) -> dict[str, Any]:
    return {
        "type": kind,
        "status": "True",
        "reason": kind,
        "message": "",
        "observedGeneration": generation,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
