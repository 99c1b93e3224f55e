"""Can a kept demo be looked at from a second terminal, with our CLI and with kubectl?"""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.controller import PROGRAM, rollout
from tests.servers.process import eventually

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("demo")]

ROOT = Path(__file__).parents[2]
STARTED_S = 30.0
ENDED_S = 15.0
TOLD = re.compile(r"export KUBECONFIG=([^;]+);")


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a demo that is left running tells to export."""
    directory = tmp_path_factory.mktemp("kept")
    environment = os.environ | {"TMPDIR": str(directory), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    log = directory / "log"
    command = [*PROGRAM, "demo", "--keep", "--rate", "40"]
    with log.open("wb") as out, subprocess.Popen(command, cwd=directory, env=environment, stdout=out) as running:
        try:
            assert eventually(lambda: bool(TOLD.search(log.read_text())), STARTED_S), log.read_text()
            told = TOLD.search(log.read_text())
            assert told is not None
            yield Path(told[1])
            running.send_signal(signal.SIGINT)
            assert eventually(lambda: running.poll() is not None, ENDED_S)
        finally:
            running.kill()


def test_a_second_terminal_lists_the_rollouts(kubeconfig: Path) -> None:
    listed = rollout("list", "-A", "-o", "json", kubeconfig=kubeconfig, namespace="shop")

    assert listed.returncode == 0, listed.stderr
    assert [item["metadata"]["name"] for item in json.loads(listed.stdout)["items"]] == ["checkout"]


def test_a_second_terminal_asks_why(kubeconfig: Path) -> None:
    told = rollout("why", "checkout", kubeconfig=kubeconfig, namespace="shop")

    assert told.returncode == 0, told.stderr
    assert "shop/checkout" in told.stdout


def test_a_second_terminal_steers(kubeconfig: Path) -> None:
    def pause() -> str:
        return rollout("pause", "checkout", kubeconfig=kubeconfig, namespace="shop").stdout

    assert eventually(lambda: pause().startswith("Accepted: shop/checkout pause"), STARTED_S)  # once v2's run began


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl on PATH")
def test_kubectl_prints_the_columns_of_the_crd(kubeconfig: Path) -> None:
    command = ["kubectl", f"--kubeconfig={kubeconfig}", "get", "rollouts", "--all-namespaces"]

    told = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)

    heading, line = told.stdout.splitlines()
    assert {"NAMESPACE", "NAME", "PHASE", "WEIGHT"} <= set(heading.split())
    assert line.split()[:2] == ["shop", "checkout"]
