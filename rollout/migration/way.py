"""Which writes does a namespace's way have from now on, in order, if nothing goes wrong and people do their part?

The stages are played through on a copy of the live namespace with the rules that the controller writes by, each write
applied before the next is asked for. So a plan and its execution cannot differ in what they write, only in what happens
in between: which workload becomes STRICT first goes by requests that are counted later.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime

from rollout.migration.applied import applied
from rollout.migration.closing import to_close
from rollout.migration.effects import wanted
from rollout.migration.fleet import Fleet
from rollout.migration.graph import calls_of
from rollout.migration.moves import least_risky
from rollout.migration.spans import goes_on_from
from rollout.migration.stages import FORWARD, TRANSITIONS, Trigger
from rollout.migration.view import View, unmeshed
from rollout.model.mesh import MeshNamespace, PeerAuth
from rollout.model.mesh_writes import MeshWrite
from rollout.model.migration import MigrationSpec, MigrationStatus, NamespaceStatus, Stage, Wave
from rollout.model.migration_marks import SoakMark
from rollout.model.migration_seen import NamespaceSeen, PlaintextLook
from rollout.model.telemetry import Asked, MeshAnswer, MeshQuestion

_LAST = date(9999, 12, 31)
_ASIDE = (Stage.FALLING_BACK, Stage.ROLLING_BACK)  # they write before the way goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What is written, in order, each with the stage that writes it; and what the namespace is like at three moments.

    before: as it is. enrolled: at the end of Enrolling; None when that is behind. strict: when it is done; None when
    nothing is ahead.
    """

    steps: tuple[tuple[Stage, MeshWrite], ...]
    before: MeshNamespace
    enrolled: MeshNamespace | None = None
    strict: MeshNamespace | None = None

    @property
    def writes(self) -> tuple[MeshWrite, ...]:
        """The writes alone."""
        return tuple(write for _, write in self.steps)


def way_of(
    spec: MigrationSpec, status: NamespaceStatus, seen: NamespaceSeen, root: tuple[PeerAuth, ...], now: datetime
) -> Way:
    """All that is ahead of one namespace. Exceptions that have run out are taken as renewed, findings as cleared."""
    if not seen.namespace.exists:
        return Way(steps=(), before=seen.namespace)
    view = _alone(spec, status, seen, root, now)
    steps: list[tuple[Stage, MeshWrite]] = []
    moments: dict[Stage, MeshNamespace] = {}
    for stage in _ahead(view):
        writes, view = _played(_come_to(view, stage))
        steps += [(stage, write) for write in writes]
        if stage is Stage.ENROLLING:
            view = _with(view, _all_meshed(view))
        moments[stage] = view.namespace
    return Way(
        steps=tuple(steps),
        before=seen.namespace,
        enrolled=moments.get(Stage.ENROLLING),
        strict=moments.get(Stage.DONE),
    )


def _ahead(view: View) -> tuple[Stage, ...]:
    """The stages from the present one on; () where nothing is ahead."""
    stage = view.stage
    here = goes_on_from(stage)
    if here not in FORWARD:
        return ()
    if stage is Stage.DONE and to_close(view):
        return (TRANSITIONS[stage][Trigger.EXCEPTION_LEFT], stage)
    return (*((stage,) if stage in _ASIDE else ()), *FORWARD[FORWARD.index(here) :])


def _alone(
    spec: MigrationSpec, status: NamespaceStatus, seen: NamespaceSeen, root: tuple[PeerAuth, ...], now: datetime
) -> View:
    """The namespace as if there were no other, calm, held by nothing, and proven quiet."""
    renewed = tuple(replace(one, expires=_LAST) for one in spec.exceptions_of(status.name))
    waves = (Wave(name="all", namespaces=(status.name,)),)
    alone = replace(spec, waves=waves, exceptions=renewed, suspend=False)
    workloads = tuple(replace(one, settled=True, ready=one.wanted) for one in seen.namespace.workloads)
    calm = replace(seen.namespace, workloads=workloads, rollouts=())
    # Callers suffer only against a baseline, and only a restart that was counted can hold.
    quiet = SoakMark(clock=now, looked=now, skipped_by="plan", skipped_why="as if it were proven")
    kept = replace(
        status,
        recorded=True,
        fallbacks=0,
        baseline=(),
        restarts=sum(pod.restarts for pod in calm.pods),
        closing=True,
        soak=quiet,
    )
    fleet = Fleet(
        spec=alone,
        status=MigrationStatus(namespaces=(kept,)),
        calls=calls_of(()),
        enrolled=frozenset(),
        rollouts={},
        frozen="",
        now=now,
    )
    silent = MeshAnswer(
        question=MeshQuestion(asked=Asked.PLAINTEXT_OPEN, namespace=status.name), query="", series=(), at=now
    )
    answers = {**seen.answers, Asked.PLAINTEXT_OPEN: silent}
    proven = replace(seen, namespace=calm, plaintext=PlaintextLook(complete=True, gap=""), answers=answers)
    return View(status=kept, seen=proven, fleet=fleet, root=root, now=now)


def _come_to(view: View, stage: Stage) -> View:
    if stage is view.stage:
        return view
    canary = view.status.canary
    if stage is Stage.STRICT_CANARY:
        canary = least_risky(view)
    is_new = stage in (Stage.PREFLIGHT, Stage.OBSERVING)  # a retry forgets which workload went first
    status = replace(view.status, stage=stage, since=view.now, canary="" if is_new else canary)
    known = MigrationStatus(namespaces=(status,))
    return replace(view, status=status, fleet=replace(view.fleet, status=known))


def _played(view: View) -> tuple[list[MeshWrite], View]:
    """What the stage writes, one after the other, and what is there then; it ends when nothing new would be written."""
    writes: list[MeshWrite] = []
    known: set[str] = set()
    while (next_ones := wanted(view)) and str(next_ones[0]) not in known:
        writes.append(next_ones[0])
        known.add(str(next_ones[0]))
        view = _with(view, applied(view.namespace, next_ones[0], view.spec.name, view.now))
    return writes, view


def _with(view: View, namespace: MeshNamespace) -> View:
    return replace(view, seen=replace(view.seen, namespace=namespace))


def _all_meshed(view: View) -> MeshNamespace:
    """What only a person can make anew is taken as made anew."""
    missing = {pod.name for pod in unmeshed(view)}
    pods = tuple(replace(pod, meshed=pod.meshed or pod.name in missing) for pod in view.namespace.pods)
    return replace(view.namespace, pods=pods)
