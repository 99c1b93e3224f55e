"""How are requests sent to a real API server?"""

import json
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from adapters.kube.api import Obj, Patch
from adapters.kube.credentials import Credentials, found_credentials
from adapters.kube.statuses import error_of, watch_error
from adapters.kube.streams import documents
from adapters.kube.undisturbed import undisturbed
from rollout.ports.errors import Unreachable

if TYPE_CHECKING:
    import aiohttp

REQUEST_WITHIN = timedelta(seconds=10)
_CONNECT_SECONDS = 5.0
_WATCH_GRACE_SECONDS = 20.0  # a watch should end by itself after timeoutSeconds; this much later it is dead
_DEFAULT_WATCH_SECONDS = 300.0
_DISTRIBUTION = "rollout-controller"
_JSON = "application/json"
# A peer that vanished without a word is noticed after a minute, not when a watch would end: Linux's names, where known.
_KEEP_ALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
# Even after a request was given up its bytes are sent again for minutes. A write begins at least 5 s before another
# replica may take the lease: what is not confirmed after 4 s must never arrive.
_CONFIRMED = (("TCP_USER_TIMEOUT", 4000),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """One request. limits: its own time-outs where the usual ones do not fit."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Obj | list[dict[str, Any]] | None = None
    content_type: str = _JSON
    accept: str = _JSON
    limits: "aiohttp.ClientTimeout | None" = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class HttpApi:
    """The `KubeApi` of a real server, over one HTTP session.

    calls: requests sent so far by verb (get, list, watch, create, patch, delete) and resource, for `/metrics`. Nothing
    is repeated but a request that was refused with 401 while a newer token was to be had: it did not take place.
    """

    def __init__(self, credentials: Credentials, *, within: timedelta = REQUEST_WITHIN) -> None:
        aiohttp = import_module("aiohttp")  # not at the top: it costs more time than `rollout --help` has
        self.calls: Counter[tuple[str, str]] = Counter()
        self._broken: tuple[type[Exception], ...] = (
            aiohttp.ClientError,
            OSError,
            TimeoutError,
            ValueError,
            RecursionError,  # JSON that nests deeper than any object
        )
        self._aiohttp = aiohttp
        self._credentials = credentials
        self._limits = aiohttp.ClientTimeout(total=within.total_seconds(), sock_connect=_CONNECT_SECONDS)
        tls = credentials.tls() if credentials.server.startswith("https") else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=tls, socket_factory=_socket),
            headers={"User-Agent": f"rollout/{_version()}"},
            trust_env=False,  # it would read environment and .netrc in two threads' turns for each request
        )

    @classmethod
    async def connect(
        cls, kubeconfig: str | None = None, context: str | None = None, *, within: timedelta = REQUEST_WITHIN
    ) -> "HttpApi":
        """A client for the kubeconfig's (current) context, or for the cluster that this pod runs in.

        Sends no request yet, but may run an exec plugin; raises Unreachable when the configuration cannot be used.
        """
        credentials = await found_credentials(kubeconfig, context)
        try:
            return cls(credentials, within=within)
        except (OSError, ssl.SSLError) as error:
            raise Unreachable(f"{credentials.server}: certificate or key cannot be read: {error}") from error

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The object or list at `path`."""
        return await self._asked(_Request(method="GET", path=path, query=query or {}))

    async def text(self, path: str, query: Mapping[str, str], most: int) -> str:
        """What is at `path`, cut off after `most` bytes."""
        request = _Request(method="GET", path=path, query=query, accept="*/*")
        found = bytearray()
        async with self._answer(request) as response:
            try:
                async for piece in response.content.iter_any():
                    found += piece[: most - len(found)]
                    if len(found) >= most:
                        break
            except self._broken as error:
                raise Unreachable(f"{request}: the answer broke off: {_said(error)}") from error
        return found.decode(errors="replace")

    async def create(self, path: str, body: Obj, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The object as stored; Conflict when the name is taken."""
        return await self._asked(_Request(method="POST", path=path, query=query or {}, body=body))

    async def patch(
        self, path: str, kind: Patch, body: Obj | list[dict[str, Any]], query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The object as stored; Conflict on 409 and on a failed `test` operation."""
        request = _Request(method="PATCH", path=path, query=query or {}, body=body, content_type=kind.value)
        return await self._asked(request)

    async def delete(self, path: str, body: Obj | None = None) -> dict[str, Any]:
        """What the server answers, a Status or the object while finalizers hold it."""
        return await self._asked(_Request(method="DELETE", path=path, body=body))

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """Watch events until the server ends the stream; Expired on 410, Unreachable when it breaks or goes silent."""
        seconds = float(query.get("timeoutSeconds") or _DEFAULT_WATCH_SECONDS) + _WATCH_GRACE_SECONDS
        limits = self._aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=seconds)
        request = _Request(method="GET", path=path, query={**query, "watch": "true"}, limits=limits)
        async with self._answer(request) as response:
            try:
                async for event in documents(response.content.iter_any()):
                    if event.get("type") == "ERROR":
                        raise watch_error(f"WATCH {path}", event.get("object"))
                    yield event
            except self._broken as error:
                raise Unreachable(f"WATCH {path}: the stream broke: {_said(error)}") from error

    async def _asked(self, request: _Request) -> dict[str, Any]:
        async with self._answer(request) as response:
            try:
                body = await response.read()
                with undisturbed():
                    answer = json.loads(body) if body.strip() else None
            except self._broken as error:
                raise Unreachable(f"{request}: the answer broke off or is no JSON: {_said(error)}") from error
        if not isinstance(answer, dict):
            raise Unreachable(f"{request}: the answer is no object; is {self._credentials.server} an API server?")
        return answer

    @asynccontextmanager
    async def _answer(self, request: _Request) -> "AsyncIterator[aiohttp.ClientResponse]":
        """The response, if its status is 2xx; anything else is raised as a PortError."""
        try:
            response = await self._accepted(request)
        except self._broken as error:
            raise Unreachable(f"{request}: {self._credentials.server} does not answer: {_said(error)}") from error
        async with response:
            if response.status >= 300:
                raise error_of(str(request), response.status, await self._text(response), response.headers)
            yield response

    async def _accepted(self, request: _Request) -> "aiohttp.ClientResponse":
        header = await self._credentials.authorization()
        response = await self._sent(request, header)
        if response.status != 401 or not await self._credentials.is_renewed(header):
            return response
        response.release()
        return await self._sent(request, await self._credentials.authorization())

    async def _sent(self, request: _Request, authorization: str | None) -> "aiohttp.ClientResponse":
        self.calls[call_name(request.method, request.path, request.query)] += 1
        headers = {"Accept": request.accept, **({"Authorization": authorization} if authorization else {})}
        data = None
        if request.body is not None:
            headers["Content-Type"] = request.content_type
            data = json.dumps(request.body).encode()
        response: aiohttp.ClientResponse = await self._session.request(
            request.method,
            self._credentials.server + request.path,
            params=request.query,
            data=data,
            headers=headers,
            timeout=request.limits or self._limits,
            proxy=self._credentials.proxy,
            server_hostname=self._credentials.tls_server_name,
            allow_redirects=False,
        )
        return response

    async def _text(self, response: "aiohttp.ClientResponse") -> str:
        try:
            return await response.text(errors="replace")
        except self._broken:
            return ""  # the status says enough


def call_name(method: str, path: str, query: Mapping[str, str]) -> tuple[str, str]:
    """Verb and resource of a request, as RBAC and audit logs name them; subresources are `rollouts/status`."""
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if len(rest) > 2 and rest[0] == "namespaces":
        rest = rest[2:]
    plural, name, subresource = (*rest, "", "", "")[:3]
    resource = f"{plural}/{subresource}" if subresource else plural or "discovery"
    if method == "GET":
        verb = "watch" if query.get("watch") else "get" if name or not plural else "list"
    else:
        verb = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}[method]
    return verb, resource


def _socket(address: "aiohttp.AddrInfoType") -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE + _CONFIRMED:
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _version() -> str:
    metadata = import_module("importlib.metadata")
    try:
        return str(metadata.version(_DISTRIBUTION))
    except metadata.PackageNotFoundError:
        return "unreleased"
