"""Which parts make a real Istio mesh on one machine, and what can a test do with it?

Everything runs in a flat network (tests/servers/flatnet.py): API server, controllers, kubelet, istiod, Prometheus, and
for each pod a pilot-agent with its Envoy. Callers come in through the gateway, or through the sidecar of a client.
"""

import itertools
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.servers import meshobjects
from tests.servers.agents import Agents, Materials, Proxy
from tests.servers.apiserver import ApiServer
from tests.servers.client import Kube
from tests.servers.cluster import Cluster, service
from tests.servers.controllers import Controllers
from tests.servers.flatnet import HOST, HOW_TO_GET, is_inside
from tests.servers.istiod import ROOT_NAMESPACE, Istiod, bootstrap_template
from tests.servers.kubelet import Kubelet
from tests.servers.missing import ServerMissingError
from tests.servers.process import ServerFailedError
from tests.servers.prometheus import Prometheus
from tests.servers.standin import metrics_filter

SHOP = "shop"
FIRST_APP_PORT = 9001


class Mesh:
    """A mesh with the namespace `shop`, a gateway, a client, and mTLS everywhere; `deploy` adds servers.

    Both callers know a Service by its full name: Host: checkout.shop.svc.cluster.local.
    """

    gateway_url = f"http://127.0.0.1:{meshobjects.GATEWAY_PORT}"
    client_url = f"http://{meshobjects.CLIENT_ADDRESS}:{meshobjects.SERVICE_PORT}"

    def __init__(self, directory: Path) -> None:
        self.server = ApiServer(directory, bind="0.0.0.0", advertised=HOST)
        self.prometheus = Prometheus(directory)
        self._istiod = Istiod(self.server)
        self._controllers = Controllers(self.server)
        self._directory = directory
        self._kubelet: Kubelet | None = None
        self._proxies: dict[str, Proxy] = {}  # by pod
        self._ports = itertools.count(FIRST_APP_PORT)

    @property
    def kube(self) -> Kube:
        """The administrator's client."""
        return self.server.client()

    @property
    def cluster(self) -> Cluster:
        """The cluster below the mesh; raises ServerFailedError before `start`."""
        if self._kubelet is None:
            raise ServerFailedError("the mesh has not started: call start() first")
        return Cluster(server=self.server, controllers=self._controllers, kubelet=self._kubelet)

    def start(self) -> None:
        """Return when gateway and client have their certificates and configuration."""
        if not is_inside():
            raise ServerMissingError("a network for the mesh", f"start the tests with `make e2e`; {HOW_TO_GET}")
        self.server.start()
        self.server.install_crds(("istio",))
        self._controllers.start()
        for name in (ROOT_NAMESPACE, SHOP):
            self.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.kube.apply(metrics_filter(ROOT_NAMESPACE), meshobjects.strict(SHOP))
        self._istiod.start()
        self.prometheus.start()
        self._start_kubelet()
        self._deploy_callers()
        self.check()

    def stop(self) -> None:
        """End everything."""
        if self._kubelet:
            self._kubelet.stop()
        for server in (self.prometheus, self._istiod, self._controllers, self.server):
            server.stop()

    def deploy(self, app: str, version: str, **env: str) -> None:
        """Run one pod `app`-`version` with its sidecar and a Service of that name; return when it is available.

        env: settings of the pod's server: ERROR_PERCENT, ERROR_SEED, LATENCY_MS.
        """
        name, labels, port = f"{app}-{version}", {"app": app, "version": version}, next(self._ports)
        self.kube.apply(
            meshobjects.account(SHOP, name),
            service(SHOP, app, {"app": app}),
            service(SHOP, name, labels),
            meshobjects.serving(SHOP, name, labels, port),
            meshobjects.member(SHOP, name, version, port, **env),
        )
        self.cluster.wait_available(SHOP, name)
        self.check()

    def weights(self, caller: str, host: str) -> dict[str, int]:
        """What the proxy of a caller (gateway or client) does with requests to a Service's full name now.

        Weight by Istio's cluster name, outbound|PORT|SUBSET|HOST; a single cluster has 100.
        """
        url = f"{self.admin_url(caller)}/config_dump?resource=dynamic_route_configs"
        with urllib.request.urlopen(url, timeout=5) as answer:
            dump = json.load(answer)
        for found in _virtual_hosts(dump):
            if host in found["domains"] and found.get("routes"):
                return _shares(found["routes"][0].get("route", {}))
        return {}

    def admin_url(self, workload: str, namespace: str = SHOP) -> str:
        """Where the Envoy of a workload's pod answers its administrator."""
        return next(one for one in self.proxies(namespace) if one.workload == workload).admin_url

    def proxies(self, namespace: str) -> tuple[Proxy, ...]:
        """All that were ever ready in a namespace, the newest first."""
        return tuple(one for one in reversed(self._proxies.values()) if one.namespace == namespace)

    def check(self) -> None:
        """Raise ServerFailedError when a proxy refused what istiod sent it: all that follows would mislead."""
        if refused := self._istiod.refused():
            raise ServerFailedError(f"a proxy refused its configuration: {refused[0]}")

    def _start_kubelet(self) -> None:
        materials = Materials(
            server=self.server,
            istiod=self._istiod,
            template=bootstrap_template(self._directory),
            directory=self._directory / "proxies",
            on_proxy=self._take,
        )
        self._kubelet = Kubelet(self.server, Agents(materials))
        self._kubelet.start()

    def _deploy_callers(self) -> None:
        self.kube.apply(
            *(meshobjects.account(SHOP, name) for name in ("gateway", "client")),
            meshobjects.gateway_entry(SHOP),
            meshobjects.gateway(SHOP),
            meshobjects.calling(SHOP, "client", {"app": "client"}),
            meshobjects.member(SHOP, "client", "v1", next(self._ports)),
        )
        self.cluster.wait_available(SHOP, "gateway", "client")

    def _take(self, proxy: Proxy) -> None:
        self._proxies[proxy.pod] = proxy
        self.prometheus.add(proxy.pod, proxy.metrics_url, namespace=proxy.namespace, pod=proxy.pod)


def _virtual_hosts(dump: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for config in dump.get("configs", ()):
        yield from config.get("route_config", {}).get("virtual_hosts", ())


def _shares(action: dict[str, Any]) -> dict[str, int]:
    if "cluster" in action:
        return {action["cluster"]: 100}
    return {entry["name"]: entry.get("weight", 0) for entry in action.get("weighted_clusters", {}).get("clusters", ())}
