"""How do Deployments get Pods and Services get EndpointSlices on the tests' API server?"""

from tests.servers import build, obtaining
from tests.servers.apiserver import ApiServer
from tests.servers.client import KubeError
from tests.servers.process import Process

CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "daemonset-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "job-controller",
    "cronjob-controller",
)
# Its own client is limited to 20 requests a second, which a test with some Deployments at once would feel.
CLIENT_LIMITS = ("--kube-api-qps=200", "--kube-api-burst=400")


class Controllers:
    """kube-controller-manager beside one API server."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._process = Process("kube-controller-manager", server.directory / "kube-controller-manager.log")

    def start(self) -> None:
        """Return when its controllers work: the default namespace has its service account."""
        found = obtaining.on_path("kube-controller-manager")
        command = [str(found)] if found else [str(build.built(build.KUBE)), "controller-manager"]
        flags = [
            f"--kubeconfig={self._server.kubeconfig('admin')}",
            f"--service-account-private-key-file={self._server.signing_key}",
            "--leader-elect=false",
            "--secure-port=0",
            f"--controllers={','.join(CONTROLLERS)}",
        ]
        self._process.start([*command, *flags, *CLIENT_LIMITS], self._server.directory)
        self._process.wait_ready(self._is_working, 60.0)

    def stop(self) -> None:
        """Kill it."""
        self._process.stop()

    def _is_working(self) -> bool:
        try:
            return self._server.client().exists("/api/v1/namespaces/default/serviceaccounts/default")
        except KubeError:
            return False
