"""What does one pod of the demo answer?

A small HTTP/1.1 server on its own loopback port: it says its version, waits its latency, and fails its share of requests.
"""

import asyncio
import random
import socket
from dataclasses import dataclass, field

from rollout.demo.bootstrap import LOOPBACK

HEAD_LIMIT = 64 * 1024


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """How a pod answers; may be changed while it runs."""

    version: str
    failing: float = 0.0  # percent of requests answered 500
    latency_ms: float = 0.0


@dataclass(slots=True, kw_only=True)
class Pod:
    """One listening pod and what it has counted."""

    name: str
    behaviour: Behaviour
    chance: random.Random
    requests: int = 0
    failures: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set["Answering"] = field(default_factory=set)

    async def start(self) -> None:
        """Listen on a free loopback port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Answering(self, self._open), LOOPBACK, 0, backlog=512)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self, grace_s: float) -> None:
        """Close the port at once; answer for `grace_s` on the connections that are open, then cut them."""
        if self._server is None:
            return
        self._server.close()
        for connection in tuple(self._open):
            connection.is_last = True
        if grace_s > 0:
            await asyncio.sleep(grace_s)
        for connection in tuple(self._open):
            connection.cut()

    def answer(self, *, is_last: bool) -> bytes:
        """Count one request and return the whole response."""
        self.requests += 1
        is_failure = self.chance.random() * 100 < self.behaviour.failing
        self.failures += is_failure
        status = "500 Internal Server Error" if is_failure else "200 OK"
        body = f"{self.behaviour.version} {'failed' if is_failure else 'ok'}\n"
        closing = "connection: close\r\n" if is_last else ""
        return (
            f"HTTP/1.1 {status}\r\nx-version: {self.behaviour.version}\r\nx-pod: {self.name}\r\n"
            f"content-type: text/plain\r\ncontent-length: {len(body)}\r\n{closing}\r\n{body}"
        ).encode()


class Answering(asyncio.Protocol):
    """One connection to a pod: one request at a time, bodies skipped by their content-length."""

    def __init__(self, pod: Pod, siblings: "set[Answering]") -> None:
        self._pod = pod
        self._siblings = siblings
        self._pending = b""
        self._is_busy = False
        self._transport: asyncio.Transport | None = None
        self.is_last = False  # the next answer closes the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection; small answers must not wait for more to send."""
        if isinstance(transport, asyncio.Transport):
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._transport = transport
        self._siblings.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; why it ended makes no difference to a pod."""
        del exc
        self._siblings.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Collect, and answer each whole request."""
        self._pending += data
        self._next()

    def cut(self) -> None:
        """Close without waiting."""
        if self._transport is not None:
            self._transport.abort()

    def _next(self) -> None:
        if self._is_busy:
            return
        head, mark, rest = self._pending.partition(b"\r\n\r\n")
        if not mark:
            if len(head) > HEAD_LIMIT:
                self.cut()
            return
        length = _content_length(head)
        if length is None:
            self.cut()
        elif len(rest) >= length:
            self._pending = rest[length:]
            self._is_busy = True
            latency_ms = self._pod.behaviour.latency_ms
            if latency_ms > 0:
                asyncio.get_running_loop().call_later(latency_ms / 1000, self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        if self._transport is None:
            return
        self._transport.write(self._pod.answer(is_last=self.is_last))
        if self.is_last:
            self._transport.close()
            return
        self._is_busy = False
        if self._pending:
            self._next()


def _content_length(head: bytes) -> int | None:
    """The length of the body; None for a chunked one, which this server does not read."""
    length = 0
    for line in head.split(b"\r\n")[1:]:
        field_name, _, value = line.partition(b":")
        match field_name.strip().lower():
            case b"content-length":
                length = int(value)
            case b"transfer-encoding":
                return None
    return length
