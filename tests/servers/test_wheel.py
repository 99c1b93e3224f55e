"""Is what the program needs inside the built wheel, and nothing else needed?"""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.server, pytest.mark.slow]
PATIENCE_S = 300.0


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`rollout` of the built wheel in an environment of its own, with the dependencies that it names, as locked."""
    place = tmp_path_factory.mktemp("wheel")
    command(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place), cwd=ROOT)
    wheel = next(place.glob("*.whl"))
    environment = place / "environment"
    uv = str(Path(sys.executable).parent / "uv")
    command(uv, "venv", "--quiet", "--python", sys.executable, str(environment))
    python = str(environment / "bin" / "python")
    locked = str(ROOT / "requirements.lock")  # its versions, but only what the wheel itself asks for
    command(uv, "pip", "install", "--quiet", "--python", python, "--constraint", locked, f"{wheel}[demo]")
    return environment / "bin" / "rollout"


def command(*words: str, cwd: Path | None = None) -> str:
    """What a command prints; its own words are in the error when it fails."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


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
