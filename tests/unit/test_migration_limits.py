"""Does each limit break by what is its own, and by nothing that ailed before?"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.migration.edges import MOST_EDGES, measured
from rollout.migration.limits import broken, is_blind, mute
from rollout.model.migration import Limits, Stage
from rollout.model.migration_marks import EdgeBaseline
from rollout.model.migration_seen import Budget
from rollout.model.telemetry import Asked
from tests.support.mesh import NOON, pod, workload
from tests.support.moving import (
    EDGE,
    HOUR,
    MINUTE,
    SECOND,
    STRICT,
    WAS,
    a_row,
    a_spec,
    a_view,
    enrolled,
    outcomes,
    told,
)

OTHER = {**EDGE, "source_workload": "batch"}
BATCH = replace(WAS, caller="web/batch")
BUDGET = Budget(policy="http", objective="errors", max_ratio=0.001)


def watched(**changes: Any) -> Any:
    """shop at STRICT, where all is well."""
    return a_view(Stage.STRICT, **{"ns": enrolled(STRICT), "in_force": NOON - MINUTE, **changes})


def test_no_limit_is_broken_where_all_is_well() -> None:
    assert broken(watched()) == ()


@pytest.mark.parametrize(
    ("failed", "total", "is_broken"),
    [
        (0, 1000, False),
        (12, 2000, False),  # 0.6 % is where the limit is
        (18, 2000, False),  # 0.9 % may still be chance
        (22, 2000, True),
        (1, 1, False),
        (1, 3, False),
        (2, 2, False),
        (3, 3, True),
        (3, 100, True),
        (3, 1000, False),
    ],
)
def test_the_success_of_an_edge_falls_too_far_only_when_that_is_proven(
    failed: float, total: float, is_broken: bool
) -> None:
    view = watched(answers=told(requests=outcomes(failed, total)))

    assert bool(broken(view)) is is_broken


@pytest.mark.parametrize(("p99", "is_broken"), [(36.0, False), (36.1, True)])
def test_the_p99_of_an_edge_may_grow_by_factor_and_slack(p99: float, is_broken: bool) -> None:
    view = watched(answers=told(latency=(a_row(p99, **EDGE),)))

    assert bool(broken(view)) is is_broken


@pytest.mark.parametrize(("requests", "is_broken"), [(299, False), (300, True)])
def test_the_p99_of_few_requests_says_nothing(requests: float, is_broken: bool) -> None:
    view = watched(answers=told(requests=outcomes(0, requests), latency=(a_row(500, **EDGE),)))

    assert bool(broken(view)) is is_broken


def test_an_edge_that_was_ill_before_is_blamed_on_nothing() -> None:
    answers = told(requests=(*outcomes(1), *outcomes(501, edge=OTHER)), connections=outcomes(300, edge=OTHER))
    view = watched(answers=answers, baseline=(WAS, replace(BATCH, success=0.5, lost=0.3)))

    assert broken(view) == ()


def test_one_edge_that_falls_is_enough_and_is_named() -> None:
    view = watched(answers=told(requests=(*outcomes(1), *outcomes(500, edge=OTHER))), baseline=(WAS, BATCH))

    assert broken(view) == (
        "web/batch to api: 50.00% of 1000 requests succeed, 99.90% did before (at most 0.50% less)",
    )


@pytest.mark.parametrize(
    ("failed", "total", "was", "is_broken"),
    [
        (2, 2, 0.0, False),
        (3, 4, 0.0, True),
        (3, 1000, 0.0, False),
        (20, 100, 0.2, False),
        (40, 100, 0.2, True),
    ],
)
def test_new_failures_of_connections_without_http_break_the_limit(
    failed: float, total: float, was: float, is_broken: bool
) -> None:
    view = watched(answers=told(connections=outcomes(failed, total)), baseline=(replace(WAS, lost=was),))

    assert bool(broken(view)) is is_broken


def test_connections_that_never_ended_before_fail_newly_as_well() -> None:
    view = watched(answers=told(connections=outcomes(5, 5, edge=OTHER)))

    assert broken(view) == ("web/batch to api: 100.00% of 5 connections fail, 0.00% did before (at most 0.50% more)",)


def test_where_the_baseline_was_too_small_for_all_edges_an_unknown_one_is_not_blamed() -> None:
    full = tuple(replace(WAS, caller=f"web/w{n}", lost=1.0) for n in range(MOST_EDGES))
    view = watched(answers=told(connections=outcomes(5, 5, edge=OTHER)), baseline=full)

    assert broken(view) == ()


@pytest.mark.parametrize(
    ("failed", "recent", "is_broken"),
    [(14, 0.0, False), (18, 0.0, False), (24, 0.0, True), (24, 0.0144, True), (24, 0.015, False), (1, 0.0, False)],
)
def test_an_error_budget_that_begins_to_burn_too_fast_breaks_the_limit(
    failed: float, recent: float, is_broken: bool
) -> None:
    view = watched(
        answers=told(recent=outcomes(failed)), baseline=(replace(WAS, recent=recent),), view={"budgets": (BUDGET,)}
    )

    assert bool(broken(view)) is is_broken


def test_few_failures_burn_no_budget() -> None:
    view = watched(answers=told(recent=outcomes(2, 2)), view={"budgets": (BUDGET,)})

    assert broken(view) == ()


def test_the_burn_that_is_let_is_the_specs() -> None:
    spec = a_spec(limits=Limits(burn=40))
    answers = told(recent=outcomes(24))

    assert broken(watched(answers=answers, spec=spec, view={"budgets": (BUDGET,)})) == ()


def test_a_burn_names_its_policy_and_its_edge() -> None:
    view = watched(answers=told(recent=outcomes(100)), view={"budgets": (BUDGET,)})

    assert broken(view) == (
        "web/front to api: 10.00% of 1000 requests fail, more than 14.4 times the 0.100% of errors (SloPolicy http)",
    )


@pytest.mark.parametrize(
    ("seconds", "which", "why"),
    [
        (600, "default", ()),
        (599, "default", ("api-1: its certificate ends in 599 s",)),
        (-30, "default", ("api-1: its certificate ended 30 s ago",)),
        (10, "ROOTCA", ("api-1: the root of its trust ends in 10 s",)),
    ],
)
def test_a_certificate_that_is_not_renewed_in_time_breaks_the_limit(
    seconds: float, which: str, why: tuple[str, ...]
) -> None:
    view = watched(answers=told(certificates=(a_row(seconds, pod="api-1", resource_name=which),)))

    assert broken(view) == why


def test_a_certificate_that_nobody_tells_of_is_not_one_that_ended() -> None:
    assert broken(watched(answers=told(certificates=()))) == ()


def test_a_webhook_of_the_namespace_that_cannot_be_called_breaks_the_limit() -> None:
    rows = (a_row(2, name="check.shop.example.com"), a_row(9, name="check.elsewhere.example.com"))

    view = watched(answers=told(webhooks=rows), seen={"webhooks": ("check.shop.example.com",)})

    assert broken(view) == ("the API server could not call the webhook check.shop.example.com 2 times",)


def test_pods_that_lost_readiness_break_the_limit() -> None:
    view = watched(ns=enrolled(STRICT, workloads=(workload(wanted=3, ready=1),)))

    assert broken(view) == ("Deployment api: 2 of 3 pods are not ready",)


def test_restarts_since_the_stage_began_break_the_limit() -> None:
    view = watched(ns=enrolled(STRICT, pods=(pod(restarts=3),)), restarts=2)

    assert broken(view) == ("containers were restarted 1 times since Strict began",)


def test_a_rejected_configuration_breaks_the_limit() -> None:
    assert broken(watched(answers=told(rejects=(a_row(1, pod="api-1"),))))


@pytest.mark.parametrize(("seconds", "is_broken"), [(59, False), (60, True)])
def test_a_metrics_server_that_is_silent_for_a_minute_breaks_the_limit(seconds: int, is_broken: bool) -> None:
    view = watched(dark_since=NOON - seconds * SECOND)

    assert bool(broken(view)) is is_broken


def test_with_a_long_interval_four_looks_must_fail() -> None:
    spec = a_spec(interval=timedelta(minutes=1))

    assert broken(watched(spec=spec, dark_since=NOON - 3 * MINUTE)) == ()
    assert broken(watched(spec=spec, dark_since=NOON - 4 * MINUTE)) != ()


@pytest.mark.parametrize(
    "asked",
    [
        *(Asked.REQUESTS, Asked.CONNECTIONS, Asked.REFUSED, Asked.REJECTS, Asked.CERTIFICATES, Asked.WEBHOOKS),
    ],
)
def test_one_watching_question_without_an_answer_is_blindness(asked: Asked) -> None:
    assert is_blind(watched(answers=told(**{asked.name: None})))


def test_a_proxy_that_stopped_telling_is_blindness() -> None:
    assert is_blind(watched(answers=told(refusals_exist=())))


def test_a_proxy_that_has_just_started_need_not_tell_yet() -> None:
    young = watched(ns=enrolled(STRICT, pods=(pod(proxy_since=NOON - 30 * SECOND),)), answers=told(refusals_exist=()))

    assert not is_blind(young)
    assert mute(young) == ("api-1",)


def test_without_an_answer_about_the_budgets_burn_the_watch_is_blind() -> None:
    assert is_blind(watched(answers=told(recent=None), view={"budgets": (BUDGET,)}))
    assert not is_blind(watched(answers=told(recent=None)))


def test_a_baseline_has_at_most_fifty_edges() -> None:
    rows = tuple(row for n in range(200) for row in outcomes(0, 1, edge={**EDGE, "source_workload": f"w{n}"}))

    assert len(measured(watched(answers=told(requests=rows)))) == MOST_EDGES


def test_an_edge_without_p99_is_measured_by_its_success() -> None:
    (found,) = measured(watched(answers=told(latency=None), since=NOON - HOUR))

    assert (found.success, found.p99) == (0.999, None)


def test_of_edges_without_requests_only_those_that_lost_connections_are_remembered() -> None:
    rows = (*outcomes(0), *outcomes(10, 40, edge=OTHER))

    found = measured(watched(answers=told(requests=(), connections=rows)))

    assert found == (EdgeBaseline(caller="web/batch", workload="api", lost=0.25),)
