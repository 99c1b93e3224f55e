"""How much did a raw counter grow inside a window?

A point is (seconds, value); seconds may count from anywhere as long as all points and both ends of the window agree.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import isfinite
from operator import le, lt, sub

Point = tuple[float, float]
Column = Sequence[float]


def increase(points: Iterable[Point], start: float, end: float, *, absent_at: float | None = None) -> float:
    """How much one counter grew from the last scrape at or before `start` to the last one at or before `end`.

    A drop is a reset: the new value was counted from 0. Order and duplicates do not matter, and what is not finite is
    left out. Where the window holds the counter's first point, that point counts in full when the counter is known to
    have not existed at `absent_at` (see `last_absent`), and not at all when it may be older (None).
    """
    return sum((growth for at, growth in rises(points, end, absent_at=absent_at) if at > start), 0.0)


def rises(points: Iterable[Point], end: float, *, absent_at: float | None = None) -> list[Point]:
    """By how much one counter grew at each scrape up to `end` but the first; `absent_at` and resets as in `increase`."""
    known = in_order(points, end)
    if absent_at is not None and known and absent_at < known[0][0]:
        known = [(absent_at, 0.0), *known]
    return [(at, later - earlier if later >= earlier else later) for (_, earlier), (at, later) in pairwise(known)]


def steps(times: Column, values: Column, end: float, *, absent_at: float | None = None) -> tuple[Column, list[float]]:
    """The same in two columns: scrapes, and by how much the counter grew up to each of them."""
    if absent_at is None and _are_in_order(times, values, end):
        grown = list(map(sub, values[1:], values))
        if not grown or min(grown) >= 0:
            return times[1:], grown
    known = rises(zip(times, values, strict=True), end, absent_at=absent_at)
    return [at for at, _ in known], [growth for _, growth in known]


def last_absent(
    first: float, start: float, scrapes: Iterable[float], elsewhere: Sequence[Iterable[float]] = ()
) -> float | None:
    """The last time at which a counter first seen at `first` is known to have not existed; None when that is unknown.

    scrapes: when its target was scraped, told by its sibling series. A scrape that brought the siblings but not the
    counter proves that the counter was not there yet.
    elsewhere: scrape times of other targets, one list each. A target that nobody had seen is as young as its first
    scrape when the server was scraping the others for a whole interval after `start` without finding it.
    """
    earlier = [at for at in scrapes if at < first]
    if earlier:
        return max(earlier)
    witnesses = [
        at
        for times in (sorted(set(other)) for other in elsewhere)
        if len(times) > 1 and first > start + (apart := interval(times))
        for at in times
        if at <= first - apart
    ]
    return max(witnesses, default=None)


def interval(times: Sequence[float]) -> float:
    """The usual (median) distance of scrapes, in seconds, from two or more sorted times of one target."""
    distances = sorted(later - earlier for earlier, later in pairwise(times))
    return distances[len(distances) // 2]


def in_order(points: Iterable[Point], end: float) -> list[Point]:
    """Finite points up to `end`, oldest first, one for each time: of two values of one time the higher."""
    told = list(points)
    if _are_in_order([at for at, _ in told], [value for _, value in told], end):
        return told
    known = sorted([point for point in told if point[0] <= end and isfinite(point[1])])
    return list(dict(known).items())  # of two values of one time the later, higher one stays


def always_rises(column: Column) -> bool:
    """Whether each number is higher than the one before; a NaN is not."""
    return all(map(lt, column, column[1:]))


def never_falls(column: Column) -> bool:
    """Whether each number is at least the one before; a NaN is not."""
    return all(map(le, column, column[1:]))


def _are_in_order(times: Column, values: Column, end: float) -> bool:
    """Whether nothing of the columns is to be left out or moved, as nearly always."""
    return always_rises(times) and isfinite(sum(values)) and (not times or times[-1] <= end)
