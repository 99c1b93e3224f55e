"""When is a Rollout looked at again after something failed?"""

from datetime import datetime, timedelta

from rollout.model.decision import Decision
from rollout.ports.errors import PortError
from rollout.ports.rollouts import Stored
from rollout.services.perform import lowering

LOWERED_AGAIN = timedelta(seconds=5)  # a lowering that failed is tried again so soon, whatever back-off would say


def look_again(stored: Stored, decision: Decision, errors: tuple[PortError, ...], now: datetime) -> datetime | None:
    """When to look again though no status can be saved: in time while a canary has weight, else when back-off says.

    errors: of the lowering that was done all the same.
    """
    run, spec = stored.status.run, stored.spec
    if run is None or spec is None or not run.weight:
        return soon(None, decision, errors, now)
    return soon(_earlier(decision.wake_at, now + spec.analysis.interval, now), decision, errors, now)


def soon(wake_at: datetime | None, decision: Decision, errors: tuple[PortError, ...], now: datetime) -> datetime | None:
    """When to look again: soon, if anything failed and a run's weight is to be lowered."""
    if not errors or decision.status.run is None or not lowering(decision.actions):
        return wake_at
    return _earlier(wake_at, now + LOWERED_AGAIN, now)


def _earlier(wake_at: datetime | None, bound: datetime, now: datetime) -> datetime:
    """The earlier of both; "at once" is none after a failure, as the loop would leave it to back-off."""
    return bound if wake_at is None or wake_at <= now else min(wake_at, bound)
