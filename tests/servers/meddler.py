"""How does a test spoil what passes between the product and a real server, below everything that the product is made of?

A proxy on a socket. It ends TLS with the server's own certificate, as only then answers of its own can be told, and opens
TLS to the server again. Everything passes unchanged, streams included, until a test asks for a fault.
"""

import http.client
import json
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import urlsplit

from tests.servers.faults import Asked, Fault, On

_PIECE = 65_536
_CONNECT_S = 5.0
_HOPS = frozenset(["connection", "keep-alive", "transfer-encoding", "content-length", "host"])


@dataclass(eq=False, slots=True, kw_only=True)
class _Stream:
    """One answer on its way. fate: "" passes it, "hushed" keeps the rest back, "torn" gives half a piece and no more."""

    asked: Asked
    ends: tuple[socket.socket, ...]
    fate: str = ""

    def cut(self) -> None:
        """Break it at once, in both directions."""
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Meddler:
    """A proxy before the server at `url`, on a free port of loopback.

    tls: certificate and key that the server shows, and that it is trusted by; None for plain HTTP.
    """

    def __init__(self, url: str, tls: tuple[Path, Path] | None = None) -> None:
        parts = urlsplit(url)
        self.seen: list[Asked] = []
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._trusted: ssl.SSLContext | None = None
        self._shown: ssl.SSLContext | None = None
        if tls:
            self._trusted = ssl.create_default_context(cafile=str(tls[0]))
            self._shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._shown.load_cert_chain(*map(str, tls))
        self._faults: list[Fault] = []
        self._streams: set[_Stream] = set()
        self._lags: list[tuple[On, float]] = []
        self._stopped = Event()
        self._lock = Lock()
        handler = type("Handler", (_Handler,), {"meddler": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"{parts.scheme}://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, args=(0.05,), name="meddler", daemon=True).start()

    def stop(self) -> None:
        """Close, and break what is open."""
        self.heal()
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self.cut(lambda _: True)

    def add(self, fault: Fault) -> Fault:
        """Let this happen from now on."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def answer(self, status: int, on: On, *, times: int | None = None, **headers: str) -> Fault:
        """Answer as kube-apiserver does when it refuses."""
        message = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}
        body = json.dumps(message | {"message": f"the meddler says {status}"}).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.add(Fault(on=on, status=status, body=body, headers=named, times=times))

    def tell(self, on: On, answer: object, status: int = 200) -> Fault:
        """Answer with this JSON, or with these bytes."""
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return self.add(Fault(on=on, status=status, body=body))

    def hang(self, on: On, *, times: int | None = None) -> Fault:
        """Take the requests, and do not answer."""
        return self.add(Fault(on=on, hang=True, times=times))

    def reset(self, on: On) -> Fault:
        """Take the requests, and close the connection."""
        return self.add(Fault(on=on))

    def delay(self, on: On, seconds: float) -> Fault:
        """Let the server answer, but so much later."""
        return self.add(Fault(on=on, delay_s=seconds))

    def halve(self, on: On, *, times: int | None = None) -> Fault:
        """Let the server answer, but break the connection in the middle of what it says."""
        return self.add(Fault(on=on, is_halved=True, times=times))

    def lose(self, on: On) -> Fault:
        """Let the server do as it is asked, and keep its answer back."""
        return self.add(Fault(on=on, lost=True))

    def heal(self) -> None:
        """End all faults; streams that were hushed stay so."""
        with self._lock:
            faults, self._faults = self._faults, []
            self._lags = []
        for fault in faults:
            fault.end()

    def cut(self, on: On) -> int:
        """Break the streams that are open now; how many."""
        streams = self._chosen(on)
        for stream in streams:
            stream.cut()
        return len(streams)

    def tear(self, on: On) -> int:
        """Break the streams that are open now in the middle of what they say next; how many."""
        return self._doom(on, "torn")

    def hush(self, on: On) -> int:
        """Let the streams that are open now say nothing any more, and stay open; how many."""
        return self._doom(on, "hushed")

    def lag(self, on: On, seconds: float) -> None:
        """Hold what these streams say back for so long from now on, those that are open included, until `heal`."""
        self._lags.append((on, seconds))

    def hold_back(self, asked: Asked) -> None:
        """Return once what a stream says may be told."""
        self._stopped.wait(next((seconds for on, seconds in self._lags if on(asked)), 0.0))

    def fault_of(self, asked: Asked) -> Fault | None:
        """What befalls a request."""
        with self._lock:
            self.seen.append(asked)
            return next((fault for fault in self._faults if fault.befalls(asked)), None)

    def connected(self) -> http.client.HTTPConnection:
        """A new connection to the server; raises OSError."""
        if self._trusted is None:
            made = http.client.HTTPConnection(self._host, self._port, timeout=_CONNECT_S)
        else:
            made = http.client.HTTPSConnection(self._host, self._port, timeout=_CONNECT_S, context=self._trusted)
        made.connect()
        made.sock.settimeout(None)  # watches are silent for long
        return made

    def secured(self, connection: socket.socket) -> socket.socket:
        """The client's connection, inside TLS where the server has it."""
        return self._shown.wrap_socket(connection, server_side=True) if self._shown else connection

    def opened(self, stream: _Stream) -> None:
        """Remember a stream while it is open."""
        with self._lock:
            self._streams.add(stream)

    def closed(self, stream: _Stream) -> None:
        """Forget it."""
        with self._lock:
            self._streams.discard(stream)

    def _chosen(self, on: On) -> list[_Stream]:
        with self._lock:
            return [stream for stream in self._streams if on(stream.asked)]

    def _doom(self, on: On, fate: str) -> int:
        streams = self._chosen(on)
        for stream in streams:
            stream.fate = fate
        return len(streams)


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that is killed in the middle of a handshake is no news."""


class _Handler(BaseHTTPRequestHandler):
    meddler: Meddler
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        self.request = self.meddler.secured(self.request)
        self._upstream: http.client.HTTPConnection | None = None
        super().setup()

    def handle(self) -> None:
        with suppress(OSError, http.client.HTTPException):
            super().handle()

    def finish(self) -> None:
        if self._upstream:
            self._upstream.close()
        with suppress(OSError):
            super().finish()
        with suppress(OSError):
            self.request.close()  # the wrapped one, which the server does not know

    def _pass_on(self) -> None:
        """One request: spoil it, or carry it there and the answer back."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(method=self.command, path=self.path, at=time.monotonic(), body=body)
        fault = self.meddler.fault_of(asked)
        if fault is not None and not (fault.delay_s or fault.is_halved or fault.lost):
            self._spoil(fault)
            return
        if fault is not None and fault.delay_s:
            fault.over.wait(fault.delay_s)
        try:
            self._carry(asked, fault)
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # as if the server itself had broken it

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def do_PUT(self) -> None:
        self._pass_on()

    def do_PATCH(self) -> None:
        self._pass_on()

    def do_DELETE(self) -> None:
        self._pass_on()

    def _spoil(self, fault: Fault) -> None:
        if fault.status == 0:
            if fault.hang:
                fault.over.wait()
            self.close_connection = True
            return
        self.send_response(fault.status)
        for name, value in {"Content-Type": "application/json", **fault.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(fault.body)))
        self.end_headers()
        self.wfile.write(fault.body)

    def _carry(self, asked: Asked, fault: Fault | None) -> None:
        upstream = self._upstream = self._upstream or self.meddler.connected()
        kept = {name: value for name, value in self.headers.items() if name.lower() not in _HOPS}
        upstream.request(asked.method, asked.path, asked.body or None, kept)
        answer = upstream.getresponse()
        if fault is not None and fault.lost:
            answer.read()
            fault.over.wait()
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOPS:
                self.send_header(name, value)
        if not asked.is_watch:
            whole = answer.read()
            self.send_header("Content-Length", str(len(whole)))
            self.end_headers()
            is_halved = fault is not None and fault.is_halved
            self.wfile.write(whole[: len(whole) // 2] if is_halved else whole)
            self.close_connection = is_halved
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._stream(asked, answer, (self.request, upstream.sock))

    def _stream(self, asked: Asked, answer: http.client.HTTPResponse, ends: tuple[Any, ...]) -> None:
        stream = _Stream(asked=asked, ends=ends)
        self.meddler.opened(stream)
        try:
            while piece := answer.read1(_PIECE):
                if stream.fate == "hushed":
                    continue
                self.meddler.hold_back(asked)  # what comes meanwhile is told together
                told = piece[: len(piece) // 2] if stream.fate == "torn" else piece
                self.wfile.write(b"%x\r\n%s\r\n" % (len(told), told))
                if stream.fate == "torn":
                    stream.cut()
                    return
            if stream.fate == "hushed":
                self.rfile.read(1)  # until the client hangs up: a dead peer does not say good-bye
            self.wfile.write(b"0\r\n\r\n")
        finally:
            self.meddler.closed(stream)

    def log_message(self, *_: object) -> None:
        """The product's own log says what it met."""
