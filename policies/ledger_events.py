"""What is a plaintext event, who caused it, and which events do not count?"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

UNKNOWN = "unknown"  # the mesh's own word for a source that its proxy cannot name


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One plaintext counter. series: all its labels, the metric's name among them, as one text. at: when it was scraped."""

    series: str
    labels: Mapping[str, str]
    value: float
    at: datetime

    @property
    def pod(self) -> str:
        """The pod whose proxy counted, "" when the series does not say."""
        return self.labels.get("pod", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Plaintext that came in after `since` (None: nobody knows) and at the latest at `at`.

    amount: requests or connections, at least. why: how it was noticed. accounted: what it is put down to, so that it holds
    nothing up; "" when it counts.
    """

    series: str
    labels: Mapping[str, str]
    since: datetime | None
    at: datetime
    amount: float
    why: str
    accounted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Plaintext that may come: an exception for a port or a workload. covers: whether labels are of it."""

    name: str
    covers: Callable[[Mapping[str, str]], bool]


class SeenCaller(NamedTuple):
    """Who sent plaintext to whom, how often at least, and when at the latest; source "unknown" in sidecar mode."""

    destination: str
    source: str
    times: int
    last: datetime


def accounted_for(events: Iterable[Event], accounts: Iterable[Account]) -> tuple[Event, ...]:
    """The events, each with the name of the first account that covers it."""
    known = tuple(accounts)
    return tuple(replace(event, accounted=event.accounted or _account(event, known)) for event in events)


def _account(event: Event, accounts: tuple[Account, ...]) -> str:
    return next((one.name for one in accounts if one.covers(event.labels)), "")


def counting(events: Iterable[Event]) -> tuple[Event, ...]:
    """The events that nothing accounts for."""
    return tuple(event for event in events if not event.accounted)


def callers(events: Iterable[Event]) -> tuple[SeenCaller, ...]:
    """The events by destination workload and source, those that are accounted for too, sorted.

    A source in another namespace than the destination's is "namespace/workload".
    """
    grouped: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        grouped.setdefault((_destination(event.labels), _source(event.labels)), []).append(event)
    return tuple(
        SeenCaller(destination, source, max(1, round(sum(one.amount for one in group))), max(one.at for one in group))
        for (destination, source), group in sorted(grouped.items())
    )


def _destination(labels: Mapping[str, str]) -> str:
    return labels.get("destination_workload") or labels.get("pod") or UNKNOWN


def _source(labels: Mapping[str, str]) -> str:
    workload = labels.get("source_workload") or UNKNOWN
    namespace = labels.get("source_workload_namespace", "")
    is_foreign = namespace not in ("", UNKNOWN, labels.get("destination_workload_namespace", ""))
    return f"{namespace}/{workload}" if is_foreign and workload != UNKNOWN else workload
