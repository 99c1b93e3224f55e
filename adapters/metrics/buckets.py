"""How many requests of a histogram took longer than a threshold, and than each of its bounds?

From cumulative counters with a label `le`, as classic histograms have them and `native` makes them of native ones. A
threshold between two bounds is not guessed at.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from math import inf
from operator import sub

from adapters.metrics.answers import Series
from adapters.metrics.line import QueryError
from policies.counters import always_rises, never_falls
from rollout.model.points import Points, points_of

ALL = "+Inf"

Labels = tuple[tuple[str, str], ...]


def wanted_bounds(threshold: timedelta, *others: float) -> tuple[str, ...]:
    """The `le` of all requests and of those within the threshold and other bounds, in ms; native ones have no `le`."""
    written = (text for bound in (milliseconds(threshold), *others) for text in _written(bound))
    return tuple(dict.fromkeys((ALL, *written, "")))


def sides(found: Iterable[Series], threshold: timedelta) -> tuple[list[Series], list[Series]]:
    """All requests and the slow ones, one series each for each histogram, without `le`.

    Raises QueryError for histograms of which some have no bound at the threshold.
    """
    known, limit = _histograms(found), milliseconds(threshold)
    whole = [one for one in known.values() if inf in one]
    if any(limit not in one for one in whole):
        raise QueryError(f"no bucket ends at {limit:g} ms")
    return [one[inf] for one in whole], [_beyond(one, [limit])[0] for one in whole]


def slower(found: Iterable[Series]) -> tuple[tuple[timedelta, tuple[Series, ...]], ...]:
    """The requests slower than each bound that all histograms have, bounds rising; one series for each histogram.

    A bound that only some have would leave out the slow requests of the others.
    """
    whole = [one for one in _histograms(found).values() if inf in one]
    shared = sorted(set[float].intersection(*(set(one) for one in whole)) - {inf}) if whole else []
    beyond = zip(*(_beyond(one, shared) for one in whole), strict=True)
    return tuple((timedelta(milliseconds=bound), part) for bound, part in zip(shared, beyond, strict=True))


def bounds(found: Sequence[Series]) -> str:
    """The bounds that there are, for people: "1, 5, 10, 25"."""
    known = sorted({_bound(one) for one in found} - {inf})
    return ", ".join(f"{bound:g}" for bound in known)


def lacks_one(found: Sequence[Series], needed: Iterable[float]) -> bool:
    """Whether no classic bucket ends at one of the bounds: it is written otherwise than is asked for, or is not there."""
    classic = {_bound(one) for one in found if "le" in one.labels}
    return bool(classic) and not classic.issuperset(needed)


def milliseconds(threshold: timedelta) -> float:
    """The unit of the meshes' histograms."""
    return threshold / timedelta(milliseconds=1)


def _histograms(found: Iterable[Series]) -> Mapping[Labels, Mapping[float, Series]]:
    """The series of each histogram by their bounds, without `le`."""
    known: dict[Labels, dict[float, Series]] = {}
    for one in found:
        bare = {name: value for name, value in one.labels.items() if name != "le"}
        known.setdefault(tuple(sorted(bare.items())), {})[_bound(one)] = replace(one, labels=bare)
    return known


def _beyond(histogram: Mapping[float, Series], bounds: Iterable[float]) -> list[Series]:
    """The requests slower than each of the bounds."""
    whole = histogram[inf]
    is_steady = always_rises(whole.points.times) and never_falls(whole.points.values)
    parts = (histogram[bound].points for bound in bounds)
    return [replace(whole, points=_difference(whole.points, part, is_steady=is_steady)) for part in parts]


def _difference(whole: Points, within: Points, *, is_steady: bool) -> Points:
    """What the whole has more than the part, at the scrapes that both know.

    It falls with the whole alone, at a restart. Where it falls while that rises, both were read at different moments (by
    two servers, of which a querier shows one for each series): taken for a restart, all former slow requests would be new.
    is_steady: the whole was scraped in order, and never restarted.
    """
    if is_steady and within.times == whole.times:
        slow = array("d", list(map(sub, whole.values, within.values)))
        if never_falls(slow) and (not slow or slow[0] >= 0):
            return Points(times=whole.times, values=slow)
    fast = dict(within)
    points: list[tuple[float, float]] = []
    before, least = 0.0, 0.0
    for at, value in whole:
        known = fast.get(at)
        if known is not None:
            least = max(value - known, least if value >= before else 0.0)
            before = value
            points.append((at, least))
    return points_of(points)


def _written(bound: float) -> tuple[str, ...]:
    """The bound as clients and servers write it: 500, 500.0, 3.6e+06."""
    whole = (f"{bound:.0f}", f"{bound:.1f}") if bound.is_integer() else ()
    return (*whole, f"{bound:g}", repr(bound))


def _bound(one: Series) -> float:
    try:
        return float(one.labels.get("le", ""))
    except ValueError as error:
        raise QueryError(f"bucket with le={one.labels.get('le', '')!r}: not a classic histogram") from error
