"""What is remembered of a run over time, and how much at most?"""

from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from policies.verdict import Verdict
from rollout.model.names import Key
from rollout.model.rollout import Mode, Query
from rollout.model.status import ObjectiveVerdict, Outcome, Past, Phase
from rollout.ports.rollouts import Stored
from rollout.services.traces import MOST_POINTS, Traces
from tests.support.builders import CHECKOUT, NOON, a_run, a_spec, a_status, a_verdict

FIVE = (Fraction(5), Fraction(5))
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def stored(key: Key = CHECKOUT, *, verdicts: tuple[ObjectiveVerdict, ...] = (), **run: Any) -> Stored:
    """Checkout in run 1."""
    status = a_status(run=a_run(**run), verdicts=verdicts)
    return Stored(key=key, uid="u", version="1", generation=1, spec=replace(a_spec(), key=key), status=status)


def at_rest(outcome: Outcome = Outcome.PROMOTED) -> Stored:
    """Checkout after run 1."""
    past = Past(
        run=1, revision="v2", stable="v1", outcome=outcome, started=NOON, ended=NOON + MINUTE, message="steps done"
    )
    status = a_status(phase=Phase.IDLE, runs=1, history=(past,))
    return replace(stored(), status=status)


def traces() -> Traces:
    """A memory that begins at noon."""
    return Traces(since=NOON)


def test_a_weight_is_one_point_for_as_long_as_it_stays_the_same() -> None:
    memory = traces()
    for minute in range(3):
        memory.saw(stored(), FIVE, NOON + minute * MINUTE)

    memory.saw(stored(step=2, weight=50), FIVE, NOON + 3 * MINUTE)

    first, second = memory.of(CHECKOUT)[0].weights
    assert (first.wanted, first.at, first.until) == (5, NOON, NOON + 2 * MINUTE)
    assert (second.wanted, second.lowest, second.step) == (50, 5.0, 2)


def test_a_share_that_somebody_else_wrote_is_measured_beside_what_is_wanted() -> None:
    memory = traces()
    memory.saw(stored(), FIVE, NOON)

    memory.saw(stored(), (Fraction(0), Fraction(5)), NOON + MINUTE)

    last = memory.of(CHECKOUT)[0].weights[-1]
    assert (last.wanted, last.lowest, last.highest) == (5, 0.0, 5.0)


def test_each_look_at_an_objective_is_one_point_with_its_number_and_limit() -> None:
    memory = traces()
    memory.saw(stored(verdicts=(a_verdict(),)), FIVE, NOON)
    memory.saw(stored(verdicts=(a_verdict(),)), FIVE, NOON + SECOND)  # the same look, seen again

    later = a_verdict(value="1.2%", verdict=Verdict.FAIL, evidence="130 of 125", at=NOON + MINUTE)
    memory.saw(stored(verdicts=(later,)), FIVE, NOON + MINUTE)

    (line,) = memory.of(CHECKOUT)[0].lines
    assert [(one.number, one.verdict.value) for one in line.points] == [(0.4, "PASS"), (1.2, "FAIL")]
    assert (line.above, line.below, line.unit, line.points[-1].evidence) == (None, 1.0, "%", "130 of 125")


@pytest.mark.parametrize("value", ["", "NaN", "inf"])
def test_a_value_that_is_no_number_is_no_number(value: str) -> None:
    memory = traces()
    verdict = a_verdict(Verdict.INCONCLUSIVE, name="orders", value=value, limit="above 3 and below 9")
    spec = replace(a_spec(), objectives=(Query(name="orders", query="q", above=3, below=9, mode=Mode.DECIDE),))

    memory.saw(replace(stored(verdicts=(verdict,)), spec=spec), FIVE, NOON)

    (line,) = memory.of(CHECKOUT)[0].lines
    assert (line.points[0].number, line.unit, line.above, line.below) == (None, "", 3, 9)


def test_the_last_run_stays_beside_the_one_in_hand_and_the_one_before_goes() -> None:
    memory = traces()
    memory.saw(stored(), FIVE, NOON)
    memory.saw(at_rest(), FIVE, NOON + MINUTE)
    for run in (2, 3):
        running = stored()
        memory.saw(replace(running, status=replace(running.status, runs=run)), FIVE, NOON + run * MINUTE)

    newest, before = memory.of(CHECKOUT)

    assert (newest.run, newest.ended, before.run) == (3, None, 2)
    assert before.ended == NOON + 3 * MINUTE


def test_an_end_is_told_with_its_outcome_and_followed_no_longer() -> None:
    memory = traces()
    memory.saw(stored(), FIVE, NOON)

    memory.saw(at_rest(Outcome.FAILED), FIVE, NOON + 2 * MINUTE)

    (trace,) = memory.of(CHECKOUT)
    assert (trace.outcome, trace.ended, memory.follows(CHECKOUT)) == ("Failed", NOON + MINUTE, False)


def test_what_was_never_seen_in_a_run_is_not_remembered() -> None:
    memory = traces()

    memory.saw(at_rest(), FIVE, NOON)

    assert memory.of(CHECKOUT) == ()


def test_a_run_of_days_keeps_a_bounded_number_of_points_its_ends_and_every_kind_of_verdict() -> None:
    memory = traces()
    for number in range(5000):
        verdict = Verdict.FAIL if number == 1234 else Verdict.PASS
        at = NOON + number * 15 * SECOND
        share = (Fraction(number % 2), Fraction(5))
        memory.saw(stored(verdicts=(a_verdict(verdict, at=at),)), share, at)

    (trace,) = memory.of(CHECKOUT)
    (line,) = trace.lines
    assert max(len(line.points), len(trace.weights)) <= MOST_POINTS
    assert (line.points[0].at, line.points[-1].at) == (NOON, NOON + 4999 * 15 * SECOND)
    assert [one.at for one in line.points if one.verdict is Verdict.FAIL] == [NOON + 1234 * 15 * SECOND]
    assert trace.weights[0].at == NOON


def test_each_weight_that_was_wanted_is_kept_where_points_are_thinned() -> None:
    memory = traces()
    for number in range(500):
        memory.saw(stored(weight=number // 100 * 20), (Fraction(number % 7), Fraction(9)), NOON + number * SECOND)

    (trace,) = memory.of(CHECKOUT)

    assert sorted({one.wanted for one in trace.weights}) == [0, 20, 40, 60, 80]


def test_of_too_many_rollouts_those_are_forgotten_that_were_silent_for_the_longest() -> None:
    memory = Traces(since=NOON, most_rollouts=3)
    keys = [Key(namespace="shop", name=f"app-{number}") for number in range(4)]
    at: datetime = NOON
    for key in (*keys[:3], keys[0], keys[3]):
        memory.saw(stored(key), FIVE, at)
        at += SECOND

    assert [len(memory.of(key)) for key in keys] == [1, 0, 1, 1]


def test_a_rollout_that_is_gone_is_forgotten() -> None:
    memory = traces()
    memory.saw(stored(), FIVE, NOON)

    memory.forget(CHECKOUT)

    assert memory.of(CHECKOUT) == ()
