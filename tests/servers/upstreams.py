"""What does a pod of the tests answer to a request, and how often does it fail?"""

import asyncio
import random
from dataclasses import dataclass, field

from aiohttp import web

VERSION_HEADER = "x-version"
POD_HEADER = "x-pod"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How a pod answers.

    error_percent: share of 500s, spread evenly and exactly; with a seed, drawn at random.
    """

    version: str = ""
    error_percent: float = 0.0
    seed: int | None = None
    latency_s: float = 0.0


@dataclass(slots=True)
class Count:
    """What a pod has answered so far."""

    requests: int = 0
    failed: int = 0


@dataclass(slots=True)
class Upstream:
    """One pod's HTTP server; `behaviour` can be changed while it runs. Port 0 becomes a free one."""

    pod: str
    behaviour: Behaviour
    count: Count = field(default_factory=Count)
    port: int = 0
    host: str = "127.0.0.1"
    _runner: web.AppRunner | None = None
    _random: random.Random | None = None

    async def start(self) -> None:
        """Listen; raises OSError when the port is taken."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=3600.0, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Finish the requests in hand and close."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.Response:
        await request.read()  # an unread body would cost the connection
        behaviour = self.behaviour
        fails = self._fails(behaviour)
        self.count.requests += 1
        self.count.failed += fails
        if behaviour.latency_s:
            await asyncio.sleep(behaviour.latency_s)
        headers = {VERSION_HEADER: behaviour.version, POD_HEADER: self.pod}
        return web.Response(status=500 if fails else 200, text=behaviour.version, headers=headers)

    def _fails(self, behaviour: Behaviour) -> bool:
        if behaviour.seed is not None:
            self._random = self._random or random.Random(behaviour.seed)
            return self._random.random() * 100 < behaviour.error_percent
        done = self.count.requests
        return int((done + 1) * behaviour.error_percent / 100) > int(done * behaviour.error_percent / 100)
