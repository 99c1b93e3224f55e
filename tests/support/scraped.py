"""What does a Prometheus that has scraped these series answer to a range selector, or to a subquery of one?

Written from PromQL's rules and not from our selectors: a label that is absent is "", expressions fit whole values, a range is
read from after its beginning up to its end.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

QUERY = re.compile(r"(?P<metric>\w*)\{(?P<matchers>.*)\}\[(?P<seconds>\d+)s(?::(?P<step>\d+)s)?\]", re.DOTALL)
MATCHER = re.compile(r'(\w+)(=~|!=|=)"((?:[^"\\]|\\.)*)"', re.DOTALL)
LOOKBACK_MS = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraped:
    """One series. points: (ms since 1970, value), oldest first."""

    labels: Mapping[str, str]
    points: Sequence[tuple[int, str]]


def rows(everything: Iterable[Scraped], query: str, end: int) -> list[dict[str, Any]]:
    """The matrix of a query as of `end` (ms since 1970)."""
    asked = QUERY.fullmatch(query)
    if asked is None:
        raise ValueError(f"{query} is no range of one selector")
    start, step = end - int(asked["seconds"]) * 1000, int(asked["step"] or 0) * 1000
    wanted = [*MATCHER.findall(asked["matchers"]), *([("__name__", "=", asked["metric"])] if asked["metric"] else [])]
    found = (
        (one, tuple(_told(one, start, end, step)))
        for one in everything
        if all(_fits(one.labels, *matcher) for matcher in wanted)
    )
    return [
        {"metric": dict(one.labels), "values": [[at / 1000, value] for at, value in points]}
        for one, points in found
        if points
    ]


def _told(one: Scraped, start: int, end: int, step: int) -> Iterator[tuple[int, str]]:
    if not step:
        yield from (point for point in one.points if start < point[0] <= end)
        return
    for at in range((start // step + 1) * step, end + 1, step):
        before = [point for point in one.points if at - LOOKBACK_MS < point[0] <= at]
        if before:
            yield at, before[-1][1]


def _fits(labels: Mapping[str, str], name: str, sign: str, text: str) -> bool:
    value, wanted = labels.get(name, ""), re.sub(r"\\(.)", lambda sign: "\n" if sign[1] == "n" else sign[1], text)
    match sign:
        case "=":
            return value == wanted
        case "!=":
            return value != wanted
        case _:
            return re.fullmatch(wanted, value) is not None
