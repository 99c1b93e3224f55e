"""How much does a healthy bad ratio move by itself, as stable's history shows it?

A method of moments: what squared deviations from the mean ratio exceed chance by, at several lengths of time, by pod and for
the whole arm. Pods matter because one of them carries a share like the canary's.
"""

from collections.abc import Sequence
from math import exp, sqrt
from statistics import fmean, median
from typing import NamedTuple

from policies.sequential.stretches import (
    Grid,
    Length,
    Traffic,
    added_up,
    columns,
    ladder,
    squares,
    total,
    traffic_of,
)

UNKNOWN = 0.25  # squared coefficient of variation where history cannot tell: 50 %
CALMEST = 0.01  # and the least that is believed: 10 %
BURSTS = 1.5  # bad requests that come together where history cannot tell ...
BURSTS_WEIGHT = 3.0  # ... which is worth that many observed ones
ENOUGH = 40  # intervals without which history is not asked
FEWEST_PODS = 4  # without which nobody knows how pods differ
SURE = 1.64  # standard deviations of a one-sided 95 % bound


class Noise(NamedTuple):
    """Why healthy counts differ. All but `bursts` and `usual` concern the ratio.

    bursts: bad requests that come together (variance over mean of counts). pod, arm: squared coefficients of variation from
    block to block, for something as small as a pod and for the whole arm. young: the same for both together, within one
    interval of history. poor: a poor but healthy pod's ratio over the mean one's. usual: of an ordinary block, 0.0 unknown.
    """

    bursts: float = BURSTS
    pod: float = UNKNOWN
    arm: float = UNKNOWN
    young: float = 2 * UNKNOWN
    poor: float = 1.0
    usual: float = 0.0


class Spread(NamedTuple):
    """How far the bad counts of stretches of one length, of pods or of the whole arm, are from the mean ratio.

    squares: the squared deviations, added. mean: bad requests in one stretch. cells: stretches that had requests.
    """

    length: Length
    squares: float
    mean: float
    cells: int

    def over_mean(self) -> float:
        """Variance over mean of the counts."""
        return self.squares / (self.mean * self.cells)


def learnt(requests: Grid, kinds: Sequence[Grid], interval: float, *, rare: bool = True) -> tuple[Noise, ...]:
    """The noise of each kind of bad requests, in stretches of `interval` seconds; the defaults where it is too thin to tell.

    A pod has no bad requests where it has no requests. rare: bad requests are few, so that their variance is their mean; False:
    it is the mean times (1 - ratio).
    """
    everything = total(requests)
    ratios = [total(bad) / everything if everything else 0.0 for bad in kinds]
    if not any(ratios) or len(requests[0]) < ENOUGH:
        return tuple(rounded(Noise(usual=ratio)) for ratio in ratios)
    traffic = traffic_of(requests, interval)
    return tuple(_learnt(traffic, bad, ratio, rare=rare) for bad, ratio in zip(kinds, ratios, strict=True))


def _learnt(traffic: Traffic, bad: Grid, ratio: float, *, rare: bool) -> Noise:
    spread = 1.0 if rare else 1.0 - ratio
    if ratio * spread <= 0.0:  # none or all of them are bad: nothing varies
        return rounded(Noise(usual=ratio))
    cells = columns(bad)
    pods, arm = _spreads(traffic, cells, ratio)
    bursts = burst_size(traffic, pods[0].over_mean() / spread, arm[0].over_mean() / spread, ratio)
    chance = bursts * spread
    arm_wobble, arm_young = wobble(arm[1:], chance), wobble(arm[:1], chance)
    pod_wobble = max(arm_wobble, wobble(pods[1:], chance))
    young = arm_young + max(arm_young, wobble(pods[:1], chance))
    lasting = min(pod_wobble, UNKNOWN) * traffic.per / traffic.stretches
    poor = poor_pod(traffic.pods, list(map(sum, bad)), ratio, chance, lasting)
    usual = _usual(traffic.blocks, added_up(cells[-traffic.stretches :], traffic.stretches, traffic.per), ratio)
    return rounded(Noise(bursts, pod_wobble, arm_wobble, young, poor, usual))


def rounded(noise: Noise) -> Noise:
    """As a status keeps it: four significant digits."""
    return Noise(*(float(f"{number:.4g}") for number in noise))


def _spreads(traffic: Traffic, bad: list[float], ratio: float) -> tuple[list[Spread], list[Spread]]:
    """The spread at each length that can tell something, of pods and of the whole arm.

    The deviation of a sum is the sum of the deviations: they are taken once, and then added up to longer stretches.
    """
    off = [failed - ratio * requests for failed, requests in zip(bad, traffic.cells, strict=True)]
    pods, arm = [], []
    for length, cells in zip(traffic.lengths, ladder(off, traffic.stretches, traffic.per), strict=False):
        expected = ratio * length.requests
        pods.append(Spread(length, squares(cells[: -length.stretches]), expected / length.pods, length.pods))
        arm.append(Spread(length, squares(cells[-length.stretches :]), expected / length.arm, length.arm))
    return pods, arm


def burst_size(traffic: Traffic, by_pod: float, by_arm: float, ratio: float) -> float:
    """How many bad requests come together, shrunk towards BURSTS and never below 1.

    The variance of counts over their mean is phi + kappa * mean: bursts give phi, a rate that wobbles gives kappa. Pods and the
    whole arm are two points of that line (variance function of a quasi-Poisson mixture; McCullagh, Nelder, 1989, chapter 6).
    """
    pod_mean, arm_mean = traffic.pod_size * ratio, traffic.arm_size * ratio
    kappa = max(0.0, by_arm - by_pod) / (arm_mean - pod_mean) if arm_mean > pod_mean else 0.0
    seen = (by_pod - kappa * pod_mean) * (1.0 + sqrt(2.0 / (traffic.stretches * min(len(traffic.pods), 4))))
    bad = ratio * sum(traffic.pods)
    return max(1.0, (seen * bad + BURSTS * BURSTS_WEIGHT) / (bad + BURSTS_WEIGHT))


def wobble(spreads: Sequence[Spread], chance: float) -> float:
    """Squared coefficient of variation of the ratio beyond chance, from the spread at several lengths.

    The variance of sums over m blocks, times m: what lasts longer than a block does not average out and counts in full. The
    upper 95 % bound counts where it is below UNKNOWN, the lower one above it: thin history neither calms nor frightens.
    """
    if not spreads:
        return UNKNOWN
    bounds = [(spread.length.blocks, *_excess(spread, chance)) for spread in spreads]
    upper = max(blocks * (found + doubt) for blocks, found, doubt in bounds)
    lower = max(blocks * (found - doubt) for blocks, found, doubt in bounds)
    return max(CALMEST, min(upper, max(UNKNOWN, lower)))


def _excess(spread: Spread, chance: float) -> tuple[float, float]:
    """Squared variation of the ratio beyond `chance` (variance over mean of counts), and the half width of its 90 % interval."""
    count = spread.length.stretches
    seen = spread.over_mean() / spread.mean * count / (count - 1)
    white = chance / spread.mean
    freedom = max(1.0, spread.cells * (1.0 - 1.0 / count))
    return seen - white, SURE * sqrt((2.0 * max(seen, white) ** 2 + white**3) / freedom)


def poor_pod(requests: list[float], bad: list[float], ratio: float, chance: float, wobbling: float) -> float:
    """How much worse than the mean a poor but healthy pod is for good, 1.0-2.0: the canary may sit on its node.

    Two standard deviations of a log-normal spread between pods, where this exceeds what chance and `wobbling` (squared
    variation that is left over the whole history) explain at 95 %; 1.0 with fewer than four pods that can tell.
    """
    if len(requests) < FEWEST_PODS:
        return 1.0
    told = [
        (failed / sent / ratio - 1.0, chance / (sent * ratio) + wobbling)
        for sent, failed in zip(requests, bad, strict=True)
        if sent
    ]
    told = [(off, white) for off, white in told if white < UNKNOWN]
    if len(told) < FEWEST_PODS:
        return 1.0
    freedom = len(told) - 1
    spread, white = sum(off * off for off, _ in told) / freedom, fmean(white for _, white in told)
    if spread <= white * (1.0 + SURE * sqrt(2.0 / freedom)):
        return 1.0
    return min(2.0, exp(2.0 * sqrt(spread - white)))


def _usual(requests: list[float], bad: list[float], ratio: float) -> float:
    """The bad ratio of an ordinary block: the mean, or the median of these blocks where that is lower, as after an incident."""
    if not bad or sum(bad) < 5 * len(bad):
        return ratio
    return min(ratio, median([failed / max(sent, 1.0) for sent, failed in zip(requests, bad, strict=True)]))
