"""What does `rollout simulate` say, and how does it end?"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from rollout.cli.main import main
from tests.support.builders import a_rollout_manifest

FEW = ("--traffic", "50rps", "--runs", "4")


ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "simulate.md").read_text()
PAGE_COMMANDS = [line.removeprefix("$ ") for line in PAGE.splitlines() if line.startswith("$ rollout simulate ")]
POLICY = {
    "apiVersion": "rollout.dev/v1alpha1",
    "kind": "SloPolicy",
    "metadata": {"name": "http", "namespace": "shop"},
    "spec": {"objectives": [{"name": "errors", "kind": "error-ratio", "max": "1%"}]},
}


def a_short_one(name: str = "checkout", **spec: Any) -> dict[str, Any]:
    """A Rollout of one step of a minute, which is simulated soon."""
    return a_rollout_manifest(name, **{"steps": [{"weight": 50, "soak": "1m"}], **spec})


def simulate(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["simulate", *words], input=stdin)


def a_file(folder: Path, *manifests: dict[str, Any], name: str = "checkout.yaml") -> str:
    file = folder / name
    file.write_text(yaml.safe_dump_all(manifests))
    return str(file)


@pytest.mark.slow
@pytest.mark.parametrize("command", PAGE_COMMANDS)
def test_the_commands_of_the_page_run(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    result = simulate(*command.split()[2:])

    assert result.exit_code == 0, result.output


def test_the_outcomes_of_both_canaries_are_a_table_and_the_last_line_is_a_sentence(tmp_path: Path) -> None:
    result = simulate(a_file(tmp_path, a_short_one()), *FEW, "--canary-errors", "20%")

    assert result.exit_code == 0, result.output
    told = result.stdout.splitlines()
    rows = {line[:32].strip(): line[32:].split() for line in told if line.startswith("  ")}
    assert rows["rolled back"][0] == "4"
    assert rows["promoted"][0] == "0"
    assert told[-1].startswith(
        "A canary that fails 20% of its requests is rolled back in 4 of 4 runs, on average after "
    )
    assert rows["rolled back"][1:] == ["(100", "%)", "0", "by", "mistake", "(<", "53", "%)"]
    assert "One as good as stable is promoted in 4 of 4 runs" in told[-1]


def test_a_canary_as_good_as_stable_is_simulated_once(tmp_path: Path) -> None:
    result = simulate(a_file(tmp_path, a_short_one()), *FEW, "--canary-errors", "0.1%")

    assert "runs each" not in result.stdout
    assert result.stdout.splitlines()[-1].startswith("One as good as stable is promoted in 4 of 4 runs")


@pytest.mark.slow
def test_what_holds_the_undecided_is_told(tmp_path: Path) -> None:
    file = a_file(tmp_path, a_short_one(steps=[{"weight": 5, "soak": "1m"}]))

    result = simulate(file, "--traffic", "0.001rps", "--runs", "1", "--canary-errors", "0.1%")
    found = json.loads(simulate(file, "--traffic", "0.001rps", "--runs", "1", "-o", "json").stdout)

    assert "Most of the undecided are held so after 2h1m: errors: " in result.stdout.replace("\n", " ")
    assert found["fair"]["undecidedBy"]["message"].startswith("errors: ")


def test_json_has_the_same_numbers(tmp_path: Path) -> None:
    result = simulate(a_file(tmp_path, a_short_one()), *FEW, "--canary-errors", "20%", "-o", "json")

    found = json.loads(result.stdout)
    assert found["kind"] == "Simulation"
    assert (found["canary"]["rolledBack"], found["fair"]["promoted"]) == (4, 4)
    assert found["canary"]["secondsToRollback"]["mean"] > 0
    assert found["traffic"]["canaryErrors"] == 0.2


def test_the_same_seed_says_the_same_and_another_one_not(tmp_path: Path) -> None:
    file = a_file(tmp_path, a_short_one())

    first, again, other = (
        simulate(file, *FEW, "--canary-errors", "20%", "--seed", seed).stdout for seed in ("1", "1", "2")
    )

    assert first == again != other


def test_a_spec_with_an_error_is_refused_as_lint_refuses_it(tmp_path: Path) -> None:
    file = a_file(tmp_path, a_short_one(steps=[{"weight": 500}]))

    result = simulate(file, *FEW)

    assert result.exit_code == 2
    assert "spec.steps[0].weight" in result.stderr
    assert f"{file}:" in result.stderr


def test_a_spec_without_objectives_says_that_nothing_is_judged(tmp_path: Path) -> None:
    result = simulate(a_file(tmp_path, a_short_one(objectives=[])), *FEW)

    assert result.exit_code == 2
    assert "no objective is judged" in result.stderr
    assert "spec.objectives" in result.stderr


def test_a_file_with_two_rollouts_is_refused_and_both_are_named(tmp_path: Path) -> None:
    result = simulate(a_file(tmp_path, a_short_one(), a_short_one(name="cart")), *FEW)

    assert result.exit_code == 2
    assert "shop/checkout, shop/cart" in result.stderr


def test_a_file_without_a_rollout_is_refused(tmp_path: Path) -> None:
    result = simulate(a_file(tmp_path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}), *FEW)

    assert (result.exit_code, "no Rollout in" in result.stderr) == (2, True)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    result = simulate(str(tmp_path / "nothing.yaml"), *FEW)

    assert (result.exit_code, "No such file" in result.stderr) == (2, True)


def test_stdin_is_a_file_too() -> None:
    assert simulate("-", *FEW, stdin=yaml.safe_dump(a_short_one())).exit_code == 0


def test_the_objectives_of_a_policy_beside_it_are_judged(tmp_path: Path) -> None:
    spec = a_short_one(without=("objectives",), policies=["http"])

    alone = simulate(a_file(tmp_path, spec), *FEW)
    beside = simulate(a_file(tmp_path, spec, POLICY), *FEW, "-o", "json")

    assert (alone.exit_code, "there is no SloPolicy http" in alone.stderr) == (2, True)
    assert json.loads(beside.stdout)["judged"] == ["errors"]


def test_slow_requests_need_a_slow_ratio(tmp_path: Path) -> None:
    result = simulate(a_file(tmp_path, a_short_one()), *FEW, "--canary-slow", "5%")

    assert (result.exit_code, "no slow-ratio objective" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--traffic", "many"), "write 50rps"),
        (("--traffic", "0rps"), "write 50rps"),
        (("--traffic", "50rps", "--canary-errors", "0.1"), "write 0.1% or 5%"),
        (("--traffic", "50rps", "--canary-errors", "101%"), "write 0.1% or 5%"),
        (("--traffic", "50rps", "--runs", "0"), "--runs"),
        ((), "--traffic"),
    ],
)
def test_an_option_that_cannot_be_read_is_a_usage_error_that_shows_one_that_can(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    result = simulate(a_file(tmp_path, a_short_one()), *words)

    assert (result.exit_code, told in result.stderr) == (2, True), result.stderr
