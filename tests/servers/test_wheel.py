"""Is what the program needs inside the built wheel, and nothing else needed?"""

import re
from pathlib import Path

import pytest
import yaml

from tests.servers.wheel import ROOT, command, installed

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`rollout` of the built wheel in an environment of its own, with the dependencies that it names, as locked."""
    return installed(tmp_path_factory.mktemp("wheel"), "[demo]")


def test_it_says_its_version(program: Path, tmp_path: Path) -> None:
    assert command(str(program), "version", cwd=tmp_path).startswith("rollout 0.")


def test_it_prints_the_crds(program: Path, tmp_path: Path) -> None:
    printed = yaml.safe_load_all(command(str(program), "crds", cwd=tmp_path))

    assert "rollouts.rollout.dev" in {crd["metadata"]["name"] for crd in printed}


def test_it_carries_what_it_installs(program: Path, tmp_path: Path) -> None:
    printed = yaml.safe_load_all(command(str(program), "install", "--dry-run", cwd=tmp_path))

    assert {"Deployment", "ClusterRole", "ValidatingAdmissionPolicy"} <= {obj["kind"] for obj in printed}


def test_kubectl_finds_it_as_a_plugin(program: Path, tmp_path: Path) -> None:
    assert command(str(program.with_name("kubectl-rollouts")), "version", cwd=tmp_path).startswith("rollout 0.")


def test_it_runs_the_demo(program: Path, tmp_path: Path) -> None:
    told = command(str(program), "demo", cwd=tmp_path)

    assert "v2: promoted" in told
    assert "v3: rolled back" in told
    assert " 0 connections reset" in told
    (beside,) = re.findall(
        r"Failed requests until rollback: (\d+); .* would have let about (\d+) through \((?:a projection|computed)",
        told,
    )
    assert int(beside[0]) < int(beside[1])


def test_it_runs_the_demo_of_people(program: Path, tmp_path: Path) -> None:
    told = command(str(program), "demo", "people", "--press", cwd=tmp_path)

    assert "Approved by ana@shop.example in Slack and bo@shop.example in the dashboard." in told


def test_it_carries_every_file_of_the_dashboard(program: Path) -> None:
    (package,) = program.parents[1].glob("lib/*/site-packages/rollout/web/static")

    assert _files(package) == _files(ROOT / "rollout" / "web" / "static")


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("overlay", ["istio", "gateway-api", "linkerd"])
def test_it_carries_the_overlays(program: Path, tmp_path: Path, overlay: str) -> None:
    printed = command(str(program), "install", "--dry-run", "--overlay", overlay, cwd=tmp_path)

    assert f"value: {overlay}" in printed


def test_it_carries_what_watches_it(program: Path) -> None:
    (package,) = program.parents[1].glob("lib/*/site-packages/rollout/installed")

    assert {"dashboard.json", "prometheusrule.yaml"} <= {path.name for path in (package / "monitoring").iterdir()}
