"""How long has the present weight to last at least?"""

from datetime import datetime

from rollout.model.status import Reason
from rollout.progression.view import FULL, View, clock, next_weight, plan_step, skips_to_the_end


def soaking(view: View) -> Reason | None:
    """The least time in a step, from when its weight was in force."""
    until = soak_until(view)
    if until is not None and view.now < until:
        return Reason(code="Soaking", message=f"soaking at {view.run.weight} % until {clock(until)}")
    return None


def soak_until(view: View) -> datetime | None:
    """When the present step has soaked; None where it need not or has not begun."""
    run = view.run
    step = plan_step(run)
    if step is None or run.skip or skips_to_the_end(view) or run.in_force_at is None:
        return None
    return run.in_force_at + step.soak


def too_short(view: View) -> Reason | None:
    """`auto` promotes nothing before its least duration, counted from the first weight on."""
    until = least_until(view)
    if until is None or view.now >= until:
        return None
    return Reason(code="LeastDuration", message=f"a run takes until {clock(until)} at least (spec.auto.minDuration)")


def least_until(view: View) -> datetime | None:
    """Until when `auto` keeps the run from 100 %; None where that is not next, or a person said not to wait."""
    run, auto = view.run, view.spec.auto
    if auto is None or run.straight or run.skip or run.full or next_weight(view) < FULL or run.weight == FULL:
        return None
    return run.trial_since + auto.min_duration if run.trial_since else None
