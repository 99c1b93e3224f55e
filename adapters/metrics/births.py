"""Which first values of counters are growth, because they were born inside the window, and which may be history?

Prometheus writes `up` at each scrape of a target, also where the page had none of the series asked for. So `up` proves
that a counter was not there yet, and its first value is growth and not history. Where all its scrapes before failed,
nobody knows how old the counters are: of a pod that was starting up, or of one that a server lost and found again.

Thinned points are no scrapes: a server that was away brings all counters back between two of them. There `up` proves
something only where it was thinned to the same instants, and without it the first value of a target is never growth. A
counter that begins after others of its target is born all the same, which `policies.counters` knows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from adapters.metrics.answers import Series
from adapters.metrics.selectors import Selector, one_of
from rollout.model.points import Points, points_of

MOST_TARGETS = 50  # keeps the query short; new pods come in smaller numbers


def scrapes_selector(found: Iterable[Series], start: datetime) -> Selector | None:
    """The `up` of all targets with a series that no scrape shows before `start`; None when there is none, or too many."""
    instances = sorted({one.target[1] for one in found if one.target[1] and _is_new(one, start.timestamp())})
    if not instances or len(instances) > MOST_TARGETS:
        return None
    return Selector("up", (one_of("instance", instances),))


def with_births(found: Sequence[Series], start: datetime, ups: Iterable[Series]) -> tuple[Series, ...]:
    """The series; those first seen after `start` begin with what is known of them before.

    With 0 at the last successful scrape that did not show them; with their first value at `start` where they may be older
    than that; as they are where nothing is known.
    """
    by_target: dict[tuple[str, str], list[Series]] = {}
    for up in ups:
        by_target.setdefault(up.target, []).append(up)
    begun: dict[tuple[str, str], float] = {}
    for one in found:
        if one.first is not None:
            begun[one.target] = min(one.first, begun.get(one.target, one.first))
    since = start.timestamp()
    return tuple(
        _begun(one, since, by_target.get(one.target, ()), begun.get(one.target)) if _is_new(one, since) else one
        for one in found
    )


def _is_new(one: Series, start: float) -> bool:
    first = one.first
    return first is not None and first > start


def _begun(one: Series, start: float, ups: Iterable[Series], target_first: float | None) -> Series:
    """A new series with the point before its first that is known of. target_first: when its target was first seen."""
    first = one.first
    if first is None:
        return one
    scrapes = [(at, value) for up in ups if _is_of(up, one) for at, value in up.points if at < first]
    if served := [at for at, value in scrapes if value == 1]:
        return _risen(one, max(served))
    may_be_old = bool(scrapes) if one.is_scraped else first == target_first
    return _held(one, start) if may_be_old else one


def _is_of(up: Series, one: Series) -> bool:
    """Whether it tells of the scrapes that the series is from: of that pod at the address, by that server, thinned alike."""
    return one.first in up.points.times


def _risen(one: Series, at: float) -> Series:
    """From nothing since `at`."""
    points = _after((at, 0.0), one.points)
    histograms = ((at, ()), *one.histograms) if one.histograms else ()
    return replace(one, points=points, histograms=histograms)


def _held(one: Series, start: float) -> Series:
    """At its first value since `start`: as much as is known of what may be older."""
    points = _after((start, one.points.values[0]), one.points) if one.points else one.points
    histograms = ((start, one.histograms[0][1]), *one.histograms) if one.histograms else ()
    return replace(one, points=points, histograms=histograms)


def _after(point: tuple[float, float], points: Points) -> Points:
    """The points with one before them, where there are any."""
    return points_of((point,)) + points if points else points
