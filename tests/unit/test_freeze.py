"""Does a freeze hold when people mean it to, also where clocks change, years end and February is longer?"""

from datetime import UTC, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest

from policies.freeze import HORIZON, Once, Recurring, held_until, held_within, holds_until, next_start
from tests.support.plaintext import DAY, HOUR, MINUTE

BERLIN = "Europe/Berlin"  # 29 March 2026 02:00 -> 03:00, 25 October 2026 03:00 -> 02:00
HAVANA = "America/Havana"  # 8 March 2026 00:00 -> 01:00: no midnight
LORD_HOWE = "Australia/Lord_Howe"  # by half an hour: 5 April 2026 02:00 -> 01:30
APIA = "Pacific/Apia"  # 30 December 2011 was no day there


def at(text: str) -> datetime:
    """A moment, of UTC where it does not say."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def comes_again(schedule: str, duration: timedelta, zone: str = "UTC") -> Recurring:
    """A window that begins by that clock on the wall."""
    return Recurring(schedule=schedule, duration=duration, zone=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("schedule", "duration", "zone", "now", "until"),
    [
        # a weekend of 62 hours
        ("0 18 * * fri", 62 * HOUR, "UTC", "2026-12-04T17:59:59", None),
        ("0 18 * * fri", 62 * HOUR, "UTC", "2026-12-04T18:00", "2026-12-07T08:00"),
        ("0 18 * * fri", 62 * HOUR, "UTC", "2026-12-07T07:59:59.999999", "2026-12-07T08:00"),
        ("0 18 * * fri", 62 * HOUR, "UTC", "2026-12-07T08:00", None),
        ("0 18 * * fri", 62 * HOUR, BERLIN, "2026-12-04T17:30", "2026-12-07T07:00"),
        # the change within a window: 62 hours pass, whatever clocks show
        ("0 18 * * fri", 62 * HOUR, BERLIN, "2026-03-28T12:00", "2026-03-30T09:00+02:00"),
        ("0 18 * * fri", 62 * HOUR, BERLIN, "2026-10-24T12:00", "2026-10-26T07:00+01:00"),
        # a begin that clocks skip is when they jump
        ("30 2 * * *", 10 * MINUTE, BERLIN, "2026-03-29T00:59:59", None),
        ("30 2 * * *", 10 * MINUTE, BERLIN, "2026-03-29T01:00", "2026-03-29T03:10+02:00"),
        ("30 2 * * *", 10 * MINUTE, BERLIN, "2026-03-29T01:30", None),
        ("30 2 * * *", 10 * MINUTE, BERLIN, "2026-03-30T00:35", "2026-03-30T02:40+02:00"),
        ("0 0 * * *", HOUR, HAVANA, "2026-03-08T05:30", "2026-03-08T06:00"),
        # a begin that they repeat counts both times
        ("30 2 * * *", 10 * MINUTE, BERLIN, "2026-10-25T00:35", "2026-10-25T00:40"),
        ("30 2 * * *", 10 * MINUTE, BERLIN, "2026-10-25T01:00", None),
        ("30 2 * * *", 10 * MINUTE, BERLIN, "2026-10-25T01:35", "2026-10-25T01:40"),
        ("30 2 * * *", HOUR, BERLIN, "2026-10-25T00:35", "2026-10-25T02:30"),  # both, adjoining
        ("45 1 * * *", 5 * MINUTE, LORD_HOWE, "2026-04-04T14:47", "2026-04-04T14:50"),
        ("45 1 * * *", 5 * MINUTE, LORD_HOWE, "2026-04-04T15:17", "2026-04-04T15:20"),
        # a day that there never was
        ("0 12 * * *", HOUR, APIA, "2011-12-30T10:30", "2011-12-30T11:00"),
        # leap day and the year's end
        ("0 0 29 2 *", DAY, "UTC", "2028-02-29T12:00", "2028-03-01T00:00"),
        ("0 0 29 2 *", DAY, "UTC", "2027-02-28T23:59", None),
        ("0 0 28 2 *", 2 * DAY, "UTC", "2028-02-29T12:00", "2028-03-01T00:00"),
        ("0 0 28 2 *", 2 * DAY, "UTC", "2027-03-01T12:00", "2027-03-02T00:00"),
        ("0 20 24 12 *", 14 * DAY, BERLIN, "2027-01-03T00:00", "2027-01-07T19:00"),
        # a window longer than its period, and those that run into the next
        ("0 0 * * mon-fri", 25 * HOUR, "UTC", "2026-12-02T12:00", "2026-12-05T01:00"),
        ("0 0 * * mon-fri", 24 * HOUR, "UTC", "2026-12-02T12:00", "2026-12-05T00:00"),
        ("0 0,12 * * mon", 12 * HOUR, "UTC", "2026-11-30T01:00", "2026-12-01T00:00"),
        ("0 9-17 * * *", HOUR, "UTC", "2026-12-02T12:10", "2026-12-02T18:00"),
        # where neither day field has a star, either suffices
        ("0 0 13 * fri", HOUR, "UTC", "2026-12-04T00:30", "2026-12-04T01:00"),
        ("0 0 13 * fri", HOUR, "UTC", "2026-12-13T00:30", "2026-12-13T01:00"),
    ],
)
def test_a_window_that_comes_again_holds_until(
    schedule: str, duration: timedelta, zone: str, now: str, until: str | None
) -> None:
    found = holds_until(comes_again(schedule, duration, zone), at(now))

    assert found == (at(until) if until else None)


@pytest.mark.parametrize(
    ("schedule", "duration", "zone", "now", "start"),
    [
        ("0 18 * * fri", 62 * HOUR, "UTC", "2026-11-30T12:00", "2026-12-04T18:00"),
        ("0 18 * * fri", 62 * HOUR, "UTC", "2026-12-05T12:00", "2026-12-11T18:00"),  # not the one that holds
        ("0 18 * * fri", 62 * HOUR, "UTC", "2026-12-04T18:00", "2026-12-11T18:00"),
        ("30 2 * * *", 10 * MINUTE, BERLIN, "2026-03-29T00:00", "2026-03-29T03:00+02:00"),
        ("30 2 * * *", 10 * MINUTE, BERLIN, "2026-10-25T00:35", "2026-10-25T01:30"),
        ("0 0 29 2 *", DAY, "UTC", "2026-11-30T12:00", "2028-02-29T00:00"),
        ("0 0 29 2 *", DAY, "UTC", "2096-03-01T00:00", "2104-02-29T00:00"),
        ("0 0 1 1 *", DAY, BERLIN, "2026-12-31T22:59", "2026-12-31T23:00"),
        ("0 9-17 * * *", HOUR, "UTC", "2026-12-02T12:10", "2026-12-03T09:00"),  # the hours are one window
        ("0 0 31 2 *", DAY, "UTC", "2026-11-30T12:00", None),
        ("0 0 * * *", DAY, "UTC", "2026-11-30T12:00", None),  # it never ends, so it never begins
    ],
)
def test_a_window_that_comes_again_begins_next(
    schedule: str, duration: timedelta, zone: str, now: str, start: str | None
) -> None:
    found = next_start(comes_again(schedule, duration, zone), at(now))

    assert found == (at(start) if start else None)


@pytest.mark.parametrize(
    ("now", "until", "start"),
    [
        ("2026-12-23T23:59", None, "2026-12-24T00:00"),
        ("2026-12-24T00:00", "2027-01-02T00:00", None),
        ("2027-01-01T23:59", "2027-01-02T00:00", None),
        ("2027-01-02T00:00", None, None),
    ],
)
def test_a_window_between_two_moments_holds_from_the_first_up_to_the_second(
    now: str, until: str | None, start: str | None
) -> None:
    window = Once(start=at("2026-12-24T00:00"), end=at("2027-01-02T00:00"))

    assert holds_until(window, at(now)) == (at(until) if until else None)
    assert next_start(window, at(now)) == (at(start) if start else None)


def test_what_never_ends_is_told_as_an_end_more_than_a_year_away() -> None:
    now = at("2026-11-30T12:00")

    until = holds_until(comes_again("* * * * *", MINUTE), now)

    assert until is not None
    assert HORIZON < until - now < HORIZON + 3 * DAY


def test_windows_that_overlap_or_adjoin_are_one() -> None:
    weekend = comes_again("0 18 * * fri", 54 * HOUR)  # up to Monday 00:00
    monday = Once(start=at("2026-12-07T00:00"), end=at("2026-12-07T12:00"))
    lunch = comes_again("30 11 * * *", HOUR)
    later = Once(start=at("2026-12-07T12:31"), end=at("2026-12-08T12:00"))

    until = held_until((later, lunch, weekend, monday), at("2026-12-05T12:00"))

    assert until == at("2026-12-07T12:30")


def test_none_of_several_windows_holds_between_them() -> None:
    windows = (comes_again("0 18 * * fri", HOUR), Once(start=at("2026-12-07T00:00"), end=at("2026-12-07T12:00")))

    assert held_until(windows, at("2026-12-06T12:00")) is None
    assert held_until((), at("2026-12-06T12:00")) is None


def test_the_windows_ahead_are_told_in_order_and_joined() -> None:
    windows = (comes_again("0 18 * * *", 2 * HOUR), comes_again("0 19 * * mon", 3 * HOUR))

    spans = held_within(windows, at("2026-12-02T00:00"), at("2026-11-30T18:30"))

    assert spans == (
        Once(start=at("2026-11-30T18:30"), end=at("2026-11-30T22:00")),
        Once(start=at("2026-12-01T18:00"), end=at("2026-12-01T20:00")),
    )


def test_windows_that_go_on_by_turns_for_ever_are_followed_for_a_while_and_no_longer() -> None:
    now = at("2026-11-30T12:00")
    windows = (comes_again("*/2 * * * *", MINUTE), comes_again("1-59/2 * * * *", MINUTE))

    until = held_until(windows, now)

    assert until is not None
    assert until - now >= HOUR


def test_an_answer_costs_microseconds_however_far_away_it_lies() -> None:
    window = comes_again("0 0 29 2 *", DAY, BERLIN)
    moments = [at("2026-11-30T12:00") + number * MINUTE for number in range(700)]
    next_start(window, moments[0])

    began = perf_counter()
    for moment in moments:
        holds_until(window, moment)
        next_start(window, moment)
    spent = perf_counter() - began

    assert spent / len(moments) < 200e-6  # about 6 us on an idle core; a scan takes a hundred times as long
