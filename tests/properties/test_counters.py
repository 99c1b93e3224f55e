"""Does the growth of a counter survive what real scrapes do to it?"""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from policies.counters import Point, increase
from policies.slo import judge_ratio, ratio_lower_bound
from policies.verdict import Verdict

STEPS = st.lists(st.integers(0, 50), min_size=2, max_size=20)
END = 10_000.0


def scraped(steps: list[int]) -> list[Point]:
    """A counter that grew by `steps`, scraped every 10 s from 0 on."""
    return [(10.0 * index, float(value)) for index, value in enumerate(accumulate(steps))]


@st.composite
def disordered(draw: st.DrawFn) -> tuple[list[Point], list[Point]]:
    points = scraped(draw(STEPS))
    twice = draw(st.lists(st.sampled_from(points)))
    return points, draw(st.permutations(points + twice))


@given(disordered(), st.floats(-10, 300))
def test_order_and_duplicates_change_nothing(both: tuple[list[Point], list[Point]], start: float) -> None:
    tidy, messy = both

    assert increase(messy, start, END) == increase(tidy, start, END)


@given(STEPS, st.integers(0, 19))
def test_a_restart_between_two_scrapes_loses_nothing_that_came_after_it(steps: list[int], at: int) -> None:
    whole = scraped(steps)
    lost = whole[min(at, len(whole) - 1)][1]
    restarted = [(time, value if value <= lost else value - lost) for time, value in whole]

    assert increase(restarted, 0, END) <= increase(whole, 0, END)


@given(STEPS)
def test_a_young_counter_counts_everything(steps: list[int]) -> None:
    assert increase(scraped(steps), -5, END, absent_at=-1) == sum(steps)


@given(STEPS, st.integers(0, 19))
def test_two_windows_side_by_side_count_what_one_does(steps: list[int], cut: int) -> None:
    points = scraped(steps)
    middle = 10.0 * cut

    assert increase(points, 0, middle) + increase(points, middle, END) == increase(points, 0, END)


@given(STEPS, st.floats(-10, 300), st.floats(-10, 300))
def test_growth_is_never_negative(steps: list[int], one: float, other: float) -> None:
    assert increase(scraped(steps[::-1] + steps), min(one, other), max(one, other)) >= 0


@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_the_lower_bound_lies_below_the_ratio(bad: int, good: int) -> None:
    assert 0 < ratio_lower_bound(bad, bad + good) < bad / (bad + good)


@given(st.integers(0, 500), st.integers(0, 5000), st.floats(0.0001, 0.5))
def test_one_more_good_request_never_makes_a_failure(bad: int, good: int, limit: float) -> None:
    before = judge_ratio(bad, bad + good, limit, 50).verdict
    after = judge_ratio(bad, bad + good + 1, limit, 50).verdict

    assert not (after is Verdict.FAIL and before is not Verdict.FAIL)


@given(st.integers(0, 500), st.integers(0, 5000), st.floats(0.0001, 0.5))
def test_one_more_bad_request_never_takes_a_failure_back(bad: int, good: int, limit: float) -> None:
    before = judge_ratio(bad, bad + good, limit, 50).verdict
    after = judge_ratio(bad + 1, bad + good + 1, limit, 50).verdict

    assert not (before is Verdict.FAIL and after is not Verdict.FAIL)
