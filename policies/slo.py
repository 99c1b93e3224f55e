"""Does a measured number keep its limit, break it, or is it too early to tell?"""

from collections.abc import Sequence
from math import exp, lgamma, log, log1p
from typing import NamedTuple

from policies.verdict import Verdict

CONFIDENCE = 0.95
FEWEST_BAD = 3  # below about three bad requests no test at this confidence can tell bad luck from a bad revision


class Judgement(NamedTuple):
    """A verdict, its short CamelCase code, and the sentence that explains it."""

    verdict: Verdict
    code: str
    message: str


def judge_ratio(bad: float, total: float, max_ratio: float, min_requests: int, what: str = "failed") -> Judgement:
    """Whether at most `max_ratio` (0.0-1.0) of `total` requests are bad.

    FAIL needs proof: the lower 95 % bound of the ratio is above the limit, and at least three requests are bad. PASS
    needs `min_requests` and a ratio within the limit. All else is INCONCLUSIVE: NoRequests, TooFewRequests or NotProven.
    what: what bad requests did, for the sentence ("failed", "took longer than 500ms").
    """
    total = max(bad, total)  # two scrapes are never quite at once: a bad request is a request
    if total <= 0:
        return Judgement(Verdict.INCONCLUSIVE, "NoRequests", "no requests were seen")
    ratio = bad / total
    seen = f"{count(bad)} of {count(total)} requests {what} ({percent(ratio)})"
    limit = percent(max_ratio)
    if bad >= FEWEST_BAD and ratio_lower_bound(bad, total) > max_ratio:
        return Judgement(Verdict.FAIL, "AboveLimit", f"{seen}, more than {limit}")
    if total < min_requests:
        return Judgement(Verdict.INCONCLUSIVE, "TooFewRequests", f"{seen}; {min_requests} requests are needed")
    if ratio <= max_ratio:
        return Judgement(Verdict.PASS, "WithinLimit", f"{seen}, at most {limit}")
    return Judgement(Verdict.INCONCLUSIVE, "NotProven", f"{seen}, more than {limit}, but that may still be chance")


def judge_value(value: float, above: float | None, below: float | None) -> Judgement:
    """Whether `value` is strictly above `above` and strictly below `below`; None leaves that side open."""
    if above is not None and value <= above:
        return Judgement(Verdict.FAIL, "TooLow", f"{value:g} is not above {above:g}")
    if below is not None and value >= below:
        return Judgement(Verdict.FAIL, "TooHigh", f"{value:g} is not below {below:g}")
    return Judgement(Verdict.PASS, "WithinLimit", f"{value:g} is {range_text(above, below)}")


def judge_looks(
    values: Sequence[float],
    stable: Sequence[float],
    above: float | None,
    below: float | None,
    worse: float | None,
    failures: int,
) -> Judgement:
    """Whether `failures` of the values, newest last, break their limits or are worse than stable's at the same look.

    worse: by which part of stable's value (0.2 is 20 %) each may be worse, higher with `below` and lower with `above`; None
    for no comparison. Where fewer than `failures` fail, a newest one that does is INCONCLUSIVE.
    """
    beside = [None] * (len(values) - len(stable)) + list(stable[-len(values) :])
    judged = [judge_value(value, above, below) for value in values]
    if worse is not None:
        pairs = zip(judged, values, beside, strict=True)
        judged = [_beside(one, value, (above, below), other, worse) for one, value, other in pairs]
    failed = [one for one in judged if one.verdict is Verdict.FAIL]
    seen = f" ({len(failed)} of the last {len(values)} values failed, {failures} count)" if failures > 1 else ""
    if len(failed) >= failures:
        return failed[-1]._replace(message=f"{failed[-1].message}{seen}")
    if judged[-1].verdict is Verdict.FAIL:
        return Judgement(Verdict.INCONCLUSIVE, "NotProven", f"{judged[-1].message}{seen}")
    return judged[-1]


def _beside(
    alone: Judgement, value: float, sides: tuple[float | None, float | None], stable: float | None, worse: float
) -> Judgement:
    """What a value is that must not be worse than stable's, on the sides that have a limit."""
    if alone.verdict is Verdict.FAIL or stable is None:
        return alone
    (above, below), margin = sides, worse * abs(stable)
    if (below is not None and value > stable + margin) or (above is not None and value < stable - margin):
        told = f"{value:g} is worse than stable's {stable:g} by more than {percent(worse)}"
        return Judgement(Verdict.FAIL, "WorseThanStable", told)
    return alone


def ratio_lower_bound(bad: float, total: float, confidence: float = CONFIDENCE) -> float:
    """The ratio that the true one exceeds with `confidence`, from 0.0 to 1.0: one-sided and exact.

    Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika
    26 (1934): the (1 - confidence) quantile of Beta(bad, total - bad + 1). Found by bisection.
    """
    if bad <= 0:
        return 0.0
    low, high = 0.0, min(1.0, bad / total)  # for confidence >= 0.5 the bound is below the ratio itself
    for _ in range(60):
        middle = (low + high) / 2
        if _beta_cdf(middle, bad, total - bad + 1) > 1 - confidence:
            high = middle
        else:
            low = middle
    return low


def percent(ratio: float) -> str:
    """A ratio for people, with three significant digits: 0.004 is "0.4%"."""
    return f"{100 * ratio:.3g}%" if ratio < 0.9995 else f"{100 * ratio:.0f}%"


def count(requests: float) -> str:
    """A number of requests for people: a whole one, however the server counts."""
    return f"{requests:.0f}"


def range_text(above: float | None, below: float | None) -> str:
    """The limits of a free query for people: "above 3", "above 3 and below 9"; "" where both sides are open."""
    sides = ("above", above), ("below", below)
    return " and ".join(f"{word} {limit:g}" for word, limit in sides if limit is not None)


def _beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b): DLMF 8.17.22, and 8.17.4 for its symmetry."""
    if x <= 0 or x >= 1:
        return min(max(x, 0.0), 1.0)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _continued(x, a, b) / a
    return 1 - front * _continued(1 - x, b, a) / b


def _continued(x: float, a: float, b: float) -> float:
    """The continued fraction of DLMF 8.17.22 by Lentz's method; a few times sqrt(max(a, b)) terms are enough."""
    tiny = 1e-300  # stands in for a denominator of exactly 0
    c, d = 1.0, 1 / ((1 - (a + b) * x / (a + 1)) or tiny)
    value = d
    for m in range(1, 200 + int(5 * max(a, b) ** 0.5)):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        before = value
        for term in (even, odd):
            d = 1 / ((1 + term * d) or tiny)
            c = (1 + term / c) or tiny
            value *= c * d
        if abs(value - before) <= 1e-14 * abs(value):
            break
    return value
