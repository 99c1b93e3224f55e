"""How does the demo's fleet live on a real API server, with its proxies' counters scraped by a real Prometheus?

No kubelet, injector or proxy runs: what they would do is done by `adapters/memory/mesh_fleet.py`, through HTTP.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

from adapters.kube.client import HttpApi
from adapters.memory.mesh_fleet import MemoryFleet
from adapters.memory.mesh_installed import installed
from adapters.memory.mesh_metrics import Labels, MemoryMeshMetrics
from adapters.memory.mesh_series import NAME
from adapters.memory.mesh_traffic import Caller, Workload
from rollout.ports.errors import PortError
from tests.servers.client import Kube, path_of
from tests.servers.prometheus import Prometheus

BEAT_S = 0.5
STARTED_S = 30.0
OF_TARGET = {"job", "instance", "namespace", "pod"}  # said by the target, not by its page
NEVER = [{"name": "nobody-listens", "expression": "false"}]


class Shown(MemoryMeshMetrics):
    """What would be scraped, as a page for each pod that a Prometheus scrapes."""

    def __init__(self, prometheus: Prometheus) -> None:
        super().__init__()
        self.pages: dict[str, str] = {}
        self.port = 0
        self._prometheus = prometheus

    def scrape(self, at: datetime, samples: Mapping[Labels, float]) -> None:
        """Show it: pods that are gone are scraped no more."""
        super().scrape(at, {})
        pages: dict[str, str] = {}
        for key, value in samples.items():
            labels = dict(key)
            place = f"/{labels['namespace']}/{labels['pod']}"
            pages[place] = pages.get(place, "") + _line(labels, value)
        gone, fresh = self.pages.keys() - pages.keys(), pages.keys() - self.pages.keys()
        self.pages = pages
        for place in gone:
            self._prometheus.forget(place)
        for place in fresh:
            _, namespace, pod = place.split("/")
            self._prometheus.add(place, f"http://127.0.0.1:{self.port}{place}", namespace=namespace, pod=pod)


class ShownFleet:
    """A fleet that lives in a thread of its own from `start` to `stop`."""

    def __init__(self, kubeconfig: Path, prometheus: Prometheus) -> None:
        self._kubeconfig = kubeconfig
        self._shown = Shown(prometheus)
        self._stop, self._lives = Event(), Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._shown))
        self._shown.port = self._server.server_port
        self._serving = Thread(target=self._server.serve_forever, daemon=True)
        self._living: Thread | None = None

    def start(self, workloads: Sequence[Workload], callers: Sequence[Caller]) -> None:
        """Return when its pods run and its callers call."""
        self._living = Thread(target=lambda: asyncio.run(self._live(workloads, callers)), daemon=True)
        self._serving.start()
        self._living.start()
        assert self._lives.wait(STARTED_S)

    def stop(self) -> None:
        """Nobody calls, and nothing is scraped."""
        self._stop.set()
        if self._living is not None:
            self._living.join(STARTED_S)
        self._shown.scrape(datetime.now(UTC), {})
        self._server.shutdown()
        self._server.server_close()

    async def _live(self, workloads: Sequence[Workload], callers: Sequence[Caller]) -> None:
        api = await HttpApi.connect(str(self._kubeconfig))
        fleet = MemoryFleet(api, self._shown)
        try:
            for workload in workloads:
                await fleet.deploy(workload, datetime.now(UTC))
            for caller in callers:
                fleet.call(caller)
            while not self._stop.is_set():
                try:
                    await fleet.beat(datetime.now(UTC))
                except PortError:
                    continue  # somebody else wrote meanwhile: the next beat sees it
                self._lives.set()
                await asyncio.sleep(BEAT_S)
        finally:
            await api.close()


def install_mesh(kube: Kube) -> None:
    """What an installed Istio leaves in a cluster; its injector calls nobody, because none listens."""
    for one in installed():
        obj = dict(one)
        if obj["kind"] == "MutatingWebhookConfiguration":
            needed = {"sideEffects": "None", "admissionReviewVersions": ["v1"], "matchConditions": NEVER}
            obj["webhooks"] = [{**hook, **needed} for hook in obj["webhooks"]]
        status = obj.pop("status", None)
        kube.apply(obj)
        if status is not None:
            kube.patch(f"{path_of(obj)}/status", {"status": status})


def _handler(shown: Shown) -> type[BaseHTTPRequestHandler]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = shown.pages.get(self.path)
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_: object) -> None:
            """Nothing: a scrape a second is no news."""

    return Page


def _line(labels: dict[str, Any], value: float) -> str:
    """One line of a page; `up` is said by the server itself."""
    name = labels[NAME]
    inside = ",".join(
        f"{key}={json.dumps(text)}" for key, text in sorted(labels.items()) if key not in {NAME, *OF_TARGET}
    )
    return "" if name == "up" else f"{name}{{{inside}}} {value:g}\n"
