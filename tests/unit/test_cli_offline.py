"""What works without a cluster: lint, completion, help, and how a process ends?"""

import asyncio
import json
import signal
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from rollout.cli.main import COMMANDS, main
from tests.support.builders import a_rollout_manifest
from tests.support.cli import a_release_at, typed

pytestmark = pytest.mark.slow  # real processes or HTTP

BUDGET = ("kubernetes", "pydantic", "aiohttp", "fastapi", "rich", "yaml")


def lint(*words: str, stdin: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["lint", *words], input=stdin)
    return result.exit_code, result.stdout


def test_a_good_folder_has_no_errors(tmp_path: Path) -> None:
    (tmp_path / "checkout.yaml").write_text(yaml.safe_dump(a_rollout_manifest()))

    assert lint(str(tmp_path)) == (0, "")


def test_an_error_has_file_line_and_what_was_expected(tmp_path: Path) -> None:
    file = tmp_path / "checkout.yaml"
    file.write_text(yaml.safe_dump(a_rollout_manifest(steps=[{"weight": 500}])))

    code, out = lint(str(file))

    assert code == 1
    assert out.startswith(f"{file}:")
    assert "spec.steps[0].weight" in out


def test_all_errors_of_all_files_are_shown(tmp_path: Path) -> None:
    for name in ("a", "b"):
        bad = a_rollout_manifest(name=name, steps=[{"weight": 500}], revision="")
        (tmp_path / f"{name}.yml").write_text(yaml.safe_dump(bad))

    _, out = lint(str(tmp_path), "-o", "json")

    assert len(json.loads(out)["errors"]) == 4


def test_hidden_folders_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "bad.yaml").write_text("kind: [")
    (tmp_path / "good.yaml").write_text(yaml.safe_dump(a_rollout_manifest()))

    assert lint(str(tmp_path)) == (0, "")


def test_stdin_is_a_file_too() -> None:
    code, out = lint("-", stdin=yaml.safe_dump(a_rollout_manifest(steps=[{"weight": 500}])))

    assert (code, out.startswith("stdin:")) == (1, True)


def test_a_folder_without_manifests_is_a_usage_error(tmp_path: Path) -> None:
    assert lint(str(tmp_path))[0] == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_a_script_that_asks_us(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])

    assert (result.exit_code, "_ROLLOUT_COMPLETE" in result.stdout) == (0, True)


def test_help_lists_every_command() -> None:
    result = CliRunner().invoke(main, ["--help"])

    assert all(f"\n  {name} " in result.stdout for name in COMMANDS)


OURS = "list get tree why events history watch wait plan diff lint init promote promote-full approve reject abort pause resume"


@pytest.mark.parametrize("name", [*OURS.split(), "retry", "name-stable", "confirm", "completion"])
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])

    assert (result.exit_code, result.stdout.startswith("Usage: ")) == (0, True)


async def test_help_imports_nothing_that_takes_long() -> None:
    code = "import sys; from rollout.cli.main import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    process = await typed("-c", code)
    out, _ = await process.communicate()

    loaded = set(out.decode().splitlines()[-1].split())
    assert [name for name in BUDGET if name in loaded] == []


async def test_where_the_encoding_has_no_symbols_letters_stand_for_them(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        process = await typed(
            "-m", "rollout.cli", "tree", "checkout", KUBECONFIG=str(terminal.kubeconfig), PYTHONIOENCODING="ascii"
        )
        out, _ = await process.communicate()

    assert process.returncode == 0
    assert "`- VirtualService/checkout" in out.decode("ascii")


async def test_a_pipe_gets_no_colour(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        process = await typed("-m", "rollout.cli", "why", "checkout", KUBECONFIG=str(terminal.kubeconfig))
        out, _ = await process.communicate()

    assert b"\x1b[" not in out


async def test_an_interrupted_command_is_exit_code_130_without_a_traceback(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        process = await typed("-m", "rollout.cli", "watch", "checkout", KUBECONFIG=str(terminal.kubeconfig))
        assert process.stdout is not None
        async with asyncio.timeout(20):
            await process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, err = await process.communicate()

    assert (process.returncode, err) == (130, b"")
