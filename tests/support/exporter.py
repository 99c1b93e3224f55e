"""How does a test let a real Prometheus see numbers of its choice?"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.servers.process import eventually
from tests.servers.prometheus import Prometheus

PATIENCE_S = 20.0  # a scrape takes one second
VERSION = "page_version"


@dataclass(slots=True, kw_only=True)
class Exporter:
    """A page of metrics that `prometheus` scrapes as `job`. series: 'name{label="x"}' and its value."""

    prometheus: Prometheus
    job: str
    series: dict[str, float] = field(default_factory=dict)
    version: int = 0

    def show(self, series: Mapping[str, float]) -> None:
        """Add or change series; return when Prometheus has scraped them."""
        self.version += 1
        self.series = {**self.series, **series, VERSION: self.version}
        wanted = f'{VERSION}{{job="{self.job}"}}'
        if not eventually(lambda: self.prometheus.value(wanted) == self.version, PATIENCE_S):
            raise TimeoutError(f"Prometheus did not scrape version {self.version} of the page of {self.job}")


@contextmanager
def exporting(prometheus: Prometheus, job: str) -> Iterator[Exporter]:
    """An exporter on a free port that Prometheus scrapes until the end of the block."""
    exporter = Exporter(prometheus=prometheus, job=job)

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            lines = [f"{name} {value}\n" for name, value in exporter.series.items()]
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write("".join(lines).encode())

        def log_message(self, *_: object) -> None:
            """Nothing: a scrape a second is no news."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        prometheus.scrape(job, f"http://127.0.0.1:{server.server_port}/metrics")
        yield exporter
    finally:
        prometheus.forget(job)
        server.shutdown()
        server.server_close()
        thread.join()
