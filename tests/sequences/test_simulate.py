"""Do simulated runs end as the rules would end them?"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.model.rollout import Auto, Mode, Query, RolloutSpec, RouteRef, SlowRatio, SubsetBackend
from rollout.model.status import Outcome
from rollout.services.simulate import BATCH, Simulation, Summary
from rollout.services.simulate_traffic import Traffic
from tests.support.builders import ERRORS, SEQUENTIAL, a_spec, a_step

ORDERS = Query(name="orders", query="orders", above=3)
AUTO = Auto(max=50, min_duration=timedelta(minutes=5))
SLOW = SlowRatio(name="slow", threshold=timedelta(milliseconds=500), max_ratio=0.05)


def judged(**changes: Any) -> RolloutSpec:
    """5 % for 5 min, 50 % for 5 min, at most 1 % errors, judged by evidence."""
    return a_spec(**{"objectives": (SEQUENTIAL,), **changes})


def simulation(spec: RolloutSpec | None = None, *, runs: int = 6, seed: int = 1, **traffic: Any) -> Simulation:
    """Six runs at 50 requests a second, 0.1 % of which fail on both sides."""
    world = Traffic(rate=50.0, baseline_errors=0.001, canary_errors=0.001)
    return Simulation(spec=spec or judged(), traffic=replace(world, **traffic), runs=runs, seed=seed)


def only(found: Simulation) -> Summary:
    summaries = found.summaries()
    assert len(summaries) == 1
    return summaries[0]


def test_a_canary_as_good_as_stable_is_promoted_when_its_steps_have_soaked() -> None:
    found = only(simulation())

    assert (found.promoted, found.rolled_back, found.undecided) == (6, 0, 0)
    assert found.to_promotion is not None
    assert found.to_promotion.mean >= 600


def test_a_bad_canary_is_rolled_back_soon_and_a_fair_one_in_its_place_is_promoted() -> None:
    bad, fair = simulation(canary_errors=0.2).summaries()

    assert (bad.promoted, bad.rolled_back) == (0, 6)
    assert bad.to_rollback is not None
    assert bad.to_rollback.p95 < 300
    assert (fair.promoted, fair.rolled_back) == (6, 0)


@pytest.mark.slow
def test_without_traffic_to_speak_of_nothing_is_decided() -> None:
    found = only(simulation(runs=2, rate=0.001))

    assert (found.promoted, found.rolled_back, found.undecided) == (0, 0, 2)
    assert found.held is not None
    assert found.held.code in ("NoRequests", "NotProven")
    assert found.to_promotion is None


def test_a_run_is_undecided_two_hours_beyond_its_plan() -> None:
    spec = judged(steps=(a_step(5, soak=timedelta(minutes=1)),))

    (ended,) = simulation(spec, runs=1, rate=0.001).batch(0)

    assert simulation(spec).horizon == timedelta(hours=2, minutes=1)
    assert ended.outcome is None
    assert ended.after >= timedelta(hours=2, minutes=1)


def test_failed_requests_are_those_of_the_canary_until_its_traffic_is_taken_away() -> None:
    ended = simulation(canary_errors=1.0, baseline_errors=0.0).batch(0)[0]

    assert ended.outcome is Outcome.FAILED
    assert ended.failed == pytest.approx(50 * 0.05 * ended.after.total_seconds(), rel=0.5)


def test_the_same_seed_gives_the_same_runs_on_one_processor_and_on_many() -> None:
    many = simulation(runs=2 * BATCH, canary_errors=0.02)

    alone = [*many.batch(0), *many.batch(1)]
    first, _ = many.summaries()

    assert first.rolled_back == sum(one.outcome is Outcome.FAILED for one in alone)
    assert first.failed.mean == pytest.approx(sum(one.failed for one in alone) / many.runs)


def test_another_seed_gives_other_runs() -> None:
    assert simulation(canary_errors=0.2, seed=1).batch(0) != simulation(canary_errors=0.2, seed=2).batch(0)


def test_runs_that_share_the_hour_before_them_go_on_by_chances_of_their_own() -> None:
    ended = simulation(canary_errors=0.02).batch(0)

    assert len({(one.after, one.failed) for one in ended}) > 1


@pytest.mark.slow
@pytest.mark.parametrize("rate", [5.0, 50.0])
@pytest.mark.parametrize("canary_errors", [0.001, 0.01, 0.1])
@pytest.mark.parametrize("steps", [judged(), judged(steps=(), auto=AUTO)], ids=["steps", "auto"])
def test_looks_that_are_left_out_in_a_soak_change_nothing(
    steps: RolloutSpec, canary_errors: float, rate: float
) -> None:
    every = replace(steps, objectives=(SEQUENTIAL, replace(ERRORS, name="again", mode=Mode.OBSERVE)))

    some = simulation(steps, runs=4, rate=rate, canary_errors=canary_errors).batch(0)

    assert some == simulation(every, runs=4, rate=rate, canary_errors=canary_errors).batch(0)


def test_the_judge_chooses_the_weights_of_auto_from_the_hour_before() -> None:
    found = only(simulation(judged(steps=(), auto=AUTO)))

    assert found.promoted == 6
    assert found.to_promotion is not None
    assert 300 <= found.to_promotion.mean < 900


def test_an_objective_with_a_threshold_is_simulated_too() -> None:
    bad, fair = simulation(a_spec(objectives=(ERRORS,)), canary_errors=0.2).summaries()

    assert (bad.rolled_back, fair.promoted) == (6, 6)


def test_an_approval_is_given_and_a_suspended_rollout_runs() -> None:
    spec = judged(steps=(a_step(5, approval="ops"), a_step(50)), suspend=True)

    found = simulation(spec)

    assert (only(found).promoted, found.approvals) == (6, 1)


def test_a_query_is_left_out_and_named() -> None:
    found = simulation(a_spec(objectives=(SEQUENTIAL, ORDERS)))

    assert (found.judged, found.left_out) == (("errors",), ("orders",))
    assert only(found).promoted == 6


def test_an_objective_that_only_observes_is_not_judged() -> None:
    assert simulation(a_spec(objectives=(replace(ERRORS, mode=Mode.OBSERVE), ORDERS))).judged == ()


def test_slow_requests_roll_back_where_a_slow_ratio_is_asked_for() -> None:
    slow, fair = simulation(a_spec(objectives=(SLOW,)), baseline_slow=0.01, canary_slow=0.3).summaries()

    assert (slow.rolled_back, fair.promoted) == (6, 6)


@pytest.mark.parametrize(
    "backend", [SubsetBackend(host="checkout", name="{revision}", labels=(("version", "{revision}"),))]
)
def test_subsets_and_several_routes_are_simulated_too(backend: SubsetBackend) -> None:
    routes = (RouteRef(kind="VirtualService", name="a"), RouteRef(kind="VirtualService", name="b"))

    assert only(simulation(judged(backend=backend, routes=routes))).promoted == 6


def test_twice_the_capacity_is_there_where_it_is_asked_for() -> None:
    assert only(simulation(judged(capacity=200))).promoted == 6
