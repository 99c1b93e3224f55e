"""In which latencies is the canary compared with stable, and is it shown not to be slower?

"Slower than a bound of the histogram" is a bad request like any other: no quantile is interpolated, any layout of buckets will do.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import exp, log

from policies.sequential.evidence import CEILING, Pair, urn_growth
from policies.sequential.proof import LEVEL, MARGIN
from policies.sequential.stretches import BLOCK

TOLERANCE = 1.1  # ratio of slow requests that is still no regression
RARE, OFTEN = 0.005, 0.5  # bounds that fewer or more of stable's requests exceed say little
MOST = 4  # bounds that one objective watches: its memory is bounded
LIMIT = 1.75  # promotion needs proof of fewer slow requests than this x stable's ...
RATIOS = ((1.0, 0.7), (1.25, 0.3))  # ... against these ratios, weighted
PROOF_SECONDS, PATIENCE_SECONDS = (
    180.0,
    900.0,
)  # a proof is asked for that takes so long by chance alone, and with noise
CHANCE_ALONE = 1e-6  # a variance that is as good as none


def telling(requests: float, slower: Sequence[float]) -> tuple[int, ...]:
    """Indices of the bounds to watch: those that 0.5-50 % of stable's requests exceed, at most four, evenly chosen."""
    told = [index for index, slow in enumerate(slower) if RARE * requests <= slow <= OFTEN * requests and slow > 0]
    if len(told) <= MOST:
        return tuple(told)
    return tuple(told[round(at * (len(told) - 1) / (MOST - 1))] for at in range(MOST))


def gate_growth(pair: Pair, variance: float) -> tuple[float, ...]:
    """Nats that a block gives to "the canary has r x stable's slow requests" against LIMIT x, for each r of RATIOS.

    The test of evidence.relative_growth with its two sides exchanged.
    """
    return urn_growth(pair, LIMIT, [ratio for ratio, _ in RATIOS], variance)


def gate_nats(closed: Sequence[float], growth: Sequence[float]) -> float:
    """How far it is shown that the canary is below LIMIT: nats of the weighted mixture over RATIOS."""
    rows = zip(RATIOS, closed, growth, strict=True)
    return log(sum(weight * exp(max(-CEILING, min(nats + more, CEILING))) for (_, weight), nats, more in rows))


@lru_cache(maxsize=256)  # asked again at each look, with the same numbers
def provable(share: float, rps: float, top: float, noise: tuple[float, float]) -> bool:
    """Whether an average canary like stable can be shown below LIMIT at the weight `top`; elsewhere nobody can ask for it.

    In three minutes if there were nothing but chance, and in fifteen as rates vary here. noise: bursts, and the variance
    of both arms' ratios.
    """
    bursts, variance = noise
    requests = rps * BLOCK / bursts
    canary, stable = requests * top, requests * (1.0 - top)
    block = Pair(canary, canary * share, stable, stable * share)
    needed = log(1.0 / LEVEL) + MARGIN
    return all(
        gate_growth(block, spread)[0] * seconds / BLOCK >= needed
        for spread, seconds in ((CHANCE_ALONE, PROOF_SECONDS), (variance, PATIENCE_SECONDS))
    )
