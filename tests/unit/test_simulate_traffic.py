"""Do simulated arms count and get scraped as pods behind a metrics server are?"""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest

from policies.counters import increase
from rollout.model.measurement import Counters, Window
from rollout.model.rollout import ErrorRatio, Method, SlowRatio
from rollout.services.simulate_traffic import BEGIN, SCRAPE_S, Arm, Habit, bounds, habit
from tests.support.questions import a_question

ERRORS = ErrorRatio(name="errors", max_ratio=0.01)
SLOW = SlowRatio(name="slow", threshold=timedelta(milliseconds=400), max_ratio=0.05)
LIMIT_MS = 400.0
HOUR = 3600.0


def an_arm(failing: float = 0.1, *, pods: int = 2, slow: float = 0.0, seed: int = 1) -> Arm:
    """An arm that has served 50 requests a second for an hour, up to BEGIN."""
    cuts = bounds((slow,), (SLOW.threshold,)) if slow else ()
    arm = Arm("v1", pods, habit(failing, slow, LIMIT_MS, cuts), chance=Random(seed), since=-HOUR)
    arm.rate = 50.0
    arm.live(0.0)
    return arm


def asked(arm: Arm, objective: ErrorRatio | SlowRatio = ERRORS, *, seconds: float = HOUR) -> Counters:
    window = Window(start=BEGIN - timedelta(seconds=seconds), end=BEGIN)
    answer = arm.answer(a_question(objective, window=window))
    assert isinstance(answer, Counters)
    return answer


def grown(answer: Counters, name: str) -> float:
    counters = answer.total if name == "total" else answer.bad
    return sum(one.points[-1][1] - one.points[0][1] for one in counters)


def test_requests_come_at_the_rate_of_the_arm() -> None:
    assert grown(asked(an_arm()), "total") == pytest.approx(50 * HOUR, rel=0.02)


def test_the_failing_part_of_them_fails() -> None:
    answer = asked(an_arm(0.1))

    assert grown(answer, "bad") / grown(answer, "total") == pytest.approx(0.1, rel=0.05)


def test_every_pod_has_counters_of_its_own() -> None:
    assert [dict(one.labels)["pod"] for one in asked(an_arm(pods=3)).total] == ["v1-0", "v1-1", "v1-2"]


def test_a_pod_is_scraped_every_15_seconds() -> None:
    times = [at for at, _ in asked(an_arm()).total[0].points]

    assert {timedelta(seconds=later - earlier).total_seconds() for earlier, later in pairwise(times)} == {SCRAPE_S}


def test_two_arms_are_scraped_at_different_instants() -> None:
    instants = {asked(an_arm(seed=seed)).total[0].points[-1][0] for seed in range(5)}

    assert len(instants) == 5


def test_nothing_newer_than_the_last_scrape_is_known() -> None:
    arm = an_arm()
    before = asked(arm)

    arm.live(SCRAPE_S / 1000)

    assert asked(arm) == before


def test_the_scrape_before_the_window_belongs_to_the_answer() -> None:
    first = asked(an_arm(), seconds=60).total[0].points[0][0]

    assert BEGIN.timestamp() - 60 - SCRAPE_S <= first < BEGIN.timestamp() - 60


def test_a_weight_taken_away_ends_the_requests_at_once() -> None:
    arm = an_arm()
    arm.turn(0.0, 0.0)
    arm.live(HOUR)
    answer = arm.answer(
        a_question(ERRORS, window=Window(start=BEGIN + timedelta(minutes=1), end=BEGIN + timedelta(hours=1)))
    )

    assert isinstance(answer, Counters)
    start, end = (BEGIN + timedelta(minutes=1)).timestamp(), (BEGIN + timedelta(hours=1)).timestamp()
    assert [increase(one.points, start, end) for one in answer.total] == [
        0,
        0,
    ]


def test_failed_requests_are_counted_up_to_now_and_not_to_the_last_scrape() -> None:
    arm = Arm("v2", 1, Habit(failing=1.0), chance=Random(1), since=0.0)
    arm.rate = 1000.0

    arm.live(1e-3 * SCRAPE_S)

    assert arm.failed(1e-3 * SCRAPE_S) > 0


def test_the_slow_part_is_above_the_threshold() -> None:
    answer = asked(an_arm(slow=0.05), SLOW)

    assert grown(answer, "bad") / grown(answer, "total") == pytest.approx(0.05, rel=0.05)


def test_every_bound_of_the_histogram_has_fewer_slow_requests_than_the_one_before() -> None:
    slower = asked(an_arm(slow=0.05), SLOW).slower
    counts = [sum(counter.points[-1][1] for counter in one.counters) for one in slower]

    assert [one.bound for one in slower] == sorted(one.bound for one in slower)
    assert counts == sorted(counts, reverse=True)
    assert SLOW.threshold in [one.bound for one in slower]


def test_a_threshold_needs_no_histogram() -> None:
    assert asked(an_arm(slow=0.05), replace(SLOW, method=Method.THRESHOLD)).slower == ()


def test_what_comes_does_not_depend_on_how_often_one_looks() -> None:
    seldom, often = an_arm(), an_arm()

    seldom.live(600.0)
    for second in range(601):
        often.live(float(second))

    assert seldom.failed(600.0) == often.failed(600.0)


def test_a_forked_arm_remembers_the_same_and_goes_on_by_another_chance() -> None:
    arm = an_arm()
    other = arm.forked(Random(2))
    before = asked(arm)

    arm.live(HOUR)
    other.live(HOUR)

    assert asked(arm) == asked(other) == before
    assert arm.failed(HOUR) != other.failed(HOUR)


def test_the_worst_scrape_is_told_from_a_number_on() -> None:
    arm = an_arm(failing=0.0)
    seen = arm.scrapes
    before = arm.worst_since(0)

    other = Arm("v2", 1, Habit(failing=1.0), chance=Random(1), since=0.0)
    other.turn(50.0, 0.0)
    other.live(HOUR)

    assert (before, arm.worst_since(seen)) == (0.0, 0.0)
    assert (other.worst_since(1), other.worst_since(other.scrapes)) == (1.0, 0.0)


def test_an_arm_without_slow_requests_has_none_above_the_threshold() -> None:
    found = dict(habit(0.0, 0.0, LIMIT_MS, bounds((0.0, 0.05), (SLOW.threshold,))).slower)

    assert {bound: part for bound, part in found.items() if part} == {bound: 1.0 for bound in found if bound < LIMIT_MS}
    assert {bound for bound in found if bound < LIMIT_MS}


def test_where_no_request_is_the_histogram_has_no_bound_but_the_thresholds() -> None:
    assert bounds((0.0, 0.0), (SLOW.threshold,)) == (LIMIT_MS,)
    assert max(bounds((0.01, 0.05), (SLOW.threshold,))) <= 2500
