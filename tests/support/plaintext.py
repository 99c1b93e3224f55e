"""What would a ledger see of a proxy whose scrapes are told one word each?

1 2 17   the scrape brought the plaintext counter with this value
_        the scrape brought the pod's metrics, but no such counter
x        the scrape failed
.        the pod was not there yet, or no more
!        between two scrapes: the proxy restarted
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from policies.ledger import Ledger, Look, Terms, noted
from policies.ledger_events import Account, Event, Sample
from tests.support.builders import NOON

DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
INTERVAL = 15 * SECOND
TERMS = Terms(window=DAY, interval=INTERVAL)
LONG_AGO = NOON - 30 * DAY
LABELS = {
    "destination_workload": "api",
    "destination_workload_namespace": "shop",
    "source_workload": "unknown",
    "source_workload_namespace": "unknown",
}


def scraped_at(number: int) -> datetime:
    """When the scrape with this number, from 0 on, took place."""
    return NOON + number * INTERVAL


def looked_at(number: int) -> datetime:
    """When the look after that scrape took place."""
    return scraped_at(number) + 2 * SECOND


def a_sample(value: float, at: datetime = NOON, pod: str = "api-0", **labels: str) -> Sample:
    """The plaintext counter of a pod, with further or other labels."""
    told = {**LABELS, "pod": pod, **labels}
    series = ",".join(f"{name}={text}" for name, text in sorted(told.items()))
    return Sample(series=series, labels=told, value=value, at=at)


def a_look(
    *samples: Sample, started: datetime | None = LONG_AGO, reporting: Mapping[str, datetime] | None = None
) -> Look:
    """A look that brought these counters, of pods that all report and started at the same time."""
    scrapes = reporting if reporting is not None else {sample.pod: sample.at for sample in samples}
    return Look(
        samples=samples,
        proxies=dict.fromkeys({sample.pod for sample in samples} | {*scrapes}, started),
        reporting=scrapes,
    )


def an_event(at: datetime = NOON, since: datetime | None = None, amount: float = 1, **labels: str) -> Event:
    """An event of the counter of `a_sample`, from the last interval when nothing else is said."""
    sample = a_sample(1, at, **labels)
    begun = since if since is not None else at - INTERVAL
    return Event(
        series=sample.series, labels=sample.labels, since=begun, at=at, amount=amount, why="a counter: it is new"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event, and the number of the scrape whose look told it."""

    scrape: int
    event: Event


def looks(history: str, started: datetime = LONG_AGO) -> list[Look]:
    """The looks of a history, one after each scrape."""
    all_looks: list[Look] = []
    for word in history.split():
        number = len(all_looks)
        at = scraped_at(number)
        match word:
            case "!":
                started = at - 7 * SECOND
            case ".":
                all_looks.append(Look(samples=(), proxies={}, reporting={}))
            case "x":
                all_looks.append(Look(samples=(), proxies={"api-0": started}, reporting={}))
            case "_":
                all_looks.append(a_look(started=started, reporting={"api-0": at}))
            case value:
                all_looks.append(a_look(a_sample(float(value), at), started=started))
    return all_looks


def watched(history: str, started: datetime = LONG_AGO, accounts: tuple[Account, ...] = ()) -> list[Told]:
    """All events that a ledger tells which looks after each scrape."""
    ledger = Ledger()
    told: list[Told] = []
    terms = Terms(window=TERMS.window, interval=TERMS.interval, accounts=accounts)
    for number, look in enumerate(looks(history, started)):
        ledger, events = noted(ledger, look, terms, looked_at(number))
        told += [Told(scrape=number, event=event) for event in events]
    return told


def grew_or_born(scrapes: Iterable[tuple[datetime, Sample]], since: datetime, now: datetime) -> tuple[Sample, ...]:
    """What the metrics server's window query answers: counters that grew or were born after `since` (form R)."""
    by_series: dict[str, list[Sample]] = {}
    for at, sample in scrapes:
        if at <= now:
            by_series.setdefault(sample.series, []).append(sample)
    return tuple(samples[-1] for samples in by_series.values() if _is_news(samples, since))


def _is_news(samples: list[Sample], since: datetime) -> bool:
    inside = [sample.value for sample in samples if sample.at > since]
    before = [sample.value for sample in samples if since - 30 * MINUTE <= sample.at <= since]
    has_grown = any((later > earlier) or 0 < later < earlier for earlier, later in pairwise(inside))
    highest = max(inside, default=0)
    return has_grown or (highest > 0 and not (before and before[-1] == highest))
