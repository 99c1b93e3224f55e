"""What happens to a run while stable misbehaves as well, so that no comparison can convict the canary?

The canary may be the cause all the same: it poisons a database that both use. So its weight is held for HELD, then goes to the
former step's, and HELD later to 0. There the run waits until stable has been normal for NORMAL_FOR, and begins once more.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from policies.sequential.state import misbehaves
from policies.sequential.tallies import Tally
from rollout.model.measurement import Arm, Counters, Measurement
from rollout.model.rollout import Mode
from rollout.model.status import Incident, Phase, Reason, RolloutStatus, Run
from rollout.progression.aims import deciding
from rollout.progression.comparing import memory_of
from rollout.progression.counting import grown
from rollout.progression.view import View, clock, plan_step

HELD = timedelta(minutes=3)
NORMAL_FOR = timedelta(minutes=10)
# A new block of the judge has too few bad requests to show an incident that goes on: it is over after a whole one.
OVER_AFTER = timedelta(seconds=60)
GLANCE = timedelta(minutes=1)  # of stable alone, at weight 0


def active(run: Run | None) -> Incident | None:
    """The incident that the run waits for; None when there is none, or the run has gone on after it."""
    incident = run.incident if run is not None else None
    return None if incident is None or incident.over else incident


def waits_at_zero(status: RolloutStatus) -> bool:
    """Whether an incident took the weight and stable alone is watched."""
    run = status.run
    return run is not None and run.weight == 0 and active(run) is not None and run.ending is None


def incident_of(view: View) -> Incident | None:
    """The run's incident after this look."""
    run, now = view.run, view.now
    if view.status.phase not in (Phase.PROGRESSING, Phase.PAUSED) or run.straight:
        return run.incident
    found = active(run)
    if run.weight == 0:
        return _watched(view, found) if found is not None else run.incident
    if _is_shared(view):
        before = run.incident.count if run.incident else 0
        return replace(found, until=None) if found else Incident(since=now, count=before)
    if found is None or not view.verdicts:
        return run.incident
    if not _is_compared(view):
        return replace(found, until=None)
    until = found.until or now
    if now < until + OVER_AFTER:
        return replace(found, until=until)
    return replace(found, until=until, over=True) if found.count else None


def _is_shared(view: View) -> bool:
    """Whether stable misbehaves in an objective that decides."""
    return any(
        memory.objective.mode is Mode.DECIDE
        and misbehaves(memory.state, memory.aim.max_ratio, memory.state.open_stable)
        for memory in view.memories
    )


def _is_compared(view: View) -> bool:
    """Whether this look told of stable in all that decides: what was not seen is not normal."""
    seen = {memory.objective.name for memory in view.memories if not memory.state.lone}
    return all(one.name in seen for one in deciding(view.spec))


def _watched(view: View, incident: Incident) -> Incident:
    """The incident after a look at stable alone."""
    told = {one.question.objective.name: one for one in view.seen.measurements if one.question.arm is Arm.STABLE}
    watched = deciding(view.spec)
    if watched and not told:
        return incident
    normal = all(one.name in told and _is_normal(view, told[one.name]) for one in watched)
    return replace(incident, until=(incident.until or view.now) if normal else None)


def _is_normal(view: View, measurement: Measurement) -> bool:
    """Whether stable does what is usual for it; what cannot be measured is not known to be."""
    answer, window = measurement.answer, measurement.question.window
    objective = next(one for one in deciding(view.spec) if one.name == measurement.question.objective.name)
    if not isinstance(answer, Counters):
        return False
    memory = memory_of(view.run, view.spec, objective, view.now)
    bad = grown(answer.bad, window, answer.total)
    tally = Tally(max(bad, grown(answer.total, window, answer.bad)), bad)
    return not misbehaves(memory.state, memory.aim.max_ratio, tally)


def shared_incident(view: View) -> Reason | None:
    """Nothing is raised while stable misbehaves, or has only just stopped."""
    run, incident = view.run, active(view.status.run)
    if incident is None:
        return None
    if run.weight == 0:
        return Reason(code="SharedIncident", message=_waiting(incident), warning=True)
    words = f"stable misbehaves as well, so nothing convicts {run.canary.name}: {run.weight} % is held"
    if incident.until is not None:
        words = f"{words}; stable is normal since {clock(incident.until)}, one more minute of it and the run goes on"
    else:
        words = f"{words} until {clock(lowers_at(incident))}, then it goes to {lower_weight(run)} %"
    return Reason(code="SharedIncident", message=words, warning=True)


def _waiting(incident: Incident) -> str:
    minutes = f"{NORMAL_FOR.total_seconds() / 60:.0f} min"
    if incident.until is None:
        return f"the run waits at 0 % until stable has been normal for {minutes}, then begins once more with step 1"
    again = clock(incident.until + NORMAL_FOR)
    return f"stable is normal since {clock(incident.until)}: the run begins once more with step 1 at {again}"


def lowers_at(incident: Incident) -> datetime:
    """Until when the present weight is held at most."""
    return incident.since + HELD


def lower_weight(run: Run) -> int:
    """The former step's weight; 0 before the first, and never more than there is now."""
    former = plan_step(replace(run, step=run.step - 1))
    return min(former.weight, run.weight) if former is not None else 0


def incident_moments(status: RolloutStatus) -> Iterator[datetime]:
    """When time alone changes what an incident leads to."""
    incident = active(status.run)
    if incident is None or status.run is None:
        return
    if status.run.weight:
        yield lowers_at(incident)
    if incident.until is not None:
        yield incident.until + (OVER_AFTER if status.run.weight else NORMAL_FOR)
