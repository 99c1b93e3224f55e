"""What is the judge asked?"""

from dataclasses import dataclass

from policies.sequential.stretches import Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What one objective asks for.

    max_ratio: the absolute limit (0.0-1.0). bounds: for latency the histogram's bounds in ms, rising, and their words in
    Tally.slower; () for errors. false_rollback: this objective's part of the run's chance to roll back a healthy canary.
    harm_budget: bad requests that one accepts at the next weight. min_requests: canary requests without which nothing is
    promoted. what: what bad requests did, for the sentences ("failed", "took longer than 500ms").
    """

    max_ratio: float
    bounds: tuple[float, ...] = ()
    false_rollback: float = 0.01
    harm_budget: float = 30.0
    min_requests: int = 50
    what: str = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What stable did before the first request: growth in each of `interval` seconds, by pod, oldest first.

    requests, bad: [pod][interval], zeros for a pod that was not there; none are bad where there are no requests. slower: the same
    for each bound of a latency histogram, bounds rising; () for errors.
    """

    interval: float
    requests: Grid = ()
    bad: Grid = ()
    slower: tuple[Grid, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.interval * len(self.requests[0]) if self.requests else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Where the run stands. Weights are 0.0-1.0.

    weight: in force since `since`, for at least `soak` seconds. following: the next weight, None where the next thing is
    promotion (or its end, at 1.0). top: the highest weight below 1.0 of the plan. alone: nothing of stable is there to compare
    with (weight 1.0).
    """

    weight: float
    since: float
    soak: float
    following: float | None
    top: float

    @property
    def alone(self) -> bool:
        """Whether stable gets no requests to compare with."""
        return self.weight >= 1.0
