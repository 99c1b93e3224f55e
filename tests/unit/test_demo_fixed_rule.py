"""Is what the fixed rule would have let through computed as its controller acts?"""

import pytest

from rollout.demo.fixed_rule import Counted, let_through, sentence


def counted(failures: int, requests: int = 1000, per_second: float = 5.0, seconds: float = 4.0) -> Counted:
    return Counted(requests=requests, failures=failures, per_second=per_second, seconds=seconds)


@pytest.mark.parametrize(("failures", "expected"), [(200, 0.2 * 5 * 360), (1000, 5 * 360), (11, 0.011 * 5 * 360)])
def test_a_canary_that_breaks_the_limit_serves_for_six_minutes_at_its_first_weight(
    failures: int, expected: float
) -> None:
    assert let_through(counted(failures)) == pytest.approx(expected)


@pytest.mark.parametrize("failures", [0, 5, 10])
def test_a_canary_within_the_limit_is_promoted_by_it(failures: int) -> None:
    assert let_through(counted(failures)) is None


def test_a_canary_without_requests_is_no_division_by_zero() -> None:
    assert let_through(counted(0, requests=0)) is None


def test_the_sentence_says_that_it_is_a_projection_and_of_what() -> None:
    told = sentence(counted(203), 7)

    assert told.startswith("Failed requests until rollback: 7; ")
    assert "would have let about 370 through (a projection, as this run ended after 4 s: 203 of its 1000" in told
    assert "6 min" in told


def test_a_run_that_took_longer_than_the_rule_needs_is_no_projection() -> None:
    told = sentence(counted(203, seconds=400.0), 7)

    assert "(computed, not run: 203 of its 1000 requests failed" in told
    assert "projection" not in told


def test_the_sentence_says_that_it_would_have_promoted() -> None:
    assert "would have promoted it (computed, not run" in sentence(counted(3), 9)
