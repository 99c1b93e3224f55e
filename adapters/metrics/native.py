"""What would a native histogram's counters be if it were a classic one?

Native histograms have buckets of their own choice, only those that are not empty are told, and a client may make them
coarser while it runs. A counter is needed whose meaning does not change within an answer, and is the same in both arms: a
bound that lies inside a bucket of any sample is no bound. The threshold is moved up to the next bound that every layout of
normal resolution has: what may have been fast is not called slow. Where even that lies inside a bucket, nothing tells how
many requests were slow.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import accumulate
from math import ceil, inf, isclose, log2

from adapters.metrics.answers import Bucket, Series
from adapters.metrics.buckets import ALL, milliseconds
from adapters.metrics.line import QueryError
from rollout.model.points import Points

CLASSIC = "_bucket"
# ms: the same bounds for both arms, whichever buckets they fill; every native layout of normal resolution has these
GRID = tuple(2.0 ** (half / 2) for half in range(33))
# Bounds a factor of two, to one of which the threshold is moved: by at most 9 %. It is schema 3, the coarsest that clients
# begin with (the factor of 1.1 that their documentation proposes).
FINE = 8
EXACT = 1e-9  # servers print bounds with 16 digits
AS_GOOD_AS = 1e-5  # a threshold that is so near above a bound means it: people write 362.039ms for 2^8.5

Edges = frozenset[tuple[float, float]]


def as_classic(found: Sequence[Series], threshold: timedelta) -> tuple[Series, ...]:
    """All series with a label `le`; a native histogram that is told as a classic one too is left out.

    Raises QueryError where a native histogram does not tell how many requests took longer than the threshold.
    """
    classic = [one for one in found if not one.histograms]
    told = {_identity(one) for one in classic}
    native = [one for one in found if one.histograms and _identity(one) not in told]
    edges = frozenset((b.left, b.right) for one in native for _, buckets in one.histograms for b in buckets)
    limit = milliseconds(threshold)
    bounds = {f"{bound:g}": bound for bound in _bounds(edges)} | {f"{limit:g}": _moved(limit, edges), ALL: inf}
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
    custom = {edge for both in edges for edge in both if 0 < edge < inf}
    wanted = GRID if _are_exponential(edges) else sorted(custom)
    return [bound for bound in wanted if _across(bound, edges) is None]


def _moved(limit: float, edges: Edges) -> float:
    """The bound that the threshold means: of custom buckets exactly it, as of classic ones. Raises QueryError."""
    bound = 2.0 ** (ceil(FINE * log2(limit * (1 - AS_GOOD_AS))) / FINE) if _are_exponential(edges) else limit
    across = _across(bound, edges)
    if across is None:
        return bound
    left, right = max(across[0], 0.0), ALL if across[1] == inf else f"{across[1]:g}"
    known = sorted(edge for both in edges for edge in both if 0 < edge < inf and _across(edge, edges) is None)
    nearest = [edge for edge in known if edge < limit][-1:] + [edge for edge in known if edge > limit][:1]
    usable = (
        f"set the objective's threshold to {' or '.join(f'{edge:g} ms' for edge in nearest)}, or " if nearest else ""
    )
    raise QueryError(
        f"the threshold of {limit:g} ms lies inside a native histogram's bucket from {left:g} to {right} ms, so it cannot be "
        f"told how many requests were slow; {usable}give the histogram a bucket that ends at {limit:g} ms"
    )


def _are_exponential(edges: Edges) -> bool:
    return all(_is_exponential(left, right) for left, right in edges)


def _is_exponential(left: float, right: float) -> bool:
    """Whether the bucket goes from one 2^(k 2^-n) to the next, for whole k and n; one around 0 may be in any layout."""
    if left == -inf or right == inf or right <= left:
        return False
    if left <= 0:
        return True
    per_doubling = 1 / log2(right / left)
    place = per_doubling * log2(right)
    return isclose(log2(per_doubling), round(log2(per_doubling)), abs_tol=1e-3) and isclose(
        place, round(place), abs_tol=1e-3
    )


def _across(bound: float, edges: Edges) -> tuple[float, float] | None:
    """The widest bucket that the bound lies inside of; None where it lies in none."""
    inside = [
        (right, left)
        for left, right in edges
        if left < bound * (1 - EXACT) and (right == inf or bound < right * (1 - EXACT))
    ]
    return max(inside)[::-1] if inside and bound != inf else None


def _cumulative(one: Series, bounds: dict[str, float]) -> Iterable[Series]:
    """One counter for each bound."""
    times = array("d", [at for at, _ in one.histograms])
    samples = [_sums(buckets) for _, buckets in one.histograms]
    for le, bound in bounds.items():
        values = array("d", [sums[bisect_left(lefts, bound * (1 - EXACT))] for lefts, sums in samples])
        yield replace(one, labels={**one.labels, "le": le}, points=Points(times=times, values=values), histograms=())


def _sums(buckets: Sequence[Bucket]) -> tuple[list[float], list[float]]:
    """Where buckets begin, and how much is in those before each of these places (and in all)."""
    rising = sorted(buckets)
    return [bucket.left for bucket in rising], list(accumulate((bucket.requests for bucket in rising), initial=0.0))
