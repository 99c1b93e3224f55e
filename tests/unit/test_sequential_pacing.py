"""Which weights does the judge choose, and what does it promise?"""

from dataclasses import replace
from math import exp, lgamma, log

import pytest

from policies.sequential import judge
from policies.sequential.pacing import final_limit, harm_limit
from policies.sequential.proof import Chance, average_nats, nats_below, tightest
from tests.support.judged import ERRORS, a_history, a_pace, after, minutes


def begun(rps: float, every: int = 20) -> judge.State:
    return judge.begun(ERRORS, a_history(rps=rps, every=every), 0.0)


@pytest.mark.parametrize(
    ("rps", "weights"),
    [
        (1000, (0.01, 0.02, 0.06, 0.16, 0.39, 0.5)),
        (50, (0.02, 0.05, 0.12, 0.31, 0.5)),
        (10, (0.1, 0.25, 0.5)),
        (2, (0.1, 0.3)),
    ],
)
def test_the_ramp_begins_with_what_the_harm_budget_allows(rps: float, weights: tuple[float, ...]) -> None:
    assert judge.ramp(begun(rps), ERRORS, 0.5) == weights


def test_an_unknown_traffic_begins_carefully() -> None:
    assert judge.ramp(None, ERRORS, 0.5) == judge.ramp(judge.begun(ERRORS, None, 0.0), ERRORS, 0.5)
    assert judge.ramp(None, ERRORS, 0.5) == (0.05, 0.12, 0.31, 0.5)


def test_a_ramp_never_exceeds_its_top() -> None:
    assert judge.ramp(begun(2), ERRORS, 0.05) == (0.05,)
    assert judge.ramp(begun(1000), ERRORS, 0.03) == (0.01, 0.03)


def test_a_higher_weight_asks_for_a_tighter_proof() -> None:
    state = begun(50)

    assert harm_limit(state, ERRORS, 0.1) == pytest.approx(0.2 + 120.5 / 180001)
    assert harm_limit(state, ERRORS, 0.5) < harm_limit(state, ERRORS, 0.1)


def test_a_larger_harm_budget_asks_for_less() -> None:
    assert harm_limit(begun(50), replace(ERRORS, harm_budget=60.0), 0.5) > harm_limit(begun(50), ERRORS, 0.5)


def test_the_final_limit_lies_between_twice_stables_ratio_and_the_objectives() -> None:
    noisy = final_limit(begun(50, every=1), ERRORS, 0.5)

    assert final_limit(begun(2, every=0), ERRORS, 0.3) == 0.01
    assert noisy == pytest.approx(2 * 2400.5 / 180001)


def test_traffic_without_history_is_learnt_from_the_slices() -> None:
    state = after(minutes(2, (75.0, 0.0), (675.0, 0.0)))

    assert "at 50 rps" in judge.outlook(state, ERRORS, a_pace())


def test_the_outlook_names_limit_time_and_traffic() -> None:
    assert judge.outlook(begun(50), ERRORS, a_pace(soak=45.0)) == "can prove <= 0.23% failed, in about 6 min at 50 rps"
    assert judge.outlook(judge.begun(ERRORS, None, 0.0), ERRORS, a_pace()) == (
        "what can be proven is known once there are requests"
    )


CALM = Chance(1.0, 4.0)


@pytest.mark.parametrize("requests", [40.0, 1500.0, 90_000.0])
@pytest.mark.parametrize("chance", [CALM, Chance(3.0, 1.0), Chance(1.5, 100.0)])
def test_the_tightest_limit_is_what_average_blocks_just_prove(requests: float, chance: Chance) -> None:
    limit = tightest(requests, 3.0, 0.001, chance)

    proven = 3 * average_nats(requests, limit, 0.001, chance)

    assert limit == 1.0 or proven == pytest.approx(3.4957, abs=0.01)
    assert limit > 0.001


def test_bad_requests_take_a_proof_back() -> None:
    clean, soiled = (nats_below([(300.0, bad)], 0.01, 0.001, CALM) for bad in (0.0, 6.0))

    assert soiled < 0 < clean


def test_a_canary_at_the_limit_is_hardly_ever_proven_below_it() -> None:
    """Exactly enumerated: the mixture is worth at most 1 on average at the limit, one block of a gamma-Poisson."""
    shape, mean = CALM.shape, 300.0 * 0.01
    mass = [
        exp(
            lgamma(bad + shape)
            - lgamma(shape)
            - lgamma(bad + 1)
            + shape * log(shape / (shape + mean))
            + bad * log(mean / (shape + mean))
        )
        for bad in range(200)
    ]

    assert sum(mass) == pytest.approx(1.0)
    expected = sum(part * exp(nats_below([(300.0, float(bad))], 0.01, 0.001, CALM)) for bad, part in enumerate(mass))
    assert expected == pytest.approx(1.0, abs=1e-6)
