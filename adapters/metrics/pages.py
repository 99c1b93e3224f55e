"""Which questions are asked as one query, so that query and answer stay bounded, and whose is what comes back?

Prometheus reads a range from after its beginning up to its end. A page reads from the earliest beginning to the latest end,
and each question gets of it what its own range would have held.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.metrics.selectors import Named, Selector, Shape, together
from rollout.model.points import Points

MOST_QUESTIONS = (
    1000  # of a page: an expression of so many names is read by Prometheus at once, and no body is too large
)
WIDEST = 2.5  # times its own range is read for a question at most

Row = Mapping[str, Any]
Shared = dict[tuple[int, int, int], "array[float]"]  # parts of times: of which ones, from where, to where


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The points of a selector's series in a range.

    end: ms since 1970. step: seconds between the points that the server tells; 0 for all that it scraped.
    """

    selector: Selector
    seconds: int
    step: int
    end: int

    @property
    def query(self) -> str:
        """The range selector, or subquery."""
        return f"{self.selector.text}[{self.seconds}s{f':{self.step}s' if self.step else ''}]"

    @property
    def start(self) -> int:
        """Ms since 1970; what is of this instant is not of the range."""
        return self.end - self.seconds * 1000

    @property
    def kind(self) -> tuple[Shape, int]:
        """What ranges must have in common to be asked for together."""
        return self.selector.shape, self.step


def pages(ranges: Iterable[Range], most_seconds: float) -> Iterator[tuple[Range, ...]]:
    """The ranges of one kind in groups, each to be asked for at once.

    Neighbours by name come together: the names of two labels are asked for in all their combinations. most_seconds: that
    are read for all ranges of a group, added up.
    """
    page: list[Range] = []
    start = end = 0
    for one in sorted(ranges, key=lambda one: (one.seconds, [part.names for part in one.selector.named], one.end)):
        if page:
            start, end = min(start, one.start), max(end, one.end)
            seconds = (end - start) / 1000
            is_wide = seconds > WIDEST * page[0].seconds
            if is_wide or len(page) == MOST_QUESTIONS or seconds * (len(page) + 1) > most_seconds:
                yield tuple(page)
                page = []
        if not page:
            start, end = one.start, one.end
        page.append(one)
    if page:
        yield tuple(page)


def joined(page: Sequence[Range]) -> Range:
    """One range that holds all of these."""
    if len(page) == 1:
        return page[0]
    start, end = min(one.start for one in page), max(one.end for one in page)
    selector = together([one.selector for one in page])
    return Range(selector=selector, seconds=-((start - end) // 1000), step=page[0].step, end=end)


def parted(page: Sequence[Range], rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each range of a page, with its own points."""
    found: list[list[Row]] = [[] for _ in page]
    telling = _most_telling([one.selector for one in page])
    by_name: dict[str, list[int]] = {}
    shared: Shared = {}
    for place, one in enumerate(page):
        for name in one.selector.named[telling].names if telling >= 0 else ("",):
            by_name.setdefault(name, []).append(place)
    for row in rows:
        labels = row["metric"]
        for place in sorted(_candidates(page[0].selector, telling, labels, by_name)):
            if page[place].selector.takes(labels) and (own := _within(row, page[place], shared)) is not None:
                found[place].append(own)
    return found


def _most_telling(selectors: Sequence[Selector]) -> int:
    """The matcher with the most names, which leaves the fewest to look at; -1 where there is none."""
    kinds = range(len(selectors[0].named))
    return max(kinds, key=lambda kind: len({selector.named[kind].names for selector in selectors}), default=-1)


def _candidates(
    like: Selector, telling: int, labels: Mapping[str, str], by_name: Mapping[str, Sequence[int]]
) -> set[int]:
    part: Named | None = like.named[telling] if telling >= 0 else None
    names = part.form.names(labels.get(part.label, "")) if part is not None else ("",)
    return {place for name in names for place in by_name.get(name, ())}


def _within(row: Row, own: Range, shared: Shared) -> Row | None:
    """The row with the points of a range; None where it has none."""
    parts = {kind: _cut(row[kind], own, shared) for kind in ("values", "histograms") if row.get(kind)}
    if not any(parts.values()):
        return None
    return {"metric": row["metric"], **parts}


def _cut(points: Points | Sequence[Any], own: Range, shared: Shared) -> Points | Sequence[Any]:
    if not isinstance(points, Points):
        first, last = (bisect_right(points, at, key=_moment) for at in (own.start, own.end))
        return points[first:last]
    times = points.times
    first, last = (bisect_right(times, at, key=_milliseconds) for at in (own.start, own.end))
    if (first, last) == (0, len(points)):
        return points
    part = shared.get(key := (id(times), first, last))
    if part is None:
        part = shared[key] = times[first:last]
    return Points(times=part, values=points.values[first:last])


def _moment(point: Sequence[Any]) -> int:
    return _milliseconds(float(point[0]))


def _milliseconds(at: float) -> int:
    return round(at * 1000)
