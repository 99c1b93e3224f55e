"""What does a quiet window prove, and what must be proven besides?"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import ceil, floor, log10

from policies.soak_hold import Hold, clock_time, length

RULE_OF_THREE = 3  # no event in W bounds a Poisson rate below 3/W with 95 %: -ln(0.05) is 2.996
DAY = timedelta(days=1)


class Tier(StrEnum):
    """A kind of evidence that nobody calls in plaintext."""

    CLOSURE = "T1"  # every possible caller is meshed or blocked
    HISTORY = "T2"  # no unmeshed edge in the graph of the last 30 days
    SOAK = "T3"  # a quiet window


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Which tiers hold, and what is missing: None when STRICT may follow."""

    tiers: tuple[Tier, ...]
    hold: Hold | None


def tier(static_closure: bool | None, historical: bool | None, soaked: bool) -> Evidence:
    """The tiers that hold; the soak and one of the others are needed. None is unknown, and never counts as true."""
    found = {Tier.CLOSURE: static_closure is True, Tier.HISTORY: historical is True, Tier.SOAK: soaked}
    tiers = tuple(name for name, holds in found.items() if holds)
    if not soaked:
        return Evidence(tiers=tiers, hold=Hold("NotSoaked", "the soak (T3) is not over"))
    if len(tiers) > 1:
        return Evidence(tiers=tiers, hold=None)
    words = {True: "holds", False: "does not hold", None: "is unknown"}
    said = f"that every caller is meshed (T1) {words[static_closure]}, a clean history (T2) {words[historical]}"
    return Evidence(
        tiers=tiers, hold=Hold("SoakAlone", f"a soak alone proves too little: {said}; one of them is needed")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exempt:
    """An exception for a caller. expires: from that day on, in UTC, it holds no more."""

    owner: str
    expires: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A caller for which no wait is long enough.

    meshed_statically: its pod template will get a proxy, without host network and exclusions. mtls_seen_since_enrolment:
    at least once. last_success: of its CronJob. None is unknown in all of them, never in the past or true.
    """

    name: str
    period: timedelta | None
    meshed_statically: bool | None = None
    mtls_seen_since_enrolment: bool | None = None
    last_success: datetime | None = None
    enrolled_at: datetime | None = None
    run_on_demand_at: datetime | None = None
    exception: Exempt | None = None


def accounted(caller: Caller, soaking_since: datetime | None, now: datetime) -> Hold | None:
    """Why a caller is not accounted for; None when one of these holds.

    It is meshed, and has run and spoken mTLS since it was enrolled; it was run on demand while the soak's clock ran; it has
    an exception with an owner that has not expired.
    """
    if _is_excepted(caller.exception, now) or _was_run(caller, soaking_since, now):
        return None
    missing = _missing_of_meshed(caller)
    if not missing:
        return None
    every = f"runs every {length(caller.period)}" if caller.period else "is on no schedule that leads to a call"
    ways = "run it now (kubectl create job --from=cronjob/...), or give it an exception"
    return Hold("CallerUnaccounted", f"{caller.name} {every}, and {missing}: {ways}")


def _is_excepted(exception: Exempt | None, now: datetime) -> bool:
    return exception is not None and bool(exception.owner.strip()) and now.date() < exception.expires


def _was_run(caller: Caller, soaking_since: datetime | None, now: datetime) -> bool:
    ran = caller.run_on_demand_at
    return ran is not None and soaking_since is not None and soaking_since <= ran <= now


def _missing_of_meshed(caller: Caller) -> str:
    """What is missing for a caller to count as meshed, "" when nothing is."""
    if caller.meshed_statically is not True:
        return (
            "its pods get no proxy" if caller.meshed_statically is False else "whether its pods get a proxy is unknown"
        )
    if caller.enrolled_at is None:
        return "when it was enrolled is unknown"
    if caller.last_success is None:
        return f"it has not run since it was enrolled at {clock_time(caller.enrolled_at)}"
    if caller.last_success < caller.enrolled_at:
        ran, enrolled = clock_time(caller.last_success), clock_time(caller.enrolled_at)
        return f"it ran for the last time at {ran}, before it was enrolled at {enrolled}"
    return "" if caller.mtls_seen_since_enrolment is True else "no mTLS of it was seen since it was enrolled"


def confidence(events: int, window: timedelta) -> str:
    """What so many plaintext calls within a window say of how often plaintext comes, as a sentence.

    None at all bounds the rate of calls that come at random; it says nothing of those that keep a schedule.
    """
    if window <= timedelta(0):
        return "nothing was observed yet"
    if events > 0:
        return f"plaintext came {events} times in {length(window)}"
    return f"no plaintext in {length(window)}: fewer than {_rounded_up(RULE_OF_THREE * DAY / window)} calls a day with 95 % certainty"


def _rounded_up(rate: float) -> str:
    """With two digits that count, and never less than it is: a bound that is rounded down is none."""
    digits = max(0, 1 - floor(log10(rate)))
    up = ceil(round(rate * 10**digits, 6)) / 10**digits
    return f"{up:.{digits}f}".rstrip("0").rstrip(".") if digits else str(round(up))
