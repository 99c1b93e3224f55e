"""What did a free query give at its last looks?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor, isfinite
from typing import Any

from adapters.metrics.answers import series, warning
from rollout.model.measurement import Answer, NoData, NotANumber, Partial, Value, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """The looks of a free query: at the multiples of `every` since 1970 from `first` to `last` (in ms).

    So two looks agree on what a third one before them saw, whenever they come.
    """

    first: int
    last: int
    every: int

    @property
    def newest(self) -> datetime:
        """When the newest look is: the subquery is asked as of then."""
        return datetime.fromtimestamp(self.last / 1000, UTC)

    def subquery(self, query: str) -> str:
        """All looks in one query; half a step more, as servers differ on whether a range holds its first moment."""
        return f"({query}\n)[{self.last - self.first + self.every // 2}ms:{self.every}ms]"

    def value(self, query: str, answer: Mapping[str, Any], most: int) -> Answer:
        """The newest number and the ones before, or what the newest look gave instead of a number."""
        if warned := warning(answer):
            return Partial(query=query, warning=warned)
        seen: dict[int, list[float]] = {}
        for one in series(answer, most):
            for at, value in one.points:
                seen.setdefault(round(at * 1000), []).append(value)
        looks = [seen[at] for at in sorted(seen) if self.first <= at <= self.last]
        if not seen.get(self.last):
            return NoData(query=query)
        if several := max(len(values) for values in looks) - 1:
            return Partial(query=query, warning=f"{several + 1} series, one is needed: aggregate them, as with sum()")
        *earlier, newest = (values[0] for values in looks)
        if not isfinite(newest):
            return NotANumber(query=query)
        return Value(query=query, value=newest, earlier=tuple(value for value in earlier if isfinite(value)))


def looks_of(window: Window, looks: int, every: timedelta) -> Looks | None:
    """The last `looks` looks inside the window; None while there is none."""
    step = max(round(every / timedelta(milliseconds=1)), 1)
    last = floor(window.end.timestamp() * 1000) // step * step
    start = ceil(window.start.timestamp() * 1000)
    first = max(last - (looks - 1) * step, -(-start // step) * step)
    return Looks(first=first, last=last, every=step) if first <= last else None
