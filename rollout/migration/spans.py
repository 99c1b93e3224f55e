"""How long does each stage that a namespace still has ahead take at least?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from rollout.migration.fleet import Fleet
from rollout.migration.stages import FORWARD
from rollout.model.mesh_writes import EvictPod, MeshWrite, RestartWorkload
from rollout.model.migration import MigrationSpec, Stage

Spans = Mapping[Stage, timedelta]

# Where a namespace aside goes on from.
_RETURNS: dict[Stage, Stage] = {
    Stage.BLOCKED: Stage.PREFLIGHT,
    Stage.ROLLING_BACK: Stage.PREFLIGHT,
    Stage.ROLLED_BACK: Stage.PREFLIGHT,
    Stage.FALLING_BACK: Stage.OBSERVING,
    Stage.FALLEN_BACK: Stage.OBSERVING,
}


def goes_on_from(stage: Stage) -> Stage:
    """The stage that the way goes on from, once people have done their part; the stage itself where it is on the way."""
    return _RETURNS.get(stage, stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long it takes at least until pods that were made anew are ready: of a workload, and one alone."""

    restart: timedelta
    evict: timedelta

    def of(self, writes: Iterable[MeshWrite]) -> timedelta:
        """All of these one after the other; writes that make no pod anew take no time worth counting."""
        total = timedelta(0)
        for write in writes:
            if isinstance(write, RestartWorkload):
                total += self.restart
            elif isinstance(write, EvictPod):
                total += self.evict
        return total


def spans_ahead(fleet: Fleet, name: str, enrolling: timedelta) -> Spans:
    """The time that every stage from the present one on takes, in order; empty with nothing ahead.

    Of the present stage what has passed is taken off, though its clock may have been set back: this is a lower bound.
    """
    stage = fleet.stage_of(name)
    here = goes_on_from(stage)
    if here not in FORWARD or here is Stage.DONE:
        return {}
    whole = _whole(fleet.spec, enrolling)
    ahead = {one: whole.get(one, timedelta(0)) for one in FORWARD[FORWARD.index(here) : -1]}
    since = fleet.kept[name].since if here is stage else None
    if since is not None:
        ahead[here] = max(ahead[here] - (fleet.now - since), timedelta(0))
    return ahead


def _whole(spec: MigrationSpec, enrolling: timedelta) -> Spans:
    """The stages that take time. The canary is verified, and then the namespace."""
    verify = max(spec.verify, 2 * spec.drain)
    return {
        Stage.BASELINE: spec.baseline,
        Stage.ENROLLING: enrolling,
        Stage.OBSERVING: spec.soak,
        Stage.STRICT_CANARY: verify,
        Stage.STRICT: verify,
        Stage.STRICT_SOAK: spec.strict_soak,
    }
