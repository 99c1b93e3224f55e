"""Are simulated counts spread as the distributions they stand for?"""

from math import comb, exp, factorial, sqrt
from random import Random
from statistics import fmean, variance

import pytest

from rollout.services.simulate_chance import CROWD, MANY, binomial, poisson
from tests.support.examples import part

DRAWS = part(20_000)
# A mean or a variance of so many draws is further off than 6 standard errors about once in 10^9 test runs; seeds are fixed.
ERRORS = 6


def near(found: float, expected: float, spread: float) -> bool:
    return abs(found - expected) <= ERRORS * spread / sqrt(DRAWS)


@pytest.mark.parametrize("mean", [0.3, 5.0, 12.0, 13.0, 80.0, 99.0, CROWD, 399.0, MANY, 15_000.0])
def test_a_poisson_draw_has_its_mean_and_variance(mean: float) -> None:
    chance = Random(1)

    found = [poisson(chance, mean) for _ in range(DRAWS)]

    assert near(fmean(found), mean, mean**0.5)
    assert near(variance(found), mean, (mean + 2 * mean**2) ** 0.5)


@pytest.mark.parametrize(
    ("trials", "probability"),
    [(10, 0.5), (750, 0.001), (750, 0.05), (750, 0.5), (750, 0.9), (15_000, 0.001), (15_000, 0.02), (15_000, 0.5)],
)
def test_a_binomial_draw_has_its_mean_and_variance(trials: int, probability: float) -> None:
    chance = Random(1)

    found = [binomial(chance, trials, probability) for _ in range(DRAWS)]

    spread = trials * probability * (1 - probability)
    assert near(fmean(found), trials * probability, spread**0.5)
    assert near(variance(found), spread, (spread + 2 * spread**2) ** 0.5)
    assert all(0 <= number <= trials for number in found)


@pytest.mark.parametrize("count", [0, 1, 5, 8])
def test_a_poisson_draw_has_the_law_and_not_only_its_mean(count: int) -> None:
    chance, mean = Random(2), 3.0

    share = fmean(poisson(chance, mean) == count for _ in range(DRAWS))

    expected = exp(-mean) * mean**count / factorial(count)
    assert near(share, expected, (expected * (1 - expected)) ** 0.5)


@pytest.mark.parametrize("count", [38, 50, 61])
def test_a_binomial_draw_that_is_cut_has_the_law(count: int) -> None:
    chance, trials, probability = Random(3), 100, 0.5

    share = fmean(binomial(chance, trials, probability) == count for _ in range(DRAWS))

    expected = comb(trials, count) * probability**trials
    assert near(share, expected, (expected * (1 - expected)) ** 0.5)


@pytest.mark.parametrize(("probability", "expected"), [(0.0, 0), (1.0, 500)])
def test_what_never_or_always_comes_true_is_no_matter_of_chance(probability: float, expected: int) -> None:
    assert binomial(Random(1), 500, probability) == expected


def test_nothing_comes_where_nothing_is_expected() -> None:
    assert poisson(Random(1), 0.0) == 0
