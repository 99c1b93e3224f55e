"""How are durations and percentages written and read?"""

from datetime import timedelta

import pytest

from rollout.durations import duration, duration_text
from rollout.manifest.quantities import ratio, ratio_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("2h", timedelta(hours=2)),
        ("1h30m", timedelta(minutes=90)),
        ("250ms", timedelta(milliseconds=250)),
        ("1m2s3ms", timedelta(minutes=1, seconds=2, milliseconds=3)),
        ("0s", timedelta(0)),
    ],
)
def test_a_duration_is_read(text: str, value: timedelta) -> None:
    assert duration(text) == value


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "5m ", "30s1m", "1m1m", "-5m", "1.5h", "5d", "9999999h", "5m\n"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        duration(text)


@pytest.mark.parametrize("text", ["1m30s", "5m", "1h30m", "250ms", "0s", "48h"])
def test_a_duration_is_written_in_the_shortest_way(text: str) -> None:
    assert duration_text(duration(text)) == text


@pytest.mark.parametrize(("text", "value"), [("1%", 0.01), ("0.5%", 0.005), ("0%", 0.0), ("100%", 1.0), ("10%", 0.1)])
def test_a_percentage_is_read_and_written(text: str, value: float) -> None:
    assert (ratio(text), ratio_text(value)) == (value, text)


@pytest.mark.parametrize("text", ["1", "", "1%%", "1 %5"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no percentage"):
        ratio(text)
