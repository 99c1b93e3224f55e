"""How do thousands of Rollouts come to be on a real API server within a minute or two?

Each has a route, two Services with EndpointSlices and two workloads of its own. There is no kubelet and no controller
manager: what they would write is written here, so a figure holds no start of a pod.
"""

import asyncio
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.servers.apiserver import ApiServer
from tests.servers.client import Obj, collection, path_of
from tests.servers.cluster import deployment

TEAMS = 20
AT_ONCE = 32
REVISIONS = ("v1", "v2")
REPLICAS = 2
SPEC: Mapping[str, Any] = {
    "revision": "v1",
    "backend": {"service": "{name}-{revision}"},
    "workload": {"kind": "Deployment", "name": "{name}-{revision}"},
    "steps": [{"weight": weight, "soak": "15s"} for weight in (10, 20, 30, 40, 50)],
    "objectives": [
        {"name": "errors", "kind": "error-ratio", "max": "1%"},
        {"name": "slow", "kind": "slow-ratio", "threshold": "500ms", "max": "5%"},
    ],
    "analysis": {"interval": "15s"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One Rollout of a crowd."""

    namespace: str
    name: str

    @property
    def path(self) -> str:
        """Its Rollout."""
        return f"/apis/rollout.dev/v1alpha1/namespaces/{self.namespace}/rollouts/{self.name}"

    @property
    def route(self) -> str:
        """Its VirtualService."""
        return f"/apis/networking.istio.io/v1/namespaces/{self.namespace}/virtualservices/{self.name}"


def members(size: int) -> tuple[Member, ...]:
    """So many, spread over the namespaces of TEAMS."""
    names = [f"s-{number:05}" for number in range(size)]
    return tuple(Member(namespace=namespace_of(name), name=name) for name in names)


def namespace_of(name: str) -> str:
    """Where a member lives, by its name or that of one of its workloads."""
    number = int(name.split("-")[1])
    return f"team-{number % TEAMS:02}"


async def lay(server: ApiServer, crowd: Iterable[Member]) -> None:
    """Create the whole crowd, Rollouts last."""
    everybody = tuple(crowd)
    await furnish(server, everybody)
    async with _session(server) as session:
        await _all(session, [[_rollout(one)] for one in everybody])


async def furnish(server: ApiServer, crowd: Iterable[Member], revisions: Iterable[str] = REVISIONS) -> None:
    """Create all that the Rollouts of a crowd are about, with these revisions, and no Rollout."""
    everybody, known = tuple(crowd), tuple(revisions)
    async with _session(server) as session:
        places = sorted({one.namespace for one in everybody})
        await _all(session, [[_namespace(name)] for name in places])
        await _all(session, [_around(one, known) for one in everybody])


async def change(server: ApiServer, crowd: Iterable[Member], spec: Mapping[str, Any]) -> None:
    """Patch the spec of many at once."""
    async with _session(server) as session:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(member: Member) -> None:
            async with gate:
                await _sent(session, "PATCH", member.path, {"spec": dict(spec)})

        await asyncio.gather(*(one(member) for member in crowd))


def _session(server: ApiServer) -> aiohttp.ClientSession:
    trusted = ssl.create_default_context(cafile=str(server.ca))
    headers = {"Authorization": f"Bearer {server.token['admin']}"}
    return aiohttp.ClientSession(server.url, headers=headers, connector=aiohttp.TCPConnector(ssl=trusted, limit=0))


async def _all(session: aiohttp.ClientSession, groups: Iterable[list[Obj]]) -> None:
    """Each group in its order, many groups at a time."""
    waiting = iter(list(groups))

    async def work() -> None:
        for group in waiting:
            for obj in group:
                await _made(session, obj)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def _made(session: aiohttp.ClientSession, obj: Obj) -> None:
    """Create it, and its status where it has one: an API server drops that of a new object."""
    await _sent(session, "POST", collection(obj), obj)
    if "status" in obj:
        await _sent(session, "PATCH", f"{path_of(obj)}/status", {"status": obj["status"]})


async def _sent(session: aiohttp.ClientSession, method: str, path: str, body: Obj) -> None:
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    async with session.request(method, path, json=body, headers={"Content-Type": kind}) as answer:
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {await answer.text()}")
        await answer.read()


def _around(member: Member, revisions: Iterable[str]) -> list[Obj]:
    return [obj for revision in revisions for obj in _revision(member, revision)] + [_route(member)]


def _revision(member: Member, revision: str) -> Iterator[Obj]:
    name, meta = f"{member.name}-{revision}", {"namespace": member.namespace}
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, **meta},
        "spec": {  # headless: the API server gives out addresses at 50 a second
            "clusterIP": "None",
            "selector": {"app": member.name, "version": revision},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
    }
    yield {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-x", **meta, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [_endpoint(f"{name}-{number}", number) for number in range(REPLICAS)],
    }
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), REPLICAS)
    workload = deployment(member.namespace, name, revision, REPLICAS)
    yield {**workload, "status": {"observedGeneration": 1, **counts}}


def _endpoint(pod: str, number: int) -> Obj:
    return {
        "addresses": [f"10.77.0.{number + 1}"],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "targetRef": {"kind": "Pod", "name": pod},
    }


def _namespace(name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _route(member: Member) -> Obj:
    destination = {"host": f"{member.name}-v1"}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": member.name, "namespace": member.namespace},
        "spec": {"hosts": [member.name], "http": [{"route": [{"destination": destination}]}]},
    }


def _rollout(member: Member) -> Obj:
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": member.name, "namespace": member.namespace},
        "spec": {**SPEC, "routes": [{"kind": "VirtualService", "name": member.name}]},
    }
