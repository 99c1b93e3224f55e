"""Are figures kept with their goals, and do those of an earlier run stay?"""

import json
from pathlib import Path

from tests.bench.results import Result, kept


def a_result(measure: str = "requests", value: float = 3, n: int = 1) -> Result:
    """A figure that may be 5 at most."""
    return Result(measure=measure, n=n, value=value, unit="requests", goal=5)


def test_a_figure_at_its_goal_holds_and_one_above_does_not() -> None:
    assert [a_result(value=value).held for value in (5, 5.1)] == [True, False]


def test_each_entry_says_what_was_measured_and_whether_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"

    kept([a_result()], path)

    entry = {"measure": "requests", "n": 1, "value": 3, "unit": "requests", "goal": 5, "held": True}
    assert json.loads(path.read_text()) == [entry]


def test_a_later_run_replaces_its_own_rows_alone(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    kept([a_result(), a_result("queries"), a_result(n=1000)], path)

    kept([a_result(value=7)], path)

    found = [(one["measure"], one["n"], one["value"]) for one in json.loads(path.read_text())]
    assert found == [("queries", 1, 3), ("requests", 1000, 3), ("requests", 1, 7)]
