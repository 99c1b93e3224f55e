"""Does a query fail only when enough of its last values do, and beside stable only when it is worse?"""

import pytest

from policies.slo import judge_looks
from policies.verdict import Verdict

FAIL, PASS, OPEN = Verdict.FAIL, Verdict.PASS, Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("values", "failures", "verdict"),
    [
        ((1.0,), 1, PASS),
        ((9.0,), 1, FAIL),
        ((9.0, 1.0), 1, FAIL),
        ((1.0, 1.0, 9.0), 2, OPEN),
        ((9.0, 1.0, 9.0), 2, FAIL),
        ((9.0, 9.0, 1.0), 2, FAIL),
        ((9.0, 1.0, 1.0), 2, PASS),
    ],
)
def test_so_many_of_the_last_values_must_fail(values: tuple[float, ...], failures: int, verdict: Verdict) -> None:
    judged = judge_looks(values, (), None, 5.0, None, failures)

    assert judged.verdict is verdict


def test_it_is_said_how_many_failed() -> None:
    judged = judge_looks((9.0, 1.0, 9.0), (), None, 5.0, None, 2)

    assert judged.message == "9 is not below 5 (2 of the last 3 values failed, 2 count)"


@pytest.mark.parametrize(
    ("value", "stable", "above", "below", "verdict"),
    [
        (1.19, 1.0, None, 5.0, PASS),
        (1.21, 1.0, None, 5.0, FAIL),
        (0.5, 1.0, None, 5.0, PASS),
        (0.81, 1.0, 0.1, None, PASS),
        (0.79, 1.0, 0.1, None, FAIL),
        (1.21, 1.0, 0.1, 5.0, FAIL),
        (-1.21, -1.0, -5.0, None, FAIL),
        (-0.9, -1.0, None, 5.0, PASS),
    ],
)
def test_a_value_may_be_worse_than_stable_by_its_part_of_it(
    value: float, stable: float, above: float | None, below: float | None, verdict: Verdict
) -> None:
    judged = judge_looks((value,), (stable,), above, below, 0.2, 1)

    assert judged.verdict is verdict
    assert judged.code in ("WithinLimit", "WorseThanStable")


def test_each_value_is_compared_with_stable_at_its_own_look() -> None:
    fine = judge_looks((4.0, 1.0), (4.0, 1.0), None, 5.0, 0.2, 1)
    bad = judge_looks((4.0, 1.0), (1.0, 1.0), None, 5.0, 0.2, 1)

    assert (fine.verdict, bad.verdict) == (PASS, FAIL)


def test_a_look_that_stable_does_not_have_is_judged_by_its_limits_alone() -> None:
    judged = judge_looks((4.0, 1.0), (1.0,), None, 5.0, 0.2, 1)

    assert judged.verdict is PASS
