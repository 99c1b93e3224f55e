"""Are the points of counters two columns, and is each scrape's time there once?"""

import json
import tracemalloc
from array import array

import pytest

from adapters.metrics.columns import decoded
from adapters.metrics.pages import Range, parted
from adapters.metrics.selectors import Selector, is_named
from rollout.model.points import NEVER, Points, points_of
from tests.support.metrics_server import matrix

THREE = points_of(((10.0, 1.0), (25.0, 4.0), (40.0, 2.0)))


def a_row(name: str, times: range, value: str = "7") -> dict[str, object]:
    return {"metric": {"app": name}, "values": [[at, value] for at in times]}


def rows(*told: dict[str, object]) -> list[dict[str, object]]:
    """The series of a decoded answer."""
    body = decoded(json.dumps(matrix(*told)).encode())
    assert isinstance(body, dict)
    found: list[dict[str, object]] = body["data"]["result"]
    return found


def points(row: dict[str, object]) -> Points:
    found = row["values"]
    assert isinstance(found, Points)
    return found


def test_points_are_pairs_to_who_goes_through_them() -> None:
    assert (list(THREE), THREE[0], THREE[-1]) == ([(10, 1), (25, 4), (40, 2)], (10, 1), (40, 2))


def test_a_slice_has_the_same_points() -> None:
    assert (THREE[1:], THREE[:0]) == (points_of(((25.0, 4.0), (40.0, 2.0))), NEVER)


def test_points_may_stand_behind_others() -> None:
    assert THREE[:1] + THREE[1:] == THREE


def test_equal_points_are_one_key() -> None:
    assert len({THREE, points_of(list(THREE)), THREE[1:]}) == 2


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="2 times, but 1 values"):
        Points(times=array("d", [1, 2]), values=array("d", [1]))


def test_series_of_an_answer_that_were_scraped_together_share_their_times() -> None:
    one, other, apart = map(points, rows(a_row("a", range(5)), a_row("b", range(5), "8"), a_row("c", range(1, 6))))

    assert one.times is other.times
    assert one.times is not apart.times


def test_what_two_questions_get_of_a_page_shares_its_times_too() -> None:
    page = [
        Range(selector=Selector("up", (is_named("app", name),)), seconds=4, step=0, end=8000) for name in ("a", "b")
    ]

    ((one,), (other,)) = parted(page, rows(a_row("a", range(10)), a_row("b", range(10))))

    assert [at for at, _ in one["values"]] == [5, 6, 7, 8]
    assert one["values"].times is other["values"].times


@pytest.mark.parametrize("values", [[[1, "x"]], [[1]], [["1", "2"]], [[1e30, "2"]], [1], [[1, "2"], [3, "4", "5"]]])
def test_points_that_are_none_are_left_to_who_reads_them(values: list[object]) -> None:
    assert rows({"metric": {}, "values": values})[0]["values"] == values


def test_a_large_page_is_never_in_memory_as_lists_of_texts() -> None:
    told = [a_row(f"app-{number}", range(1_700_000_000, 1_700_003_600, 15), "123456") for number in range(50)]
    body = json.dumps(matrix(*told)).encode()
    tracemalloc.start()

    kept = decoded(body)

    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept
    assert most < 2 * len(body)


def test_what_the_labels_of_many_series_say_is_in_memory_once() -> None:
    one, other = (row["metric"] for row in rows(a_row("shop", range(2)), a_row("shop", range(3))))

    assert isinstance(one, dict)
    assert isinstance(other, dict)
    assert one["app"] is other["app"]
