"""Does a ratio of bad requests get the verdict that the numbers prove?"""

import pytest

from policies.slo import judge_ratio, ratio_lower_bound
from policies.verdict import Verdict


@pytest.mark.parametrize(
    ("bad", "total", "code"),
    [
        (0, 0, "NoRequests"),
        (0, 49, "TooFewRequests"),
        (1, 10, "TooFewRequests"),
        (2, 2, "TooFewRequests"),
        (0, 50, "WithinLimit"),
        (1, 100, "WithinLimit"),
        (2, 60, "NotProven"),
        (3, 150, "NotProven"),
        (3, 3, "AboveLimit"),
        (3, 50, "AboveLimit"),
        (20, 1000, "AboveLimit"),
    ],
)
def test_a_ratio_is_judged_by_what_its_numbers_prove(bad: int, total: int, code: str) -> None:
    judged = judge_ratio(bad, total, 0.01, 50)

    assert judged.code == code


def test_no_requests_are_inconclusive_even_when_none_are_required() -> None:
    judged = judge_ratio(0, 0, 0.01, 0)

    assert judged.verdict is Verdict.INCONCLUSIVE


def test_two_bad_requests_are_never_proof() -> None:
    judged = judge_ratio(2, 100_000, 1e-9, 50)

    assert judged.verdict is Verdict.INCONCLUSIVE


def test_proof_of_failure_does_not_wait_for_the_wanted_number_of_requests() -> None:
    judged = judge_ratio(5, 10, 0.01, 1000)

    assert judged.verdict is Verdict.FAIL


def test_bad_requests_that_the_total_has_not_seen_yet_still_count_as_requests() -> None:
    judged = judge_ratio(8, 0, 0.01, 50)

    assert judged.message == "8 of 8 requests failed (100%), more than 1%"


def test_the_sentence_has_numbers_share_and_limit() -> None:
    judged = judge_ratio(4, 1000, 0.01, 50, "took longer than 500ms")

    assert judged.message == "4 of 1000 requests took longer than 500ms (0.4%), at most 1%"


@pytest.mark.parametrize(
    ("bad", "total", "bound"),
    [
        (0, 100, 0.0),
        (1, 1, 0.05),  # Beta(1, 1) is uniform
        (10, 10, 0.05 ** (1 / 10)),
        (1, 20, 1 - 0.95 ** (1 / 20)),  # Beta(1, 20) has a closed quantile
        (3, 50, 0.016551859),
    ],
)
def test_the_lower_bound_is_the_exact_one(bad: int, total: int, bound: float) -> None:
    assert ratio_lower_bound(bad, total) == pytest.approx(bound, abs=1e-8)


def test_the_lower_bound_of_millions_of_requests_is_close_to_the_ratio() -> None:
    assert ratio_lower_bound(1_000_000, 10_000_000) == pytest.approx(0.0998440, abs=1e-6)
