"""How much does a healthy bad ratio move by itself, as stable's history shows it?

A method of moments: what squared deviations from the mean ratio exceed chance by, at several lengths of time, by pod and for
the whole arm. Pods matter because one of them carries a share like the canary's.
"""

from collections.abc import Iterable, Sequence
from math import exp, sqrt
from statistics import fmean, median
from typing import NamedTuple

BLOCK = 60.0  # seconds in which a rate counts as constant
UNKNOWN = 0.25  # squared coefficient of variation where history cannot tell: 50 %
CALMEST = 0.01  # and the least that is believed: 10 %
BURSTS = 1.5  # bad requests that come together where history cannot tell ...
BURSTS_WEIGHT = 3.0  # ... which is worth that many observed ones
FEWEST_CELLS = 8  # stretches of one length without which their variance tells nothing
ENOUGH = 40  # intervals without which history is not asked
SURE = 1.64  # standard deviations of a one-sided 95 % bound

Cell = tuple[float, float]  # requests and bad ones of one pod (or arm) in one stretch of time
Grid = Sequence[Sequence[Cell]]  # [stretch][pod]


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


def learnt(grid: Grid, interval: float, *, rare: bool = True) -> Noise:
    """The noise of a history in stretches of `interval` seconds; the defaults where it is too thin to tell.

    rare: bad requests are few, so that their variance is their mean; False: it is the mean times (1 - ratio).
    """
    requests, bad = _totals(grid)
    if requests <= 0.0 or bad <= 0.0 or len(grid) < ENOUGH:
        return rounded(Noise(usual=bad / requests if requests else 0.0))
    ratio = bad / requests
    spread = 1.0 if rare else 1.0 - ratio
    whole = [[_sum(row)] for row in grid]
    bursts = burst_size(grid, whole, ratio, spread)
    per = max(1, round(BLOCK / interval))
    chance = bursts * spread
    arm = wobble(whole, ratio, chance, [(per * times, times) for times in (1, 2, 4)])
    pod = max(arm, wobble(grid, ratio, chance, [(per * times, times) for times in (1, 2, 4)]))
    young_arm = wobble(whole, ratio, chance, [(1, 1)])
    young = young_arm + max(young_arm, wobble(grid, ratio, chance, [(1, 1)]))
    blocks = len(grid) / per
    return rounded(
        Noise(bursts, pod, arm, young, poor_pod(grid, ratio, chance, min(pod, UNKNOWN) / blocks), _usual(whole, per))
    )


def rounded(noise: Noise) -> Noise:
    """As a status keeps it: four significant digits."""
    return Noise(*(float(f"{number:.4g}") for number in noise))


def burst_size(grid: Grid, whole: Grid, ratio: float, spread: float) -> float:
    """How many bad requests come together, shrunk towards BURSTS and never below 1.

    The variance of counts over their mean is phi + kappa * mean: bursts give phi, a rate that wobbles gives kappa. Pods and the
    whole arm are two points of that line (variance function of a quasi-Poisson mixture; McCullagh, Nelder, 1989, chapter 6).
    """
    by_pod, pod_mean = _dispersion(grid, ratio, spread)
    by_arm, arm_mean = _dispersion(whole, ratio, spread)
    pods = max(len(row) for row in grid)
    kappa = max(0.0, by_arm - by_pod) / (arm_mean - pod_mean) if arm_mean > pod_mean else 0.0
    seen = (by_pod - kappa * pod_mean) * (1.0 + sqrt(2.0 / (len(grid) * min(pods, 4))))
    bad = _totals(grid)[1]
    return max(1.0, (seen * bad + BURSTS * BURSTS_WEIGHT) / (bad + BURSTS_WEIGHT))


def _dispersion(grid: Grid, ratio: float, spread: float) -> tuple[float, float]:
    """Variance over mean of the bad counts, and the (size-weighted) mean count that it was found at."""
    means = [requests * ratio for row in grid for requests, _ in row]
    squares = sum((bad - requests * ratio) ** 2 for row in grid for requests, bad in row)
    return squares / (sum(means) * spread), sum(mean * mean for mean in means) / sum(means)


def wobble(grid: Grid, ratio: float, chance: float, lengths: Iterable[tuple[int, int]]) -> float:
    """Squared coefficient of variation of the ratio beyond chance; lengths: (rows to add up, blocks that they make).

    The variance of sums over m blocks, times m: what lasts longer than a block does not average out and counts in full. The
    upper 95 % bound counts where it is below UNKNOWN, the lower one above it: thin history neither calms nor frightens.
    """
    bounds: list[tuple[float, float]] = []
    for rows, times in lengths:
        cells = _summed(grid, rows)
        if len(cells) >= FEWEST_CELLS and _totals(cells)[0] > 0.0:
            found, doubt = _excess(cells, ratio, chance)
            bounds.append((times * (found + doubt), times * (found - doubt)))
    if not bounds:
        return UNKNOWN
    upper, lower = max(high for high, _ in bounds), max(low for _, low in bounds)
    return max(CALMEST, min(upper, max(UNKNOWN, lower)))


def _excess(cells: Grid, ratio: float, chance: float) -> tuple[float, float]:
    """Squared variation of the ratio beyond `chance` (variance over mean of counts), and the half width of its 90 % interval."""
    present = [cell for row in cells for cell in row if cell[0] > 0.0]
    mean = fmean(requests for requests, _ in present) * ratio
    squares = fmean((bad - requests * ratio) ** 2 for requests, bad in present)
    seen = squares / mean**2 * len(cells) / (len(cells) - 1)
    white = chance / mean
    freedom = max(1.0, len(present) * (1.0 - 1.0 / len(cells)))
    return seen - white, SURE * sqrt((2.0 * max(seen, white) ** 2 + white**3) / freedom)


def poor_pod(grid: Grid, ratio: float, chance: float, wobbling: float) -> float:
    """How much worse than the mean a poor but healthy pod is for good, 1.0-2.0: the canary may sit on its node.

    Two standard deviations of a log-normal spread between pods, where this exceeds what chance and `wobbling` (squared
    variation that is left over the whole history) explain at 95 %; 1.0 with fewer than four pods that can tell.
    """
    pods = [_sum(row[index] for row in grid if index < len(row)) for index in range(max(map(len, grid)))]
    told = [
        (bad / requests / ratio - 1.0, chance / (requests * ratio) + wobbling) for requests, bad in pods if requests
    ]
    told = [(off, white) for off, white in told if white < UNKNOWN]
    if len(told) < 4:
        return 1.0
    freedom = len(told) - 1
    spread, white = sum(off * off for off, _ in told) / freedom, fmean(white for _, white in told)
    if spread <= white * (1.0 + SURE * sqrt(2.0 / freedom)):
        return 1.0
    return min(2.0, exp(2.0 * sqrt(spread - white)))


def _usual(whole: Grid, per: int) -> float:
    """The bad ratio of an ordinary block: the mean, or the median where that is lower, as after an incident."""
    blocks = [row[0] for row in _summed(whole, per)]
    requests, bad = _totals(whole)
    if not blocks or sum(bad for _, bad in blocks) < 5 * len(blocks):
        return bad / requests
    return min(bad / requests, median(bad / max(requests, 1.0) for requests, bad in blocks))


def _summed(grid: Grid, rows: int) -> Grid:
    """`rows` stretches added up to one; what does not fill one is left out at the old end."""
    if rows == 1:
        return grid
    start = len(grid) % rows
    groups = (grid[at : at + rows] for at in range(start, len(grid), rows))
    return [[_sum(column) for column in zip(*group, strict=True)] for group in groups]


def _sum(cells: Iterable[Cell]) -> Cell:
    requests = bad = 0.0
    for more_requests, more_bad in cells:
        requests, bad = requests + more_requests, bad + more_bad
    return requests, bad


def _totals(grid: Grid) -> Cell:
    return _sum(cell for row in grid for cell in row)
