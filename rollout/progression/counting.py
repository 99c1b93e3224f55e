"""What was counted: how much counters grew, which lines they draw for an arm, and what each of stable's pods did before?

A series is born with its first request, or its first bad one. What was there before that is known by `policies.counters`
from the scrapes of its siblings.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from policies.counters import Point, increase, interval, last_absent, steps
from policies.sequential.align import Arm, Lines
from policies.sequential.question import History
from policies.sequential.stretches import Column
from rollout.model.measurement import Counter, Counters, Window
from rollout.model.points import Points

Labels = tuple[tuple[str, str], ...]
Scrapes = Mapping[Labels, set[float]]

TARGET = ("job", "instance", "pod")  # labels that tell the scraped thing


def grown(counters: tuple[Counter, ...], window: Window, witnesses: Iterable[Counter] = ()) -> float:
    """How much all `counters` together grew inside the window.

    witnesses: other series of the same answer, whose scrapes tell whether a counter was born inside the window.
    """
    start, end = window.start.timestamp(), window.end.timestamp()
    scrapes = _scrapes((*counters, *witnesses))
    total = 0.0
    for counter in counters:
        absent = _absent(counter.points, start, _target(counter), scrapes)
        total += increase(counter.points, start, end, absent_at=absent)
    return total


def bounds_of(counters: Counters) -> tuple[float, ...]:
    """The bounds of the answer's latency histogram, in ms, rising; () where it has none."""
    return tuple(slower.bound.total_seconds() * 1000 for slower in counters.slower)


def arm_of(counters: Counters, bounds: Sequence[float | None], window: Window) -> Arm:
    """The answer's counters as the judge reads them, with a place for each bound: an empty one for None."""
    scrapes, start = _scrapes((*counters.total, *counters.bad)), window.start.timestamp()
    slower = dict(zip(bounds_of(counters), counters.slower, strict=True))
    return Arm(
        requests=_lines(counters.total, start, scrapes),
        bad=_lines(counters.bad, start, scrapes),
        slower=[_lines(slower[bound].counters, start, scrapes) if bound is not None else [] for bound in bounds],
    )


def history_of(counters: Counters, window: Window) -> History | None:
    """What each of stable's pods did at each of its scrapes in the window; None where there are too few to tell.

    Pods are scraped at instants of their own. The n-th row holds what each of them counted in its n-th interval.
    """
    scrapes = _scrapes((*counters.total, *counters.bad))
    apart = [interval(sorted(times)) for times in scrapes.values() if len(times) > 1]
    if not apart:
        return None
    length, start = median(apart), window.start.timestamp()
    kinds = (counters.total, counters.bad, *(slower.counters for slower in counters.slower))
    rows = {target: _rows(times, start, length) for target, times in scrapes.items()}
    count = 1 + max((row for of_target in rows.values() for row in of_target.values()), default=-1)
    found = (_cells(kind, window, rows, scrapes) for kind in kinds)
    total, bad, *slower = [tuple([_column(kind.get(pod, {}), count) for pod in sorted(scrapes)]) for kind in found]
    requests = tuple(tuple(map(max, *both)) for both in zip(total, bad, strict=True))
    return History(
        interval=length,
        requests=requests,
        bad=bad,
        slower=tuple(tuple(map(_where, requests, kind)) for kind in slower),
    )


Rows = Mapping[Labels, Mapping[float, int]]
Cells = Mapping[Labels, Mapping[int, float]]


def _rows(times: Iterable[float], start: float, length: float) -> dict[float, int]:
    """The row of each scrape of one target. Rows go from scrape to scrape, so that no jitter adds up to one."""
    rows: dict[float, int] = {}
    before, row = start, -1
    for at in sorted(at for at in times if at > start):
        row = row + max(1, round((at - before) / length)) if rows else int((at - start) / length)
        rows[at], before = row, at
    return rows


def _cells(counters: Iterable[Counter], window: Window, rows: Rows, scrapes: Scrapes) -> Cells:
    """Growth by target and row."""
    start, end = window.start.timestamp(), window.end.timestamp()
    found: dict[Labels, dict[int, float]] = {}
    for counter in counters:
        target, points = _target(counter), counter.points
        absent = _absent(points, start, target, scrapes)
        times, grown_by = steps(points.times, points.values, end, absent_at=absent)
        places = map(rows.get(target, {}).get, times)
        added = {row: growth for row, growth in zip(places, grown_by, strict=True) if growth and row is not None}
        own = found.setdefault(target, added)
        if own is not added:
            own.update({row: own.get(row, 0.0) + growth for row, growth in added.items()})
    return found


def _column(cells: Mapping[int, float], count: int) -> Column:
    """What one pod counted in each of its first `count` rows."""
    column = [0.0] * count
    for row, growth in cells.items():
        column[row] = growth
    return tuple(column)


def _where(requests: Column, slower: Column) -> Column:
    """What is slower, in rows with requests; a histogram that grew without them tells nothing of anybody."""
    return tuple([slow if some else 0.0 for some, slow in zip(requests, slower, strict=True)])


def _lines(counters: Iterable[Counter], start: float, scrapes: Scrapes) -> Lines:
    lines: list[list[Point]] = []
    for counter in counters:
        absent = _absent(counter.points, start, _target(counter), scrapes)
        lines.append([*counter.points] if absent is None else [(absent, 0.0), *counter.points])
    return lines


def _scrapes(counters: Iterable[Counter]) -> Scrapes:
    """When each scraped thing was seen."""
    scrapes: dict[Labels, set[float]] = {}
    for counter in counters:
        scrapes.setdefault(_target(counter), set()).update(counter.points.times)
    return scrapes


def _absent(points: Points, start: float, target: Labels, scrapes: Scrapes) -> float | None:
    """When the counter is known to have not existed yet; asked only where the window holds its first point."""
    first = min(points.times, default=start)
    if first <= start:
        return None
    own = scrapes.get(target, ())
    return last_absent(first, start, own, [times for name, times in scrapes.items() if name != target])


def _target(counter: Counter) -> Labels:
    """The scraped thing that a series belongs to; series without such labels count as scraped together."""
    return tuple(label for label in counter.labels if label[0] in TARGET)
