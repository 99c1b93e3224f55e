"""Does the demo decide by what it measures, and does it end cleanly whenever somebody has seen enough?"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.controller import PROGRAM
from tests.servers.process import eventually

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("demo")]

ROOT = Path(__file__).parents[2]
WHOLE_S = 240.0
ENDED_S = 15.0


@pytest.fixture
def demo(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A demo that has begun; its temporary files are all below tmp_path."""
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*PROGRAM, "demo", "--rate", "60"],
        cwd=tmp_path,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as running:
        yield running
        running.kill()


def test_a_good_revision_is_promoted_and_a_bad_one_costs_less_than_a_fixed_rule_would_let_through() -> None:
    told = played()

    assert "v2: promoted" in told
    assert "v3: rolled back" in told
    assert "evidence against the canary" in told
    costs = re.search(r"until rollback: (\d+); .* would have let about (\d+) through \(a projection", told)
    assert costs is not None, told
    assert int(costs[1]) < int(costs[2])


def test_a_third_revision_without_failures_is_promoted_too() -> None:
    told = played("--bad", "0")

    assert "v3: promoted" in told
    assert " 0 failed, 0 connections reset" in told
    assert "Failed requests until rollback" not in told


def played(*options: str) -> str:
    """What a demo says from its beginning to its end."""
    done = subprocess.run(
        [*PROGRAM, "demo", *options],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=WHOLE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("seen", "number"),
    [("git commit", signal.SIGINT), ("step 1/", signal.SIGINT), ("A good revision", signal.SIGTERM)],
)
def test_ctrl_c_or_sigterm_leaves_neither_a_process_nor_a_file(
    demo: "subprocess.Popen[str]", tmp_path: Path, seen: str, number: signal.Signals
) -> None:
    assert demo.stdout is not None
    shown = next((line for line in demo.stdout if seen in line), "")

    demo.send_signal(number)

    assert shown
    assert eventually(lambda: demo.poll() is not None, ENDED_S)
    assert demo.returncode == 0
    assert "Traceback" not in demo.stdout.read()
    assert list(tmp_path.iterdir()) == []
    assert not [line for line in _processes() if str(tmp_path) in line]


def _processes() -> list[str]:
    """The command lines of all processes."""
    pages = Path("/proc").glob("[0-9]*/cmdline")
    lines = []
    for page in pages:
        try:
            lines.append(page.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return lines
