"""Is the growth of a raw counter right at its birth, its resets and the edges of the window?"""

import pytest

from policies.counters import always_rises, increase, last_absent, never_falls


def test_growth_is_counted_from_the_last_scrape_before_the_window() -> None:
    points = [(0, 5), (10, 7), (20, 12), (30, 14)]

    assert increase(points, 15, 30) == 7


def test_what_comes_after_the_window_is_left_out() -> None:
    points = [(0, 5), (10, 7), (20, 12)]

    assert increase(points, 0, 10) == 2


def test_a_drop_is_a_reset_and_adds_the_new_value() -> None:
    points = [(0, 100), (10, 110), (20, 3), (30, 5)]

    assert increase(points, 0, 30) == 15


def test_a_counter_of_unknown_age_loses_its_first_value() -> None:
    points = [(20, 40), (30, 45)]

    assert increase(points, 0, 30) == 5


def test_a_counter_born_inside_the_window_counts_from_nothing() -> None:
    points = [(20, 40), (30, 45)]

    assert increase(points, 0, 30, absent_at=10) == 45


def test_a_single_scrape_is_growth_only_when_the_counter_is_young() -> None:
    assert (increase([(20, 4)], 0, 30), increase([(20, 4)], 0, 30, absent_at=10)) == (0, 4)


def test_a_counter_without_points_did_not_grow() -> None:
    assert increase([], 0, 30, absent_at=10) == 0


def test_siblings_scraped_before_tell_when_a_counter_was_not_there() -> None:
    assert last_absent(20, 5, [0, 10, 20, 30]) == 10


def test_a_target_that_is_new_with_all_its_series_tells_nothing_of_itself() -> None:
    assert last_absent(20, 5, [20, 30]) is None


def test_a_new_target_is_young_when_another_was_scraped_a_whole_interval_before() -> None:
    assert last_absent(25, 5, [25], [[0, 10, 20, 30]]) == 10


def test_a_new_target_seen_within_one_interval_of_the_start_may_be_older() -> None:
    assert last_absent(12, 5, [12], [[0, 10, 20, 30]]) is None


def test_after_an_outage_of_the_server_no_target_is_known_to_be_young() -> None:
    assert last_absent(100, 5, [100, 110], [[101, 111]]) is None


@pytest.mark.parametrize(
    ("column", "rises", "stays"),
    [((), True, True), ((1, 2), True, True), ((1, 1), False, True), ((2, 1), False, False), ((1, "nan"), False, False)],
)
def test_a_column_that_never_falls_need_not_rise(column: tuple[float | str, ...], rises: bool, stays: bool) -> None:
    told = tuple(map(float, column))

    assert (always_rises(told), never_falls(told)) == (rises, stays)
