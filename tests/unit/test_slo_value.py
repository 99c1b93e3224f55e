"""Does a single number get the verdict of its limits?"""

import pytest

from policies.slo import judge_value, percent, range_text


@pytest.mark.parametrize(
    ("value", "code"),
    [(2.9, "TooLow"), (3.0, "TooLow"), (3.1, "WithinLimit"), (8.9, "WithinLimit"), (9.0, "TooHigh"), (9.1, "TooHigh")],
)
def test_a_value_must_lie_strictly_between_its_limits(value: float, code: str) -> None:
    judged = judge_value(value, 3, 9)

    assert judged.code == code


def test_an_open_side_limits_nothing() -> None:
    judged = judge_value(1e9, 3, None)

    assert judged.message == "1e+09 is above 3"


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(0.0, "0%"), (0.004, "0.4%"), (0.07, "7%"), (0.12345, "12.3%"), (0.9994, "99.9%"), (1.0, "100%")],
)
def test_a_ratio_is_written_as_a_short_percentage(ratio: float, text: str) -> None:
    assert percent(ratio) == text


@pytest.mark.parametrize(
    ("above", "below", "text"), [(3, None, "above 3"), (None, 0.5, "below 0.5"), (3, 9, "above 3 and below 9")]
)
def test_the_limits_of_a_query_are_written_for_people(above: float | None, below: float | None, text: str) -> None:
    assert range_text(above, below) == text
