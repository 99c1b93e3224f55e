"""What was measured, against which goal, and where is it kept?"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.table import Table

RESULTS = Path(__file__).parents[2] / ".bench" / "results.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure. n: of how many Rollouts; runs: all values; goal: what the median may be at most, of `goal_n` or more."""

    measure: str
    n: int
    runs: tuple[float, ...]
    unit: str
    goal: float
    goal_n: int = 1

    @property
    def value(self) -> float:
        """The median of all runs."""
        return round(median(self.runs), 3)

    @property
    def held(self) -> bool:
        """Whether the goal was reached; fewer Rollouts than it is about never reach it."""
        return self.n >= self.goal_n and self.value <= self.goal


def kept(results: Iterable[Result], stamp: Mapping[str, str], path: Path = RESULTS) -> None:
    """Write `path` anew, with the stamp in each result; figures of an earlier run that are not among the results stay."""
    found = json.loads(path.read_text()) if path.exists() else []
    new = [_entry(one) | dict(stamp) for one in results]
    taken = {(one["measure"], one["n"]) for one in new}
    path.parent.mkdir(exist_ok=True)
    older = [one for one in found if (one["measure"], one["n"]) not in taken]
    path.write_text(json.dumps([*older, *new], indent=1) + "\n")


def _entry(one: Result) -> dict[str, object]:
    fields = asdict(one)
    runs, goal_n = fields.pop("runs"), fields.pop("goal_n")
    return {**fields, "value": one.value, "held": one.held, "runs": runs, "goal_n": goal_n}


def shown(results: Iterable[Result]) -> Table:
    """The same for people."""
    table = Table("measure", "n", "median", "range", "goal", "held")
    for one in results:
        extent = f"{min(one.runs):g} to {max(one.runs):g}" if len(one.runs) > 1 else ""
        table.add_row(
            one.measure, str(one.n), f"{one.value:g} {one.unit}", extent, f"<= {one.goal:g}", _verdict_of(one)
        )
    return table


def _verdict_of(one: Result) -> str:
    if one.n < one.goal_n:
        return f"of {one.goal_n}"
    return "yes" if one.held else "NO"
