"""How many requests of a histogram took longer than a threshold?

Classic histograms only: cumulative counters with a label `le`. A threshold between two bounds is not guessed at.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from math import inf

from adapters.metrics.answers import Series
from adapters.metrics.line import QueryError
from adapters.metrics.promql import any_of

ALL = "+Inf"


def wanted_bounds(threshold: timedelta) -> str:
    """An expression for the `le` of all requests and of those within the threshold, in milliseconds."""
    bound = f"{_milliseconds(threshold):g}"
    return any_of(ALL, bound, bound if "." in bound else f"{bound}.0")


def sides(found: Iterable[Series], threshold: timedelta) -> tuple[list[Series], list[Series]]:
    """All requests and the slow ones, one series each for each histogram, without `le`.

    Raises QueryError for histograms of which some have no bound at the threshold.
    """
    within: dict[tuple[tuple[str, str], ...], Series] = {}
    whole: dict[tuple[tuple[str, str], ...], Series] = {}
    for one in found:
        bare = {name: value for name, value in one.labels.items() if name != "le"}
        side = whole if _bound(one) == inf else within
        side[tuple(sorted(bare.items()))] = replace(one, labels=bare)
    if whole.keys() - within.keys():
        raise QueryError(f"no bucket ends at {_milliseconds(threshold):g} ms")
    return list(whole.values()), [_difference(one, within[key]) for key, one in whole.items()]


def bounds(found: Sequence[Series]) -> str:
    """The bounds that there are, for people: "1, 5, 10, 25"."""
    known = sorted({_bound(one) for one in found} - {inf})
    return ", ".join(f"{bound:g}" for bound in known)


def _difference(whole: Series, within: Series) -> Series:
    """What the whole has more than the part, at the scrapes that both know."""
    fast = dict(within.points)
    return replace(whole, points=tuple((at, value - fast[at]) for at, value in whole.points if at in fast))


def _bound(one: Series) -> float:
    try:
        return float(one.labels.get("le", ""))
    except ValueError as error:
        raise QueryError(f"bucket with le={one.labels.get('le', '')!r}: not a classic histogram") from error


def _milliseconds(threshold: timedelta) -> float:
    return threshold / timedelta(milliseconds=1)
