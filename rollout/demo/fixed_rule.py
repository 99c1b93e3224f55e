"""What would a rule with fixed numbers have let through where ours rolled back? Computed from counters, not run.

The rule is the one that Flagger's documentation starts with: 99 % of requests succeed in each interval of a minute, and
the canary goes back after 5 failed checks. A check is made at the end of an interval and acted upon at the next one
(fluxcd/flagger pkg/controller/scheduler.go), a failed one halts the weight: a canary that is bad from its first request
serves at its first weight for 6 intervals.
"""

from dataclasses import dataclass

LEAST_SUCCESS = 0.99
INTERVAL_S = 60
FAILURES = 5
ROLLBACK_S = INTERVAL_S * (FAILURES + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a revision's own counters say. per_second: requests that it gets at its first weight; seconds: its run took."""

    requests: int
    failures: int
    per_second: float
    seconds: float

    @property
    def failing(self) -> float:
        """The part of its requests that failed, 0.0 to 1.0."""
        return self.failures / self.requests if self.requests else 0.0


def let_through(counted: Counted) -> float | None:
    """Failed requests before the fixed rule rolls back; None when it would not: enough of them succeed."""
    if 1.0 - counted.failing >= LEAST_SUCCESS:
        return None
    return counted.failing * counted.per_second * ROLLBACK_S


def sentence(counted: Counted, failed: int) -> str:
    """Both beside each other. failed: requests that failed until ours rolled back."""
    rule = f'a "{LEAST_SUCCESS:.0%}, 1 min, {FAILURES} failures" rule'
    basis = f"{counted.failures} of its {counted.requests} requests failed"
    lost = let_through(counted)
    if lost is None:
        return f"Failed requests until rollback: {failed}; {rule} would have promoted it (computed, not run: {basis})."
    how = "computed, not run"
    if counted.seconds < ROLLBACK_S:
        how = f"a projection, as this run ended after {counted.seconds:.0f} s"
    return (
        f"Failed requests until rollback: {failed}; {rule} would have let about {_two_digits(lost)} through ({how}: {basis}, "
        f"and so would those of the {ROLLBACK_S // 60} min that it takes, {counted.per_second:.0f} a second at the first weight)."
    )


def _two_digits(number: float) -> str:
    return f"{float(f'{number:.2g}'):.0f}"
