"""What was measured, against which goal, and where is it kept?"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

RESULTS = Path(__file__).parents[2] / ".bench" / "results.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure. n: of how many Rollouts; goal: what it may be at most."""

    measure: str
    n: int
    value: float
    unit: str
    goal: float

    @property
    def held(self) -> bool:
        """Whether the goal was reached."""
        return self.value <= self.goal


def kept(results: Iterable[Result], path: Path = RESULTS) -> None:
    """Write `path` anew; figures of an earlier run that are not among the results stay."""
    found = json.loads(path.read_text()) if path.exists() else []
    new = [{**asdict(one), "held": one.held} for one in results]
    taken = {(one["measure"], one["n"]) for one in new}
    path.parent.mkdir(exist_ok=True)
    older = [one for one in found if (one["measure"], one["n"]) not in taken]
    path.write_text(json.dumps([*older, *new], indent=1) + "\n")


def shown(results: Iterable[Result]) -> Table:
    """The same for people."""
    table = Table("measure", "n", "value", "goal", "held")
    for one in results:
        table.add_row(
            one.measure, str(one.n), f"{one.value:g} {one.unit}", f"<= {one.goal:g}", "yes" if one.held else "NO"
        )
    return table
