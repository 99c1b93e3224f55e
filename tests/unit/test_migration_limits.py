"""Does each limit break by what is its own, and by nothing that ailed before?"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.migration.limits import MOST_EDGES, broken, is_blind, measured, mute
from rollout.model.migration import Stage
from rollout.model.telemetry import Asked
from tests.support.mesh import NOON, pod, workload
from tests.support.moving import EDGE, HOUR, MINUTE, SECOND, STRICT, WAS, a_row, a_spec, a_view, enrolled, told

OTHER = {**EDGE, "source_workload": "batch"}


def watched(**changes: Any) -> Any:
    """shop at STRICT, where all is well."""
    return a_view(Stage.STRICT, **{"ns": enrolled(STRICT), "in_force": NOON - MINUTE, **changes})


def test_no_limit_is_broken_where_all_is_well() -> None:
    assert broken(watched()) == ()


@pytest.mark.parametrize(("success", "is_broken"), [(0.9941, False), (0.9939, True), (0.5, True), (1.0, False)])
def test_the_success_of_an_edge_may_fall_by_half_a_percent(success: float, is_broken: bool) -> None:
    view = watched(answers=told(success=(a_row(success, **EDGE),)))

    assert bool(broken(view)) is is_broken


@pytest.mark.parametrize(("p99", "is_broken"), [(36.0, False), (36.1, True)])
def test_the_p99_of_an_edge_may_grow_by_factor_and_slack(p99: float, is_broken: bool) -> None:
    view = watched(answers=told(latency=(a_row(p99, **EDGE),)))

    assert bool(broken(view)) is is_broken


def test_an_edge_that_was_ill_before_is_blamed_on_nothing() -> None:
    ill = replace(WAS, caller="web/batch", success=0.5)
    view = watched(answers=told(success=(a_row(0.999, **EDGE), a_row(0.499, **OTHER))), baseline=(WAS, ill))

    assert broken(view) == ()


def test_one_edge_that_falls_is_enough_and_is_named() -> None:
    view = watched(
        answers=told(success=(a_row(0.999, **EDGE), a_row(0.5, **OTHER))),
        baseline=(WAS, replace(WAS, caller="web/batch")),
    )

    assert broken(view) == ("web/batch to api: 50.00% succeed, 99.90% did before (at most 0.50% less)",)


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


@pytest.mark.parametrize("asked", [Asked.SUCCESS, Asked.REFUSED, Asked.REJECTS])
def test_one_watching_question_without_an_answer_is_blindness(asked: Asked) -> None:
    assert is_blind(watched(answers=told(**{asked.name: None})))


def test_a_proxy_that_stopped_telling_is_blindness() -> None:
    assert is_blind(watched(answers=told(refusals_exist=())))


def test_a_proxy_that_has_just_started_need_not_tell_yet() -> None:
    young = watched(ns=enrolled(STRICT, pods=(pod(proxy_since=NOON - 30 * SECOND),)), answers=told(refusals_exist=()))

    assert not is_blind(young)
    assert mute(young) == ("api-1",)


def test_a_baseline_has_at_most_fifty_edges() -> None:
    rows = tuple(a_row(1, **{**EDGE, "source_workload": f"w{n}"}) for n in range(200))

    assert len(measured(watched(answers=told(success=rows)))) == MOST_EDGES


def test_an_edge_without_p99_is_measured_by_its_success() -> None:
    (found,) = measured(watched(answers=told(latency=None), since=NOON - HOUR))

    assert (found.success, found.p99) == (0.999, None)
