"""Does the evidence keep its promises whatever is counted?"""

from dataclasses import replace
from math import comb, exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.sequential import judge
from policies.sequential.evidence import FRESH, RATIOS, Pair, relative_growth, settled, worth
from policies.sequential.memory import LONGEST
from policies.sequential.tallies import Slice, Tally
from policies.verdict import Verdict
from tests.support.examples import examples
from tests.support.judged import ERRORS, SLOW, a_history, a_pace, a_slice, after, history_of_rows

COUNTS = st.tuples(st.integers(0, 500), st.integers(0, 20)).map(lambda both: (float(max(both)), float(both[1])))
SLICES = st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=24)
CLEAN = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 5000)), min_size=1, max_size=24)
HISTORIES = st.sampled_from([None, a_history(), a_history(every=0), a_history(rps=2, every=50, pods=2)])
AIMS = st.sampled_from([ERRORS, SLOW])
Told = list[tuple[tuple[float, float], tuple[float, float]]]


def slices_of(told: Told) -> list[Slice]:
    return [a_slice(15.0 * (index + 1), canary, stable) for index, (canary, stable) in enumerate(told)]


@given(HISTORIES, AIMS)
def test_evidence_is_1_before_data(history: judge.History | None, aim: judge.Aim) -> None:
    standing = judge.standing(judge.begun(aim, history, 0.0), aim, a_pace())

    assert standing.evidence == pytest.approx(1.0)
    assert standing.code == "NoRequests"


@given(CLEAN, HISTORIES, st.sampled_from([0.1, 1.0]))
def test_evidence_is_never_above_1_while_neither_side_has_an_error(
    requests: list[tuple[int, int]], history: judge.History | None, weight: float
) -> None:
    told = slices_of([((float(canary), 0.0), (float(stable), 0.0)) for canary, stable in requests])
    state = judge.begun(ERRORS, history, 0.0)

    for new in told:
        state = judge.taken(state, ERRORS, new, weight)

        assert judge.standing(state, ERRORS, a_pace(weight=weight)).evidence <= 1.0 + 1e-12


PAIRS = st.builds(
    Pair, st.floats(1, 1e5), st.integers(0, 200).map(float), st.floats(1, 1e6), st.integers(0, 400).map(float)
)
VARIANCES = st.floats(0.02, 3.0)


@given(PAIRS, VARIANCES, st.floats(1, 2), st.floats(0, 0.5))
def test_the_relative_part_never_falls_with_a_canary_error(
    pair: Pair, variance: float, tolerance: float, usual: float
) -> None:
    more = pair._replace(canary_bad=pair.canary_bad + 1)

    before, later = (relative_growth(each, tolerance, variance, usual) for each in (pair, more))

    assert worth(FRESH, later) >= worth(FRESH, before) * (1 - 1e-6)


@given(PAIRS, VARIANCES, st.floats(1, 2), st.floats(0, 0.5))
def test_the_relative_part_never_rises_with_a_stable_error(
    pair: Pair, variance: float, tolerance: float, usual: float
) -> None:
    more = pair._replace(stable_bad=pair.stable_bad + 1)

    before, later = (relative_growth(each, tolerance, variance, usual) for each in (pair, more))

    assert worth(FRESH, later) <= worth(FRESH, before) * (1 + 1e-6)


@pytest.mark.parametrize(("canary", "stable"), [(5, 95), (20, 80), (50, 50), (90, 10), (200, 2000)])
@pytest.mark.parametrize("bad", [1, 2, 3, 10, 40, 90])
@pytest.mark.parametrize("variance", [0.02, 0.5, 2.0, 8.0])
def test_a_healthy_block_is_worth_at_most_1_on_average(canary: int, stable: int, bad: int, variance: float) -> None:
    """Exactly enumerated: which of all requests are the `bad` ones is hypergeometric if both arms are alike."""
    shares = {
        own: comb(canary, own) * comb(stable, bad - own) / comb(canary + stable, bad)
        for own in range(max(0, bad - stable), min(canary, bad) + 1)
    }
    growths = {own: relative_growth(Pair(canary, own, stable, bad - own), 1.0, variance, 0.0) for own in shares}

    expected = [sum(shares[own] * exp(growths[own][index]) for own in shares) for index in range(len(RATIOS))]

    assert max(expected) <= 1.0 + 1e-9


@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), max_size=8))
def test_closing_a_block_never_adds_evidence(growths: list[tuple[float, float]]) -> None:
    stake = FRESH
    for growth in growths:
        seen = worth(stake, growth)

        stake = settled(stake, growth)

        assert seen * 0.997 <= worth(stake, (0.0, 0.0)) <= seen * (1 + 1e-12)


@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=5), HISTORIES, AIMS)
def test_a_block_in_one_or_four_slices_leaves_the_same_memory(
    told: Told, history: judge.History | None, aim: judge.Aim
) -> None:
    def quarters(counted: tuple[float, float]) -> tuple[float, float]:
        return counted[0] / 4, counted[1] / 4

    whole = [a_slice(60.0 * (index + 1), *both) for index, both in enumerate(told)]
    parts = [
        a_slice(15.0 * (4 * at + part + 1), *map(quarters, told[at])) for at in range(len(told)) for part in range(4)
    ]

    one, four = (judge.turned(after(each, aim=aim, history=history), aim) for each in (whole, parts))

    assert _close(one, four)


def _close(one: judge.State, other: judge.State) -> bool:
    """Equal but for the length of a slice, and for the last digit that is kept."""
    blank, other_blank = (
        state._replace(slice_seconds=0.0, watches=(), absolute=FRESH, alone=FRESH) for state in (one, other)
    )
    alike = blank == other_blank
    capitals = [
        [*state.absolute.capitals, *(nats for watch in state.watches for nats in (*watch.stake.capitals, *watch.gate))]
        for state in (one, other)
    ]
    return alike and capitals[0] == pytest.approx(capitals[1], abs=0.02)


@given(SLICES, st.data(), HISTORIES, AIMS)
def test_duplicates_and_old_slices_change_nothing(
    told: Told, data: st.DataObject, history: judge.History | None, aim: judge.Aim
) -> None:
    tidy = slices_of(told)
    messy = [again for at, new in enumerate(tidy) for again in (new, data.draw(st.sampled_from(tidy[: at + 1])))]

    assert after(messy, aim=aim, history=history) == after(tidy, aim=aim, history=history)


@given(st.lists(COUNTS, min_size=1, max_size=40), HISTORIES, AIMS)
def test_a_canary_without_requests_is_never_promoted(
    stable: list[tuple[float, float]], history: judge.History | None, aim: judge.Aim
) -> None:
    state = after(slices_of([((0.0, 0.0), each) for each in stable]), aim=aim, history=history)

    for pace in (a_pace(), a_pace(following=None), a_pace(weight=1.0, following=None)):
        assert judge.standing(state, aim, pace).verdict != Verdict.PASS


@examples(50)
@given(SLICES, SLICES, HISTORIES, AIMS)
def test_a_memory_that_was_written_and_read_decides_the_same(
    told: Told, more: Told, history: judge.History | None, aim: judge.Aim
) -> None:
    kept = judge.checkpoint(after(slices_of(told), aim=aim, history=history))
    newer = [new._replace(until=new.until + 15 * len(told)) for new in slices_of(more)]

    read = judge.loaded(judge.dumped(kept))

    assert read == kept
    for new in newer:
        kept, read = (judge.taken(each, aim, new, 0.1) for each in (kept, read) if each)
        for pace in (a_pace(), a_pace(following=None)):
            assert judge.standing(kept, aim, pace) == judge.standing(read, aim, pace)


@examples(20)
@given(st.lists(COUNTS, min_size=60, max_size=90), st.floats(1, 10_000))
def test_a_memory_stays_below_1_kb(told: list[tuple[float, float]], times: float) -> None:
    aim = replace(SLOW, bounds=(50.0, 100.0, 250.0, 500.0))
    cell = Tally(75, 1, (35, 30, 10, 2))
    history = history_of_rows([[cell] * 4] * 240)
    blocks = [
        Slice(1_700_000_000.123 + 60 * at, Tally(requests * times, bad * times, (bad * times,) * 4), cell)
        for at, (requests, bad) in enumerate(told)
    ]

    for each, known in ((aim, history), (ERRORS, a_history())):
        text = judge.dumped(after(blocks, aim=each, history=known))

        assert len(text) <= LONGEST
        assert judge.loaded(text) is not None


@given(st.text(max_size=60) | st.text('0123456789[],.- "enaNI', max_size=80).map(lambda text: f"1 {text}"))
def test_rubbish_is_no_memory(text: str) -> None:
    assert judge.loaded(text) is None


@given(st.data())
def test_a_damaged_memory_is_refused_or_can_be_judged(data: st.DataObject) -> None:
    text = judge.dumped(after(slices_of([((100.0, 1.0), (900.0, 1.0))] * 9), history=a_history()))
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.sampled_from('0123456789-,[]"x')) + text[at + 1 :]

    state = judge.loaded(damaged)

    assert state is None or judge.standing(state, ERRORS, a_pace()).evidence >= 0.0
