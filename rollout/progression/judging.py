"""What does one measurement say of its objective?"""

from collections.abc import Iterable
from datetime import timedelta
from typing import assert_never

from policies.counters import Point, increase, last_absent
from policies.slo import Judgement, judge_ratio, judge_value, percent, range_text
from policies.verdict import Verdict
from rollout.model.measurement import (
    Answer,
    Counter,
    Counters,
    Failed,
    Measurement,
    NoData,
    NotANumber,
    Partial,
    Value,
    Window,
)
from rollout.model.rollout import Analysis, ErrorRatio, Objective, Query, SlowRatio
from rollout.model.status import ObjectiveVerdict

Labels = tuple[tuple[str, str], ...]

TARGET = ("job", "instance", "pod")  # labels that tell the scraped thing


def judge(measurement: Measurement, analysis: Analysis) -> ObjectiveVerdict:
    """How the measured objective stands. No data and a failed query are INCONCLUSIVE, with codes of their own."""
    objective = measurement.question.objective
    judgement, value, samples = _judged(measurement, analysis)
    return ObjectiveVerdict(
        name=objective.name,
        verdict=judgement.verdict,
        mode=objective.mode,
        code=judgement.code,
        message=judgement.message,
        value=value,
        limit=limit_of(objective),
        samples=samples,
        query=measurement.answer.query,
        at=measurement.at,
    )


def limit_of(objective: Objective) -> str:
    """An objective's limit for people: "at most 1%", "at most 5% slower than 500ms", "above 3"."""
    match objective:
        case ErrorRatio(max_ratio=max_ratio):
            return f"at most {percent(max_ratio)}"
        case SlowRatio(max_ratio=max_ratio, threshold=threshold):
            return f"at most {percent(max_ratio)} slower than {milliseconds(threshold)}"
        case Query(above=above, below=below):
            return range_text(above, below)
        case _:
            assert_never(objective)


def grown(counters: tuple[Counter, ...], window: Window, witnesses: Iterable[Counter] = ()) -> float:
    """How much all `counters` together grew inside the window.

    witnesses: other series of the same answer, whose scrapes tell whether a counter was born inside the window.
    """
    start, end = window.start.timestamp(), window.end.timestamp()
    scrapes: dict[Labels, set[float]] = {}
    for counter in (*counters, *witnesses):
        scrapes.setdefault(_target(counter), set()).update(at.timestamp() for at, _ in counter.points)
    total = 0.0
    for counter in counters:
        points = [(at.timestamp(), value) for at, value in counter.points]
        total += increase(points, start, end, absent_at=_absent(points, start, _target(counter), scrapes))
    return total


def milliseconds(threshold: timedelta) -> str:
    """A latency for people: "500ms", "1.5s"."""
    seconds = threshold.total_seconds()
    return f"{seconds:g}s" if seconds >= 1 else f"{seconds * 1000:g}ms"


def _judged(measurement: Measurement, analysis: Analysis) -> tuple[Judgement, str, int | None]:
    """The judgement, the value for people ("" for none), and how many requests were seen (None without meaning)."""
    objective, answer = measurement.question.objective, measurement.answer
    match answer, objective:
        case Counters(total=(), bad=()), _:
            return _inconclusive("NoData", "the query found no series"), "", None
        case Counters(), ErrorRatio(max_ratio=limit):
            return _ratio(answer, measurement.question.window, limit, analysis, "failed")
        case Counters(), SlowRatio(max_ratio=limit, threshold=threshold):
            what = f"took longer than {milliseconds(threshold)}"
            return _ratio(answer, measurement.question.window, limit, analysis, what)
        case Value(value=value), Query(above=above, below=below):
            return judge_value(value, above, below), f"{value:g}", None
        case _:
            return _unanswered(answer), "", None


def _ratio(
    answer: Counters, window: Window, limit: float, analysis: Analysis, what: str
) -> tuple[Judgement, str, int | None]:
    """A series of bad requests is born with the first of them: none at all is zero bad requests, not missing data."""
    bad = grown(answer.bad, window, answer.total)
    total = max(bad, grown(answer.total, window, answer.bad))
    judgement = judge_ratio(bad, total, limit, analysis.min_requests, what)
    return judgement, percent(bad / total) if total else "", round(total)


def _unanswered(answer: Answer) -> Judgement:
    """Why an answer is no evidence."""
    match answer:
        case NoData():
            return _inconclusive("NoData", "the query found no series")
        case NotANumber():
            return _inconclusive("NotANumber", "the query gave NaN or an infinity, as a division by no requests does")
        case Partial(warning=warning):
            return _inconclusive("Partial", f"the answer is not whole: {warning}")
        case Failed(error=error):
            return _inconclusive("QueryFailed", f"the query failed: {error}")
        case Counters() | Value():
            return _inconclusive("WrongAnswer", "the answer is of another kind than the objective asks for")
        case _:
            assert_never(answer)


def _inconclusive(code: str, message: str) -> Judgement:
    return Judgement(Verdict.INCONCLUSIVE, code, message)


def _absent(points: list[Point], start: float, target: Labels, scrapes: dict[Labels, set[float]]) -> float | None:
    """When the counter is known to have not existed yet; asked only where the window holds its first point."""
    first = min((at for at, _ in points), default=start)
    if first <= start:
        return None
    return last_absent(first, start, scrapes[target], [times for name, times in scrapes.items() if name != target])


def _target(counter: Counter) -> Labels:
    """The scraped thing that a series belongs to; series without such labels count as scraped together."""
    return tuple(label for label in counter.labels if label[0] in TARGET)
