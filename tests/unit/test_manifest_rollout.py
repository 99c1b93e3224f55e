"""Which RolloutSpec does a manifest mean, and what is said about a wrong one?"""

from datetime import timedelta
from typing import Any

import pytest

from rollout.manifest.errors import SpecErrors
from rollout.manifest.group import SOURCE
from rollout.manifest.parse import parse_object
from rollout.model.names import BackendName
from rollout.model.rollout import (
    Analysis,
    ErrorRatio,
    Mode,
    OnInconclusive,
    Query,
    RouteRef,
    SlowRatio,
    Step,
    SubsetBackend,
)
from tests.support.builders import a_rollout_manifest, a_spec, a_step

SUBSET = {"host": "checkout", "name": "{revision}", "labels": {"version": "{revision}"}}


def errors_of(**spec: Any) -> list[str]:
    """What is said of a manifest with these fields."""
    with pytest.raises(SpecErrors) as caught:
        parse_object(a_rollout_manifest(**spec))
    return [str(error) for error in caught.value.errors]


def an_objective(**changes: Any) -> dict[str, Any]:
    return {"name": "errors", "kind": "error-ratio", "max": "1%", **changes}


def a_query(**changes: Any) -> dict[str, Any]:
    return {"name": "orders", "kind": "query", "query": "sum(orders)", "above": "3", **changes}


def test_the_usual_manifest_means_the_usual_spec() -> None:
    assert parse_object(a_rollout_manifest()) == a_spec()


def test_subsets_carry_their_labels() -> None:
    spec = parse_object(a_rollout_manifest(backend={"subset": SUBSET}))

    assert spec.backend == SubsetBackend(host="checkout", name="{revision}", labels=(("version", "{revision}"),))


def test_namespace_and_name_are_filled_in_everywhere_and_the_revision_stays() -> None:
    spec = parse_object(
        a_rollout_manifest(
            backend={"service": "{name}-{revision}"},
            workload={"kind": "Deployment", "name": "{name}-{revision}"},
            routes=[{"kind": "HTTPRoute", "name": "{name}"}],
            objectives=[a_query(query='q{ns="{namespace}", app="{name}", v="{revision}"}')],
        )
    )

    assert str(spec.backend_of("v2")) == "checkout-v2"
    assert spec.routes == (RouteRef(kind="HTTPRoute", name="checkout"),)
    assert spec.objectives == (Query(name="orders", query='q{ns="shop", app="checkout", v="{revision}"}', above=3.0),)


def test_a_ramp_becomes_steps_that_end_at_its_end() -> None:
    steps = [{"weight": 5}, {"ramp": {"from": 30, "to": 75, "by": 20}, "soak": "5m", "approval": "qa"}]

    spec = parse_object(a_rollout_manifest(steps=steps))

    ramp = tuple(a_step(weight, approval="qa") for weight in (30, 50, 70, 75))
    assert spec.steps == (Step(weight=5), *ramp)


def test_a_plan_may_fall_and_may_name_all_of_the_traffic() -> None:
    spec = parse_object(a_rollout_manifest(steps=[{"weight": 50}, {"weight": 20}, {"weight": 100}]))

    assert [step.weight for step in spec.steps] == [50, 20, 100]


def test_each_kind_of_objective_is_read() -> None:
    objectives = [
        an_objective(max="0.5%", selector='v="{revision}"'),
        {"name": "slow", "kind": "slow-ratio", "threshold": "250ms", "max": "5%"},
        a_query(above="0.25", below="1e3", mode="observe"),
    ]

    spec = parse_object(a_rollout_manifest(objectives=objectives))

    assert spec.objectives == (
        ErrorRatio(name="errors", max_ratio=0.005, selector='v="{revision}"'),
        SlowRatio(name="slow", threshold=timedelta(milliseconds=250), max_ratio=0.05),
        Query(name="orders", query="sum(orders)", above=0.25, below=1000.0, mode=Mode.OBSERVE),
    )


def test_analysis_and_limits_are_read() -> None:
    analysis = {"interval": "30s", "minRequests": 10, "onInconclusive": "rollback", "stepDeadline": "1h", "bake": "2m"}

    spec = parse_object(
        a_rollout_manifest(
            analysis=analysis,
            availableWithin="90s",
            capacity="50%",
            settle="0s",
            suspend=True,
            stable={"service": "checkout-old"},
        )
    )

    assert spec.analysis == Analysis(
        interval=timedelta(seconds=30),
        min_requests=10,
        on_inconclusive=OnInconclusive.ROLLBACK,
        step_deadline=timedelta(hours=1),
        bake=timedelta(minutes=2),
    )
    assert (spec.available_within, spec.capacity, spec.settle) == (timedelta(seconds=90), 50, timedelta(0))
    assert (spec.suspend, spec.stable) == (True, BackendName(service="checkout-old"))


def test_no_objectives_at_all_must_be_said() -> None:
    spec = parse_object(a_rollout_manifest(objectives=[]))

    assert spec.objectives == ()


def test_policies_may_stand_in_for_objectives() -> None:
    spec = parse_object(a_rollout_manifest(without=("objectives",), policies=["http"]))

    assert (spec.objectives, spec.policies) == ((), ("http",))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"revison": "v2"}, "shop/checkout: unknown field revison; did you mean revision? (spec.revison)"),
        ({"revision": 1.5}, "revision is the number 1.5, expected text; put it in quotes (spec.revision)"),
        ({"revision": "v 2"}, "revision v 2 is not a revision: letters, digits"),
        ({"revision": "v2\n"}, "is not a revision: letters, digits"),
        ({"revision": ""}, "revision is empty, which is not a revision"),
        ({"revision": "v" * 64}, "has 64 characters, at most 63 are allowed"),
        ({"revision": "v1.2"}, "service would be checkout-v1.2, which the API server does not take as a name"),
        ({"revision": "v" * 60}, "service would be checkout-vvv"),
        ({"backend": {}}, "backend needs exactly one of service and subset (spec.backend)"),
        ({"backend": {"service": "a-{revision}", "subset": SUBSET}}, "exactly one of service and subset"),
        ({"backend": {"service": "checkout"}}, "with {revision} in it once"),
        ({"backend": {"service": "{revision}-{revision}"}}, "with {revision} in it once"),
        ({"backend": {"service": "{version}-{revision}"}}, "is not the name of one Service per revision"),
        ({"backend": {"subset": {**SUBSET, "labels": {"version": "v1"}}}}, "no label holds {revision}"),
        ({"backend": {"subset": {**SUBSET, "labels": {}}}}, "labels has 0 entries, expected at least 1"),
        ({"backend": {"subset": {**SUBSET, "host": "checkout.shop"}}}, "is not the short name of a Service"),
        ({"workload": {"kind": "Job", "name": "a-{revision}"}}, "kind Job is not known"),
        ({"workload": {"kind": "Deployment", "name": "checkout"}}, "with {revision} in it once"),
        ({"routes": []}, "routes has 0 entries, expected at least 1 (spec.routes)"),
        ({"routes": [{"kind": "VirtualServce", "name": "a"}]}, "did you mean VirtualService?"),
        ({"routes": [{"kind": "TrafficSplit", "name": "a", "only": ["b"]}]}, "TrafficSplit/a has no named routes"),
        ({"steps": []}, "steps has 0 entries, expected at least 1 (spec.steps)"),
        ({"steps": [{"weight": 0}]}, "weight 0 is less than 1 (spec.steps[0].weight)"),
        ({"steps": [{"weight": 5}, {"weight": 120}]}, "weight 120 is more than 100 (spec.steps[1].weight)"),
        ({"steps": [{"weight": True}]}, "weight is the truth value true, expected a whole number"),
        ({"steps": [{"weight": 2.5}]}, "weight is the number 2.5, expected a whole number"),
        ({"steps": [{"soak": "5m"}]}, "a step needs exactly one of weight and ramp (spec.steps[0])"),
        ({"steps": [{"weight": 5, "soak": "5"}]}, "soak 5 is not a duration such as 90s, 5m, 1h30m or 250ms"),
        ({"steps": [{"ramp": {"from": 9, "to": 5, "by": 1}}]}, "a ramp goes up: from 9 is more than to 5"),
        ({"steps": [5]}, "steps[0] is the number 5, expected a mapping (spec.steps[0])"),
        ({"objectives": None}, "nothing judges the canary"),
        ({"objectives": [an_objective(max="2")]}, 'max 2 is not a percentage such as "1%" or "0.5%"'),
        ({"objectives": [an_objective(max="101%")]}, "max 101% is not a percentage"),
        ({"objectives": [an_objective(above="1")]}, "objective errors: error-ratio has no above, only max, selector"),
        ({"objectives": [an_objective(kind="latency")]}, "kind latency is not known"),
        ({"objectives": [an_objective(kind="slow-ratio")]}, "objective errors: slow-ratio needs threshold"),
        ({"objectives": [an_objective(), an_objective()]}, "objective errors is here twice, also as objectives[0]"),
        ({"objectives": [an_objective(mode="observe")]}, "every objective only observes"),
        ({"objectives": [a_query(above=3)]}, "above is the number 3, expected text; put it in quotes"),
        ({"objectives": [a_query(below="2")]}, "nothing is above 3 and below 2"),
        ({"objectives": [{"name": "a", "kind": "query", "query": "x"}]}, "a query needs above or below, or both"),
        ({"objectives": [a_query(query="q{v='{revison}'}")]}, "unknown placeholder {revison}; did you mean revision?"),
        ({"objectives": [a_query(query="{ revision }")]}, "unknown placeholder { revision }"),
        ({"policies": ["a", "a"]}, "policy a is here twice (spec.policies[1])"),
        ({"capacity": "250%"}, 'capacity 250% is not a whole percentage from "0%" to "200%"'),
        ({"settle": "2h"}, "settle 2h is not between 0s and 1h (spec.settle)"),
        ({"analysis": {"interval": "500ms"}}, "interval 500ms is not between 1s and 1h (spec.analysis.interval)"),
        ({"analysis": {"onInconclusive": "abort"}}, "onInconclusive abort is not known"),
        ({"suspend": "no"}, "suspend is the text no, expected true or false"),
    ],
)
def test_a_wrong_manifest_is_told_what_was_expected(spec: dict[str, Any], said: str) -> None:
    (error,) = errors_of(**spec)

    assert said in error


@pytest.mark.parametrize("field", ["revision", "backend", "routes"])
def test_what_must_be_there_is_missed(field: str) -> None:
    (error,) = errors_of(without=(field,))

    assert error.startswith(f"shop/checkout: {field} is missing: ")


def test_a_route_is_named_once() -> None:
    route = {"kind": "VirtualService", "name": "checkout"}

    (error,) = errors_of(routes=[route, {**route, "only": ["a"]}])

    assert "VirtualService/checkout is here twice, also as routes[0]" in error


def test_only_a_virtual_service_can_name_subsets() -> None:
    (error,) = errors_of(backend={"subset": SUBSET}, routes=[{"kind": "HTTPRoute", "name": "checkout"}])

    assert "HTTPRoute/checkout cannot name subsets" in error


def test_an_approval_needs_a_workload() -> None:
    (error,) = errors_of(without=("workload",), steps=[{"weight": 5, "approval": "qa"}])

    assert "an approval is for one pod template (spec.steps[0].approval)" in error


def test_a_plan_that_is_too_long_is_refused() -> None:
    (error,) = errors_of(steps=[{"ramp": {"from": 1, "to": 100, "by": 1}}, {"weight": 1}])

    assert "the plan has 101 steps with its ramps written out, at most 100 are allowed" in error


def test_everything_that_is_wrong_is_said_at_once() -> None:
    errors = errors_of(revision=7, steps=[{"weight": 120}], suspend="no")

    assert len(errors) == 3


def test_an_object_from_the_cluster_names_its_place_in_git() -> None:
    manifest = a_rollout_manifest(steps=[{"weight": 120}])
    manifest["metadata"]["annotations"] = {SOURCE: "rollouts/checkout.yaml:3"}

    with pytest.raises(SpecErrors) as caught:
        parse_object(manifest)

    expected = "shop/checkout: weight 120 is more than 100 (spec.steps[0].weight, rollouts/checkout.yaml:3)"
    assert str(caught.value) == expected


def test_a_spec_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(SpecErrors, match="spec is empty, expected a mapping"):
        parse_object({**a_rollout_manifest(), "spec": None})
