"""How is the judge asked for in a manifest, and what is said where it could not judge?"""

from datetime import timedelta
from typing import Any

import pytest

from rollout.manifest.errors import SpecErrors
from rollout.manifest.parse import parse_object
from rollout.model.rollout import Auto, ErrorRatio, Method, Query, SlowRatio
from tests.support.builders import a_rollout_manifest


def an_objective(**changes: Any) -> dict[str, Any]:
    return {"name": "errors", "kind": "error-ratio", "max": "1%", **changes}


def a_query(**changes: Any) -> dict[str, Any]:
    return {"name": "orders", "kind": "query", "query": "sum(orders)", "above": "3", **changes}


def an_auto_manifest(auto: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A manifest whose weights the judge chooses, by one sequential objective unless told otherwise."""
    return a_rollout_manifest(without=("steps",), **{"objectives": [an_objective()], "auto": auto, **spec})


def test_a_ratio_is_judged_sequentially_unless_it_says_threshold() -> None:
    slow = {"name": "slow", "kind": "slow-ratio", "threshold": "250ms", "max": "5%", "method": "threshold"}

    spec = parse_object(a_rollout_manifest(objectives=[an_objective(), slow]))

    late = timedelta(milliseconds=250)
    assert spec.objectives == (
        ErrorRatio(name="errors", max_ratio=0.01, method=Method.SEQUENTIAL),
        SlowRatio(name="slow", threshold=late, max_ratio=0.05, method=Method.THRESHOLD),
    )


def test_a_query_may_look_more_than_once_and_compare_with_stable() -> None:
    query = 'p99{v="{revision}"}'
    objectives = [a_query(query=query, failures=3, looks=5, worseThanStable="20%")]

    spec = parse_object(a_rollout_manifest(objectives=objectives))

    assert spec.objectives == (
        Query(name="orders", query=query, above=3.0, failures=3, looks=5, worse_than_stable=0.2),
    )


def test_a_selector_that_both_revisions_share_is_left_to_the_threshold() -> None:
    spec = parse_object(a_rollout_manifest(objectives=[an_objective(selector='app="x"', method="threshold")]))

    assert spec.objectives == (ErrorRatio(name="errors", max_ratio=0.01, selector='app="x"', method=Method.THRESHOLD),)


def test_auto_stands_in_for_steps_and_has_defaults() -> None:
    spec = parse_object(an_auto_manifest({}))

    assert (spec.steps, spec.auto) == ((), Auto(max=50, min_duration=timedelta(minutes=5)))


def test_auto_is_read() -> None:
    spec = parse_object(an_auto_manifest({"max": 99, "minDuration": "1h"}))

    assert spec.auto == Auto(max=99, min_duration=timedelta(hours=1))


def test_policies_may_bring_what_auto_needs() -> None:
    spec = parse_object(an_auto_manifest({}, objectives=[a_query()], policies=["http"]))

    assert spec.auto is not None


@pytest.mark.parametrize(
    "objectives",
    [
        [],
        [an_objective(method="threshold")],
        [an_objective(mode="observe"), a_query()],
    ],
)
def test_auto_needs_a_sequential_objective_that_decides(objectives: list[dict[str, Any]]) -> None:
    with pytest.raises(SpecErrors) as caught:
        parse_object(an_auto_manifest({}, objectives=objectives))

    (error,) = caught.value.errors
    assert "auto needs an error-ratio or slow-ratio that decides by method sequential" in str(error)
    assert error.path == "spec.auto"


def test_what_the_judge_may_risk_is_read() -> None:
    spec = parse_object(a_rollout_manifest(analysis={"falseRollback": "0.5%", "harmBudget": 1000}))

    assert (spec.analysis.false_rollback, spec.analysis.harm_budget) == (0.005, 1000)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"objectives": [an_objective(failures=2)]},
            "objective errors: error-ratio has no failures, only max, selector",
        ),
        ({"objectives": [a_query(method="sequential")]}, "objective orders: query has no method, only query, above"),
        ({"objectives": [an_objective(method="sequental")]}, "method sequental is not known; did you mean sequential?"),
        ({"objectives": [a_query(failures=3, looks=2)]}, "orders: 3 failures cannot be among 2 looks; raise looks"),
        ({"objectives": [a_query(failures=2)]}, "orders: 2 failures cannot be among 1 looks; raise looks"),
        ({"objectives": [a_query(looks=21)]}, "looks 21 is more than 20 (spec.objectives[0].looks)"),
        (
            {"objectives": [an_objective(selector='app="x"')]},
            'the selector does not hold {revision}, so both would be one number; write version="{revision}" in it, or method',
        ),
        ({"objectives": [a_query(worseThanStable="20%")]}, "but the query does not hold {revision}"),
        ({"analysis": {"falseRollback": "0%"}}, "falseRollback 0% is not between 0.01% and 20%"),
        ({"analysis": {"falseRollback": "20.1%"}}, "falseRollback 20.1% is not between 0.01% and 20%"),
        ({"analysis": {"harmBudget": 0}}, "harmBudget 0 is less than 1 (spec.analysis.harmBudget)"),
        (
            {"objectives": [an_objective()], "steps": None, "auto": {"max": 100}},
            "max 100 is more than 99 (spec.auto.max)",
        ),
        (
            {"objectives": [an_objective()], "steps": None, "auto": {"minDuration": "8d"}},
            "minDuration 8d is not a duration",
        ),
        (
            {"objectives": [an_objective()], "steps": None, "auto": {"minDuration": "169h"}},
            "minDuration 169h is not between 0s and 168h",
        ),
        ({"auto": {"max": 50}, "objectives": [an_objective()]}, "spec needs exactly one of steps and auto (spec)"),
        ({"steps": None}, "spec needs exactly one of steps and auto (spec)"),
    ],
)
def test_what_the_judge_could_not_do_is_refused(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecErrors) as caught:
        parse_object(a_rollout_manifest(**spec))

    (error,) = caught.value.errors
    assert said in str(error)
