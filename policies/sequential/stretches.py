"""What do the counts of short stretches of time make in longer ones?

Counts come as columns, one for each pod, one number for each stretch, oldest first. To be added up in few steps they are laid
end to end in one list, the whole arm as the last column.
"""

from collections.abc import Sequence
from itertools import chain, compress, cycle
from math import hypot
from typing import NamedTuple

BLOCK = 60.0  # seconds in which a rate counts as constant
FEWEST = 8  # stretches of one length without which their variance tells nothing
BLOCKS = (1, 2, 4)  # in the longer stretches

Column = Sequence[float]  # [stretch]
Grid = Sequence[Column]  # [pod][stretch], all of one length


class Length(NamedTuple):
    """The stretches of one length. blocks: that one makes, 1 for a part of one, too. requests: in all of them.

    pods, arm: how many stretches of a pod, and of the whole arm, had requests.
    """

    blocks: int
    stretches: int
    requests: float
    pods: int
    arm: int


class Traffic(NamedTuple):
    """The requests of a history, for all that is asked of its bad ones.

    per: stretches in a block. cells: the columns. pods: requests by pod. blocks: of the whole arm by block. lengths: those that
    can tell something; single stretches, then each of BLOCKS. pod_size, arm_size: mean requests of a single stretch of a
    pod and of the arm, weighted by themselves.
    """

    per: int
    stretches: int
    cells: list[float]
    pods: list[float]
    blocks: list[float]
    lengths: tuple[Length, ...]
    pod_size: float
    arm_size: float


def traffic_of(requests: Grid, interval: float) -> Traffic:
    """What there is to know of requests (some) in stretches of `interval` seconds, before any bad one is looked at."""
    per, count = max(1, round(BLOCK / interval)), len(requests[0])
    pods, cells = list(map(sum, requests)), columns(requests)
    longer = ladder(cells, count, per)
    total, counts = sum(pods), (count, *(count // (per * blocks) for blocks in BLOCKS))
    lengths = (_length(*told) for told in zip((1, *BLOCKS), counts, longer, strict=True))
    return Traffic(
        per=per,
        stretches=count,
        cells=cells,
        pods=pods,
        blocks=longer[1][len(longer[1]) - count // per :],
        lengths=tuple(length for length in lengths if length.stretches >= FEWEST and length.requests),
        pod_size=squares(cells[:-count]) / total,
        arm_size=squares(cells[-count:]) / total,
    )


def _length(blocks: int, count: int, cells: list[float]) -> Length:
    """How much there is in stretches that came out of `ladder`; nothing without any."""
    if not count:
        return Length(blocks, 0, 0.0, 0, 0)
    pods, arm = cells[:-count], cells[-count:]
    return Length(blocks, count, sum(arm), len(pods) - pods.count(0.0), len(arm) - arm.count(0.0))


def total(grid: Grid) -> float:
    """All of it."""
    return sum(map(sum, grid))


def columns(grid: Grid) -> list[float]:
    """The columns of all pods end to end, and that of the whole arm after them."""
    return [*chain.from_iterable(grid), *map(sum, zip(*grid, strict=True))]


def ladder(cells: list[float], count: int, per: int) -> tuple[list[float], ...]:
    """Columns of `count` stretches as they are, and added up to each of BLOCKS, each length from the one before it."""
    block = added_up(cells, count, per)
    two = added_up(block, count // per, 2)
    return cells, block, two, added_up(two, count // per // 2, 2)


def added_up(cells: list[float], count: int, rows: int) -> list[float]:
    """Columns of `count` stretches with each `rows` of them added up; what does not fill one is left out at the old end."""
    if rows == 1:
        return cells
    if over := count % rows:
        cells = list(compress(cells, cycle([False] * over + [True] * (count - over))))
    return list(map(sum, zip(*(cells[at::rows] for at in range(rows)), strict=True)))


def squares(numbers: list[float]) -> float:
    """The sum of their squares, in any order the same: hypot rounds but once."""
    return hypot(*numbers) ** 2
