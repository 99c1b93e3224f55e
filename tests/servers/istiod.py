"""How does a real istiod run beside the tests' API server?"""

import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.servers import build
from tests.servers.apiserver import ApiServer
from tests.servers.process import Process, ServerFailedError, eventually, free_port

ROOT_NAMESPACE = "istio-system"
DISCOVERY = "127.0.0.1:15012"  # its host is in istiod's own certificate, so agents must use exactly this
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
REFUSED = "ACK ERROR"  # what istiod logs when Envoy does not take a configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where it listens. discovery: for agents; webhook: for the API server, with the certificate of discovery's host."""

    discovery: str = DISCOVERY
    http: str = "127.0.0.1:8085"  # the default, 8080, is what apps want
    monitoring: str = "127.0.0.1:15014"
    webhook: str = "127.0.0.1:15017"
    plain: str = "127.0.0.1:15010"
    introspection: str = "9876"

    @classmethod
    def free(cls) -> "Places":
        """Ports that nobody holds at this moment."""
        found = [f"127.0.0.1:{free_port()}" for _ in range(5)]
        return cls(
            discovery=found[0],
            http=found[1],
            monitoring=found[2],
            webhook=found[3],
            plain=found[4],
            introspection=str(free_port()),
        )

    @property
    def flags(self) -> list[str]:
        """As pilot-discovery takes them."""
        return [
            f"--secureGRPCAddr={self.discovery}",
            f"--httpAddr={self.http}",
            f"--monitoringAddr={self.monitoring}",
            f"--httpsAddr={self.webhook}",
            f"--grpcAddr={self.plain}",
            f"--ctrlz_port={self.introspection}",
        ]


def mesh_config(discovery: str = DISCOVERY) -> str:
    """What istiod gets as its mesh configuration."""
    return f"defaultConfig:\n  discoveryAddress: {discovery}\n"


class Istiod:
    """istiod with its own certificate authority."""

    def __init__(self, server: ApiServer, places: Places | None = None) -> None:
        self.places = places or Places()
        self._server = server
        self._directory = server.directory / "istiod"
        self._process = Process("istiod", server.directory / "istiod.log")

    def start(self) -> None:
        """Return when it serves and has written its root certificate into the default namespace."""
        config = self._directory / "etc" / "istio" / "config" / "mesh"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(mesh_config(self.places.discovery))
        flags = [f"--kubeconfig={self._server.kubeconfig()}", *self.places.flags]
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
            with urllib.request.urlopen(f"http://{self.places.http}/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def bootstrap_template(directory: Path) -> Path:
    """A copy of Istio's template for Envoy's bootstrap."""
    source = build.istio_module() / "tools" / "packaging" / "common" / "envoy_bootstrap.json"
    copy = directory / "envoy_bootstrap.json"
    copy.write_text(source.read_text())
    return copy
