"""Does the story of a fleet that moves into a mesh come to its end by itself, in about a minute?"""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.servers.controller import PROGRAM
from tests.servers.process import eventually

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("demo")]

ROOT = Path(__file__).parents[2]
WHOLE_S = 200.0
ENDED_S = 15.0
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}


def test_a_hidden_caller_is_found_strict_is_reached_and_a_late_caller_makes_one_namespace_fall_back() -> None:
    done = subprocess.run(
        [*PROGRAM, "demo", "mesh"], env=ENVIRONMENT, capture_output=True, text=True, timeout=WHOLE_S, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    (late,) = re.findall(r"starts to call (\w+) without a proxy", done.stdout)
    order = ("plaintext: external 203.0.113.9 called shop/web", "STRICT everywhere", f"{late:<6} takes plaintext again")
    assert sorted(order, key=done.stdout.index) == list(order)
    assert re.search(
        r"The hidden caller: .* called shop/web (once|\d times), the last time at \d\d:\d\d:\d\d\. It", done.stdout
    )
    assert re.search(rf"refused (once|\d+ times); \d+\.\d s after the first refusal {late} took plaintext", done.stdout)
    assert "\x1b" not in done.stdout


def test_ctrl_c_ends_it_at_once_and_leaves_no_file(tmp_path: Path) -> None:
    command, environment = [*PROGRAM, "demo", "mesh", "--keep"], ENVIRONMENT | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        shown = next((line for line in running.stdout if "tools  is next" in line), "")

        running.send_signal(signal.SIGINT)

        assert shown
        assert eventually(lambda: running.poll() is not None, ENDED_S)
        assert running.returncode == 0
    assert list(tmp_path.iterdir()) == []
