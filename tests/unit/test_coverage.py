"""Does the gate stay shut while plaintext could come in unnoticed?"""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from policies.ledger_coverage import Coverage, SelfTest, Telemetry, coverage, self_test_hold, self_tested
from policies.ledger_events import counting
from tests.support.builders import NOON
from tests.support.plaintext import DAY, INTERVAL, MINUTE, SECOND, an_event, scraped_at

PODS = {"api-0": "Deployment api", "api-1": "Deployment api", "db-0": "StatefulSet db"}
TRAFFIC = {"Deployment api": True, "StatefulSet db": False}
WHOLE = Telemetry(
    scrapes=dict.fromkeys(PODS, NOON),
    shares=dict.fromkeys(PODS, 1.0),
    mtls={"api-0": 12.0, "api-1": 0.0, "db-0": 0.0},
)
SINK = {"destination_workload": "sink"}


def missing(told: Telemetry = WHOLE, traffic: dict[str, bool] = TRAFFIC) -> tuple[str, ...]:
    """What is missing of the coverage of PODS at noon."""
    return coverage(PODS, traffic, told, INTERVAL, NOON).missing


def test_every_pod_scraped_all_the_time_and_traffic_where_there_was_some_is_complete() -> None:
    assert coverage(PODS, TRAFFIC, WHOLE, INTERVAL, NOON).complete


@pytest.mark.parametrize("pod", PODS)
def test_a_pod_that_does_not_report_is_missing(pod: str) -> None:
    scrapes = {name: at for name, at in dict.fromkeys(PODS, NOON).items() if name != pod}

    assert missing(replace(WHOLE, scrapes=scrapes)) == (f"the metrics of pod {pod} do not come",)


@pytest.mark.parametrize(("age", "said"), [(30 * SECOND, 0), (31 * SECOND, 1)])
def test_a_pod_that_reported_too_long_ago_is_missing(age: timedelta, said: int) -> None:
    scrapes = {**dict.fromkeys(PODS, NOON), "db-0": NOON - age}

    sentences = missing(replace(WHOLE, scrapes=scrapes))

    assert sentences == ("the metrics of pod db-0 came last at 2026-11-21 11:59:29",) * said


@pytest.mark.parametrize(("share", "said"), [(0.99, ""), (0.989, "98.9%"), (0.0, "0.0%"), (float("nan"), "nan%")])
def test_a_pod_must_have_been_scraped_for_99_percent_of_the_window(share: float, said: str) -> None:
    sentences = missing(replace(WHOLE, shares={**dict.fromkeys(PODS, 1.0), "api-1": share}))

    assert sentences == ((f"pod api-1 was scraped {said} of the time, less than 99%",) if said else ())


@pytest.mark.parametrize(
    ("traffic", "mtls", "said"),
    [
        (TRAFFIC, {}, "Deployment api had traffic before, and shows none with mTLS"),
        (TRAFFIC, {"api-1": 1.0}, ""),
        (TRAFFIC, {"api-1": float("nan")}, "Deployment api had traffic before, and shows none with mTLS"),
        (
            {"Deployment api": True},
            {"api-0": 1.0},
            "StatefulSet db shows no mTLS, and whether it had traffic before is unknown",
        ),
        ({"Deployment api": True}, {"api-0": 1.0, "db-0": 1.0}, ""),
        (
            {**TRAFFIC, "Deployment gone": True},
            {"api-0": 1.0},
            "Deployment gone had traffic before, and shows none with mTLS",
        ),
    ],
)
def test_a_workload_that_had_traffic_must_show_some_with_mtls(
    traffic: dict[str, bool], mtls: dict[str, float], said: str
) -> None:
    assert missing(replace(WHOLE, mtls=mtls), traffic) == ((said,) if said else ())


@pytest.mark.parametrize("question", ["scrapes", "shares", "mtls"])
def test_an_answer_that_did_not_come_is_no_proof(question: str) -> None:
    assert missing(replace(WHOLE, **{question: None}))


def test_a_namespace_without_pods_proves_nothing() -> None:
    empty = coverage({}, {}, WHOLE, INTERVAL, NOON)

    assert empty == Coverage(missing=("no pod with a proxy is there to be seen",))


@pytest.mark.parametrize(
    ("test", "code"),
    [
        (None, "SelfTestMissing"),
        (SelfTest(asked_at=NOON - MINUTE, sink=SINK), "SelfTestPending"),
        (SelfTest(asked_at=NOON - MINUTE - SECOND, sink=SINK), "DetectorBlind"),
        (SelfTest(asked_at=NOON - 5 * MINUTE, sink=SINK, seen_at=NOON - 4 * MINUTE), None),
        (SelfTest(asked_at=NOON - 5 * MINUTE, sink=SINK, seen_at=NOON - 4 * MINUTE + SECOND), "DetectorBlind"),
        (SelfTest(asked_at=NOON - DAY, sink=SINK, seen_at=NOON - DAY + SECOND), None),
        (SelfTest(asked_at=NOON - DAY - SECOND, sink=SINK, seen_at=NOON - DAY), "SelfTestOld"),
    ],
)
def test_the_detector_must_have_seen_the_marked_request_in_time(test: SelfTest | None, code: str | None) -> None:
    hold = self_test_hold(test, INTERVAL, NOON)

    assert (hold.code if hold else None) == code


def test_the_marked_request_is_put_down_to_the_self_test() -> None:
    test = SelfTest(asked_at=scraped_at(1) - 5 * SECOND, sink=SINK)
    seen = an_event(scraped_at(1), destination_workload="sink")

    after, events = self_tested(test, [seen])

    assert after == replace(test, seen_at=scraped_at(1))
    assert events == (replace(seen, accounted="self-test"),)


@pytest.mark.parametrize(
    ("at", "since", "amount", "workload"),
    [
        (scraped_at(1), scraped_at(0), 2, "sink"),
        (scraped_at(1), scraped_at(0), 1, "api"),
        (scraped_at(0), scraped_at(-1), 1, "sink"),
        (scraped_at(2), scraped_at(1), 1, "sink"),
    ],
    ids=["more than was sent", "another workload", "before it was sent", "after it was sent"],
)
def test_plaintext_that_need_not_be_the_self_tests_own_counts(
    at: datetime, since: datetime, amount: int, workload: str
) -> None:
    test = SelfTest(asked_at=scraped_at(1) - 5 * SECOND, sink=SINK)
    event = an_event(at, since, amount, destination_workload=workload)

    assert self_tested(test, [event]) == (test, (event,))


def test_the_self_test_is_an_excuse_for_one_event_only() -> None:
    test = SelfTest(asked_at=scraped_at(1) - 5 * SECOND, sink=SINK)
    events = [an_event(scraped_at(1), destination_workload="sink", pod=pod) for pod in ("sink-0", "sink-1")]

    after, first = self_tested(test, events)
    _, later = self_tested(after, events)

    assert len(counting(first)) == 1
    assert len(counting(later)) == 2


def test_a_self_test_without_a_sink_is_an_excuse_for_nothing() -> None:
    test = SelfTest(asked_at=scraped_at(1) - 5 * SECOND, sink={})

    assert self_tested(test, [an_event(scraped_at(1))])[0] == test
