"""When did both arms grow by how much, as of the same instants?

Prometheus scrapes the arms at different instants. A slice ends at a scrape of the canary and takes stable's counters as
interpolated to it; what is newer than stable's last scrape waits.
"""

from collections.abc import Sequence

from policies.counters import Point
from policies.sequential.tallies import Slice

Lines = Sequence[Sequence[Point]]  # one list of (seconds, value) for each raw counter of an arm


class Arm:
    """The raw counters of one arm: requests, bad, slower by bound. Births are points of value 0 put there by the caller."""

    requests: Lines
    bad: Lines
    slower: Sequence[Lines]


def slices(canary: Arm, stable: Arm, since: float) -> tuple[Slice, ...]:
    """The slices that end after `since`, oldest first."""
    raise NotImplementedError
