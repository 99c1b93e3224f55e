"""Does every target of the Makefile make what it needs, and does help name it?"""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ("demo", "test", "unit", "stories", "check", "e2e", "bench")


def made(*arguments: str) -> str:
    """What make prints."""
    return subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("target", [*TARGETS, "stand"])
def test_a_target_begins_with_an_environment_of_its_own(target: str, tmp_path: Path) -> None:
    fresh = tmp_path / "environment"

    shell = made("--dry-run", f"VENV={fresh}", target)

    installed, used = shell.find("pip install"), shell.find(f"{fresh}/bin/", shell.find("touch "))
    assert f"-m venv {fresh}" in shell
    assert "making the virtual environment" in shell
    assert 0 < installed < used


def test_help_says_of_every_target_in_one_line_what_it_does() -> None:
    told = re.findall(r"^  make (\w+) +(\S.+)$", made("help"), re.MULTILINE)

    assert {*TARGETS, "help"} <= {target for target, _ in told}


def test_the_inner_loop_leaves_out_what_is_slow_and_what_needs_a_server() -> None:
    shell = made("--dry-run", "unit")

    assert "-m 'not server and not e2e and not slow'" in shell
    assert "-n auto" in shell


def test_ci_runs_all_targets_that_judge_and_takes_no_missing_server() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()

    assert [line for line in lines if line.startswith("make ")] == ["make check", "make test", "make e2e"]
    assert lines.index("export CI=true") < lines.index("make check")
