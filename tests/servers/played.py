"""Who calls and counts in a fleet whose proxies are not there?

Its pods are real objects, and Prometheus scrapes each of them. What becomes of a request is decided by
adapters/memory/mesh_traffic.py, on what the API server says.
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from adapters.memory.mesh_metrics import Labels
from adapters.memory.mesh_series import NAME
from adapters.memory.mesh_traffic import Caller, MemoryTraffic, Scene, Workload
from rollout.migration.read import mesh_pod, peer_auth
from rollout.model.mesh import MeshPod, PeerAuth
from tests.servers.client import Kube, KubeError
from tests.servers.istiod import ROOT_NAMESPACE
from tests.servers.prometheus import Prometheus

BEAT_S = 0.5
PODS = "/api/v1/pods"
PEERS = "/apis/security.istio.io/v1/peerauthentications"
_REFUSED = "envoy_listener_no_filter_chain_match"


class PlayedProxies:
    """The proxies of all pods of these workloads that have one, and those who call them.

    refusals: when a page that told of refused callers was scraped for the first time, by namespace; `forget_refusals`
    begins anew.
    """

    def __init__(self, kube: Kube, prometheus: Prometheus, workloads: Mapping[str, Workload]) -> None:
        self.traffic = MemoryTraffic()
        self.refusals: dict[str, datetime] = {}
        self._kube, self._prometheus, self._workloads = kube, prometheus, workloads
        self._pages: dict[str, tuple[str, bool, str]] = {}  # by path: namespace, whether it tells of refusals, text
        self._known: set[str] = set()
        self._stop = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._threads = [
            Thread(target=self._server.serve_forever, name="pages of proxies", daemon=True),
            Thread(target=self._live, name="played proxies", daemon=True),
        ]

    def start(self) -> None:
        """Callers call from now on."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Nobody calls, and nothing is scraped."""
        self._stop.set()
        self._threads[1].join(20)
        self._server.shutdown()
        self._server.server_close()
        for job in self._known:
            self._prometheus.forget(job)

    def call(self, name: str, source: str, target: str, rate: float = 5.0) -> Caller:
        """A new caller, as `Caller` says; it calls at once."""
        caller = self.traffic.callers[name] = Caller(name=name, source=source, target=target, rate=rate)
        return caller

    def now(self) -> datetime:
        """The clock of this machine, which is everybody's here."""
        return datetime.now(UTC)

    def forget_refusals(self) -> None:
        """The next refusal is the first one."""
        self.refusals.clear()

    def _live(self) -> None:
        last = time.monotonic()
        while not self._stop.wait(BEAT_S):
            now = time.monotonic()
            try:
                pods = [mesh_pod(one, {}) for one in self._kube.items(PODS)]
                scene = self._scene(pods)
            except KubeError:  # the API server is busy: what is not counted now is at the next beat
                continue
            self.traffic.flow(now - last, self._workloads, scene)
            last = now
            self._show([pod for pod in pods if pod.meshed and pod.proxy_since is not None])

    def _scene(self, every: list[MeshPod]) -> Scene:
        peers = [peer_auth(one) for one in self._kube.items(PEERS)]
        return Scene(
            pods={name: tuple(pod for pod in every if _is_of(pod, one)) for name, one in self._workloads.items()},
            peers={name: _within(name, peers) for name in self._namespaces()},
            root=_within(ROOT_NAMESPACE, peers),
        )

    def _namespaces(self) -> list[str]:
        return sorted({one.namespace for one in self._workloads.values()})

    def _show(self, pods: list[MeshPod]) -> None:
        for pod in pods:
            rows = dict(self.traffic.shown(pod))
            tells = any(value for key, value in rows.items() if dict(key)[NAME] == _REFUSED)
            self._pages[f"/{pod.namespace}/{pod.name}"] = (pod.namespace, tells, "".join(map(_line, rows.items())))
        here = {pod.name: pod for pod in pods}
        for name in here.keys() - self._known:
            url = f"http://127.0.0.1:{self._server.server_port}/{here[name].namespace}/{name}"
            self._prometheus.add(name, url, namespace=here[name].namespace, pod=name)
        for name in self._known - here.keys():
            self._prometheus.forget(name)
        self._known = set(here)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        played = self

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                namespace, tells, text = played._pages[self.path]
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text.encode())
                if tells:
                    played.refusals.setdefault(namespace, datetime.now(UTC))

            def log_message(self, *_: object) -> None:
                """Nothing: a scrape a second is no news."""

        return Page


def _is_of(pod: MeshPod, workload: Workload) -> bool:
    owned = (pod.namespace, pod.workload) == (workload.namespace, f"Deployment {workload.name}")
    return owned and pod.ready and not pod.is_finished


def _within(namespace: str, peers: list[PeerAuth]) -> tuple[PeerAuth, ...]:
    return tuple(peer for peer in peers if peer.namespace == namespace)


def _line(row: tuple[Labels, float]) -> str:
    labels: dict[str, Any] = dict(row[0])
    name = labels.pop(NAME)
    inside = ",".join(f"{key}={json.dumps(value)}" for key, value in sorted(labels.items()))
    return f"{name}{{{inside}}} {row[1]:g}\n"
