"""Do columns say what pairs of numbers say, whatever order, gaps, resets and nonsense there are?"""

from math import isfinite

from hypothesis import given
from hypothesis import strategies as st

from adapters.metrics.answers import Series
from adapters.metrics.buckets import slower
from policies.counters import in_order, rises, steps
from rollout.model.points import Points, points_of

Pairs = list[tuple[float, float]]

times = st.integers(0, 12).map(float)
values = st.integers(0, 9).map(float) | st.sampled_from((float("nan"), float("inf"), 1e308))
pairs = st.lists(st.tuples(times, values), max_size=8)
steady = st.lists(st.integers(0, 9).map(float), max_size=8).map(lambda found: list(enumerate(sorted(found))))
points = (pairs | pairs.map(sorted) | steady).map(points_of)


def plainly(told: Points, end: float) -> Pairs:
    """One pair for each time: the highest finite value of it."""
    best: dict[float, float] = {}
    for at, value in told:
        if at <= end and isfinite(value):
            best[at] = max(value, best.get(at, value))
    return sorted(best.items())


@given(points, st.sampled_from((5.0, 12.0)))
def test_what_is_in_order_already_is_what_putting_it_in_order_gives(told: Points, end: float) -> None:
    assert in_order(told, end) == plainly(told, end)


@given(points, st.sampled_from((5.0, 12.0)), st.sampled_from((None, -1.0, 3.0)))
def test_the_steps_of_columns_are_the_rises_of_points(told: Points, end: float, absent_at: float | None) -> None:
    at, grown = steps(told.times, told.values, end, absent_at=absent_at)

    assert list(zip(at, grown, strict=True)) == rises(told, end, absent_at=absent_at)


def beyond(whole: Points, part: Points) -> Pairs:
    """The slow requests, point by point: they fall with the whole alone."""
    fast, found, least, before = dict(part), [], 0.0, 0.0
    for at, value in whole:
        if at in fast:
            least = max(value - fast[at], least if value >= before else 0.0)
            before = value
            found.append((at, least))
    return found


@given(points, st.data())
def test_slow_requests_are_the_same_by_columns_and_point_by_point(whole: Points, data: st.DataObject) -> None:
    parts = st.lists(values, min_size=len(whole), max_size=len(whole)).map(
        lambda found: points_of(zip(whole.times, found, strict=True))
    )
    part = data.draw(parts | points | st.just(whole))
    buckets = [Series(labels={"le": le}, points=told) for le, told in (("+Inf", whole), ("5", part))]

    ((_, (found,)),) = slower(buckets)

    assert list(map(repr, found.points)) == list(map(repr, beyond(whole, part)))
