"""How does a pod of the tests get its Istio proxy: a pilot-agent with certificates, and the Envoy that it starts?"""

import asyncio
import itertools
import json
import os
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.servers import build, pods
from tests.servers.apiserver import ApiServer
from tests.servers.istiod import DISCOVERY, Istiod
from tests.servers.process import Process

PROXY = pods.PREFIX + "proxy"  # annotation: "sidecar" or "router"; a pod without it has no proxy
FIRST_PORT = 20000
READY_S = 40.0  # 1 s when idle
DRAIN = "2s"  # how long old connections live after a change of the listener

OnProxy = Callable[["Proxy"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports of one proxy; no two proxies share one, because all pods share this machine's network."""

    status: int
    prometheus: int
    agent: int
    admin: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A running proxy."""

    pod: str
    namespace: str
    workload: str  # its Deployment
    metrics_url: str
    admin_url: str
    log: Path  # the agent's and Envoy's, access logs too


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """What every agent needs."""

    server: ApiServer
    istiod: Istiod
    template: Path
    directory: Path
    on_proxy: OnProxy  # told of each proxy that is ready


class Agents:
    """The proxies of all pods; what a kubelet starts beside them."""

    def __init__(self, materials: Materials) -> None:
        self._materials = materials
        self._processes: dict[str, Process] = {}
        self._numbers = itertools.count()

    async def start(self, pod: pods.Pod, address: str) -> None:
        """Return when the pod's Envoy has its configuration and certificates."""
        kind = pods.annotations(pod).get(PROXY)
        if kind:
            await asyncio.shield(asyncio.to_thread(self._start, pod, address, kind))

    async def stop(self, uid: str) -> None:
        """Kill the pod's proxy."""
        if process := self._processes.pop(uid, None):
            process.stop()

    def _start(self, pod: pods.Pod, address: str, kind: str) -> None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        ports = _ports(next(self._numbers))
        directory = self._materials.directory / name
        self._write_files(pod, directory)
        process = Process(f"the proxy of {name}", directory / "agent.log")
        self._processes[pod["metadata"]["uid"]] = process
        flags = ["--domain", f"{namespace}.svc.cluster.local", "--templateFile", str(self._materials.template)]
        command = [str(build.built(build.PILOT_AGENT)), "proxy", kind, *flags, "--proxyLogLevel", "warning,misc:error"]
        process.start(command, directory, _environment(pod, address, ports))
        process.wait_ready(lambda: _answers(f"http://127.0.0.1:{ports.status}/healthz/ready"), READY_S)
        metrics, admin = f"http://127.0.0.1:{ports.prometheus}/stats/prometheus", f"http://127.0.0.1:{ports.admin}"
        proxy = Proxy(
            pod=name,
            namespace=namespace,
            workload=_workload(pod),
            metrics_url=metrics,
            admin_url=admin,
            log=process.log,
        )
        self._materials.on_proxy(proxy)

    def _write_files(self, pod: pods.Pod, directory: Path) -> None:
        labels = "".join(f'{key}="{value}"\n' for key, value in pods.labels(pod).items())
        files = {
            "var/run/secrets/tokens/istio-token": self._token(pod),
            "var/run/secrets/istio/root-cert.pem": self._materials.istiod.root_certificate(
                pod["metadata"]["namespace"]
            ),
            "etc/istio/pod/labels": labels,
            "etc/istio/pod/annotations": "",
        }
        for path, text in files.items():
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        (directory / "etc" / "istio" / "proxy").mkdir(parents=True, exist_ok=True)

    def _token(self, pod: pods.Pod) -> str:
        meta, account = pod["metadata"], pod["spec"]["serviceAccountName"]
        bound = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}
        wanted = {"spec": {"audiences": ["istio-ca"], "expirationSeconds": 43200, "boundObjectRef": bound}}
        path = f"/api/v1/namespaces/{meta['namespace']}/serviceaccounts/{account}/token"
        return str(self._materials.server.client().request("POST", path, wanted)["status"]["token"])


def _ports(number: int) -> Ports:
    first = FIRST_PORT + 10 * number
    return Ports(status=first, prometheus=first + 1, agent=first + 2, admin=first + 3)


def _environment(pod: pods.Pod, address: str, ports: Ports) -> dict[str, str]:
    config = {
        "discoveryAddress": DISCOVERY,
        "statusPort": ports.agent,
        "proxyAdminPort": ports.admin,
        "concurrency": 1,
        "binaryPath": str(build.envoy()),
        "configPath": "./etc/istio/proxy",
        "drainDuration": DRAIN,
        "proxyStatsMatcher": {"inclusionPrefixes": ["listener.", "tcp.", "http.inbound"]},
    }
    return {
        "POD_NAME": pod["metadata"]["name"],
        "POD_NAMESPACE": pod["metadata"]["namespace"],
        "SERVICE_ACCOUNT": pod["spec"]["serviceAccountName"],
        "INSTANCE_IP": address,
        "CA_ADDR": DISCOVERY,
        "TRUST_DOMAIN": "cluster.local",
        "ISTIO_META_CLUSTER_ID": "Kubernetes",
        "ISTIO_META_WORKLOAD_NAME": _workload(pod),
        "ISTIO_META_MESH_ID": "cluster.local",
        "ISTIO_META_INTERCEPTION_MODE": "NONE",
        "ENVOY_STATUS_PORT": str(ports.status),
        "ENVOY_PROMETHEUS_PORT": str(ports.prometheus),
        "PROXY_CONFIG": json.dumps(config),
        "PATH": os.environ.get("PATH", ""),
    }


def _workload(pod: pods.Pod) -> str:
    """The Deployment's name, from the pod's: DEPLOYMENT-TEMPLATE HASH-RANDOM."""
    return str(pod["metadata"]["name"]).rsplit("-", 2)[0]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
