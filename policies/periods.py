"""How long can a CronJob stay silent between two of its runs?

The reading of a schedule is that of Kubernetes (robfig/cron v3, its standard parser): five fields; Sunday is 0 and 7 is
refused; where neither day field has a star, either of them suffices; "*/2" counts as no star; a local time that the
clocks skip is not run that day, one that they repeat is run twice. A day without a midnight is passed over unless the day
before is a day of the schedule too: a fault of theirs (east of Greenwich; to the west it only makes our answer longer).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

# 29 February comes every 4 years, and after 8 around 2100: in 13 years it comes twice, whenever they begin.
YEARS = 13
# Where every day is alike only the clocks' changes make a difference, and one year has all of them.
YEARS_OF_EVERY_DAY = 2
DAY = timedelta(days=1)
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}  # of Go's durations
EVERY = re.compile(r"@every ((?:\d+(?:\.\d+)?(?:h|ms|us|µs|ns|m|s))+)")
PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule as sets of numbers. any_day: one of its day fields has a star, so both of them must match."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool

    def falls_on(self, day: date) -> bool:
        """Whether it runs on that day at all."""
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (of_month and of_week) if self.any_day else (of_month or of_week)

    @property
    def times(self) -> tuple[time, ...]:
        """When it runs on such a day, by the clock on the wall, in order."""
        return tuple(time(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes))

    @property
    def is_daily(self) -> bool:
        """Whether it runs on every day of the year."""
        whole = (len(self.days), len(self.weekdays)) == (31, 7) if self.any_day else self._either_is_whole
        return whole and len(self.months) == len(MONTHS)

    @property
    def _either_is_whole(self) -> bool:
        return len(self.days) == 31 or len(self.weekdays) == 7


def longest_gap(schedule: str, zone: tzinfo | None, now: datetime) -> timedelta | None:
    """The longest time between two runs in a row, of those in the 13 years from `now`; None when it never runs.

    zone: the CronJob's timeZone; None is UTC, which control planes run in. ValueError when Kubernetes would refuse the
    schedule, so that nobody takes what cannot be read for a caller that never calls.
    """
    every = EVERY.fullmatch(schedule.strip())
    if every is not None:
        seconds = sum(float(number) * UNITS[unit] for number, unit in PART.findall(every[1]))
        return timedelta(seconds=max(1.0, float(int(seconds))))  # rounded as the parser does
    runs = _edges(parsed(schedule), zone or UTC, now)
    return max((later - earlier for earlier, later in runs), default=None)


def parsed(schedule: str) -> Schedule:
    """The schedule that a text of five fields, or a macro such as @daily, means; ValueError when it means none."""
    fields = MACROS.get(schedule.strip(), schedule).split()
    if len(fields) != 5:
        raise ValueError(f"schedule {schedule!r}: expected 5 fields or one of {', '.join(MACROS)}, @every 1h30m")
    minutes, hours, days, months, weekdays = fields
    return Schedule(
        minutes=_numbers(minutes, 0, 59),
        hours=_numbers(hours, 0, 23),
        days=_numbers(days, 1, 31),
        months=_numbers(months, 1, 12, MONTHS),
        weekdays=_numbers(weekdays, 0, 6, WEEKDAYS),
        any_day=_has_star(days) or _has_star(weekdays),
    )


def _has_star(field: str) -> bool:
    """Whether one of its ranges is a star without a step above 1."""
    ranges = (part.partition("/") for part in field.split(","))
    return any(span.partition("-")[0] in ("*", "?") and step in ("", "1") for span, _, step in ranges)


def _numbers(field: str, lowest: int, highest: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    """All numbers of a comma-separated list of ranges."""
    spans = [_span(part, lowest, highest, names) for part in field.split(",") if part]
    if not spans:
        raise ValueError(f"{field!r} names no number")
    return frozenset(number for span in spans for number in span)


def _span(part: str, lowest: int, highest: int, names: tuple[str, ...]) -> range:
    """The numbers of one range: "5", "1-5", "*", each with "/step"; "5/10" goes on to the highest."""
    span, slash, step = part.partition("/")
    first, hyphen, last = span.partition("-")
    if first in ("*", "?"):
        start, end = lowest, highest
    else:
        start = _number(first, names, lowest)
        end = _number(last, names, lowest) if hyphen else highest if slash else start
    stride = _number(step, (), 0) if slash else 1
    if not lowest <= start <= end <= highest or stride < 1:
        raise ValueError(f"{part!r} is no range within {lowest}-{highest}")
    return range(start, end + 1, stride)


def _number(text: str, names: tuple[str, ...], lowest: int) -> int:
    """A number, or a name's number; names count from `lowest`."""
    if text.lower() in names:
        return names.index(text.lower()) + lowest
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is no number")
    return int(text)


def _edges(schedule: Schedule, zone: tzinfo, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Pairs of runs in a row, the longest of each day and those from one day to the next among them."""
    times = schedule.times
    usual = _widest([datetime.combine(date.min, at) for at in times])
    former: datetime | None = None
    for day in _days(schedule, zone, now):
        midnight, next_midnight = (datetime.combine(one, time(), zone) for one in (day, day + DAY))
        if midnight.utcoffset() == next_midnight.utcoffset():
            runs = [datetime.combine(day, at, zone).astimezone(UTC) for at in (times[0], times[-1])]
            inner = [(runs[0], runs[0] + usual)] if usual else []
        else:
            runs = _runs_of_an_odd_day(day, times, zone)
            inner = list(pairwise(runs))
        yield from inner
        if runs and former is not None:
            yield former, runs[0]
        former = runs[-1] if runs else former


def _widest(times: list[datetime]) -> timedelta:
    """The longest distance of two neighbours; 0 for fewer than two."""
    return max((later - earlier for earlier, later in pairwise(times)), default=timedelta(0))


def _days(schedule: Schedule, zone: tzinfo, now: datetime) -> Iterator[date]:
    """The days on which it runs, from today on."""
    today = now.astimezone(zone).date()
    for number in range((YEARS_OF_EVERY_DAY if schedule.is_daily else YEARS) * 366):
        day = today + number * DAY
        if schedule.falls_on(day) and (schedule.falls_on(day - DAY) or _instants(day, time(), zone)):
            yield day


def _runs_of_an_odd_day(day: date, times: tuple[time, ...], zone: tzinfo) -> list[datetime]:
    """All runs of a day on which the clocks change, in order."""
    return sorted(instant for at in times for instant in _instants(day, at, zone))


def _instants(day: date, at: time, zone: tzinfo) -> set[datetime]:
    """When the clocks show that time: never where they skip it, twice where they repeat it."""
    both = [datetime.combine(day, at, zone).replace(fold=fold) for fold in (0, 1)]
    exact = [(local.astimezone(UTC), local.replace(tzinfo=None)) for local in both]
    return {instant for instant, wall in exact if instant.astimezone(zone).replace(tzinfo=None) == wall}
