"""When did both arms grow by how much, as of the same instants?

Prometheus scrapes the arms at different instants. A slice ends at a scrape of the canary and takes stable's counters as
interpolated to it; what is newer than stable's last scrape waits. Without that an incident of both arms is seen in one of
them first, and convicts the canary.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import inf

from policies.counters import Point, in_order, interval
from policies.sequential.tallies import Slice, Tally

Lines = Sequence[Sequence[Point]]  # one list of (seconds, value) for each raw counter of an arm
Curve = tuple[list[float], list[float]]  # instants, and what was counted since the first of them

GONE = 2.5  # scrape intervals without a point, after which a counter is taken for one of a pod that is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """The raw counters of one arm: requests, bad, slower by bound. Births are points of value 0 put there by the caller."""

    requests: Lines
    bad: Lines
    slower: Sequence[Lines] = ()


def slices(canary: Arm, stable: Arm, since: float) -> tuple[Slice, ...]:
    """The slices that end after `since`, oldest first.

    They end at the scrapes of the canary's pod with the most of them, up to the last scrape that every living pod of both arms
    has had. A stable that has no counters, or none any more, holds nothing back: from there on the canary is lone.
    """
    own, other = _curves(canary.requests, since), _curves(stable.requests, since)
    if not own:
        return ()
    own_until, beside_until = _seen_until(own), _seen_until(other)
    known_until = own_until if _is_silent(other, own_until, _apart([*own, *other])) else min(own_until, beside_until)
    instants = [since, *(at for at in max(own, key=lambda curve: len(curve[0]))[0] if since < at <= known_until)]
    if len(instants) == 1:
        return ()
    parts = zip(instants[1:], _grown(canary, own, instants), _grown(stable, other, instants), strict=True)
    return tuple(Slice(until, mine, theirs, lone=until > beside_until) for until, mine, theirs in parts)


def _curves(lines: Lines, since: float) -> list[Curve]:
    """Each counter, from its last scrape up to `since` on, as a curve that only rises: what a reset shows was counted from 0."""
    curves = []
    for line in lines:
        points = in_order(line, inf)
        points = points[max(0, bisect_right(points, (since, inf)) - 1) :]
        steps = (later - earlier if later >= earlier else later for (_, earlier), (_, later) in pairwise(points))
        if points:
            curves.append(([at for at, _ in points], list(accumulate(steps, initial=0.0))))
    return curves


def _seen_until(curves: list[Curve]) -> float:
    """The earliest last scrape of the pods that are still there; minus infinity without any."""
    lasts = [instants[-1] for instants, _ in curves]
    alive = max(lasts, default=-inf) - GONE * _apart(curves)
    return min((last for last in lasts if last >= alive), default=-inf)


def _is_silent(curves: list[Curve], until: float, apart: float) -> bool:
    """Whether even the freshest of them was scraped so long before `until` that no living pod would be."""
    freshest = max((instants[-1] for instants, _ in curves), default=-inf)
    return not curves or 0.0 < GONE * apart < until - freshest


def _apart(curves: list[Curve]) -> float:
    """The longest usual distance of scrapes, in seconds; 0.0 where nothing was scraped twice."""
    return max((interval(instants) for instants, _ in curves if len(instants) > 1), default=0.0)


def _grown(arm: Arm, requests: list[Curve], instants: list[float]) -> Iterator[Tally]:
    """What the arm counted between each two instants."""
    others = (_curves(lines, instants[0]) for lines in (arm.bad, *arm.slower))
    columns = [_growth(curves, instants) for curves in (requests, *others)]
    return (Tally(total, bad, tuple(slower)) for total, bad, *slower in zip(*columns, strict=True))


def _growth(curves: list[Curve], instants: list[float]) -> list[float]:
    if not curves:
        return [0.0] * (len(instants) - 1)
    values = [sum(_value(curve, at) for curve in curves) for at in instants]
    return [later - earlier for earlier, later in pairwise(values)]


def _value(curve: Curve, at: float) -> float:
    """The curve's height at an instant: on the straight line between two scrapes, level before and after all of them."""
    instants, heights = curve
    index = bisect_right(instants, at)
    if index in (0, len(instants)):
        return heights[max(0, index - 1)]
    before, after = instants[index - 1], instants[index]
    part = (at - before) / (after - before)
    return heights[index - 1] + part * (heights[index] - heights[index - 1])
