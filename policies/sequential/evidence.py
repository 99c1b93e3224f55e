"""How much does what was counted speak against the canary?

Evidence is an e-value: it starts at 1, and whatever it is multiplied by is worth at most 1 on average while the canary
is healthy. Then the chance that it ever reaches x is at most 1/x, however often somebody looks (Ville's inequality; Grünwald,
de Heide, Koolen, "Safe testing", arXiv 1906.07801).
"""

from collections.abc import Sequence
from functools import lru_cache
from math import exp, floor, lgamma, log
from operator import mul
from typing import NamedTuple

RATIOS = (1.5, 2.0, 3.0, 6.0, 15.0, 50.0, 300.0)  # how much worse than stable a bad canary may be
FACTORS = (2.0, 5.0, 20.0, 80.0)  # how far above its bar
FIRST = 0.5  # of the capital is staked on "bad from the first request" ...
LATER = 0.08  # ... and this part of the rest on each block after it
LOOSEST = 0.5  # the least firmness of a share: a beta that is U-shaped already
CEILING = 500.0  # nats; exp of more overflows when it is added up


class Pair(NamedTuple):
    """What both arms did in one block, in independent bursts: counts divided by Noise.bursts."""

    canary: float
    canary_bad: float
    stable: float
    stable_bad: float


class Stake(NamedTuple):
    """Capital after `rounds` closed blocks. capitals: nats for each alternative, () before the first block."""

    capitals: tuple[float, ...] = ()
    rounds: int = 0


FRESH = Stake()


def unspent(stake: Stake) -> float:
    """The part of the capital that waits for a regression which begins later; it counts at its face value."""
    return (1.0 - FIRST) * (1.0 - LATER) ** (stake.rounds - 1) if stake.rounds else 1.0


def worth(stake: Stake, growth: Sequence[float]) -> float:
    """The evidence if the open block grows each alternative by `growth` (nats).

    A mixture over alternatives with equal weights, and over the block in which the regression began: capital M becomes
    (M + w) * exp(growth), w being released from what is unspent (Shin, Ramdas, Rinaldo, "E-detectors", arXiv 2203.03532).
    """
    waiting = unspent(stake)
    if not growth:
        return waiting + sum(map(exp, stake.capitals)) / max(1, len(stake.capitals))
    if max(growth) > CEILING:
        growth = [min(gain, CEILING) for gain in growth]
    staked = _staked(stake, len(growth))
    grown: float = sum(map(mul, staked, map(exp, growth)))
    return grown / len(growth) + waiting - _released(stake)


def settled(stake: Stake, growth: Sequence[float]) -> Stake:
    """The stake once the block is closed; capitals are rounded down to 0.001 nats, which is what a status keeps."""
    nats = (log(capital) + gain for capital, gain in zip(_staked(stake, len(growth)), growth, strict=True))
    return Stake(tuple(floor(max(-CEILING, min(x, CEILING)) * 1000) / 1000 for x in nats), stake.rounds + 1)


@lru_cache(maxsize=256)  # the same throughout a block
def _staked(stake: Stake, alternatives: int) -> tuple[float, ...]:
    """What each alternative has at stake in the open block: its capital, and what is released for it."""
    released = _released(stake)
    return tuple(released + exp(nats) for nats in stake.capitals) or (released,) * alternatives


def _released(stake: Stake) -> float:
    return unspent(stake) * (LATER if stake.rounds else FIRST)


def urn_growth(pair: Pair, healthy: float, others: Sequence[float], variance: float) -> tuple[float, ...]:
    """Nats for "the canary's ratio is `other` x stable's" against `healthy` x stable's, from who had the bad requests.

    variance: squared coefficients of variation of both arms' bad ratios, added. Given the bad requests of both arms, each is the
    canary's with probability q = ratio n_c / (ratio n_c + n_s) (Lindon, Malek, arXiv 2011.03567; Turner, Ly, Grünwald, arXiv
    2106.02693). With q beta distributed, K = 1 / (q (1 - q) variance) - 1, this is Pólya's urn:
    Gamma(e_c + K q) Gamma(e_s + K (1 - q)) / (Gamma(K q) Gamma(K (1 - q))).
    A very noisy history makes the beta so skewed that its quiet middle would speak for a ratio near the healthy one, each
    block a little; what it says there (the ratio of the two densities at the healthy q) is taken off where it is above 1.
    """
    canary, own, stable, beside = pair
    if canary <= 0.0 or stable <= 0.0 or own + beside <= 0.0:
        return (0.0,) * len(others)
    share = healthy * canary / (healthy * canary + stable)
    firmness = max(1.0 / (share * (1.0 - share) * variance) - 1.0, LOOSEST)
    usual, rest = firmness * share, firmness * (1.0 - share)
    normal = lgamma(usual) + lgamma(rest)
    seen = lgamma(own + usual) + lgamma(beside + rest) - normal
    slope = log(share / (1.0 - share))
    growth = []
    for other in others:
        unit = firmness / (other * canary + stable)
        more, less = unit * other * canary, unit * stable
        prior = lgamma(more) + lgamma(less)
        gain = lgamma(own + more) + lgamma(beside + less) - prior - seen
        quiet = (more - usual) * slope - prior + normal
        growth.append(gain - quiet if quiet > 0.0 else gain)
    return tuple(growth)


@lru_cache(maxsize=256)  # asked at each look, and once more when the block is closed
def relative_growth(pair: Pair, tolerance: float, variance: float, usual: float) -> tuple[float, ...]:
    """Nats that this block gives to each of RATIOS: log likelihood of ratio * tolerance against tolerance.

    usual: stable's bad ratio in an ordinary block. Stable is not credited with fewer bad requests than that leads one to
    expect less 1.5 standard deviations: a lucky minute of stable convicts nobody.
    """
    expected = pair.stable * usual
    floored = Pair(pair.canary, pair.canary_bad, pair.stable, max(pair.stable_bad, expected - 1.5 * expected**0.5))
    return urn_growth(floored, tolerance, [tolerance * ratio for ratio in RATIOS], variance)


def log_gain(tally: tuple[float, float], ratio: float, against: float, shape: float) -> float:
    """Log likelihood of `ratio` against `against` for (requests, bad) whose rate is gamma distributed around its mean.

    The negative binomial: e ln(p1/p0) + (e + a) ln((a + n p0) / (a + n p1)), a = shape = 1 / squared coefficient of variation.
    """
    requests, bad = tally
    return bad * log(ratio / against) + (bad + shape) * log((shape + requests * against) / (shape + requests * ratio))


@lru_cache(maxsize=256)  # as relative_growth
def absolute_growth(pair: Pair, bar: float, shape: float) -> tuple[float, ...]:
    """Nats that this block gives to each of FACTORS: log likelihood of factor * bar against bar.

    Where stable itself is above the bar in this block, the bar is 1.5 x stable's ratio: an incident of both convicts nobody.
    """
    if pair.stable_bad > bar * pair.stable:
        bar = 1.5 * pair.stable_bad / max(pair.stable, 1e-9)
    if bar >= 0.9:
        return (0.0,) * len(FACTORS)
    tally = (pair.canary, pair.canary_bad)
    return tuple([log_gain(tally, min(1.0, bar * factor), bar, shape) for factor in FACTORS])
