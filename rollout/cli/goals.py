"""What can one wait for, and is it reached?"""

from collections.abc import Callable

import click

from rollout.model.status import Phase
from rollout.services.queries import Ended, Standing, condition_of, ended

Goal = Callable[[Standing], Ended | None]


def goal_named(text: str) -> Goal:
    """The goal that a text means: ended, promoted, stable, never, phase=Paused, condition=Ready[=True]."""
    name, _, value = text.partition("=")
    match name:
        case "ended" if not value:
            return _Run().ended
        case "promoted" if not value:
            return _promoted
        case "stable" if not value:
            return _stable
        case "never" if not value:
            return _never
        case "phase" if value.lower() in {phase.value.lower() for phase in Phase}:
            return _in_phase(next(phase for phase in Phase if phase.value.lower() == value.lower()))
        case "phase":
            raise click.UsageError(f"there is no phase {value!r}; phases: {', '.join(Phase)}")
        case "condition" if value:
            kind, _, status = value.partition("=")
            return _has_condition(kind, status or "True")
        case _:
            raise click.UsageError(
                f"cannot wait for {text!r}; write ended, promoted, stable, phase=PHASE or condition=TYPE[=STATUS]"
            )


def of_revision(goal: Goal, revision: str) -> Goal:
    """The same goal, which nothing reaches before git names `revision`: a commit takes its time to come."""
    return lambda now: goal(now) if now.wanted == revision else None


class _Run:
    """The run that is in hand at first sight, or the first one that comes."""

    def __init__(self) -> None:
        self._number: int | None = None

    def ended(self, now: Standing) -> Ended | None:
        """How it ended; None while it has not."""
        if self._number is None and now.status.run is not None:
            self._number = now.status.runs
        return ended(now, self._number)


def _promoted(now: Standing) -> Ended | None:
    """What git wants is stable; a failure is the bad end."""
    if not now.is_seen or now.status.run is not None:
        return None
    return ended(now, None)


def _stable(now: Standing) -> Ended | None:
    """All traffic is at stable and no run is in hand, however the last one ended."""
    stable = now.status.stable
    if not now.is_seen or now.status.run is not None or stable is None:
        return None
    if now.status.phase is Phase.IDLE and condition_of(now.obj, "Ready") != "True":
        return None
    return Ended(is_good=True, message=f"{stable.name} serves all traffic ({now.status.phase.value})")


def _never(_: Standing) -> Ended | None:
    return None


def _in_phase(phase: Phase) -> Goal:
    def reached(now: Standing) -> Ended | None:
        is_so = now.is_seen and now.status.phase is phase
        return Ended(is_good=True, message=f"phase {phase.value}") if is_so else None

    return reached


def _has_condition(kind: str, status: str) -> Goal:
    def reached(now: Standing) -> Ended | None:
        is_so = now.is_seen and condition_of(now.obj, kind).lower() == status.lower()
        return Ended(is_good=True, message=f"condition {kind} is {status}") if is_so else None

    return reached
