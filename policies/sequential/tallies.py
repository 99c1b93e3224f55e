"""What was counted between two scrapes?"""

from typing import NamedTuple


class Tally(NamedTuple):
    """Requests of one arm or pod in a stretch of time. bad: failed, or slower than the threshold.

    slower: requests slower than each bound of a latency histogram, bounds rising; () for errors.
    """

    requests: float
    bad: float
    slower: tuple[float, ...] = ()


class Slice(NamedTuple):
    """What both arms did between the end of the slice before and `until` (seconds, any origin), aligned to one instant."""

    until: float
    canary: Tally
    stable: Tally
