"""What does a Prometheus-shaped answer hold?"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from math import inf, isfinite
from typing import Any, NamedTuple

from adapters.metrics.columns import Columns
from adapters.metrics.line import QueryError
from rollout.model.measurement import Answer, Counter, Failed, NoData, NotANumber, Partial, Value
from rollout.model.points import Points

SHOWN_WARNINGS = 3
NARROW = "narrow them with the objective's selector"


class Bucket(NamedTuple):
    """One bucket of a native histogram: so many requests between two bounds."""

    left: float
    right: float
    requests: float


Buckets = tuple[Bucket, ...]
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series of a range: its labels, metric name included, and its points, oldest first.

    histograms: the same of a native histogram, which has no points: seconds since 1970, and buckets. is_scraped: whether it holds each scrape; else what
    the server told at the multiples of a step, by the newest scrape before each.
    """

    labels: Mapping[str, str]
    points: Points
    histograms: tuple[tuple[float, Buckets], ...] = ()
    is_scraped: bool = True

    @property
    def target(self) -> tuple[str, str]:
        """What Prometheus scraped it from: job and instance."""
        return self.labels.get("job", ""), self.labels.get("instance", "")

    @property
    def first(self) -> float | None:
        """When it was first seen, in seconds since 1970; None where it was not."""
        return min((*self.points.times[:1], *(at for at, _ in self.histograms[:1])), default=None)


def counters(found: Iterable[Series], known: dict[Labels, Labels]) -> tuple[Counter, ...]:
    """The series as the model knows them. known: the labels of an answer so far; equal ones are kept once."""
    return tuple(Counter(labels=known.setdefault(own := _labels(one), own), points=one.points) for one in found)


def warning(answer: Mapping[str, Any]) -> str:
    """Why the server says that its answer is not whole; "" when it is.

    `warnings` is Prometheus' and Thanos', `isPartial` VictoriaMetrics'. `infos` are advice on the query, not a lack of data.
    """
    said = answer.get("warnings") or []
    warnings = [str(text) for text in (said if isinstance(said, list) else [said])]
    if warnings:
        return "; ".join(warnings[:SHOWN_WARNINGS])
    return "the server says that some of its storage nodes did not answer" if answer.get("isPartial") is True else ""


def series(answer: Mapping[str, Any], most: int) -> tuple[Series, ...]:
    """The series of a range selector's answer. Raises QueryError when it is none, or has more than `most` series."""
    kind, result = _data(answer)
    if kind != "matrix":
        raise QueryError(f"the server answered a range selector with a {kind}")
    return _read(result, most, NARROW)


def newest(answer: Mapping[str, Any], most: int, advice: str) -> tuple[Series, ...]:
    """The newest point of each series, of a range selector's answer as of a vector. Raises QueryError as `series`."""
    kind, result = _data(answer)
    if kind not in {"matrix", "vector"}:
        raise QueryError(f"the server answered with a {kind}, series are needed")
    return tuple(replace(one, points=one.points[-1:]) for one in _read(result, most, advice) if one.points)


def joined(older: Iterable[Series], newer: Iterable[Series]) -> tuple[Series, ...]:
    """The series of both answers; of one that both know, the older points only from before the newer ones."""
    known = {frozenset(one.labels.items()): one for one in older}
    for one in newer:
        key = frozenset(one.labels.items())
        if before := known.get(key):
            first = one.first if one.first is not None else inf
            points = before.points[: bisect_left(before.points.times, first)]
            histograms = tuple(sample for sample in before.histograms if sample[0] < first)
            known[key] = replace(one, points=points + one.points, histograms=histograms + one.histograms)
        else:
            known[key] = one
    return tuple(known.values())


def single(query: str, answer: Mapping[str, Any]) -> Answer:
    """The one number that a free query gave, or what it gave instead."""
    try:
        kind, result = _data(answer)
        if kind not in {"scalar", "vector"}:
            return Failed(query=query, error=f"the query gives a {kind}, one number is needed: aggregate it")
        if warned := warning(answer):
            return Partial(query=query, warning=warned)
        if not result:
            return NoData(query=query)
        if kind == "vector" and len(result) > 1:
            return Partial(query=query, warning=f"{len(result)} series, one is needed: aggregate them, as with sum()")
        value = float(result[1] if kind == "scalar" else result[0]["value"][1])
    except (QueryError, TypeError, ValueError, KeyError, IndexError) as error:
        return Failed(query=query, error=f"the server's answer cannot be read: {error}")
    return Value(query=query, value=value) if isfinite(value) else NotANumber(query=query)


def _read(result: Sequence[Mapping[str, Any]], most: int, advice: str) -> tuple[Series, ...]:
    """Each row of a matrix or vector. Raises QueryError."""
    if len(result) > most:
        raise QueryError(f"{len(result)} series, at most {most} are read: {advice}")
    columns, moment = Columns(), cache(_moment)
    try:
        return tuple(
            Series(
                labels=dict(one["metric"]),
                points=columns.of(_points(one)),
                histograms=tuple((moment(at), _buckets(value)) for at, value in one.get("histograms", ())),
            )
            for one in result
        )
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, OSError) as error:
        raise QueryError(f"the server's series cannot be read: {error}") from error


def _labels(one: Series) -> Labels:
    return tuple(sorted((name, value) for name, value in one.labels.items() if name != "__name__"))


def _points(one: Mapping[str, Any]) -> Points | Sequence[Any]:
    """The points of a matrix's row, or the one of a vector's."""
    return [one["value"]] if "value" in one else one.get("values", ())


def _buckets(histogram: Mapping[str, Any]) -> Buckets:
    """The rule at the bounds (open or closed) is left out: no request takes exactly as long as a bound."""
    return tuple(
        Bucket(float(left), float(right), float(count)) for _, left, right, count in histogram.get("buckets", ())
    )


def _data(answer: Mapping[str, Any]) -> tuple[str, list[Any]]:
    try:
        return str(answer["data"]["resultType"]), list(answer["data"]["result"])
    except (TypeError, KeyError) as error:
        raise QueryError("the server's answer has no resultType and result: is it a Prometheus?") from error


def _moment(seconds: float) -> float:
    return datetime.fromtimestamp(seconds, UTC).timestamp()
