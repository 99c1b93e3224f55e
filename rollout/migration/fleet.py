"""What keeps a namespace from going on, seen from the whole fleet?

Each hold answers with a reason or None. None of them is asked about a fallback: that never waits. Nor about a rollback,
but that it un-enrols nobody on whose identity somebody STRICT relies.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from rollout.migration.approving import approval_hold
from rollout.migration.freezing import freeze_hold
from rollout.migration.graph import PSEUDO, Calls
from rollout.migration.stages import AT_LEAST_CANARY, MUTATING, index
from rollout.model.approval import ApprovalPolicy
from rollout.model.freeze import FreezeWindow
from rollout.model.migration import Exemption, MigrationSpec, MigrationStatus, NamespaceStatus, Stage, Wave
from rollout.model.status import Reason

FALLBACKS_ALLOWED = 1  # in a wave; one more pauses the fleet: one is an accident, two are a pattern

# Some pod may still refuse plaintext: until FallingBack has become FallenBack nobody knows better.
MAYBE_STRICT: frozenset[Stage] = AT_LEAST_CANARY | {Stage.AUTHZ_DRY_RUN, Stage.AUTHZ_ENFORCED, Stage.FALLING_BACK}

_NEXT: Mapping[Stage, str] = {
    Stage.BLOCKED: "clear its findings, or except it",
    Stage.FALLEN_BACK: "find out why, then `retry` it",
    Stage.ROLLED_BACK: "`retry` it, or take it out of the wave",
}
_NAMED = 5  # as many as a person reads in one sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """All that the holds look at.

    enrolled: namespaces whose every pod is meshed or excepted. rollouts: those in mid-run, by namespace.
    frozen: why nobody can tell whom a change would touch, "" when somebody can. approvals: policies by name. freezes: windows
    that may mean a wave. taken: namespaces that another MeshMigration moves, with its name.
    Worked out from these, so that no hold walks the fleet: kept: the status by name. order: place in the spec. waves:
    number of the wave. changing: names in a mutating stage. unready: names, in order, that a later wave waits for.
    spent: the waves that fell back too often. exceptions: by namespace.
    """

    spec: MigrationSpec
    status: MigrationStatus
    calls: Calls
    enrolled: frozenset[str]
    rollouts: Mapping[str, tuple[str, ...]]
    frozen: str
    now: datetime
    taken: Mapping[str, str] = field(default_factory=dict)
    approvals: Mapping[str, ApprovalPolicy] = field(default_factory=dict)
    freezes: tuple[FreezeWindow, ...] = ()
    kept: Mapping[str, NamespaceStatus] = field(init=False, repr=False, compare=False)
    order: Mapping[str, int] = field(init=False, repr=False, compare=False)
    waves: Mapping[str, int] = field(init=False, repr=False, compare=False)
    changing: frozenset[str] = field(init=False, repr=False, compare=False)
    unready: tuple[str, ...] = field(init=False, repr=False, compare=False)
    spent: tuple[Wave, ...] = field(init=False, repr=False, compare=False)
    exceptions: Mapping[str, tuple[Exemption, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = self.spec.namespaces
        kept = {one.name: one for one in self.status.namespaces}
        kept = {name: NamespaceStatus(name=name) for name in names} | kept
        waves = {name: number for number, wave in enumerate(self.spec.waves) for name in wave.namespaces}
        fallbacks = [sum(kept[name].fallbacks for name in wave.namespaces) for wave in self.spec.waves]
        spent = [wave for wave, count in zip(self.spec.waves, fallbacks, strict=True) if count > FALLBACKS_ALLOWED]
        object.__setattr__(self, "kept", kept)
        object.__setattr__(self, "order", {name: number for number, name in enumerate(names)})
        object.__setattr__(self, "waves", waves)
        object.__setattr__(self, "changing", frozenset(name for name in names if kept[name].stage in MUTATING))
        object.__setattr__(self, "unready", tuple(name for name in names if not _lets_others_begin(kept[name])))
        object.__setattr__(self, "spent", tuple(spent))
        excepted = {one.namespace for one in self.spec.exceptions}
        object.__setattr__(self, "exceptions", {name: self.spec.exceptions_of(name) for name in excepted})

    def stage_of(self, name: str) -> Stage:
        """Where the namespace is; Pending when nothing is known of it."""
        return self.kept[name].stage if name in self.kept else Stage.PENDING

    def wave_of(self, name: str) -> Wave:
        """The wave that the namespace is in; KeyError when it is in none."""
        return self.spec.waves[self.waves[name]]

    def live_exceptions(self, name: str) -> tuple[Exemption, ...]:
        """The exceptions for the namespace that have not expired."""
        return tuple(one for one in self.exceptions.get(name, ()) if self.now.date() < one.expires)


def _lets_others_begin(one: NamespaceStatus) -> bool:
    return one.stage is Stage.EXCEPTED or (index(one.stage) >= index(Stage.OBSERVING) and one.blocked == 0)


def begin_hold(fleet: Fleet, name: str) -> Reason | None:
    """Why the namespace may not leave Pending. KeyError when it is in no wave."""
    return (
        _stopped(fleet)
        or _taken(fleet, name)
        or _former_wave(fleet, name)
        or _unapproved(fleet, name)
        or _frozen(fleet, name)
        or expired_hold(fleet, name)
    )


def change_hold(fleet: Fleet, name: str) -> Reason | None:
    """Why the namespace may not enter Enrolling, StrictCanary or Strict, or not go on in it. KeyError when in no wave.

    Of several that are in one already and should not be there together, the first in the spec's order goes on.
    """
    return _change_hold(fleet, name, fleet.changing)


def admitted(fleet: Fleet, wanting: Sequence[str]) -> tuple[str, ...]:
    """Those of `wanting` that may change at once: in the spec's order, each that those before it do not hold.

    wanting: those that nothing else holds, `strict_hold` neither: one that is admitted and does not move takes a place.
    """
    changing = set(fleet.changing)
    chosen = []
    for name in sorted(set(wanting), key=fleet.order.__getitem__):
        if _change_hold(fleet, name, changing) is None:
            chosen.append(name)
            changing.add(name)
    return tuple(chosen)


def strict_hold(fleet: Fleet, name: str) -> Reason | None:
    """Why the namespace may not become STRICT: a caller would break. Whether its callers are STRICT does not matter.

    A live exception of the callee counts for all its callers: that they use no other port, the soak has shown.
    To be asked before StrictCanary; where it comes up later, waiting would keep the caller, a neighbour, from enrolling:
    such a namespace falls back.
    """
    if missing := unenrolled_callers(fleet, name):
        callers = _listed([_seen(fleet, caller, name) for caller in missing])
        return Reason(
            code="CallersNotEnrolled",
            message=f"{name} is called by {callers}, not fully in the mesh: enrol them, or except the port of {name}",
        )
    if outside := outside_callers(fleet, name):
        callers = _listed([_seen(fleet, caller, name) for caller in outside])
        return Reason(
            code="CallersOutside",
            message=f"{name} is called from outside the mesh ({callers}): except the port that they use",
        )
    return None


def unenrolled_callers(fleet: Fleet, name: str) -> tuple[str, ...]:
    """The namespaces that would break if this one were STRICT, sorted; itself where it calls itself unmeshed.

    One that is rolling back counts: it is leaving. So does one that is excepted as a whole: it was never to enrol.
    """
    if fleet.live_exceptions(name):
        return ()
    return tuple(one for one in fleet.calls.callers_of(name) if one not in PSEUDO and not _is_meshed(fleet, one))


def outside_callers(fleet: Fleet, name: str) -> tuple[str, ...]:
    """Those of EXTERNAL and NODE that call the namespace and that no exception lets in."""
    if fleet.live_exceptions(name):
        return ()
    return tuple(one for one in fleet.calls.callers_of(name) if one in PSEUDO)


def unenrol_hold(fleet: Fleet, name: str) -> Reason | None:
    """Why the namespace may not leave the mesh: it, or one that it calls, may be STRICT. Whom it calls may be unknown."""
    callees = fleet.kept if fleet.frozen else fleet.calls.callees_of(name)
    strict = [one for one in {*callees, name} if fleet.stage_of(one) in MAYBE_STRICT]
    if not strict:
        return None
    return Reason(
        code="CalleesStrict",
        message=f"{_listed(sorted(strict))} may be STRICT and would refuse {name}: `fallback` there first",
    )


def _is_meshed(fleet: Fleet, name: str) -> bool:
    whole = any(one.is_whole_namespace for one in fleet.exceptions.get(name, ()))
    return name in fleet.enrolled and not whole and fleet.stage_of(name) is not Stage.ROLLING_BACK


def _seen(fleet: Fleet, caller: str, callee: str) -> str:
    return f"{caller} (seen in plaintext)" if (caller, callee) in fleet.calls.plaintext else caller


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _change_hold(fleet: Fleet, name: str, changing: Set[str]) -> Reason | None:
    place = fleet.order[name] if name in fleet.changing else len(fleet.order)
    ahead = [other for other in changing if other != name and fleet.order[other] < place]
    ahead.sort(key=fleet.order.__getitem__)
    return (
        _stopped(fleet)
        or _taken(fleet, name)
        or _frozen(fleet, name)
        or expired_hold(fleet, name)
        or _rollout_running(fleet, name)
        or _neighbour_changing(fleet, name, ahead)
        or _wave_full(fleet, name, ahead)
    )


def _stopped(fleet: Fleet) -> Reason | None:
    """What stops the whole fleet until a person acts."""
    if fleet.spec.suspend:
        return Reason(code="Suspended", message="spec.suspend is true: nothing begins and nothing is changed")
    if fleet.status.paused:
        return Reason(code="Paused", message=f"{fleet.status.paused}: `resume` lets the fleet go on")
    for wave in fleet.spent:
        fell = ", ".join(
            f"{name} ({fleet.kept[name].fallbacks})" for name in wave.namespaces if fleet.kept[name].fallbacks
        )
        return Reason(
            code="FallbackBudgetSpent",
            message=f"wave {wave.name} fell back too often, {fell}: find out why, then `resume` lets the fleet go on",
            warning=True,
        )
    return None


def _taken(fleet: Fleet, name: str) -> Reason | None:
    other = fleet.taken.get(name)
    if not other:
        return None
    message = f"MeshMigration {other} moves {name}: take it out of one of the two"
    return Reason(code="OwnedByAnother", message=message, warning=True)


def _former_wave(fleet: Fleet, name: str) -> Reason | None:
    number = fleet.waves[name]
    if not fleet.unready or fleet.waves[fleet.unready[0]] >= number:
        return None
    former = fleet.wave_of(fleet.unready[0])
    late = [fleet.kept[other] for other in former.namespaces if not _lets_others_begin(fleet.kept[other])]
    late.sort(key=lambda one: not _needs_a_person(one))  # stable: else in the order of the wave
    stands = _listed([f"{one.name} is {one.stage}" for one in late])
    return Reason(
        code="FormerWave",
        message=f"waits for wave {former.name}: {stands}; {_next(late[0])}",
        warning=_needs_a_person(late[0]),
    )


def _needs_a_person(one: NamespaceStatus) -> bool:
    return one.stage in _NEXT or one.blocked > 0


def _next(one: NamespaceStatus) -> str:
    if one.stage in _NEXT:
        return f"{one.name}: {_NEXT[one.stage]}"
    if one.blocked:
        return f"{one.name}: clear its {one.blocked} findings that block"
    return f"{one.name} goes on by itself until it is {Stage.OBSERVING}"


def _unapproved(fleet: Fleet, name: str) -> Reason | None:
    wave = fleet.wave_of(name)
    has_begun = any(fleet.stage_of(one) not in (Stage.PENDING, Stage.EXCEPTED) for one in wave.namespaces)
    return approval_hold(wave, fleet.status.approved, fleet.approvals, fleet.now, has_begun=has_begun)


def _frozen(fleet: Fleet, name: str) -> Reason | None:
    if fleet.frozen:
        return Reason(code="CallersUnknown", message=f"{fleet.frozen}: nothing begins and nothing is changed")
    return freeze_hold(fleet.freezes, fleet.wave_of(name), fleet.now, in_hand=name in fleet.changing)


def expired_hold(fleet: Fleet, name: str) -> Reason | None:
    """Why an exception that has expired keeps the namespace where it is; it changes no mode by itself."""
    live = fleet.live_exceptions(name)
    for one in fleet.exceptions.get(name, ()):
        if one not in live:
            what = "as a whole" if one.is_whole_namespace else f"port {one.port or 'any'}"
            message = f"an exception of {name} ({what}) expired on {one.expires}: {one.owner} renews it or removes it"
            return Reason(code="GateClosed", message=message, warning=True)
    return None


def _rollout_running(fleet: Fleet, name: str) -> Reason | None:
    if not (running := fleet.rollouts.get(name)):
        return None
    message = f"{', '.join(running)} in {name} is in mid-run: waits until it has ended"
    return Reason(code="RolloutRunning", message=message)


def _neighbour_changing(fleet: Fleet, name: str, ahead: Sequence[str]) -> Reason | None:
    beside = [f"{other} ({fleet.stage_of(other)})" for other in ahead if fleet.calls.adjacent(name, other)]
    if not beside:
        return None
    message = f"{_listed(beside)} calls {name} or is called by it and changes now: waits until that is over"
    return Reason(code="NeighbourChanging", message=message)


def _wave_full(fleet: Fleet, name: str, ahead: Sequence[str]) -> Reason | None:
    wave = fleet.wave_of(name)
    mates = [other for other in ahead if fleet.waves[other] == fleet.waves[name]]
    if len(mates) < wave.concurrency:
        return None
    message = f"{_listed(mates)} of wave {wave.name} change now, at most {wave.concurrency} at a time: waits its turn"
    return Reason(code="WaveFull", message=message)
