"""Which moments that a status remembers lie ahead of now, as after a clock was set back, and what do they count as?"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from policies.sequential import judge
from rollout.model.status import Checkpoint, Fight, Incident, Retiring, RolloutStatus, Run, Stopwatch


def grounded(status: RolloutStatus, now: datetime) -> RolloutStatus:
    """The status with nothing that began later than now; equal to it where nothing did.

    What is remembered of people and of former runs stays as it was told: nothing waits for it.
    """
    return replace(
        status,
        run=_run(status.run, now) if status.run else None,
        retiring=tuple(_retiring(one, now) for one in status.retiring),
        fights=tuple(_fight(one, now) for one in status.fights),
        rescue=replace(status.rescue, at=min(status.rescue.at, now)) if status.rescue else None,
        verdicts=tuple(replace(one, at=min(one.at, now)) for one in status.verdicts),
    )


def _run(run: Run, now: datetime) -> Run:
    return replace(
        run,
        started=min(run.started, now),
        step_started=min(run.step_started, now),
        in_force_at=_earlier(run.in_force_at, now),
        subset_since=_earlier(run.subset_since, now),
        verdict_missing=_stopwatch(run.verdict_missing, now),
        unavailable=_stopwatch(run.unavailable, now),
        dark_since=_earlier(run.dark_since, now),
        judged=tuple(_checkpoints(run.judged, now)),
        incident=_incident(run.incident, now) if run.incident else None,
        trial_since=_earlier(run.trial_since, now),
        gate_since=_earlier(run.gate_since, now),
    )


def _earlier(moment: datetime | None, now: datetime) -> datetime | None:
    return moment if moment is None else min(moment, now)


def _stopwatch(one: Stopwatch, now: datetime) -> Stopwatch:
    return replace(one, since=_earlier(one.since, now))


def _incident(one: Incident, now: datetime) -> Incident:
    return replace(one, since=min(one.since, now), until=_earlier(one.until, now))


def _retiring(one: Retiring, now: datetime) -> Retiring:
    return replace(one, since=min(one.since, now), unnamed=_earlier(one.unnamed, now))


def _fight(one: Fight, now: datetime) -> Fight:
    return replace(one, at=tuple(min(moment, now) for moment in one.at))


def _checkpoints(judged: Iterable[Checkpoint], now: datetime) -> Iterable[Checkpoint]:
    """What the judge knows of a time that has not come is of no time that comes: it goes on from now."""
    for one in judged:
        state = judge.loaded(one.state)
        if state is None or state.until <= now.timestamp():
            yield one
        else:
            state = state._replace(until=now.timestamp(), closed_at=now.timestamp())
            yield replace(one, state=judge.dumped(state))
