"""Which metrics server is this, and which series does it have?"""

import asyncio
import time

import requests

from adapters.clock import SystemClock
from adapters.metrics.access import PrometheusAccess
from adapters.metrics.line import QueryError
from adapters.metrics.lines import Lines
from rollout.ports.errors import Unreachable

_BUILD = "/api/v1/status/buildinfo"


class PrometheusProbe:
    """The implementation of `rollout.ports.server.Probe`. Close it when done."""

    def __init__(self, access: PrometheusAccess) -> None:
        self._access = access
        self._lines = Lines(access)

    async def server(self) -> str:
        """What it calls itself and its version; what only speaks Prometheus' API may have no name.

        Unreachable when it does not answer queries.
        """
        await self._ask("vector(1)")
        return await asyncio.to_thread(self._build)

    async def present(self, metrics: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the metrics that have series now, in the given order."""
        names = "|".join(metrics)
        found = await self._ask(f'count by (__name__) ({{__name__=~"{names}"}})')
        return tuple(name for name in metrics if name in found)

    async def close(self) -> None:
        """Give the connections back."""
        await self._lines.close()

    async def _ask(self, query: str) -> set[str]:
        deadline = time.monotonic() + self._access.deadline.total_seconds()
        try:
            answer = await self._lines.ask(query, SystemClock().now(), deadline)
        except QueryError as error:
            raise Unreachable(str(error)) from error
        return {str(row["metric"].get("__name__", "")) for row in answer["data"]["result"] if isinstance(row, dict)}

    def _build(self) -> str:
        url = self._access.url.rstrip("/") + _BUILD
        verify = str(self._access.ca_file) if self._access.ca_file else True
        try:
            with requests.Session() as session:
                session.trust_env = False  # as with every query: no proxy, no .netrc
                timeout = self._access.deadline.total_seconds()
                answer = session.get(url, timeout=timeout, verify=verify, allow_redirects=False).json()
            return f"Prometheus {answer['data']['version']}"
        except (requests.RequestException, ValueError, KeyError, TypeError):
            return "a server that speaks Prometheus' API"
