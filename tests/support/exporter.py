"""How does a test let a real Prometheus see numbers of its choice?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.servers.prometheus import Prometheus

PATIENCE_S = 20.0  # a scrape takes one second
MARK = "page_version"


@dataclass(slots=True, kw_only=True)
class Exporter:
    """A page of metrics that `prometheus` scrapes as `job`. series: 'name{label="x"}' and its value."""

    prometheus: Prometheus
    job: str
    series: dict[str, float] = field(default_factory=dict)
    version: int = 0

    async def show(self, series: dict[str, float]) -> None:
        """Add or change series; return when Prometheus has scraped them."""
        self.series |= series
        self.version += 1
        async with asyncio.timeout(PATIENCE_S):
            seen: float | None = None
            while seen != self.version:
                seen = await asyncio.to_thread(self.prometheus.value, f'{MARK}{{job="{self.job}"}}')

    async def page(self, _: web.Request) -> web.Response:
        """The text format, without types."""
        lines = [f"{name} {value}\n" for name, value in {**self.series, MARK: float(self.version)}.items()]
        return web.Response(text="".join(lines))


@asynccontextmanager
async def exporting(prometheus: Prometheus, job: str) -> AsyncIterator[Exporter]:
    """An exporter on a free port that Prometheus scrapes until the end of the block."""
    exporter = Exporter(prometheus=prometheus, job=job)
    app = web.Application()
    app.add_routes([web.get("/metrics", exporter.page)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/metrics"
        await asyncio.to_thread(prometheus.scrape, job, url)
        yield exporter
    finally:
        prometheus.forget(job)
        await runner.cleanup()
