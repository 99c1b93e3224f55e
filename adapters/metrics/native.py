"""What would a native histogram's counters be if it were a classic one?

Native histograms have buckets of their own choice, only those that are not empty are told, and a client may make them
coarser while it runs. A counter is needed whose meaning does not change within an answer: a bound that lies inside a
bucket of any sample is no bound. Only the threshold is kept then, moved up to the end of that bucket: what may have been
fast is not called slow.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import accumulate
from math import inf, isclose, log2

from adapters.metrics.answers import Bucket, Series
from adapters.metrics.buckets import ALL, milliseconds

CLASSIC = "_bucket"
# ms: the same bounds for both arms, whichever buckets they fill; every native layout of normal resolution has these
GRID = tuple(2.0 ** (half / 2) for half in range(33))
EXACT = 1e-9  # servers print bounds with 16 digits

Edges = frozenset[tuple[float, float]]


def as_classic(found: Sequence[Series], threshold: timedelta) -> tuple[Series, ...]:
    """All series with a label `le`; a native histogram that is told as a classic one too is left out."""
    classic = [one for one in found if not one.histograms]
    told = {_identity(one) for one in classic}
    native = [one for one in found if one.histograms and _identity(one) not in told]
    edges = frozenset((b.left, b.right) for one in native for _, buckets in one.histograms for b in buckets)
    limit = milliseconds(threshold)
    bounds = {f"{bound:g}": bound for bound in _bounds(edges)} | {f"{limit:g}": _settled(limit, edges), ALL: inf}
    return (*classic, *(counters for one in native for counters in _cumulative(one, bounds)))


def _identity(one: Series) -> frozenset[tuple[str, str]]:
    """Which histogram it is, however it is told."""
    return frozenset(
        (name, value.removesuffix(CLASSIC) if name == "__name__" else value)
        for name, value in one.labels.items()
        if name != "le"
    )


def _bounds(edges: Edges) -> list[float]:
    """The bounds that no bucket lies across: of exponential buckets those of the grid, of custom ones their own."""
    custom = {right for _, right in edges if 0 < right < inf}
    wanted = GRID if all(_is_exponential(left, right) for left, right in edges) else sorted(custom)
    return [bound for bound in wanted if _settled(bound, edges) == bound]


def _is_exponential(left: float, right: float) -> bool:
    """Whether the bucket spans 2^(2^-n) for a whole n; a bucket around 0 or up to infinity may be in any layout."""
    if left <= 0 or right == inf:
        return True
    resolution = -log2(log2(right / left))
    return isclose(resolution, round(resolution), abs_tol=1e-3)


def _settled(bound: float, edges: Edges) -> float:
    """`bound`, or the nearest higher one that lies inside no bucket."""
    while across := [
        right for left, right in edges if left * (1 + EXACT) < bound and (right == inf or bound < right * (1 - EXACT))
    ]:
        if bound == inf:
            break
        bound = max(across)
    return bound


def _cumulative(one: Series, bounds: dict[str, float]) -> Iterable[Series]:
    """One counter for each bound."""
    samples = [(at, *_sums(buckets)) for at, buckets in one.histograms]
    for le, bound in bounds.items():
        points = tuple((at, sums[bisect_left(lefts, bound * (1 - EXACT))]) for at, lefts, sums in samples)
        yield replace(one, labels={**one.labels, "le": le}, points=points, histograms=())


def _sums(buckets: Sequence[Bucket]) -> tuple[list[float], list[float]]:
    """Where buckets begin, and how much is in those before each of these places (and in all)."""
    rising = sorted(buckets)
    return [bucket.left for bucket in rising], list(accumulate((bucket.requests for bucket in rising), initial=0.0))
