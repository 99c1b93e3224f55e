"""What do the objects on an API server say now?

A small list-and-watch of its own over plain HTTP, so that what reaches Envoy has passed through no code of the controller.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import aiohttp

from rollout.demo.objects import Obj, Objects, name, namespace

KINDS: Mapping[str, str] = {
    "Service": "/api/v1/services",
    "Pod": "/api/v1/pods",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/endpointslices",
    "VirtualService": "/apis/networking.istio.io/v1/virtualservices",
    "DestinationRule": "/apis/networking.istio.io/v1/destinationrules",
    "HTTPRoute": "/apis/gateway.networking.k8s.io/v1/httproutes",
    "TrafficSplit": "/apis/split.smi-spec.io/v1alpha2/trafficsplits",
}
RETRY_S = 0.5
WATCH_S = 240  # the server ends a watch after this; then it is listed again


class _RelistError(Exception):
    """The watch cannot go on from where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """How to reach an API server."""

    url: str
    token: str | None = field(default=None, repr=False)  # None: no authentication
    ca_file: str | None = None  # None: the system's, or plain http
    namespace: str | None = None  # None: all namespaces
    kinds: Mapping[str, str] = field(default_factory=lambda: KINDS)  # what to watch, and at which path


class Watched:
    """The objects of some kinds, kept up to date by `run`. A kind that the server does not know is empty until it does."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._objects: dict[str, dict[tuple[str, str], Obj]] = {}  # a kind is here once it was listed
        self._changed = asyncio.Event()

    @property
    def objects(self) -> Objects:
        """Everything seen last, by kind."""
        return {kind: list(found.values()) for kind, found in self._objects.items()}

    def touch(self) -> None:
        """Look again, because something beside the objects changed."""
        self._changed.set()

    async def changes(self) -> AsyncIterator[Objects]:
        """The objects as they are, once all kinds were listed and then whenever anything changed; changes may be skipped."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if len(self._objects) == len(self._server.kinds):
                yield self.objects

    async def run(self) -> None:
        """Watch for ever; cancel to end."""
        tls = ssl.create_default_context(cafile=self._server.ca_file) if self._server.ca_file else None
        headers = {"Authorization": f"Bearer {self._server.token}"} if self._server.token else {}
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=tls if tls is not None else True, limit=0),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=WATCH_S + 10),
            ) as session,
            asyncio.TaskGroup() as tasks,
        ):
            for kind, path in self._server.kinds.items():
                tasks.create_task(self._follow(session, kind, self._located(path)))

    async def _follow(self, session: aiohttp.ClientSession, kind: str, url: str) -> None:
        while True:
            try:
                version = await self._list(session, kind, url)
                if version is not None:
                    while True:
                        version = await self._watch(session, kind, url, version)
            except (aiohttp.ClientError, OSError, TimeoutError, _RelistError):
                pass  # the server is away or forgot the version: list again
            await asyncio.sleep(RETRY_S)

    async def _list(self, session: aiohttp.ClientSession, kind: str, url: str) -> str | None:
        """The version that was listed; None when the server does not know the kind."""
        async with session.get(url) as answer:
            is_known = answer.status != 404
            if is_known:
                answer.raise_for_status()
            listed = await answer.json(content_type=None) if is_known else {"items": []}
        found: dict[tuple[str, str], Obj] = {
            (namespace(item), name(item)): {"kind": kind, **item} for item in listed["items"]
        }
        if self._objects.get(kind) != found:
            self._objects[kind] = found
            self._changed.set()
        return str(listed["metadata"]["resourceVersion"]) if is_known else None

    async def _watch(self, session: aiohttp.ClientSession, kind: str, url: str, version: str) -> str:
        """The last version seen when the server ended the watch."""
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_S),
        }
        async with session.get(url, params=query) as answer:
            answer.raise_for_status()
            async for line in _lines(answer.content):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise _RelistError(event["object"].get("message", ""))
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._see(kind, event["type"], event["object"])
        return version

    def _see(self, kind: str, change: str, item: Obj) -> None:
        key = namespace(item), name(item)
        if change == "DELETED":
            self._objects[kind].pop(key, None)
        else:
            self._objects[kind][key] = {"kind": kind, **item}
        self._changed.set()

    def _located(self, path: str) -> str:
        if self._server.namespace is not None:
            head, _, plural = path.rpartition("/")
            path = f"{head}/namespaces/{self._server.namespace}/{plural}"
        return self._server.url.rstrip("/") + path


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Whole lines of any length (the reader's own limit is smaller than a large object)."""
    pending = b""
    async for chunk in stream.iter_any():
        *whole, pending = (pending + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
