"""Are pods, births, resets and bounds counted as they were, for the judge's history and for both arms?"""

from datetime import UTC, datetime, timedelta

import pytest

from policies.sequential.align import slices
from policies.sequential.tallies import Slice
from rollout.model.measurement import Counter, Counters, Slower, Window
from rollout.model.points import points_of
from rollout.progression.counting import arm_of, bounds_of, history_of
from tests.support.points import scrapes

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = Window(start=NOON - timedelta(hours=1), end=NOON)


def series(pod: str, values: list[float], *, first: float = -3595, every: float = 15, **labels: str) -> Counter:
    """A pod's counter with these values, at `first` and every so many seconds after it (from noon)."""
    points = scrapes((NOON + timedelta(seconds=first + every * place), value) for place, value in enumerate(values))
    return Counter(labels=tuple(sorted(({"pod": pod} | labels).items())), points=points)


def rising(each: float, count: int = 240) -> list[float]:
    return [each * place for place in range(count)]


def counters(*total: Counter, bad: tuple[Counter, ...] = (), slower: tuple[Slower, ...] = ()) -> Counters:
    return Counters(query="q", total=total, bad=bad, slower=slower)


def test_history_has_a_row_for_each_scrape_and_a_column_for_each_pod() -> None:
    history = history_of(counters(series("a", rising(10)), series("b", rising(20), first=-3590)), HOUR)

    assert history is not None
    assert history.interval == 15
    assert [len(pod) for pod in history.requests] == [240, 240]
    assert [set(pod[1:]) for pod in history.requests] == [{10.0}, {20.0}]


def test_jitter_of_scrapes_moves_nothing_into_another_row() -> None:
    steady = series("a", rising(10))
    late = points_of((at + (0.04 if place % 2 else -0.04), value) for place, (at, value) in enumerate(steady.points))
    history = history_of(counters(Counter(labels=steady.labels, points=late), series("b", rising(10))), HOUR)

    assert history is not None
    assert set(history.requests[0][1:]) == {10.0}


def test_the_codes_of_one_pod_are_added_up() -> None:
    ok, broken = series("a", rising(10), code="200"), series("a", rising(1), code="500")

    history = history_of(counters(ok, broken, bad=(broken,)), HOUR)

    assert history is not None
    assert [set(pod[1:]) for pod in (*history.requests, *history.bad)] == [{11.0}, {1.0}]


def test_a_restarted_pod_counts_from_0_again() -> None:
    history = history_of(counters(series("a", [*rising(10, 120), *rising(10, 120)])), HOUR)

    assert history is not None
    assert [sum(pod) for pod in history.requests] == [2 * 1190]


def test_errors_that_begin_within_the_hour_count_from_the_first() -> None:
    errors = series("a", [3, 3, 5], first=-95, code="500")

    history = history_of(counters(series("a", rising(10)), bad=(errors,)), HOUR)

    assert history is not None
    assert [sum(pod) for pod in history.bad] == [5]


def test_without_two_scrapes_there_is_no_history() -> None:
    assert history_of(counters(series("a", [7])), HOUR) is None


def test_history_counts_the_requests_beyond_each_bound() -> None:
    slow = (Slower(bound=timedelta(milliseconds=250), counters=(series("a", rising(2)),)),)

    told = counters(series("a", rising(10)), bad=(series("a", rising(1)),), slower=slow)
    history = history_of(told, HOUR)

    assert bounds_of(told) == (250.0,)
    assert history is not None
    assert [set(pod[1:]) for (pod,) in history.slower] == [{2.0}]


def test_an_arm_has_a_place_for_each_bound_and_lines_for_those_that_are_watched() -> None:
    fast, slow = (
        Slower(bound=timedelta(milliseconds=bound), counters=(series("a", [value]),))
        for bound, value in ((100, 5.0), (500, 1.0))
    )

    arm = arm_of(counters(series("a", [9]), slower=(fast, slow)), (None, 500.0), HOUR)

    assert [len(lines) for lines in arm.slower] == [0, 1]
    assert arm.slower[1][0][0][1] == 1.0


def test_bounds_of_both_arms_are_told_by_their_values_and_not_by_their_places() -> None:
    def answer(*bounds: int) -> Counters:
        slower = tuple(Slower(bound=timedelta(milliseconds=ms), counters=(series("a", [float(ms)]),)) for ms in bounds)
        return counters(series("a", [9999]), slower=slower)

    judged = (100.0, None, 500.0)
    canary, stable = (arm_of(answer(*bounds), judged, HOUR) for bounds in ((50, 100, 250, 500), (500, 100, 1000)))

    assert [[line[0][1] for line in lines] for lines in canary.slower] == [[100.0], [], [500.0]]
    assert canary.slower == stable.slower


TAIL = timedelta(minutes=10)


def thinned(one: Counter, step: int = 40) -> Counter:
    """The counter as a server thins it: its newest value at the multiples of a step, and all of its end."""
    grid, tail = [HOUR.start.timestamp() + at for at in range(0, 3600, step)], (HOUR.end - TAIL).timestamp()
    newest = {at: [value for scraped, value in one.points if scraped <= at][-1:] for at in grid if at < tail}
    older = tuple((at, values[0]) for at, values in newest.items() if values)
    return Counter(labels=one.labels, points=points_of([*older, *(point for point in one.points if point[0] >= tail)]))


def test_thinned_points_count_as_much_in_coarser_slices() -> None:
    restarted = [*rising(10, 100), *rising(10, 141)]
    errors = [0.0] * 90 + [3.0 * place for place in range(10)] + [0.0] * 141
    pods = [
        (series(pod, restarted, first=first), series(pod, errors, first=first, code="500"))
        for pod, first in (("canary", -3605), ("stable", -3611))
    ]
    whole = [arm_of(counters(total, bad=(bad,)), (), HOUR) for total, bad in pods]
    fewer = [arm_of(counters(thinned(total), bad=(thinned(bad),)), (), HOUR) for total, bad in pods]
    since = (HOUR.start + timedelta(seconds=40)).timestamp()

    fine, coarse = (slices(canary, stable, since) for canary, stable in (whole, fewer))

    assert len(coarse) < len(fine) * 0.6
    assert [bad for _, bad in sums(coarse)] == [bad for _, bad in sums(fine)] == [27, 27]
    one_scrape = pytest.approx([requests for requests, _ in sums(fine)], abs=10)
    assert [requests for requests, _ in sums(coarse)] == one_scrape


def sums(told: tuple[Slice, ...]) -> list[tuple[float, float]]:
    """Requests and bad ones of the canary and of stable."""
    arms = [one.canary for one in told], [one.stable for one in told]
    return [(sum(tally.requests for tally in arm), sum(tally.bad for tally in arm)) for arm in arms]


def test_a_series_that_is_born_beside_its_siblings_begins_at_0() -> None:
    arm = arm_of(counters(series("a", rising(10)), bad=(series("a", [4], first=-95),)), (), HOUR)

    assert [value for _, value in arm.bad[0]] == [0.0, 4]
