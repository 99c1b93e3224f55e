"""Has a plaintext request come in since the former look?

The ledger remembers each plaintext counter with its value. A counter that grew, was born, or began anew and is not 0 tells
of plaintext. Of a counter that shows what it showed before, only the start of its proxy tells whether it is the same one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isfinite

from policies.ledger_events import Account, Event, Sample, accounted_for
from policies.soak_hold import Hold, clock_time

# A proxy's start is told in whole seconds and by its node's clock, scrapes are told by the metrics server's.
SKEW = timedelta(seconds=2)
# The look back compares with what it finds so long before its window, also with the counter of a former proxy.
LOOK_BEHIND = timedelta(minutes=30)
MISSED_LOOKS = 2  # so many intervals a look may be late, as for the scrapes of a proxy


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is remembered of one counter. began: start of the proxy that surely counted this; None when that is uncertain.

    gone_at: a scrape of its pod, later than `at`, that brought no such counter: what comes after is another one.
    """

    series: str
    pod: str
    value: float
    at: datetime
    began: datetime | None = None
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The memory. looked: the last look that counted, None before the first.

    judged: `known_until` of a former process. owed: from when on nothing but a look back can tell (`retrospect`).
    scrapes: the last scrape of each pod. unseen: pods that were never scraped, and since when they may have counted.
    """

    known: tuple[Known, ...] = ()
    scrapes: tuple[tuple[str, datetime], ...] = ()
    unseen: tuple[tuple[str, datetime], ...] = ()
    looked: datetime | None = None
    judged: datetime | None = None
    owed: datetime | None = None

    @property
    def known_until(self) -> datetime | None:
        """Until when the counters of all pods are known, which is what to store: the oldest of their last scrapes."""
        return min((at for _, at in self.scrapes + self.unseen), default=self.looked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All that one look saw of a namespace.

    proxies: when the proxy of each meshed pod started, None when unknown. reporting: the last scrape of each pod whose
    metrics come; it must not be asked later than the samples.
    """

    samples: tuple[Sample, ...]
    proxies: Mapping[str, datetime | None]
    reporting: Mapping[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a ledger is kept. window: how far back plaintext counts. interval: between two looks. accounts: what may come."""

    window: timedelta
    interval: timedelta
    accounts: tuple[Account, ...] = ()


def resumed(judged: datetime) -> Ledger:
    """An empty memory that goes on from the `known_until` of a former process: it owes a look back from there."""
    return Ledger(judged=judged, owed=judged)


def noted(ledger: Ledger, look: Look | None, terms: Terms, now: datetime) -> tuple[Ledger, tuple[Event, ...]]:
    """The memory after a look, and what the look tells that the memory did not know; events are sorted by series.

    A look that failed (None) changes no counter, and owes a look back as one that came late does. One from before the
    former look is ignored. A first look tells only of proxies that started within the window, or since half an hour before
    `judged`: what others counted may be older than that, and the look back tells what is not.
    """
    if ledger.looked is not None and now < ledger.looked:
        return ledger, ()
    if look is None:
        return replace(ledger, owed=ledger.owed or ledger.looked), ()
    horizon = now - terms.window
    young_since = max(horizon, ledger.judged - LOOK_BEHIND) if ledger.judged else horizon
    news = _News(ledger=ledger, look=look, young_since=young_since)
    known = {one.series: one for one in ledger.known}
    events = []
    for sample in sorted(look.samples, key=lambda one: (one.series, one.at, one.value)):
        former = known.get(sample.series)
        if not isfinite(sample.value) or (former is not None and sample.at < former.at):
            continue
        event = news.event(former, sample)
        if event is not None:
            events.append(event)
        known[sample.series] = news.remembered(former, sample)
    scrapes = _scrapes(ledger, look)
    after = replace(
        ledger,
        known=_kept(known.values(), look, horizon),
        scrapes=tuple(sorted(scrapes.items())),
        unseen=_unseen(look, scrapes, max(horizon, ledger.judged or horizon)),
        looked=now,
        owed=ledger.owed or (ledger.looked if _is_late(ledger, terms.interval, now) else None),
    )
    return after, accounted_for(events, terms.accounts)


def _scrapes(ledger: Ledger, look: Look) -> dict[str, datetime]:
    """The last scrape of each pod that is there or reports."""
    former = {pod: at for pod, at in ledger.scrapes if pod in look.proxies}
    told = {pod: max(at, former.get(pod, at)) for pod, at in look.reporting.items()}
    return {**former, **told}


def _unseen(look: Look, scrapes: Mapping[str, datetime], judged: datetime) -> tuple[tuple[str, datetime], ...]:
    """Pods that were never scraped, and since when they may have counted: their start, but not before `judged`."""
    never = ((pod, started) for pod, started in look.proxies.items() if pod not in scrapes)
    return tuple(sorted((pod, max(judged, started or judged)) for pod, started in never))


def _is_late(ledger: Ledger, interval: timedelta, now: datetime) -> bool:
    """Whether more than one look was missed since the former one."""
    return ledger.looked is not None and now - ledger.looked > MISSED_LOOKS * interval


@dataclass(frozen=True, slots=True, kw_only=True)
class _News:
    """What a sample says beside the memory. young_since: a first look counts what proxies have counted that started later."""

    ledger: Ledger
    look: Look
    young_since: datetime

    def event(self, former: Known | None, sample: Sample) -> Event | None:
        """The event that the sample tells, if any."""
        if sample.value <= 0:
            return None
        began = self._began(sample)
        if former is None:
            return self._birth(sample, began)
        if _is_restarted(former, began):
            return _event(sample, began, sample.value, "its proxy had restarted, and it is not 0")
        if former.gone_at is not None and sample.at > former.gone_at:
            return _event(sample, former.gone_at, sample.value, "it had gone, and is back")
        if sample.value > former.value:
            return _event(sample, former.at, sample.value - former.value, f"it grew from {former.value:g}")
        if sample.value < former.value:
            return _event(sample, former.at, sample.value, f"it began anew after {former.value:g}")
        return None

    def remembered(self, former: Known | None, sample: Sample) -> Known:
        """What is kept of the counter."""
        began = self._began(sample) or (former.began if former else None)
        gone_at = former.gone_at if former and former.gone_at and sample.at < former.gone_at else None
        return Known(
            series=sample.series, pod=sample.pod, value=sample.value, at=sample.at, began=began, gone_at=gone_at
        )

    def _birth(self, sample: Sample, began: datetime | None) -> Event | None:
        if self.ledger.looked is None:
            if began is None or began + SKEW <= self.young_since:
                return None
            return _event(sample, began, sample.value, f"its proxy started at {clock_time(began)}, and it is not 0")
        scraped = dict(self.ledger.scrapes).get(sample.pod)
        if scraped is None:
            return _event(sample, began, sample.value, "its pod was never scraped before, and it is not 0")
        bounds = [at for at in (began, scraped) if at is not None and at < sample.at]
        return _event(sample, max(bounds, default=None), sample.value, "it is new")

    def _began(self, sample: Sample) -> datetime | None:
        """The start of the proxy that surely counted the sample."""
        started = self.look.proxies.get(sample.pod)
        return started if started is not None and started + SKEW <= sample.at else None


def _is_restarted(former: Known, began: datetime | None) -> bool:
    """Whether another proxy counts now than the one that the memory is of."""
    if began is None:
        return False
    return began > former.began if former.began is not None else former.at < began + SKEW


def _event(sample: Sample, since: datetime | None, amount: float, why: str) -> Event:
    return Event(
        series=sample.series, labels=sample.labels, since=since, at=sample.at, amount=amount, why=f"a counter: {why}"
    )


def _kept(known: Iterable[Known], look: Look, horizon: datetime) -> tuple[Known, ...]:
    """The counters to go on remembering: not those that were last seen before the window, on pods that are gone."""
    present = {sample.series for sample in look.samples}
    aged = [one if one.series in present else _missed(one, look.reporting.get(one.pod)) for one in known]
    kept = [
        one
        for one in aged
        if one.series in present or one.at >= horizon or (one.pod in look.proxies and not one.gone_at)
    ]
    return tuple(sorted(kept, key=lambda one: one.series))


def _missed(known: Known, scraped: datetime | None) -> Known:
    """A counter that the look did not show: gone, if its pod was scraped since."""
    return replace(known, gone_at=scraped) if scraped is not None and scraped > known.at else known


def retrospect(
    ledger: Ledger, seen: Iterable[Sample] | None, told: Iterable[Event], accounts: tuple[Account, ...]
) -> tuple[Ledger, tuple[Event, ...]]:
    """The memory without its debt, and the events of the look back from `owed` that `told` has none of.

    seen: the counters that grew or were born since `owed`, asked no sooner than the look that is noted last; None when
    that could not be said, and the debt stays. How often they were counted is not known from it: once, at least.
    """
    if seen is None or ledger.looked is None:
        return ledger, ()
    return replace(ledger, owed=None), cross_checked(seen, told, ledger.owed, accounts)


def cross_checked(
    seen: Iterable[Sample], told: Iterable[Event], since: datetime | None, accounts: tuple[Account, ...]
) -> tuple[Event, ...]:
    """Events of counters that grew or were born after `since` by the metrics server's word, and of which `told` has none.

    While nothing was missed there are none: the ledger and the look back must agree. They have no `since`: what was scraped
    after `since` may have come in before it.
    """
    known = {event.series for event in told if since is None or event.at > since}
    fresh = {sample.series: sample for sample in seen if sample.series not in known}
    back = f"the look back to {clock_time(since)}" if since else "the look back"
    found = [_event(sample, None, 1, f"{back} shows that it grew or was born") for _, sample in sorted(fresh.items())]
    return accounted_for(found, accounts)


def ledger_hold(ledger: Ledger, interval: timedelta, now: datetime) -> Hold | None:
    """Why the ledger proves nothing now; None when its last look is fresh and nothing is owed. Silence is not success."""
    if ledger.looked is None:
        return Hold("NoLook", "nobody has looked for plaintext yet")
    if _is_late(ledger, interval, now):
        return Hold("LookIsOld", f"the last look for plaintext was at {clock_time(ledger.looked)}")
    if ledger.owed is not None:
        return Hold("LookBackOwed", f"nobody could look since {clock_time(ledger.owed)}: a look back has to tell")
    return None


def uncertain(ledger: Ledger, proxies: Mapping[str, datetime | None]) -> tuple[str, ...]:
    """Sentences about counters that prove nothing: their pod is not named, or nobody knows when its proxy started."""
    pods = {one.pod for one in ledger.known if one.value > 0 and (not one.pod or proxies.get(one.pod, one.at) is None)}
    return tuple(
        f"Pod {pod} has counted plaintext, and when its proxy started is unknown"
        if pod
        else "a plaintext counter does not say of which pod it is: its label is missing"
        for pod in sorted(pods)
    )
