"""Is it shown that the canary's bad ratio is below a limit?

The test of evidence.absolute_growth with its sides exchanged: the limit is what must be refuted. At `level` 5 % a canary at or
above the limit is let through in at most one of twenty runs, whenever one looks.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import exp, log
from typing import NamedTuple

from policies.sequential.evidence import CEILING, log_gain

LEVEL = 0.05  # chance to let a canary pass that is at or above the limit
MARGIN = 0.5  # nats beyond the level that the average run should reach
SELF_EVIDENT = 0.5  # a limit above this is not worth proving


class Chance(NamedTuple):
    """How counts move by chance. bursts: bad requests that come together. shape: 1 / squared coefficient of variation."""

    bursts: float
    shape: float


def nats_below(blocks: Sequence[tuple[float, float]], limit: float, usual: float, chance: Chance) -> float:
    """How far (requests, bad) of each block speak for "below `limit`" against "at it", in nats.

    A mixture of negative binomial ratios over three guesses: usual, limit / 2, limit / 20. Counts divided by phi with shape a are
    the counts with shape a phi, and 1 / phi of their nats.
    """
    guesses = ((min(max(usual, limit / 100), 0.7 * limit), 0.6), (limit / 2, 0.2), (limit / 20, 0.2))
    return log(sum(weight * exp(min(_nats(blocks, guess, limit, chance), CEILING)) for guess, weight in guesses))


def _nats(blocks: Sequence[tuple[float, float]], guess: float, limit: float, chance: Chance) -> float:
    shape, odds = chance.shape * chance.bursts, log(limit / guess)
    logs = [
        (bad + shape) * log((shape + requests * limit) / (shape + requests * guess)) - bad * odds
        for requests, bad in blocks
    ]
    return max(-CEILING, sum(logs) / chance.bursts)


def average_nats(requests: float, limit: float, usual: float, chance: Chance) -> float:
    """What a block of `requests` with exactly the usual part of bad ones says for "below `limit`"."""
    tally = (requests / chance.bursts, requests * usual / chance.bursts)
    return -log_gain(tally, limit, usual, chance.shape)


@lru_cache(maxsize=256)  # asked again at each look, with the same numbers
def tightest(requests: float, blocks: float, usual: float, chance: Chance) -> float:
    """The smallest limit that `blocks` average blocks of `requests` prove at LEVEL; 1.0 when there is none.

    Newton's method for average_nats in ln(limit): it is convex there, so that steps from the right do not overshoot.
    """
    wanted = (log(1.0 / LEVEL) + MARGIN) / blocks
    if requests <= 0.0 or average_nats(requests, 1.0, usual, chance) <= wanted:
        return 1.0
    count, mean = requests / chance.bursts, requests * usual / chance.bursts
    at = 0.0
    for _ in range(30):
        limit = exp(at)
        slope = (mean + chance.shape) * count * limit / (chance.shape + count * limit) - mean
        step = (average_nats(requests, limit, usual, chance) - wanted) / slope
        at -= step
        if abs(step) < 1e-4:
            break
    return exp(at)


def still_needed(nats: float, requests: float, limit: float, usual: float, chance: Chance) -> float:
    """About how many more clean requests prove it, as they come in blocks of `requests`; 0.0 when it is proven."""
    missing = log(1.0 / LEVEL) - nats
    clean = log_gain((requests / chance.bursts, 0.0), min(usual, limit / 2), limit, chance.shape)
    return max(0.0, missing / clean * requests) if clean > 0.0 else 0.0
