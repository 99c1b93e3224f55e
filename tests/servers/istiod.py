"""How does a real istiod run beside the tests' API server?"""

import urllib.request
from pathlib import Path

from tests.servers import build
from tests.servers.apiserver import ApiServer
from tests.servers.process import Process, ServerFailedError, eventually

ROOT_NAMESPACE = "istio-system"
DISCOVERY = "127.0.0.1:15012"  # its host is in istiod's own certificate, so agents must use exactly this
HTTP = "127.0.0.1:8085"  # the default, 8080, is what apps want
ENVIRONMENT = {
    "POD_NAMESPACE": ROOT_NAMESPACE,
    "POD_NAME": "istiod-0",
    "SERVICE_ACCOUNT": "istiod",
    "CLUSTER_ID": "Kubernetes",
    "REVISION": "default",
    # Both need extensions that only Istio's own build of Envoy has.
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
    "PILOT_ENABLE_ALPN_FILTER": "false",
}
MESH = f"defaultConfig:\n  discoveryAddress: {DISCOVERY}\n"
REFUSED = "ACK ERROR"  # what istiod logs when Envoy does not take a configuration


class Istiod:
    """istiod with its own certificate authority."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._directory = server.directory / "istiod"
        self._process = Process("istiod", server.directory / "istiod.log")

    def start(self) -> None:
        """Return when it serves and has written its root certificate into the default namespace."""
        config = self._directory / "etc" / "istio" / "config" / "mesh"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(MESH)
        flags = [f"--kubeconfig={self._server.kubeconfig()}", f"--httpAddr={HTTP}", "--monitoringAddr=127.0.0.1:15014"]
        self._process.start([str(build.built(build.ISTIOD)), "discovery", *flags], self._directory, ENVIRONMENT)
        self._process.wait_ready(self._is_ready, 60.0)

    def stop(self) -> None:
        """Kill it."""
        self._process.stop()

    def root_certificate(self, namespace: str) -> str:
        """What proxies of a namespace trust, once istiod has written it there."""
        path = f"/api/v1/namespaces/{namespace}/configmaps/istio-ca-root-cert"
        admin = self._server.client()
        if not eventually(lambda: admin.exists(path), 20.0):
            raise ServerFailedError(f"istiod wrote no {path}; its log ends:\n{self._process.last_words()}")
        return str(admin.get(path)["data"]["root-cert.pem"])

    def refused(self) -> list[str]:
        """Lines of its log in which a proxy refused a configuration; none in a sound mesh."""
        return [line for line in self._process.log.read_text().splitlines() if REFUSED in line]

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HTTP}/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def bootstrap_template(directory: Path) -> Path:
    """A copy of Istio's template for Envoy's bootstrap."""
    source = build.istio_module() / "tools" / "packaging" / "common" / "envoy_bootstrap.json"
    copy = directory / "envoy_bootstrap.json"
    copy.write_text(source.read_text())
    return copy
