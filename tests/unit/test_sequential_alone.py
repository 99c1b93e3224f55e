"""How is a canary judged that has nothing of stable beside it: at 100 %, or while the metrics know nothing of stable?"""

import pytest

from policies.sequential import judge
from policies.sequential.tallies import Slice, Tally
from policies.verdict import Verdict
from tests.support.judged import ERRORS, a_history, a_pace, a_slice, after, minutes

HISTORY = a_history()
PROMOTION = a_pace(following=None)
ALONE = a_pace(weight=1.0, following=None)


def test_alone_a_canary_is_judged_by_stables_own_record() -> None:
    state = after(minutes(2, (750.0, 20.0), (0.0, 0.0)), history=HISTORY, weight=1.0)

    standing = judge.standing(state, ERRORS, ALONE)

    assert (standing.verdict, standing.code) == (Verdict.FAIL, "AboveLimit")
    assert standing.message.startswith(
        "160 of 6000 requests failed with nothing of stable beside them; a canary as healthy"
    )
    assert standing.evidence >= standing.needed == 500.0


def test_alone_a_canary_like_stable_is_proven() -> None:
    state = after(minutes(10, (750.0, 0.5), (0.0, 0.0)), history=HISTORY, weight=1.0)

    assert judge.standing(state, ERRORS, ALONE).code == "Proven"


def test_alone_nothing_is_spent_of_the_capital_beside_stable() -> None:
    beside = judge.turned(after(minutes(2, (75.0, 1.0)), history=HISTORY), ERRORS)
    state = beside
    for new in minutes(2, (750.0, 20.0), (0.0, 0.0)):
        state = judge.taken(state, ERRORS, new._replace(until=new.until + 120), 1.0)
    state = judge.turned(state, ERRORS)

    assert (state.absolute, state.watches) == (beside.absolute, beside.watches)
    assert state.alone.rounds == 2


def lone(slices: list[Slice]) -> list[Slice]:
    """The same with nothing known of stable."""
    return [new._replace(stable=Tally(0.0, 0.0), lone=True) for new in slices]


def test_without_metrics_of_stable_a_bad_canary_fails_by_itself() -> None:
    state = after(lone(minutes(2, (75.0, 15.0))), history=HISTORY)

    standing = judge.standing(state, ERRORS, a_pace())

    assert (standing.verdict, standing.code, standing.needed) == (Verdict.FAIL, "AboveLimit", 500.0)


@pytest.mark.parametrize("pace", [a_pace(), PROMOTION])
def test_without_metrics_of_stable_a_good_canary_waits_for_them(pace: judge.Pace) -> None:
    seen = minutes(10, (375.0, 0.0), (375.0, 0.4))
    state = after([*seen, *lone([new._replace(until=new.until + 600) for new in seen[:8]])], history=HISTORY)

    assert judge.standing(after(seen, history=HISTORY), ERRORS, pace).code == "Proven"
    standing = judge.standing(state, ERRORS, pace)
    assert (standing.verdict, standing.code) == (Verdict.INCONCLUSIVE, "StableUnseen")
    assert standing.message.startswith("waiting: nothing of stable is in the metrics")


def test_a_block_is_closed_where_the_metrics_of_stable_stop_and_where_they_come_back() -> None:
    beside = minutes(1, (75.0, 1.0))
    state = after([*beside[:2], *lone(beside[2:])], history=HISTORY)

    assert (state.closed_at, state.absolute.rounds, state.alone.rounds) == (30.0, 1, 0)
    state = judge.taken(state, ERRORS, a_slice(75.0, (75.0, 1.0)), 0.1)
    assert (state.closed_at, state.absolute.rounds, state.alone.rounds) == (60.0, 1, 1)


@pytest.mark.parametrize(("intervals", "code"), [(240, "Suspicious"), (9600, "AboveLimit")])
def test_alone_one_burst_convicts_only_where_history_excludes_bursts(intervals: int, code: str) -> None:
    """Eight bad requests in a minute of 2 requests per second; stable had 0.1 % for an hour, or for forty."""
    history = a_history(rps=2, pods=1, every=33, intervals=intervals)
    state = after([a_slice(60.0, (120.0, 8.0), (0.0, 0.0))], history=history, weight=1.0)

    assert judge.standing(state, ERRORS, ALONE).code == code
