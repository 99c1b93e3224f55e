"""Who binds the Pods of the tests, runs them and says that they are Ready?

One node that runs every pod as a small HTTP server in this process. The API server refuses loopback addresses in
EndpointSlices, so pods get made-up addresses, and `addresses` tells a proxy where they really listen.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from threading import Event, Thread
from typing import Any, Protocol

import aiohttp

from tests.servers import pods
from tests.servers.apiserver import ApiServer
from tests.servers.client import KubeError
from tests.servers.upstreams import Count, Upstream

NODE = "here"
NODE_INFO = dict.fromkeys(
    ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeProxyVersion"), ""
) | {"kubeletVersion": "v1.36.3", "operatingSystem": "linux", "architecture": "amd64"}  # istiod asks: native sidecars?
LINGER_S = 1.0  # a deleted pod goes on serving until proxies have dropped it
WATCH_S = 300
RETRY_S = 0.2
PASSING = {403, 404, 409}  # it is in a namespace that ends, is gone, or has changed

log = logging.getLogger(__name__)


class Sidecars(Protocol):
    """What else runs for a pod; the pod is not Ready before it."""

    async def start(self, pod: pods.Pod, address: str) -> None:
        """Return when it is ready; pods that need none return at once."""

    async def stop(self, uid: str) -> None:
        """End what runs for the pod with this uid, if anything."""


class Alone:
    """Pods without sidecars."""

    async def start(self, pod: pods.Pod, address: str) -> None:
        """Nothing to start."""

    async def stop(self, uid: str) -> None:
        """Nothing to end."""


class Kubelet:
    """A kubelet and a scheduler for one API server, in a thread of its own."""

    def __init__(self, server: ApiServer, sidecars: Sidecars | None = None) -> None:
        self._server = server
        self._sidecars = sidecars or Alone()
        self._complete: set[str] = set()
        self._upstreams: dict[str, Upstream] = {}  # by pod uid
        self._address: dict[str, str] = {}  # podIP by pod uid; kept for ever, so that none is given twice
        self._names: dict[str, tuple[str, str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: set[str] = set()
        self._listed = Event()
        self._trouble = ""  # why pods could not be listed the last time
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name="kubelet", daemon=True)
        self._main: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> Mapping[str, tuple[str, int]]:
        """podIP -> where that pod really listens."""
        running = dict(self._upstreams)
        return {self._address[uid]: (upstream.host, upstream.port) for uid, upstream in running.items()}

    def counts(self, namespace: str) -> dict[str, Count]:
        """What each running pod of a namespace has answered so far, by pod name."""
        running = dict(self._upstreams)
        return {self._names[uid][1]: found.count for uid, found in running.items() if self._names[uid][0] == namespace}

    def start(self) -> None:
        """Return when it watches pods."""
        self._register_node()
        self._thread.start()
        if not self._listed.wait(20):
            raise TimeoutError(f"the tests' kubelet could not list pods in 20 s: {self._trouble or 'no answer'}")

    def stop(self) -> None:
        """End all pods' servers and the thread."""
        if self._main and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._main.cancel)
            self._thread.join(10)

    def _register_node(self) -> None:
        admin = self._server.client()
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": {"kubernetes.io/os": "linux"}}}
        admin.apply(node)
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}
        room = {"cpu": "1000", "memory": "1000Gi", "pods": "1000"}
        body = {"status": {"conditions": [ready], "capacity": room, "allocatable": room, "nodeInfo": NODE_INFO}}
        admin.patch(f"/api/v1/nodes/{NODE}/status", body)
        admin.patch(f"/api/v1/nodes/{NODE}", {"spec": {"taints": None}})  # admission taints a new node as not ready

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._main = self._loop.create_task(self._live())
        try:
            self._loop.run_until_complete(self._main)
        except asyncio.CancelledError:
            log.debug("the kubelet was stopped")
        self._loop.close()

    async def _live(self) -> None:
        trusted = ssl.create_default_context(cafile=str(self._server.ca))
        headers = {"Authorization": f"Bearer {self._server.token['admin']}"}
        connections = aiohttp.TCPConnector(ssl=trusted)
        async with aiohttp.ClientSession(self._server.url, headers=headers, connector=connections) as session:
            try:
                await self._follow(session)
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                await asyncio.gather(*(self._forget(uid) for uid in list(self._upstreams)))

    async def _follow(self, session: aiohttp.ClientSession) -> None:
        while True:
            try:
                version = await self._list(session)
                self._listed.set()
                await self._watch(session, version)
            except (aiohttp.ClientError, OSError, KubeError) as error:
                self._trouble = str(error)
                log.info("the kubelet lists pods again after: %s", error)
                await asyncio.sleep(RETRY_S)  # the API server restarts in some tests, or a pod's port is still taken

    async def _list(self, session: aiohttp.ClientSession) -> str:
        answer = await _json(session, "GET", "/api/v1/pods")
        for pod in answer["items"]:
            await self._care(session, pod)
        present = {pod["metadata"]["uid"] for pod in answer["items"]}
        for uid in self._upstreams.keys() - present:
            await self._forget(uid)
        return str(answer["metadata"]["resourceVersion"])

    async def _watch(self, session: aiohttp.ClientSession, version: str) -> None:
        query = f"/api/v1/pods?watch=1&resourceVersion={version}&timeoutSeconds={WATCH_S}"
        async with session.get(query, timeout=aiohttp.ClientTimeout(total=None)) as stream:
            async for line in stream.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise KubeError(410, str(event["object"].get("message")))
                if event["type"] == "DELETED":
                    await self._forget(event["object"]["metadata"]["uid"])
                else:
                    await self._care(session, event["object"])

    async def _care(self, session: aiohttp.ClientSession, pod: dict[str, Any]) -> None:
        """Take one pod a step further; what fails because the pod has changed comes again as an event."""
        try:
            if not pod["spec"].get("nodeName"):
                await self._bind(session, pod)
            elif pod["spec"]["nodeName"] == NODE:
                await self._keep(session, pod)
        except KubeError as error:
            if error.status not in PASSING:
                raise

    async def _bind(self, session: aiohttp.ClientSession, pod: dict[str, Any]) -> None:
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod["metadata"]["name"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
        }
        await _json(session, "POST", f"{_path(pod)}/binding", binding)

    async def _keep(self, session: aiohttp.ClientSession, pod: dict[str, Any]) -> None:
        uid = pod["metadata"]["uid"]
        upstream = await self._started(session, pod)
        upstream.behaviour = pods.behaviour(pod)
        wanted = pods.status(pod, self._address[uid], uid in self._complete)
        if not pods.agrees(pod.get("status") or {}, wanted):
            body = {"metadata": {"uid": uid}, "status": wanted}
            await _json(session, "PATCH", f"{_path(pod)}/status", body, "application/merge-patch+json")
        if pods.is_ending(pod) and uid not in self._ending:
            self._ending.add(uid)
            self._begin(self._end(session, pod))

    async def _started(self, session: aiohttp.ClientSession, pod: dict[str, Any]) -> Upstream:
        uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]
        if uid not in self._upstreams:
            number = len(self._address) + 1
            self._address[uid] = f"10.77.{number // 250}.{number % 250 + 1}"
            self._names[uid] = (pod["metadata"]["namespace"], name)
            host = pods.host(pod, self._address[uid])
            upstream = Upstream(name, pods.behaviour(pod), port=pods.port(pod), host=host)
            await upstream.start()
            self._upstreams[uid] = upstream
            self._begin(self._complete_with_sidecar(session, pod))
        return self._upstreams[uid]

    async def _complete_with_sidecar(self, session: aiohttp.ClientSession, pod: dict[str, Any]) -> None:
        uid = pod["metadata"]["uid"]
        await self._sidecars.start(pod, self._address[uid])
        self._complete.add(uid)
        with suppress(KubeError):  # it is gone already
            await self._care(session, await _json(session, "GET", _path(pod)))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self, session: aiohttp.ClientSession, pod: dict[str, Any]) -> None:
        await asyncio.sleep(LINGER_S)
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        try:
            await _json(session, "DELETE", _path(pod), body)
        except (KubeError, aiohttp.ClientError) as error:
            log.info("the kubelet could not end %s: %s", pod["metadata"]["name"], error)
            self._ending.discard(pod["metadata"]["uid"])

    async def _forget(self, uid: str) -> None:
        if upstream := self._upstreams.pop(uid, None):
            await self._sidecars.stop(uid)
            await upstream.stop()


def _path(pod: dict[str, Any]) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


async def _json(
    session: aiohttp.ClientSession, method: str, path: str, body: object = None, content: str = "application/json"
) -> dict[str, Any]:
    data = None if body is None else json.dumps(body)
    async with session.request(method, path, data=data, headers={"Content-Type": content}) as answer:
        if answer.status >= 400:
            raise KubeError(answer.status, await answer.text())
        found: dict[str, Any] = await answer.json()
        return found
