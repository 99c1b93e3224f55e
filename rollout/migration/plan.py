"""What will a migration do, in which order, and how long does it take at least?"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from rollout.migration.fleet import Fleet, begin_hold, change_hold, strict_hold, unenrol_hold
from rollout.migration.schedule import endings
from rollout.migration.spans import Durations, spans_ahead
from rollout.migration.unblock import Unblock, unblock_set
from rollout.model.mesh_writes import MeshWrite
from rollout.model.migration import Stage
from rollout.model.status import Reason

_HOLDS: dict[Stage, tuple[Callable[[Fleet, str], Reason | None], ...]] = {
    Stage.PENDING: (begin_hold,),
    Stage.BASELINE: (change_hold,),
    Stage.ENROLLING: (change_hold,),
    Stage.OBSERVING: (strict_hold,),
    Stage.REHEARSAL: (strict_hold, change_hold),
    Stage.STRICT_CANARY: (strict_hold, change_hold),
    Stage.STRICT: (change_hold,),
    Stage.ROLLING_BACK: (unenrol_hold,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedNamespace:
    """One namespace's way, from now on. writes: in order. least: what is left of it, were it alone; never less.

    estimate: with its waits for others, when no stage takes longer than its least, and people answer at once; say
    "at least" with it, for soaks begin anew. holds: what keeps it where it is.
    """

    name: str
    stage: Stage
    writes: tuple[MeshWrite, ...]
    least: timedelta
    estimate: timedelta
    holds: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWave:
    """A wave. estimate: until all of it is done."""

    name: str
    concurrency: int
    approval: str
    namespaces: tuple[PlannedNamespace, ...]
    estimate: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole migration. estimate: until all of it is done. unblock: whom to enrol first for STRICT."""

    waves: tuple[PlannedWave, ...]
    estimate: timedelta
    unblock: tuple[Unblock, ...]


def planned(fleet: Fleet, writes_of: Callable[[str], tuple[MeshWrite, ...]], durations: Durations) -> Plan:
    """The plan as of now. writes_of: all that a namespace's way writes, in order."""
    writes = {name: writes_of(name) for name in fleet.spec.namespaces}
    spans = {name: spans_ahead(fleet, name, durations.of(writes[name])) for name in writes}
    ends = endings(fleet, spans)
    waves = []
    for wave in fleet.spec.waves:
        namespaces = tuple(
            PlannedNamespace(
                name=name,
                stage=fleet.stage_of(name),
                writes=writes[name],
                least=sum(spans[name].values(), timedelta(0)),
                estimate=ends[name],
                holds=holds_now(fleet, name),
            )
            for name in wave.namespaces
        )
        waves.append(
            PlannedWave(
                name=wave.name,
                concurrency=wave.concurrency,
                approval=wave.approval,
                namespaces=namespaces,
                estimate=max((one.estimate for one in namespaces), default=timedelta(0)),
            )
        )
    total = max((wave.estimate for wave in waves), default=timedelta(0))
    return Plan(waves=tuple(waves), estimate=total, unblock=unblock_set(fleet))


def holds_now(fleet: Fleet, name: str) -> tuple[Reason, ...]:
    """What of the fleet keeps the namespace in its stage, or will keep it from the next."""
    answers = (hold(fleet, name) for hold in _HOLDS.get(fleet.stage_of(name), ()))
    return tuple(answer for answer in answers if answer is not None)
