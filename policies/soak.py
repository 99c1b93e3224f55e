"""Was it quiet for long enough?

The clock runs while nothing forbidden is seen, and only as far as somebody looked: time in the dark does not count.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from policies.ledger_events import Event, counting
from policies.soak_hold import Hold, clock_time, length

CAP = timedelta(days=35)  # nobody waits longer for one caller: it must be accounted for by itself
MISSED_SCRAPES = 2  # so many intervals without a scrape are no gap yet
SILENT_SHARE = 0.01  # so many of the proxies may be silent for longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How long it must be quiet. beyond_cap: callers, sorted, for which no wait is long enough."""

    length: timedelta
    beyond_cap: tuple[str, ...]


def window(
    base: timedelta,
    business_cycle: timedelta,
    caller_periods: Mapping[str, timedelta | None],
    k: int = 2,
    cap: timedelta = CAP,
) -> Window:
    """The longest of base, business cycle and `k` periods of the slowest caller; callers make it no longer than `cap`.

    caller_periods: the longest time between two calls, by caller; None where it is unknown or no schedule leads to a call:
    waiting proves nothing of such a caller. Leave out callers that are accounted for.
    """
    waits = {name: None if period is None else k * period for name, period in caller_periods.items()}
    longest = max((wait for wait in waits.values() if wait is not None), default=timedelta(0))
    beyond = sorted(name for name, wait in waits.items() if wait is None or wait > cap)
    return Window(length=max(base, business_cycle, min(cap, longest)), beyond_cap=tuple(beyond))


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A person's word that it was quiet for long enough."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where the clock stands. clock: since when it was quiet, None before it started. looked: the last complete look.

    restarted: why it was set back the last time, "" for never. skipped: void after the next restart.
    """

    clock: datetime | None = None
    looked: datetime | None = None
    restarted: str = ""
    last_event: datetime | None = None
    skipped: Skip | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What must stay as it is while the clock runs.

    unmeshed_callers: namespaces without a proxy that call. versions: of the mesh and of Prometheus, by name. policies: a
    digest of each PeerAuthentication, DestinationRule and Telemetry that applies, by name.
    """

    workloads: frozenset[str]
    services: frozenset[str]
    unmeshed_callers: frozenset[str]
    versions: Mapping[str, str]
    policies: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the look found. events: all of them. gap: from `gap`, "" for none. changes: from `changes`.

    complete: whether the look and all that belongs to it succeeded.
    """

    events: tuple[Event, ...]
    gap: str
    changes: tuple[str, ...]
    complete: bool


def clock(mark: Mark, seen: Seen, now: datetime) -> tuple[Mark, str]:
    """The mark after a look, and why it was set back, "" when it was not.

    It never goes back in time: a look from before the former one is ignored, and an event that had ended when the clock
    began is known already. The clock starts at the first complete look.
    """
    if mark.looked is not None and now < mark.looked:
        return mark, ""
    why = _restart(mark, seen)
    events = [event.at for event in counting(seen.events)]
    last = max([*events, *([mark.last_event] if mark.last_event else [])], default=None)
    quiet_since = max(now, last or now)  # the metrics server's clock may be ahead of ours
    after = replace(mark, looked=now if seen.complete else mark.looked, last_event=last)
    if mark.clock is None:
        return replace(after, clock=quiet_since if seen.complete else None), ""
    if not why:
        return after, ""
    return replace(after, clock=max(mark.clock, quiet_since), restarted=why, skipped=None), why


def _restart(mark: Mark, seen: Seen) -> str:
    """Why the clock must be set back; the first reason wins."""
    fresh = [event for event in counting(seen.events) if mark.clock is None or event.at > mark.clock]
    if fresh:
        last = max(fresh, key=lambda event: (event.at, event.series))
        target = last.labels.get("destination_workload") or last.labels.get("pod") or last.series
        return f"plaintext to {target} by {clock_time(last.at)}: {last.why}"
    return seen.gap or "; ".join(seen.changes)


def gap(
    proxies: Mapping[str, datetime | None], scrapes: Mapping[str, datetime], interval: timedelta, now: datetime
) -> str:
    """A sentence when more than 1 % of the proxies were silent for more than two scrape intervals, "" otherwise.

    proxies: when each one started, None when unknown. scrapes: the last scrape of each; one that was never scraped is
    silent since it started.
    """
    limit = MISSED_SCRAPES * interval
    silent = sorted(pod for pod, started in proxies.items() if _is_silent((scrapes.get(pod), started), limit, now))
    if len(silent) <= SILENT_SHARE * len(proxies):
        return ""
    return f"{len(silent)} of {len(proxies)} proxies were not scraped for {length(limit)}, {silent[0]} first"


def _is_silent(signs: tuple[datetime | None, ...], limit: timedelta, now: datetime) -> bool:
    """Whether the last sign of life is too old."""
    last = max((at for at in signs if at is not None), default=None)
    return last is None or now - last > limit


def changes(before: Setting, after: Setting) -> tuple[str, ...]:
    """Sentences about all that changed and that the evidence so far says nothing of, sorted.

    What went is no change. Once they set the clock back, `after` is the next `before`.
    """
    told = [f"new workload {name}" for name in after.workloads - before.workloads]
    told += [f"new Service {name}" for name in after.services - before.services]
    told += [f"unmeshed namespace {name} calls now" for name in after.unmeshed_callers - before.unmeshed_callers]
    for name in {*before.versions, *after.versions}:
        old, new = before.versions.get(name, "none"), after.versions.get(name, "none")
        told += [f"{name} went from {old} to {new}"] if old != new else []
    drifted = {*before.policies.items()} ^ {*after.policies.items()}
    told += [f"{name} is not as it was" for name in {name for name, _ in drifted}]
    return tuple(sorted(told))


def skipped(mark: Mark, by: str, reason: str, now: datetime) -> Mark:
    """The mark with a person's word that it was quiet for long enough; ValueError without a name or a reason.

    It speaks of what is known by now: the next restart of the clock voids it, and a clock that does not run has nothing
    to be skipped.
    """
    if not by.strip() or not reason.strip():
        raise ValueError("skipping a soak takes the name of a person and a reason")
    if mark.clock is None:
        raise ValueError("the soak has not begun: there is nothing to skip")
    return replace(mark, skipped=Skip(by=by, reason=reason, at=now))


def soaked(mark: Mark, needed: Window, now: datetime) -> Hold | None:
    """Why it was not quiet for long enough, None when it was or a person says so.

    Callers beyond the cap are another matter: see `accounted`.
    """
    if mark.clock is None or mark.looked is None:
        return Hold("SoakNotStarted", "the soak begins with the first complete look")
    if mark.skipped is not None:
        return None
    quiet = min(mark.looked, now) - mark.clock
    if quiet >= needed.length:
        return None
    after = f"; it began again, because of this: {mark.restarted}" if mark.restarted else ""
    seen = f"quiet since {clock_time(mark.clock)}, seen until {clock_time(mark.looked)}"
    return Hold("Soaking", f"{seen}: {length(needed.length)} are needed{after}")
