"""Which real servers can a test ask for as a fixture?

All live for one worker's whole run and are shared; a test keeps to its own `namespace`. A server that cannot be had
here skips the test, or fails it under CI=true.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from rollout.ports.sources import Credentials
from tests.servers.apiserver import ApiServer
from tests.servers.client import Kube
from tests.servers.cluster import Cluster
from tests.servers.controllers import Controllers
from tests.servers.envoy import EnvoyFront
from tests.servers.githttp import GitHttp, Login
from tests.servers.kubelet import Kubelet
from tests.servers.mesh import Mesh
from tests.servers.missing import obtained
from tests.servers.prometheus import Prometheus
from tests.servers.sshd import Sshd
from tests.support.served import Served
from tests.support.signing import GpgSigner, SshSigner

OUR_CRDS = Path(__file__).parents[2] / "deploy" / "crds"


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real kube-apiserver with our CRDs and upstream's of Istio, Gateway API and SMI; no controllers."""
    server = ApiServer(tmp_path_factory.mktemp("kube"))
    try:
        obtained(server.start)
        obtained(server.install_crds)
        server.install_files(sorted(OUR_CRDS.glob("*.yaml")))
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def kubeconfig(apiserver: ApiServer) -> Path:
    """The administrator's kubeconfig file."""
    return apiserver.kubeconfig("admin")


@pytest.fixture(scope="session")
def kube(apiserver: ApiServer) -> Kube:
    """The administrator's client for set-up and for looking."""
    return apiserver.client()


@pytest.fixture(scope="session")
def cluster(apiserver: ApiServer) -> Iterator[Cluster]:
    """The same API server with kube-controller-manager and our kubelet: Deployments become Ready pods."""
    controllers, kubelet = Controllers(apiserver), Kubelet(apiserver)
    try:
        obtained(controllers.start)
        kubelet.start()
        yield Cluster(server=apiserver, controllers=controllers, kubelet=kubelet)
    finally:
        kubelet.stop()
        controllers.stop()


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """A namespace that no other test has; deleted afterwards (without controllers it only starts to end)."""
    name = f"t-{secrets.token_hex(4)}"
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    kube.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A real Prometheus that scrapes every second; `scrape` adds a target."""
    server = Prometheus(tmp_path_factory.mktemp("prometheus"))
    try:
        obtained(server.start)
        yield server
    finally:
        server.stop()


@pytest.fixture
def envoy(cluster: Cluster, prometheus: Prometheus, namespace: str) -> Iterator[EnvoyFront]:
    """A real Envoy that routes by the objects of `namespace`, scraped by Prometheus as job `namespace`."""
    front = EnvoyFront(cluster.server, namespace, lambda: cluster.kubelet.addresses)
    try:
        obtained(front.start)
        prometheus.scrape(namespace, front.metrics_url)
        yield front
    finally:
        prometheus.forget(namespace)
        front.stop()


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A real Istio mesh with a gateway and a client; only inside the network that `make e2e` makes."""
    found = Mesh(tmp_path_factory.mktemp("mesh"))
    try:
        obtained(found.start)
        yield found
    finally:
        found.stop()


@pytest.fixture
def git_http(tmp_path: Path) -> Iterator[GitHttp]:
    """git over HTTP without a password; set `login` to ask for one."""
    server = GitHttp(tmp_path)
    try:
        obtained(server.start)
        yield server
    finally:
        server.stop()


@pytest.fixture
def git_ssh(tmp_path: Path) -> Iterator[Sshd]:
    """git over SSH: a real sshd with a host key and one client key of its own."""
    server = Sshd(tmp_path / "sshd")
    try:
        obtained(server.start)
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["http", "ssh"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Served:
    """The repository shop.git of the test's folder, over each transport."""
    if request.param == "ssh":
        ssh: Sshd = request.getfixturevalue("git_ssh")
        return Served(url=ssh.url(tmp_path / "shop.git"), credentials=ssh.credentials)
    http: GitHttp = request.getfixturevalue("git_http")
    http.login = Login(user="ana", password="correct horse")
    return Served(url=f"{http.url}/shop.git", credentials=Credentials(username="ana", password="correct horse"))


@pytest.fixture
def ana_ssh(tmp_path: Path) -> SshSigner:
    """An SSH key that signs commits."""
    return obtained(lambda: SshSigner(tmp_path / "ana-ssh", "ana@example.org"))


@pytest.fixture
def ana_gpg() -> Iterator[GpgSigner]:
    """A GPG key that signs commits, in a keyring of its own."""
    signer = obtained(lambda: GpgSigner("Ana <ana@example.org>"))
    yield signer
    signer.close()
