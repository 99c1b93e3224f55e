"""Does a freeze hold now, until when, and when does the next one begin?

A schedule is read as `periods.py` reads it, but for the days on which clocks change: a begin that they skip is when they
jump, one that they repeat counts both times. A duration is time that passes, whatever clocks show meanwhile. A moment that
is the end of a window is not in it. Windows that overlap or adjoin are one.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise

from policies.periods import YEARS, Schedule, parsed

ENDLESS = 9000  # the year from which on an end is none: what cannot be read holds up to the last day there is
HORIZON = timedelta(days=366)  # an end further away than that is told as one beyond it
ADJOINING = 100  # so many windows are followed from one into the next; then the end told is the one reached
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A window between two moments, the end not included."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """A window that comes again. schedule: five fields of cron, when it begins by the clock on the wall of `zone`."""

    schedule: str
    duration: timedelta
    zone: tzinfo = UTC


Window = Recurring | Once


def holds_until(window: Window, now: datetime) -> datetime | None:
    """When the window ends that holds now, and what adjoins it; None when it does not hold. At least so long: `HORIZON`."""
    if isinstance(window, Once):
        return window.end if window.start <= now < window.end else None
    found = _from(window, now)
    return found[0].end if found and found[0].start <= now else None


def next_start(window: Window, now: datetime) -> datetime | None:
    """When it begins to hold after now; None when it never does, or when it holds now for longer than `HORIZON`."""
    if isinstance(window, Once):
        return window.start if window.start > now else None
    return next((span.start for span in _from(window, now) if span.start > now), None)


def held_until(windows: Sequence[Window], now: datetime) -> datetime | None:
    """When the first moment comes in which none of the windows holds; None when none does now."""
    until = _latest(windows, now)
    for _ in range(ADJOINING):
        further = _latest(windows, until) if until is not None and until - now < HORIZON else None
        if further is None:
            break
        until = further
    return until


def held_within(windows: Sequence[Window], until: datetime, now: datetime) -> tuple[Once, ...]:
    """The spans in which one of the windows holds, from now to `until`, at most `ADJOINING` of them; each to its end."""
    spans: list[Once] = []
    start: datetime | None = now
    while start is not None and start < until and len(spans) < ADJOINING:
        end = held_until(windows, start)
        if end is not None:
            spans.append(Once(start=start, end=end))
        begins = [begin for one in windows if (begin := next_start(one, end or start)) is not None]
        start = min(begins, default=None)
    return tuple(spans)


def turns(windows: Sequence[Window], now: datetime) -> tuple[datetime, ...]:
    """The moments at which each of the windows begins or ends next; none for what never does."""
    found = [moment for one in windows for moment in (holds_until(one, now), next_start(one, now))]
    return tuple(moment for moment in found if moment is not None and moment.year < ENDLESS)


def end_words(until: datetime) -> str:
    """How long a freeze lasts, for people: "until 2026-12-07 08:00 UTC"."""
    if until.year >= ENDLESS:
        return "for as long as it is there"
    return f"until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _latest(windows: Sequence[Window], at: datetime) -> datetime | None:
    return max((end for one in windows if (end := holds_until(one, at)) is not None), default=None)


def _from(window: Recurring, now: datetime) -> tuple[Once, ...]:
    """The span that holds now, or the next one, and those that follow soon."""
    now = now.astimezone(UTC)
    spans = _of_day(window, now.replace(hour=0, minute=0, second=0, microsecond=0))
    first = bisect_right(spans, now, key=_end)
    return spans[first : first + 2]


def _end(span: Once) -> datetime:
    return span.end


@lru_cache(maxsize=1024)  # asked at each tick of each object, and every time the same for a day
def _of_day(window: Recurring, day: datetime) -> tuple[Once, ...]:
    """The spans that end after this UTC day begins, through the first that begins after it has ended."""
    found: list[Once] = []
    for span in _merged(window, day):
        if span.end > day:
            found.append(span)
            if span.start >= day + DAY:
                break
    return tuple(found)


def _merged(window: Recurring, since: datetime) -> Iterator[Once]:
    """The spans that may reach `since`, and all that come after, in order, none touching another."""
    span: Once | None = None
    for first, last in _starts(window, since - window.duration):
        end = last + window.duration
        if span is not None and first <= span.end:
            span = Once(start=span.start, end=max(span.end, end))
        else:
            if span is not None:
                yield span
            span = Once(start=first, end=end)
        if span.end - since > HORIZON and span.start <= since + DAY:
            break
    if span is not None:
        yield span


def _starts(window: Recurring, since: datetime) -> Iterator[tuple[datetime, datetime]]:
    """When it begins, from about `since` on: the first and the last of starts that run into each other."""
    schedule, groups = _read(window.schedule, window.duration)
    for day in _days(schedule, since.astimezone(window.zone).date() - DAY):
        midnight, next_midnight = (datetime.combine(one, time(), window.zone) for one in (day, day + DAY))
        if midnight.utcoffset() == next_midnight.utcoffset():
            for first, last in groups:
                yield _instant(day, first, window.zone), _instant(day, last, window.zone)
        else:
            begins = {moment for at in schedule.times for moment in _begins(day, at, window.zone)}
            yield from ((moment, moment) for moment in sorted(begins))


@lru_cache(maxsize=1024)
def _read(text: str, duration: timedelta) -> tuple[Schedule, tuple[tuple[time, time], ...]]:
    """The schedule, and its times of a day, those that run into each other as first and last."""
    schedule = parsed(text)
    times = schedule.times
    breaks = [later for earlier, later in pairwise(times) if _apart(earlier, later) > duration]
    firsts = (times[0], *breaks)
    lasts = (*(times[times.index(later) - 1] for later in breaks), times[-1])
    return schedule, tuple(zip(firsts, lasts, strict=True))


def _apart(earlier: time, later: time) -> timedelta:
    return timedelta(hours=later.hour - earlier.hour, minutes=later.minute - earlier.minute)


def _days(schedule: Schedule, first: date) -> Iterator[date]:
    """The days that the schedule falls on, from `first` on, for as many years as 29 February may take to come."""
    day = first
    while day.year <= min(first.year + YEARS, date.max.year - 1):
        if day.month not in schedule.months:
            day = (day.replace(day=1) + 31 * DAY).replace(day=1)
            continue
        if schedule.falls_on(day):
            yield day
        day += DAY


def _instant(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def _begins(day: date, at: time, zone: tzinfo) -> set[datetime]:
    """When the clocks show that time on a day on which they change; the moment of the jump where they skip it."""
    both = [datetime.combine(day, at, zone).replace(fold=fold) for fold in (0, 1)]
    exact = [(local.astimezone(UTC), local.replace(tzinfo=None)) for local in both]
    shown = {instant for instant, wall in exact if instant.astimezone(zone).replace(tzinfo=None) == wall}
    return shown or {_jump(min(instant for instant, _ in exact), max(instant for instant, _ in exact), zone)}


def _jump(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The first whole second after `before` at which the zone's offset is that of `after`."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
