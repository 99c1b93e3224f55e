"""How does a test put a proxy that checks a password between git and its server?"""

import base64
import select
import socket
import socketserver
from contextlib import suppress
from threading import Thread

from tests.support.commandlines import command_lines

_ANSWER_S = 30


class Proxy:
    """A proxy for HTTP (forwarding and CONNECT) or, with socks=True, for SOCKS5, on loopback.

    seen: host:port of each connection that it let through. refused: how many it did not. lines: the command lines of this
    machine while it was asked.
    """

    def __init__(self, user: str, password: str, *, socks: bool = False) -> None:
        self.user, self.password, self.refused = user, password, 0
        self.seen: list[str] = []
        self.lines: set[bytes] = set()
        handler = type("Handler", (_Socks if socks else _Http,), {"proxy": self})
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.place = f"127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, name="proxy", daemon=True).start()

    def stop(self) -> None:
        """Close."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(socketserver.StreamRequestHandler):
    proxy: Proxy
    rbufsize = 0  # what follows the headers is passed on, so nothing may be read ahead

    def pass_on(self, host: str, port: int, first: bytes, told: bytes = b"") -> None:
        """Carry bytes both ways until one side ends. told: goes after the first line of the server's answer."""
        self.proxy.seen.append(f"{host}:{port}")
        self.proxy.lines.update(command_lines())
        with suppress(OSError), socket.create_connection((host, port), timeout=_ANSWER_S) as server:
            server.sendall(first)
            ends = {self.connection: server, server: self.connection}
            while True:
                ready, _, _ = select.select(list(ends), [], [], _ANSWER_S)
                for end in ready:
                    data = end.recv(65_536)
                    if not data:
                        return
                    if told and end is server:
                        line, _, rest = data.partition(b"\r\n")
                        data, told = line + b"\r\n" + told + rest, b""
                    ends[end].sendall(data)
                if not ready:
                    return


class _Http(_Handler):
    def handle(self) -> None:
        line = self.rfile.readline().decode()
        method, target, _ = line.split(" ", 2)
        headers = []
        while (header := self.rfile.readline().decode()).strip():
            headers.append(header)
        pair = base64.b64encode(f"{self.proxy.user}:{self.proxy.password}".encode()).decode()
        if f"Proxy-Authorization: Basic {pair}" not in [header.strip() for header in headers]:
            self.proxy.refused += 1
            answer = "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=proxy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            self.wfile.write(answer.encode())
            return
        if method == "CONNECT":
            host, _, port = target.partition(":")
            self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            self.pass_on(host, int(port), b"")
            return
        place, _, path = target.removeprefix("http://").partition("/")
        host, _, port = place.partition(":")
        kept = [header for header in headers if not header.lower().startswith(("proxy-", "connection:"))]
        head = "".join([f"{method} /{path} HTTP/1.1\r\n", *kept, "Connection: close\r\n", "\r\n"])
        self.pass_on(host, int(port or 80), head.encode(), b"Connection: close\r\n")


class _Socks(_Handler):
    """RFC 1928 with the user and password of RFC 1929."""

    def handle(self) -> None:
        _, count = self.rfile.read(2)
        if 2 not in self.rfile.read(count):
            self.proxy.refused += 1
            self.wfile.write(b"\x05\xff")
            return
        self.wfile.write(b"\x05\x02")
        _, length = self.rfile.read(2)
        user = self.rfile.read(length).decode()
        password = self.rfile.read(self.rfile.read(1)[0]).decode()
        if (user, password) != (self.proxy.user, self.proxy.password):
            self.proxy.refused += 1
            self.wfile.write(b"\x01\x01")
            return
        self.wfile.write(b"\x01\x00")
        _, _, _, kind = self.rfile.read(4)
        host = socket.inet_ntoa(self.rfile.read(4)) if kind == 1 else self.rfile.read(self.rfile.read(1)[0]).decode()
        port = int.from_bytes(self.rfile.read(2))
        self.wfile.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        self.pass_on(host, port, b"")
