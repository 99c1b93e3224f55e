"""Which series were born inside the window, because their target was scraped before without them?

Prometheus writes `up` at each scrape of a target, also where the page had none of the series asked for. So `up` proves
that a counter was not there yet, and its first value is growth and not history.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from adapters.metrics.answers import Series
from adapters.metrics.promql import any_of, quoted

MOST_TARGETS = 50  # keeps the query short; new pods come in smaller numbers

Target = tuple[str, str]


def scrapes_selector(found: Iterable[Series], start: datetime) -> str:
    """The `up` of all targets with a series that no scrape shows before `start`; "" when there is none, or too many."""
    instances = sorted({one.target[1] for one in found if one.target[1] and _first(one, start) > start})
    if not instances or len(instances) > MOST_TARGETS:
        return ""
    return f"up{{instance=~{quoted(any_of(*instances))}}}"


def with_births(found: Sequence[Series], start: datetime, ups: Iterable[Series]) -> tuple[Series, ...]:
    """The series; those first seen after `start` get a 0 at the last successful scrape that did not show them."""
    scrapes = {up.target: [at for at, value in up.points if value == 1] for up in ups}
    return tuple(_born(one, start, scrapes.get(one.target, ())) for one in found)


def _born(one: Series, start: datetime, scrapes: Iterable[datetime]) -> Series:
    first = _first(one, start)
    before = [at for at in scrapes if at < first]
    if first <= start or not before:
        return one
    return replace(one, points=((max(before), 0.0), *one.points))


def _first(one: Series, start: datetime) -> datetime:
    return min((at for at, _ in one.points), default=start)
