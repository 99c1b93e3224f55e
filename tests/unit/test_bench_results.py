"""Are figures kept with their goals and where they come from, and do those of an earlier run stay?"""

import json
import math
import platform
from pathlib import Path

import pytest

from tests.bench.pages import lag_within
from tests.bench.results import Result, kept
from tests.bench.stamp import processor, stamped
from tests.servers.process import ServerFailedError

STAMP = {"commit": "f2d99ee"}


def a_result(measure: str = "requests", *runs: float, n: int = 1, goal_n: int = 1) -> Result:
    """A figure whose median may be 5 at most."""
    return Result(measure=measure, n=n, runs=runs or (3,), unit="requests", goal=5, goal_n=goal_n)


def lags(*counts: float) -> dict[str, float]:
    """A page on which so many ticks began within 0.1 s, within 1 s, and in all."""
    return {
        f'rolloutctl_tick_lag_seconds_bucket{{kind="Rollout",le="{bound}"}}': count
        for bound, count in zip(("0.1", "1.0", "+Inf"), counts, strict=True)
    }


def test_a_figure_at_its_goal_holds_and_one_above_does_not() -> None:
    assert [a_result("requests", value).held for value in (5, 5.1)] == [True, False]


def test_the_median_of_all_runs_is_what_must_hold() -> None:
    several = a_result("requests", 9, 4, 5)

    assert (several.value, several.held) == (5, True)


def test_a_goal_of_ten_thousand_is_not_held_by_fewer() -> None:
    fewer, enough = (a_result(n=n, goal_n=10_000) for n in (9_999, 10_000))

    assert [fewer.held, enough.held] == [False, True]


def test_each_entry_says_what_was_measured_whether_it_holds_and_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"

    kept([a_result("requests", 2, 4)], STAMP, path)

    entry = {"measure": "requests", "n": 1, "value": 3, "unit": "requests", "goal": 5, "held": True}
    assert json.loads(path.read_text()) == [entry | {"runs": [2, 4], "goal_n": 1, "commit": "f2d99ee"}]


def test_a_later_run_replaces_its_own_rows_alone(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    kept([a_result(), a_result("queries"), a_result(n=1000)], STAMP, path)

    kept([a_result("requests", 7)], STAMP, path)

    found = [(one["measure"], one["n"], one["value"]) for one in json.loads(path.read_text())]
    assert found == [("queries", 1, 3), ("requests", 1000, 3), ("requests", 1, 7)]


def test_a_figure_names_machine_commit_and_command() -> None:
    stamp = stamped(["idle", "--runs", "3"])

    assert stamp["command"] == "python -m tests.bench idle --runs 3"
    assert "cores" in stamp["machine"]
    assert {"load", "commit", "date"} < stamp.keys()


def test_the_processor_is_named_where_the_kernel_does_and_else_its_architecture() -> None:
    assert processor("processor\t: 0\nmodel name\t: AMD EPYC\n") == "AMD EPYC"
    assert processor("processor\t: 0\n") == platform.machine()


def test_the_lag_of_99_ticks_in_100_is_the_bound_that_holds_them() -> None:
    before = lags(1000, 1000, 1000)

    assert lag_within(before, lags(1099, 1100, 1100)) == 0.1
    assert lag_within(before, lags(1098, 1100, 1100)) == 1.0
    assert lag_within(before, lags(1000, 1000, 1100)) == math.inf


def test_no_lag_is_told_when_no_tick_was_due() -> None:
    with pytest.raises(ServerFailedError, match="no tick was due"):
        lag_within(lags(1, 1, 1), lags(1, 1, 1))
