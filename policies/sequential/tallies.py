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
    """What both arms did between the end of the slice before and `until` (seconds, any origin), aligned to one instant.

    lone: nothing is known of stable in it, which is another thing than a stable without requests.
    """

    until: float
    canary: Tally
    stable: Tally
    lone: bool = False


NOTHING = Tally(0.0, 0.0)


def added(one: Tally, other: Tally) -> Tally:
    """Both together; () counts as nothing for each bound."""
    if one.slower and other.slower:
        slower = tuple(a + b for a, b in zip(one.slower, other.slower, strict=True))
    else:
        slower = one.slower or other.slower
    return Tally(one.requests + other.requests, one.bad + other.bad, slower)


def bad_of(tally: Tally, bound: int | None) -> float:
    """The bad requests: those slower than the bound of this index, None for the objective's own."""
    if bound is None:
        return tally.bad
    return tally.slower[bound] if tally.slower else 0.0
