"""Does a freeze hold in exactly those minutes that somebody finds who looks at the clock each minute?"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from policies.freeze import Once, Recurring, held_until, holds_until, next_start
from policies.periods import Schedule, parsed
from tests.support.examples import examples

MINUTE = timedelta(minutes=1)
LOOKED_AHEAD = timedelta(days=2)
# Days around changes of the clocks, a leap day and a year's end, as the zone has them.
DAYS = (
    ("Europe/Berlin", datetime(2026, 3, 28, 22, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 24, 22, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 3, 8, 3, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 11, 1, 3, tzinfo=UTC)),
    ("Atlantic/Azores", datetime(2026, 10, 24, 22, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 12, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 12, tzinfo=UTC)),
    ("Asia/Beirut", datetime(2026, 3, 28, 20, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 29, 22, tzinfo=UTC)),
    ("UTC", datetime(2028, 2, 28, 20, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2026, 12, 31, 12, tzinfo=UTC)),
)


def _field(lowest: int, highest: int) -> st.SearchStrategy[str]:
    numbers = st.lists(st.integers(lowest, highest), min_size=1, max_size=3, unique=True)
    lists = numbers.map(lambda found: ",".join(map(str, sorted(found))))
    return st.one_of(st.just("*"), st.sampled_from(("*/2", "*/7")), lists)


def begins(schedule: Schedule, zone: ZoneInfo, minute: datetime) -> bool:
    """Whether the clock shows one of the times now, or has just jumped over one."""
    shown = minute.astimezone(zone).replace(tzinfo=None)
    before = (minute - MINUTE).astimezone(zone).replace(tzinfo=None)
    walls = [shown]
    walls += [before + number * MINUTE for number in range(1, int((shown - before) / MINUTE))]
    return any(
        schedule.falls_on(wall.date()) and wall.hour in schedule.hours and wall.minute in schedule.minutes
        for wall in walls
    )


def frozen_minutes(window: Recurring, zone: ZoneInfo, since: datetime, until: datetime) -> set[datetime]:
    """The minutes in which it holds, found one by one."""
    schedule, found, ends = parsed(window.schedule), set(), since
    minute = since - window.duration
    while minute < until:
        if begins(schedule, zone, minute):
            ends = minute + window.duration
        if minute < ends and minute >= since:
            found.add(minute)
        minute += MINUTE
    return found


@examples(120)
@given(
    place=st.sampled_from(DAYS),
    minutes=_field(0, 59),
    hours=_field(0, 23),
    weekdays=st.sampled_from(("*", "*", "0", "1-5", "6")),
    length=st.one_of(st.integers(1, 180), st.integers(181, 3 * 24 * 60)),
    offset=st.integers(0, 20 * 60),
)
def test_a_window_holds_in_the_minutes_in_which_the_clock_says_so(
    place: tuple[str, datetime], minutes: str, hours: str, weekdays: str, length: int, offset: int
) -> None:
    zone, now = ZoneInfo(place[0]), place[1] + offset * MINUTE
    window = Recurring(schedule=f"{minutes} {hours} * * {weekdays}", duration=length * MINUTE, zone=zone)
    frozen = frozen_minutes(window, zone, now, now + LOOKED_AHEAD)
    ahead = [now + number * MINUTE for number in range(int(LOOKED_AHEAD / MINUTE))]

    until, start = holds_until(window, now), next_start(window, now)

    end = next((minute for minute in ahead if minute not in frozen), None)
    assert (until is not None) == (now in frozen)
    assert until is None or end is None or until == end
    later = (minute for minute in ahead[1:] if minute in frozen and minute - MINUTE not in frozen)
    expected = next(later, None)
    assert start == expected if expected is not None else start is None or start >= now + LOOKED_AHEAD


MOMENT = datetime(2026, 11, 30, tzinfo=UTC)
SPANS = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 60)), max_size=8)


@given(drawn=SPANS, offset=st.integers(0, 360))
def test_several_windows_hold_until_the_first_minute_that_is_in_none(drawn: list[tuple[int, int]], offset: int) -> None:
    spans = [Once(start=MOMENT + start * MINUTE, end=MOMENT + (start + length) * MINUTE) for start, length in drawn]
    covered = {start + number for start, length in drawn for number in range(length)}
    now = MOMENT + offset * MINUTE

    until = held_until(spans, now)

    first = next(number for number in range(offset, 500) if number not in covered)
    assert until == (MOMENT + first * MINUTE if offset in covered else None)
