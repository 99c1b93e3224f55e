"""Does every kind of answer become the verdict it deserves?"""

from datetime import UTC, datetime, timedelta

import pytest

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
    Question,
    Value,
    Window,
)
from rollout.model.names import BackendName
from rollout.model.rollout import Analysis, ErrorRatio, Method, Mode, Objective, Query, SlowRatio
from rollout.model.status import ObjectiveVerdict
from rollout.progression.judging import judge
from tests.support.points import scraped, scrapes

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ERRORS = ErrorRatio(name="errors", max_ratio=0.01, method=Method.THRESHOLD)
SLOW = SlowRatio(name="slow", threshold=timedelta(milliseconds=500), max_ratio=0.05, method=Method.THRESHOLD)
ORDERS = Query(name="orders", query="orders", above=3, mode=Mode.OBSERVE)


def counter(*points: tuple[int, float], **labels: str) -> Counter:
    """A counter with (seconds since noon, value) points."""
    found = scrapes((NOON + timedelta(seconds=seconds), value) for seconds, value in points)
    return Counter(labels=tuple(sorted(({"pod": "a"} | labels).items())), points=found)


def judged(objective: Objective, answer: Answer) -> ObjectiveVerdict:
    """The verdict over the minute that starts at noon."""
    question = Question(
        namespace="shop",
        rollout="checkout",
        objective=objective,
        revision="v2",
        backend=BackendName(service="checkout-v2"),
        workload="checkout-v2",
        pods=frozenset({"a"}),
        window=Window(start=NOON, end=NOON + timedelta(seconds=60)),
    )
    at = NOON + timedelta(seconds=60)
    return judge(Measurement(question=question, answer=answer, at=at), Analysis(min_requests=50))


P99 = Query(name="p99", query="p99", below=2, failures=2, looks=3, worse_than_stable=0.2)


def beside(answer: Answer, stable: Answer | None) -> ObjectiveVerdict:
    """The verdict on P99, with what stable's own query gave."""
    question = Question(
        namespace="shop",
        rollout="checkout",
        objective=P99,
        revision="v2",
        backend=BackendName(service="checkout-v2"),
        workload="checkout-v2",
        pods=frozenset({"a"}),
        window=Window(start=NOON, end=NOON + timedelta(seconds=60)),
    )
    asked = [Measurement(question=question, answer=one, at=NOON) for one in (answer, stable) if one is not None]
    return judge(asked[0], Analysis(), asked[1] if len(asked) > 1 else None)


def test_a_query_fails_when_enough_of_its_last_looks_do() -> None:
    stable = Value(query="q", value=9, earlier=(9, 9))

    once = beside(Value(query="q", value=3, earlier=(1, 1)), stable)
    twice = beside(Value(query="q", value=3, earlier=(1, 3)), stable)
    long_ago = beside(Value(query="q", value=1, earlier=(3, 3, 1, 1)), stable)

    assert [one.verdict for one in (once, twice, long_ago)] == [Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.PASS]


def test_a_query_that_is_worse_than_stable_fails_within_its_limits() -> None:
    verdict = beside(Value(query="q", value=1.3, earlier=(1.3,)), Value(query="q", value=1, earlier=(1,)))

    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, "WorseThanStable")


@pytest.mark.parametrize(
    ("stable", "code"),
    [(NoData(query="q"), "NoData"), (Failed(query="q", error="refused"), "QueryFailed"), (None, "NoData")],
)
def test_without_stable_to_compare_with_a_query_is_inconclusive(stable: Answer | None, code: str) -> None:
    verdict = beside(Value(query="q", value=1, earlier=(1,)), stable)

    assert (verdict.verdict, verdict.code) == (Verdict.INCONCLUSIVE, code)
    assert verdict.message.startswith("nothing of stable to compare 1 with: ")


def test_limits_that_are_broken_fail_without_stable() -> None:
    verdict = beside(Value(query="q", value=3, earlier=(3,)), None)

    assert verdict.verdict is Verdict.FAIL


def counters(*, total: tuple[Counter, ...], bad: tuple[Counter, ...] = ()) -> Counters:
    return Counters(query="q", total=total, bad=bad)


GROWN = counter((-5, 1000), (25, 1500), (55, 2000))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (NoData(query="q"), "NoData"),
        (counters(total=()), "NoData"),
        (NotANumber(query="q"), "NotANumber"),
        (Partial(query="q", warning="store down"), "Partial"),
        (Failed(query="q", error="refused"), "QueryFailed"),
        (Value(query="q", value=1), "WrongAnswer"),
    ],
)
def test_an_answer_that_is_no_evidence_is_inconclusive_with_its_own_code(answer: Answer, code: str) -> None:
    verdict = judged(ERRORS, answer)

    assert (verdict.verdict, verdict.code) == (Verdict.INCONCLUSIVE, code)


def test_a_failed_query_says_why() -> None:
    verdict = judged(ERRORS, Failed(query="q", error="connection refused"))

    assert verdict.message == "the query failed: connection refused"


def test_no_series_of_bad_requests_is_no_bad_requests() -> None:
    verdict = judged(ERRORS, counters(total=(GROWN,)))

    assert (verdict.verdict, verdict.value, verdict.samples) == (Verdict.PASS, "0%", 1000)


def test_errors_within_the_limit_pass() -> None:
    bad = counter((-5, 0), (25, 2), (55, 4), response_code="500")

    verdict = judged(ERRORS, counters(total=(GROWN,), bad=(bad,)))

    assert (verdict.verdict, verdict.value, verdict.limit) == (Verdict.PASS, "0.4%", "at most 1%")


def test_a_series_born_with_the_first_error_counts_from_nothing() -> None:
    bad = counter((55, 40), response_code="500")

    verdict = judged(ERRORS, counters(total=(GROWN,), bad=(bad,)))

    assert (verdict.verdict, verdict.value) == (Verdict.FAIL, "4%")


def test_series_without_a_label_of_their_target_count_as_scraped_together() -> None:
    old = Counter(labels=(("code", "200"),), points=GROWN.points)
    born = Counter(labels=(("code", "500"),), points=scraped((NOON + timedelta(seconds=55), 40.0)))

    verdict = judged(ERRORS, counters(total=(old, born), bad=(born,)))

    assert verdict.message == "40 of 1040 requests failed (3.85%), more than 1%"


def test_a_pod_born_inside_the_window_counts_in_full_beside_one_that_was_scraped_all_along() -> None:
    young = counter((58, 100), pod="b")

    verdict = judged(ERRORS, counters(total=(GROWN, young)))

    assert verdict.samples == 1100


def test_the_first_value_of_pods_that_may_be_older_is_left_out() -> None:
    first, second = counter((25, 400), (55, 700)), counter((27, 40), (57, 70), pod="b")

    verdict = judged(ERRORS, counters(total=(first, second)))

    assert verdict.samples == 330


def test_resets_are_counted_for_each_pod() -> None:
    one = counter((-5, 1000), (25, 20), (55, 60))
    other = counter((-5, 500), (25, 520), (55, 560), pod="b")

    verdict = judged(ERRORS, counters(total=(one, other)))

    assert verdict.samples == 120


def test_a_window_without_requests_says_so() -> None:
    idle = counter((-5, 1000), (25, 1000), (55, 1000))

    verdict = judged(ERRORS, counters(total=(idle,)))

    assert (verdict.code, verdict.samples) == ("NoRequests", 0)


def test_slow_requests_are_judged_like_errors_and_named_as_slow() -> None:
    slow = counter((-5, 10), (55, 30))

    verdict = judged(SLOW, counters(total=(GROWN,), bad=(slow,)))

    assert verdict.message == "20 of 1000 requests took longer than 500ms (2%), at most 5%"


def test_a_free_query_is_compared_with_its_limits_in_its_mode() -> None:
    verdict = judged(ORDERS, Value(query="orders", value=2.5))

    assert (verdict.verdict, verdict.value, verdict.limit, verdict.mode) == (
        Verdict.FAIL,
        "2.5",
        "above 3",
        Mode.OBSERVE,
    )


def test_the_verdict_keeps_the_query_and_the_time_for_people() -> None:
    verdict = judged(ORDERS, Value(query="orders{}", value=5))

    assert (verdict.query, verdict.at) == ("orders{}", NOON + timedelta(seconds=60))
