"""Could plaintext have come in without being noticed?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from policies.ledger import SKEW
from policies.ledger_events import Event
from policies.soak_hold import Hold, clock_time, length

SCRAPED_ENOUGH = 0.99  # part of the window in which a proxy must have been scraped
MISSED_SCRAPES = 2  # so many intervals a proxy may be silent
LOOKED_FOR = 4  # scrapes within which the marked request must be seen
VALID = timedelta(hours=24)  # a test of the detector is good for so long


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """What is known of a namespace's proxies, by pod; None where the metrics server could not say.

    scrapes: the last scrape of each. shares: part of the window in which each was scraped, 0.0-1.0. mtls: requests and
    connections with mTLS within the window.
    """

    scrapes: Mapping[str, datetime] | None
    shares: Mapping[str, float] | None
    mtls: Mapping[str, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Whether no plaintext can have escaped notice. missing: what is not proven, as sentences, sorted; () when complete."""

    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


def coverage(
    pods: Mapping[str, str], traffic: Mapping[str, bool], told: Telemetry, interval: timedelta, now: datetime
) -> Coverage:
    """Whether every meshed pod is seen all the time, and every workload that has traffic is seen to have it.

    pods: the pods that must have a proxy, with their workload. traffic: whether each workload had traffic in the baseline;
    a workload that is not named there may have had some. Fewer facts only ever leave more missing.
    """
    missing = [] if pods else ["no pod with a proxy is there to be seen"]
    for pod in pods:
        missing += _unseen(pod, told, interval, now)
    for workload in sorted({*pods.values(), *(name for name, had in traffic.items() if had)}):
        missing += _uncontrolled(workload, pods, traffic, told)
    return Coverage(missing=tuple(sorted(missing)))


def _unseen(pod: str, told: Telemetry, interval: timedelta, now: datetime) -> list[str]:
    """What is missing of one pod."""
    scraped, share = (told.scrapes or {}).get(pod), (told.shares or {}).get(pod)
    missing = []
    if scraped is None:
        missing.append(f"the metrics of pod {pod} do not come")
    elif now - scraped > MISSED_SCRAPES * interval:
        missing.append(f"the metrics of pod {pod} came last at {clock_time(scraped)}")
    if share is None:
        missing.append(f"how long pod {pod} was scraped is unknown")
    elif not share >= SCRAPED_ENOUGH:  # what is not a number is not enough either
        missing.append(f"pod {pod} was scraped {share:.1%} of the time, less than {SCRAPED_ENOUGH:.0%}")
    return missing


def _uncontrolled(workload: str, pods: Mapping[str, str], traffic: Mapping[str, bool], told: Telemetry) -> list[str]:
    """What is missing of the proof that a workload's proxies count at all."""
    had = traffic.get(workload)
    if had is False:
        return []
    if any((told.mtls or {}).get(pod, 0) > 0 for pod, owner in pods.items() if owner == workload):
        return []
    if had is None:
        return [f"{workload} shows no mTLS, and whether it had traffic before is unknown"]
    return [f"{workload} had traffic before, and shows none with mTLS"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """A marked plaintext request to a sink, to see whether plaintext is noticed. sink: labels of its counter.

    sent: how many requests. seen_at: the scrape that showed them, None while none did.
    """

    asked_at: datetime
    sink: Mapping[str, str]
    sent: int = 1
    seen_at: datetime | None = None


def self_tested(test: SelfTest, events: Iterable[Event]) -> tuple[SelfTest, tuple[Event, ...]]:
    """The test with what the events tell of it, and the events, the test's own put down to it.

    One event at most is the test's: of its sink, from around its time, and with no more requests than it sent. All that
    comes to the sink besides it counts.
    """
    told = list(events)
    if test.seen_at is not None:
        return test, tuple(told)
    for number, event in enumerate(told):
        if _is_of(test, event):
            told[number] = replace(event, accounted="self-test")
            return replace(test, seen_at=event.at), tuple(told)
    return test, tuple(told)


def _is_of(test: SelfTest, event: Event) -> bool:
    is_its_time = event.since is not None and event.since - SKEW <= test.asked_at <= event.at + SKEW
    is_its_sink = bool(test.sink) and all(event.labels.get(name) == value for name, value in test.sink.items())
    return not event.accounted and is_its_time and is_its_sink and event.amount <= test.sent


def self_test_hold(test: SelfTest | None, interval: timedelta, now: datetime) -> Hold | None:
    """Why the detector is not known to work; None when it saw the marked request in time, not long ago."""
    if test is None:
        return Hold("SelfTestMissing", "no marked plaintext request was sent, so nobody knows that one would be seen")
    limit = test.asked_at + LOOKED_FOR * interval
    asked = f"the marked plaintext request of {clock_time(test.asked_at)}"
    if test.seen_at is None and now <= limit:
        return Hold("SelfTestPending", f"{asked} is to be seen by {clock_time(limit)}")
    if test.seen_at is None or test.seen_at > limit:
        return Hold("DetectorBlind", f"{asked} was not seen within {length(limit - test.asked_at)}: plaintext escapes")
    if now - test.asked_at > VALID:
        return Hold("SelfTestOld", f"{asked} is older than {length(VALID)}: send another")
    return None
