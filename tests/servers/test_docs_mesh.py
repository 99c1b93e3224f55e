"""Does docs/mesh-migration.md lead a namespace from an empty control plane to STRICT and back, as it stands?

kube-apiserver, Prometheus, git over HTTP and `rollout serve` are real; pods, proxies and callers are played (`shown.py`).
Times are shortened, and `rollout demo mesh` is run elsewhere (`test_demo_fleet.py`).
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from adapters.memory.mesh_traffic import Caller, Workload
from rollout.wiring.shipped import NAMESPACE
from tests.servers.apiserver import ApiServer
from tests.servers.client import Kube, KubeError
from tests.servers.controller import PROGRAM, Controller
from tests.servers.githttp import GitHttp
from tests.servers.missing import obtained
from tests.servers.process import eventually
from tests.servers.prometheus import Prometheus
from tests.servers.rights import account_config
from tests.servers.shown import ShownFleet, install_mesh

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl on PATH"),
]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "mesh-migration.md").read_text()
PUBLIC = "https://git.example.org/platform/fleet.git"  # the page's repository; here it is one on loopback
SHORT = {"soak: 24h": "soak: 4s", "baseline: 24h": "baseline: 2s", "verify: 15m": "verify: 2s"}
SHORT |= {"interval: 15s": "interval: 1s\n  selfTest: false", "drain: 45s": "drain: 1s", "interval: 1m": "interval: 5s"}
MIGRATION = "/apis/rollout.dev/v1alpha1/meshmigrations/to-strict"
PATIENCE_S = 120.0
LINE_S = 60.0
AGAIN_S = 1.0


def blocks(language: str) -> list[str]:
    """The page's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def typed() -> list[str]:
    """What a reader types, but for the demo."""
    lines = [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    assert lines[0].startswith("rollout demo mesh")
    return lines[1:]


def shortened(text: str) -> str:
    """The same with times that a test can wait for."""
    for long, short in SHORT.items():
        text = text.replace(long, short)
    return text


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    """An API server with an installed mesh, and nothing of ours."""
    place = tmp_path / "cluster"
    place.mkdir()
    server = ApiServer(place)
    try:
        obtained(server.start)
        obtained(lambda: server.install_crds(["istio"]))
        kube = server.client()
        for name in ("istio-system", "shop"):
            kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        install_mesh(kube)
        yield server
    finally:
        server.stop()


@pytest.fixture
def fleet(server: ApiServer, prometheus: Prometheus) -> Iterator[ShownFleet]:
    """Two workloads in shop, one of which calls the other."""
    fleet = ShownFleet(server.kubeconfig(), prometheus)
    fleet.start(
        [Workload(namespace="shop", name=name) for name in ("web", "api")],
        [Caller(name="web", source="shop/web", target="shop/api", rate=5)],
    )
    yield fleet
    fleet.stop()


@pytest.fixture
def desk(tmp_path: Path, git_http: GitHttp) -> Path:
    """A user's folder: `fleet` is a clone, and the page's two manifests are where the page has them."""
    desk = tmp_path / "desk"
    desk.mkdir()
    repository = git_http.repository("fleet")
    repository.commit({"rollouts/.keep": ""}, "empty")
    clone = desk / "fleet"
    subprocess.run(["git", "clone", "-q", repository.url, str(clone)], check=True, timeout=60)
    push = ["git", "-C", str(clone), "remote", "set-url", "--push", "origin", str(repository.bare)]
    subprocess.run(push, check=True, timeout=60)  # the server takes no pushes
    migration, source = map(shortened, blocks("yaml"))
    (clone / "rollouts" / "to-strict.yaml").write_text(migration)
    (desk / "gitsource.yaml").write_text(source.replace(PUBLIC, repository.url))
    return desk


@pytest.fixture
def shell(tmp_path: Path, server: ApiServer, prometheus: Prometheus) -> Mapping[str, str]:
    """The environment of the user's shell."""
    program = tmp_path / "bin" / "rollout"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {" ".join(PROGRAM)} "$@"\n')
    program.chmod(0o755)
    return os.environ | {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "KUBECONFIG": str(server.kubeconfig()),
        "IMAGE": "registry.test/rollout:1",
        "PROMETHEUS": prometheus.url,
        "GIT_AUTHOR_NAME": "ana",
        "GIT_AUTHOR_EMAIL": "ana@example.test",
        "GIT_COMMITTER_NAME": "ana",
        "GIT_COMMITTER_EMAIL": "ana@example.test",
    }


def run(line: str, desk: Path, shell: Mapping[str, str]) -> str:
    """What a line leads to that a user types, and types again while the controller is still busy; "" when all is well."""
    last = ""

    def is_done() -> bool:
        nonlocal last
        done = subprocess.run(
            ["bash", "-c", line], cwd=desk, env=dict(shell), capture_output=True, text=True, timeout=LINE_S, check=False
        )
        last = f"$ {line}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.returncode == 0

    return "" if eventually(is_done, PATIENCE_S, AGAIN_S) else last


def mode(kube: Kube) -> str:
    """Of shop's own PeerAuthentication; "" while there is none."""
    try:
        peer = kube.get("/apis/security.istio.io/v1/namespaces/shop/peerauthentications/default")
    except KubeError:
        return ""
    return str(peer["spec"]["mtls"]["mode"])


def stage(kube: Kube) -> str:
    """Where shop stands."""
    return str(kube.get(MIGRATION)["status"]["namespaces"][0]["stage"])


def test_the_page_leads_a_namespace_to_strict_and_back(
    server: ApiServer, fleet: ShownFleet, desk: Path, shell: Mapping[str, str], prometheus: Prometheus, tmp_path: Path
) -> None:
    kube, modes = server.client(), {}
    controller: Controller | None = None
    try:
        for line in typed():
            assert run(line, desk, shell) == ""
            verb = " ".join(line.split()[:3])
            if line.startswith("rollout install"):
                controller = _controller(server, prometheus, tmp_path)
            modes[verb] = mode(kube)
            if verb == "rollout mesh fallback":
                assert eventually(lambda: stage(kube) == "FallenBack", PATIENCE_S)
                modes[verb] = mode(kube)
        assert eventually(lambda: stage(kube) == "RolledBack", PATIENCE_S)
    finally:
        if controller is not None:
            controller.kill()

    assert modes["kubectl wait meshmigration/to-strict"] == "STRICT"
    assert modes["rollout mesh fallback"] == "PERMISSIVE"
    assert "Strict to StrictSoak" in (desk / "evidence.md").read_text()
    assert mode(kube) == ""
    assert "istio-injection" not in kube.get("/api/v1/namespaces/shop")["metadata"]["labels"]


def _controller(server: ApiServer, prometheus: Prometheus, directory: Path) -> Controller:
    """What the installed Deployment would run, with the rights that were installed; git on loopback counts as a file."""
    controller = Controller(
        directory,
        account_config(server, directory),
        namespace="",
        own_namespace=NAMESPACE,
        prometheus_url=prometheus.url,
        allow_file_urls="yes",
    )
    controller.start()
    return controller
