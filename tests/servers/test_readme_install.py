"""Does the README's section "Install" lead from an empty API server to a promoted release, as it stands?

Three things stand in for what this machine lacks: the wheel built here for `pip install`, a process made from the
Deployment's pod template for its pod, and a script of a few lines for kubectl where there is none.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.wiring.shipped import CONTROLLER, NAMESPACE
from tests.servers.apiserver import ApiServer
from tests.servers.client import path_of
from tests.servers.cluster import Cluster, deployment, service
from tests.servers.controllers import Controllers
from tests.servers.githttp import GitHttp
from tests.servers.kubelet import Kubelet
from tests.servers.missing import obtained
from tests.servers.process import Process, free_port
from tests.servers.prometheus import Prometheus
from tests.servers.rights import account_config
from tests.servers.shop import manifest, virtual_service
from tests.servers.wheel import installed

pytestmark = [pytest.mark.server, pytest.mark.slow]

README = (Path(__file__).parents[2] / "README.md").read_text()
SECTION = README.split("\n## Install\n", 1)[1].split("\n## ", 1)[0]
PUBLIC = "https://git.example.org/shop/specs.git"  # the README's repository; here it is one on loopback
PATIENCE_S = 180.0


def blocks(language: str) -> list[str]:
    """The section's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)


def typed() -> list[str]:
    """What a reader types, but for `pip install`."""
    lines = [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    assert lines[0] == "pip install rollout-controller"
    return lines[1:]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.mktemp("readme-wheel"))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """An API server that has Istio's kinds and nothing of ours."""
    place = tmp_path / "cluster"
    place.mkdir()
    server = ApiServer(place)
    controllers, kubelet = Controllers(server), Kubelet(server)
    try:
        obtained(server.start)
        obtained(lambda: server.install_crds(["istio"]))
        obtained(controllers.start)
        kubelet.start()
        yield Cluster(server=server, controllers=controllers, kubelet=kubelet)
    finally:
        kubelet.stop()
        controllers.stop()
        server.stop()


@pytest.fixture
def desk(tmp_path: Path, git_http: GitHttp, cluster: Cluster) -> Path:
    """A user's folder: two revisions run in `shop`, `specs` is the repository, and `gitsource.yaml` is the README's."""
    kube = cluster.kube
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    for revision in ("v1", "v2"):
        labels = {"app": "checkout", "version": revision}
        kube.apply(
            deployment("shop", f"checkout-{revision}", revision), service("shop", f"checkout-{revision}", labels)
        )
    kube.apply(virtual_service("shop"))
    cluster.wait_available("shop", "checkout-v1", "checkout-v2")
    repository = git_http.repository("specs")
    spec = manifest("shop", "v1", objectives=[], steps=[{"weight": 50, "soak": "2s"}])
    repository.commit({"rollouts/checkout.yaml": yaml.safe_dump(spec)}, "checkout")
    desk = tmp_path / "desk"
    desk.mkdir()
    subprocess.run(["git", "clone", "-q", repository.url, str(desk / "specs")], check=True, timeout=60)
    push = ["git", "-C", str(desk / "specs"), "remote", "set-url", "--push", "origin", str(repository.bare)]
    subprocess.run(push, check=True, timeout=60)  # the server takes no pushes
    (desk / "gitsource.yaml").write_text(blocks("yaml")[0].replace(PUBLIC, repository.url).replace("1m", "5s"))
    return desk


KUBECTL = """#!{python}
import sys
from threading import Event
sys.path.insert(0, {root!r})
import yaml
from pathlib import Path
from tests.servers.client import Kube, path_of
kube = Kube({url!r}, Path({ca!r}), {token!r})
words = [word for word in sys.argv[1:]]
if words[0] == "apply":
    for obj in yaml.safe_load_all(Path(words[2]).read_text()):
        kube.apply(obj, manager="kubectl")
else:
    assert words[0] == "-n" and words[2:4] == ["rollout", "status"], words
    path = "/apis/apps/v1/namespaces/" + words[1] + "/deployments/" + words[4].split("/")[1]
    while not kube.get(path).get("status", {{}}).get("availableReplicas"):
        Event().wait(0.5)
"""


@pytest.fixture
def shell(tmp_path: Path, cluster: Cluster, program: Path, prometheus: Prometheus) -> Mapping[str, str]:
    """The environment of the user's shell."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "rollout").symlink_to(program)
    if not shutil.which("kubectl"):
        server = cluster.server
        root = str(Path(__file__).parents[2])
        text = KUBECTL.format(
            python=sys.executable, root=root, url=server.url, ca=str(server.ca), token=server.token["admin"]
        )
        (bin_folder / "kubectl").write_text(text)
        (bin_folder / "kubectl").chmod(0o755)
    return os.environ | {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "KUBECONFIG": str(cluster.kubeconfig()),
        "IMAGE": "registry.test/rollout:1",
        "PROMETHEUS": prometheus.url,
        "GIT_AUTHOR_NAME": "ana",
        "GIT_AUTHOR_EMAIL": "ana@example.test",
        "GIT_COMMITTER_NAME": "ana",
        "GIT_COMMITTER_EMAIL": "ana@example.test",
    }


class Pod:
    """The process that the Deployment's pod template describes, with what a node would give it."""

    def __init__(self, cluster: Cluster, program: Path, place: Path) -> None:
        self._cluster, self._program, self._place = cluster, program, place
        self._process = Process("rollout-controller", place / "pod.log")
        self._port = free_port()

    def start(self) -> None:
        """Return when it is ready and leads."""
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{CONTROLLER}"
        template = self._cluster.kube.get(path)["spec"]["template"]
        (container,) = template["spec"]["containers"]
        environment = {entry["name"]: self._value(entry) for entry in container["env"]}
        # What the node brings: the account's token, a network and a disk of the pod's own; and git on loopback.
        environment |= {
            "ROLLOUT_KUBECONFIG": str(account_config(self._cluster.server, self._place)),
            "ROLLOUT_METRICS_LISTEN": f"127.0.0.1:{self._port}",
            "ROLLOUT_API_LISTEN": "",
            "ROLLOUT_GIT_CACHE": str(self._place / "git"),
            "ROLLOUT_ALLOW_FILE_URLS": "true",
        }
        self._process.start([str(self._program), *container["args"]], self._place, environment)
        self._process.wait_ready(self._leads, PATIENCE_S)

    def stop(self) -> None:
        """It is no more."""
        self._process.stop()

    def last_words(self) -> str:
        """The end of its log."""
        return self._process.last_words()

    def _value(self, entry: dict[str, Any]) -> str:
        if "value" in entry:
            return str(entry["value"])
        fields = {"metadata.namespace": NAMESPACE, "metadata.name": f"{CONTROLLER}-0"}
        return fields[entry["valueFrom"]["fieldRef"]["fieldPath"]]

    def _leads(self) -> bool:
        lease = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{CONTROLLER}"
        kube = self._cluster.kube
        return kube.exists(lease) and bool(kube.get(lease)["spec"].get("holderIdentity"))


def run(line: str, desk: Path, shell: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """How a line ends that a user types."""
    return subprocess.run(
        ["bash", "-c", line],
        cwd=desk,
        env=dict(shell),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_the_readme_leads_from_an_empty_cluster_to_a_promoted_release(
    cluster: Cluster, desk: Path, shell: Mapping[str, str], program: Path, tmp_path: Path
) -> None:
    pod = Pod(cluster, program, tmp_path)
    try:
        for line in typed():
            done = run(line, desk, shell)
            assert done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}\n{pod.last_words()}"
            if line.startswith("rollout install"):
                pod.start()
        route = cluster.kube.get(path_of(virtual_service("shop")))["spec"]["http"][0]["route"]
    finally:
        pod.stop()

    assert {entry["destination"]["host"] for entry in route if entry.get("weight")} == {"checkout-v2"}
