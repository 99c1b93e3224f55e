"""What does one measurement say of its objective?"""

from datetime import timedelta
from typing import assert_never

from policies.slo import Judgement, judge_looks, judge_ratio, percent, range_text
from policies.verdict import Verdict
from rollout.model.measurement import (
    Answer,
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
from rollout.progression.counting import grown


def judge(measurement: Measurement, analysis: Analysis, stable: Measurement | None = None) -> ObjectiveVerdict:
    """How an objective stands by one number. No data and a failed query are INCONCLUSIVE, with codes of their own.

    stable: the same asked of stable, for a query that is compared with it.
    """
    return verdict_of(measurement, *_judged(measurement, analysis, stable))


def verdict_of(
    measurement: Measurement, judgement: Judgement, value: str, samples: int | None, evidence: str = ""
) -> ObjectiveVerdict:
    """The judgement of a measured objective, as a status keeps it."""
    objective = measurement.question.objective
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
        evidence=evidence,
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


def milliseconds(threshold: timedelta) -> str:
    """A latency for people: "500ms", "1.5s"."""
    seconds = threshold.total_seconds()
    return f"{seconds:g}s" if seconds >= 1 else f"{seconds * 1000:g}ms"


def what_of(objective: ErrorRatio | SlowRatio) -> str:
    """What a bad request did, for sentences: "failed", "took longer than 500ms"."""
    if isinstance(objective, SlowRatio):
        return f"took longer than {milliseconds(objective.threshold)}"
    return "failed"


def no_evidence(answer: Answer) -> Judgement | None:
    """Why an answer does not tell what a ratio is; None where it does."""
    match answer:
        case Counters(total=(), bad=()):
            return _inconclusive("NoData", "the query found no series")
        case Counters():
            return None
        case _:
            return _unanswered(answer)


def _judged(
    measurement: Measurement, analysis: Analysis, stable: Measurement | None
) -> tuple[Judgement, str, int | None]:
    """The judgement, the value for people ("" for none), and how many requests were seen (None without meaning)."""
    objective, answer = measurement.question.objective, measurement.answer
    match answer, objective:
        case Counters(total=(), bad=()), _:
            return _inconclusive("NoData", "the query found no series"), "", None
        case Counters(), ErrorRatio() | SlowRatio():
            return _ratio(answer, measurement.question.window, objective, analysis)
        case Value(value=value), Query():
            return _looks(answer, objective, stable), f"{value:g}", None
        case _:
            return _unanswered(answer), "", None


def _looks(answer: Value, objective: Query, stable: Measurement | None) -> Judgement:
    """A query's values against their limits, and against stable's where it asks for that."""
    values = (*answer.earlier, answer.value)[-objective.looks :]
    beside: tuple[float, ...] = ()
    limits = objective.above, objective.below, objective.worse_than_stable
    if objective.worse_than_stable is not None:
        other = stable.answer if stable is not None else NoData(query=answer.query)
        if not isinstance(other, Value):
            alone = judge_looks(values, (), *limits, objective.failures)
            why = _unanswered(other)
            told = why._replace(message=f"nothing of stable to compare {answer.value:g} with: {why.message}")
            return alone if alone.verdict is Verdict.FAIL else told
        beside = (*other.earlier, other.value)
    return judge_looks(values, beside, *limits, objective.failures)


def _ratio(
    answer: Counters, window: Window, objective: ErrorRatio | SlowRatio, analysis: Analysis
) -> tuple[Judgement, str, int | None]:
    """A series of bad requests is born with the first of them: none at all is zero bad requests, not missing data."""
    bad = grown(answer.bad, window, answer.total)
    total = max(bad, grown(answer.total, window, answer.bad))
    judgement = judge_ratio(bad, total, objective.max_ratio, analysis.min_requests, what_of(objective))
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
