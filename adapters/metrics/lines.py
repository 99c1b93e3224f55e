"""How do many queries share few connections, each with one deadline that also covers its wait?"""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.line import Line, QueryError


@dataclass(slots=True)
class _Call:
    """One query. since, sent: when it was asked for and when it got a connection; line: that, while it runs."""

    since: float
    sent: float | None = None
    line: Line | None = None


class Lines:
    """As many threads as connections; a query that finds none free waits, and its deadline runs."""

    def __init__(self, access: PrometheusAccess) -> None:
        self._access = access
        self._all = [Line(access) for _ in range(access.connections)]
        self._idle = list(self._all)
        self._lock = Lock()
        self._is_closed = False
        self._pool = ThreadPoolExecutor(max_workers=access.connections, thread_name_prefix="prometheus")

    async def ask(self, query: str, at: datetime, deadline: float) -> Mapping[str, Any]:
        """The whole answer to an instant query. deadline: on the monotonic clock. Raises QueryError."""
        if self._is_closed:
            raise self._closed()
        call = _Call(since=time.monotonic())
        try:
            running = asyncio.get_running_loop().run_in_executor(
                self._pool, self._run, call, query, at.timestamp(), deadline
            )
            return await asyncio.wait_for(running, deadline - time.monotonic())
        except (TimeoutError, QueryError) as error:
            if time.monotonic() < deadline:
                raise
            raise self._late(call) from error
        finally:
            self._leave(call)

    async def close(self) -> None:
        """Break off what runs; what waits fails."""
        self._pool.shutdown(wait=False)
        with self._lock:
            self._is_closed = True
            for line in self._all:
                line.cut()
                line.close()

    def _run(self, call: _Call, query: str, at: float, deadline: float) -> Mapping[str, Any]:
        with self._lock:
            line = self._idle.pop()
            call.line, call.sent = line, time.monotonic()
        try:
            if self._is_closed:
                raise self._closed()
            return line.ask(query, at, deadline)
        finally:
            with self._lock:
                call.line = None
                self._idle.append(line)

    def _late(self, call: _Call) -> QueryError:
        allowed = self._access.deadline.total_seconds()
        waited = (call.sent or time.monotonic()) - call.since
        where = f", most of it spent waiting for one of {self._access.connections} connections"
        return QueryError(
            f"{self._access.place}: no answer within {allowed:g} s{where if waited > allowed / 2 else ''}"
        )

    def _closed(self) -> QueryError:
        return QueryError(f"{self._access.place}: closed")

    def _leave(self, call: _Call) -> None:
        """Break the connection if the query still runs on it; the lock keeps the line from having passed to another."""
        with self._lock:
            if call.line is not None:
                call.line.cut()
