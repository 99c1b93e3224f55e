"""Are the counts of short stretches of time added up to longer ones as they should?"""

import pytest

from policies.sequential.noise import learnt
from policies.sequential.stretches import added_up, columns, ladder, traffic_of

ONE, OTHER = [1.0, 2.0, 4.0, 8.0, 16.0], [10.0, 20.0, 40.0, 80.0, 160.0]


def test_the_whole_arm_comes_after_the_columns_of_its_pods() -> None:
    assert columns([ONE, OTHER]) == [*ONE, *OTHER, 11.0, 22.0, 44.0, 88.0, 176.0]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(1, [*ONE, *OTHER]), (2, [6.0, 24.0, 60.0, 240.0]), (5, [31.0, 310.0]), (6, [])],
)
def test_what_fills_no_longer_stretch_is_left_out_at_the_old_end_of_each_pod(rows: int, expected: list[float]) -> None:
    assert added_up([*ONE, *OTHER], 5, rows) == expected


def test_each_length_ends_with_the_newest_stretch() -> None:
    hour = [float(at) for at in range(100, 123)]

    single, block, two, four = ladder(hour, 23, 3)

    assert single == hour
    assert block == [sum(hour[at : at + 3]) for at in range(2, 23, 3)]
    assert two == [sum(hour[at : at + 6]) for at in range(5, 23, 6)]
    assert four == [sum(hour[at : at + 12]) for at in range(11, 23, 12)]


def test_a_length_tells_something_from_eight_stretches_with_requests_on() -> None:
    busy, gone = [5.0] * 100, [5.0] * 4 + [0.0] * 96

    both, idle = traffic_of([busy, gone], 15.0), traffic_of([gone], 60.0)

    assert [(length.blocks, length.stretches) for length in both.lengths] == [(1, 100), (1, 25), (2, 12)]
    assert [(length.pods, length.arm) for length in both.lengths] == [(104, 100), (26, 25), (12, 12)]
    assert [length.requests for length in idle.lengths] == [20.0, 20.0, 20.0, 20.0]


def test_what_many_bounds_teach_at_once_each_teaches_alone() -> None:
    requests = [[100.0 + at % 7 for at in range(240)], [90.0] * 240]
    kinds = [
        [[float((at * step) % 5) for at in range(240)], [float(at % step) for at in range(240)]] for step in (3, 4)
    ]

    together = learnt(requests, kinds, 15.0)

    assert together == tuple(learnt(requests, [kind], 15.0)[0] for kind in kinds)
