"""How can another thread break a connection that a query waits on?

A time-out of a socket starts anew with every byte, and a status line may come byte by byte for hours: only closing the
socket ends that.
"""

import socket
from contextlib import suppress
from typing import Any, Protocol

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util import Retry


class _Connection(Protocol):
    sock: socket.socket | None


class Wire(HTTPAdapter):
    """The transport of one session of requests, with one kept connection."""

    def __init__(self) -> None:
        self._connection: _Connection | None = None
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=Retry(0))

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,
        verify: bool | str,
        proxies: dict[str, str] | None = None,
        cert: str | tuple[str, str] | None = None,
    ) -> HTTPConnectionPool:
        """The pool of connections, which tells us each one that it opens."""
        pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
        kind: Any = type(pool).ConnectionCls

        def opened(**settings: object) -> object:
            self._connection = kind(**settings)  # the pool holds one: the former is closed
            return self._connection

        vars(pool)["ConnectionCls"] = opened
        return pool

    def cut(self) -> None:
        """Break the connection, from any thread; nothing happens where there is none."""
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with suppress(OSError):  # it ended in this moment
                connection.sock.shutdown(socket.SHUT_RDWR)
