"""Is the longest time between two runs of a CronJob the one that Kubernetes makes of its schedule?"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from policies.periods import longest_gap
from tests.support.plaintext import DAY, HOUR, MINUTE

NOW = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
BEIRUT = ZoneInfo("Asia/Beirut")


@pytest.mark.parametrize(
    ("schedule", "gap"),
    [
        ("* * * * *", MINUTE),
        ("*/15 * * * *", 15 * MINUTE),
        ("7/20 * * * *", 20 * MINUTE),
        ("0,10,15 * * * *", 45 * MINUTE),
        ("0 9-17/4 * * *", 16 * HOUR),
        ("0 */5 * * *", 5 * HOUR),
        ("0 */5 ? * ?", 5 * HOUR),
        ("0 12 * * *", DAY),
        ("0 12 * * 1-5", 3 * DAY),
        ("0 12 * * MON-fri", 3 * DAY),
        ("0 12 * * sun", 7 * DAY),
        ("0 0 31 * *", 61 * DAY),
        ("0 0 1 jan,Jul *", 184 * DAY),
        ("0 0 29 2 *", (4 * 365 + 1) * DAY),
        ("0 0 29 2 */1", (4 * 365 + 1) * DAY),
        ("@hourly", HOUR),
        ("@daily", DAY),
        ("@midnight", DAY),
        ("@weekly", 7 * DAY),
        ("@monthly", 31 * DAY),
        ("@yearly", 366 * DAY),
        ("@annually", 366 * DAY),
        ("@every 1h30m", 90 * MINUTE),
        ("@every 1.5h", 90 * MINUTE),
        ("@every 100ms", timedelta(seconds=1)),
    ],
)
def test_the_longest_gap_is_between_runs_of_the_fields(schedule: str, gap: timedelta) -> None:
    assert longest_gap(schedule, None, NOW) == gap


@pytest.mark.parametrize(
    ("schedule", "gap"),
    [
        ("0 0 13 * 5", 7 * DAY),  # on the 13th and on every Friday
        ("0 0 13 * *", 31 * DAY),
        ("0 0 * * 5", 7 * DAY),
        ("0 0 1-31/2 * 1", 2 * DAY),
        ("0 0 */2 * 1", 2 * DAY),  # a star with a step is none
        ("0 0 13 * *,5", 31 * DAY),  # a star in a list is one
    ],
)
def test_two_restricted_day_fields_suffice_each(schedule: str, gap: timedelta) -> None:
    assert longest_gap(schedule, None, NOW) == gap


def test_the_gap_over_the_year_2100_is_eight_years() -> None:
    gap = longest_gap("0 0 29 2 *", None, datetime(2095, 1, 1, tzinfo=UTC))

    assert gap == (8 * 365 + 1) * DAY


@pytest.mark.parametrize("schedule", ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_a_day_that_no_month_has_never_comes(schedule: str) -> None:
    assert longest_gap(schedule, None, NOW) is None


@pytest.mark.parametrize(
    ("schedule", "gap"),
    [
        ("0 12 * * *", 25 * HOUR),  # the night on which the clocks go back
        ("30 2 * * *", 47 * HOUR),  # 2:30 is skipped in March
        ("30 1 * * *", 24 * HOUR),  # 1:30 comes twice in November
        ("0 */3 * * *", 4 * HOUR),
        ("@hourly", HOUR),
        ("30 2 14 3 *", (2 * 365 + 1) * DAY),  # a Sunday in 2027, when the clocks skip it
    ],
)
def test_clocks_that_change_make_gaps_longer(schedule: str, gap: timedelta) -> None:
    assert longest_gap(schedule, NEW_YORK, NOW) == gap


@pytest.mark.parametrize(("schedule", "gap"), [("0 12 * * 0", 14 * DAY), ("0 12 * * 6,0", 6 * DAY)])
def test_a_day_without_midnight_is_passed_over_after_a_day_without_runs(schedule: str, gap: timedelta) -> None:
    found = longest_gap(schedule, BEIRUT, NOW)

    assert found is not None
    assert abs(found - gap) <= HOUR


@pytest.mark.parametrize(
    "schedule",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "5-2 * * * *",
        "1-2-3 * * * *",
        "1/2/3 * * * *",
        "*/0 * * * *",
        "a * * * *",
        "-1 * * * *",
        ", * * * *",
        "* * * foo *",
        "@reboot",
        "@every soon",
        "CRON_TZ=UTC 0 0 * * *",
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        longest_gap(schedule, None, NOW)
