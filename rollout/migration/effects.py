"""What has to be written so that the namespace is what its stage says? Read from the live objects, restated each tick."""

from datetime import datetime

from rollout.migration.closing import closing_writes, left_behind, to_close
from rollout.migration.drift import drift_hold, was_in_force
from rollout.migration.fleet import change_hold, unenrol_hold
from rollout.migration.gitops import suspensions, through_git
from rollout.migration.limits import suffering
from rollout.migration.mtls import live
from rollout.migration.mtls_exceptions import excepted
from rollout.migration.mtls_leaving import emptied
from rollout.migration.mtls_restore import restored, rollback_waits
from rollout.migration.mtls_writes import canary_gone, enrolled_label, opened, permissive_first, strict, strict_on
from rollout.migration.view import View, pods_of, unmeshed, unsettled, workload_named
from rollout.model.mesh import MeshPod, Restartable
from rollout.model.mesh_writes import EvictPod, LogPlaintext, MeshWrite, RemovePeer, RestartWorkload, WritePeer
from rollout.model.migration import Stage

_LOGGED = frozenset({Stage.OBSERVING, Stage.REHEARSAL})


def wanted(view: View) -> tuple[MeshWrite, ...]:
    """The writes that the stage asks for, in order; all of them for a fallback, else the caller takes the first.

    What a GitOps tool applies is not among them before it is time to go back.
    """
    if not view.namespace.exists:
        return ()
    if view.stage is Stage.FALLING_BACK:
        return (*opened(view.namespace, view.root), *suspensions(view))
    if view.stage is Stage.ROLLING_BACK:
        return rollback(view)
    return through_git(view, forward(view))


def forward(view: View) -> tuple[MeshWrite, ...]:
    """What the stage asks for on the way, whoever is to write it."""
    match view.stage:
        case Stage.ENROLLING:
            return () if _is_held(view) else enrolment(view)
        case Stage.OBSERVING:
            return _logging(view)
        case Stage.REHEARSAL:
            return (*_logging(view), *exception_writes(view))
        case Stage.STRICT_CANARY | Stage.STRICT | Stage.STRICT_SOAK if to_close(view):
            return (*(() if _is_held(view) else closing_writes(view)), *_logging(view))
        case Stage.STRICT_CANARY:
            return () if _is_held(view) or not may_rise(view) else _one_strict(view)
        case Stage.STRICT | Stage.STRICT_SOAK:
            return (*(() if _is_held(view) else _all_strict(view)), *_logging(view))
    return _logging(view)


def enrolment(view: View) -> tuple[MeshWrite, ...]:
    """Explicit PERMISSIVE, the label, then one workload after the other, each only while nobody suffers."""
    if drift_hold(view) is not None:
        return ()
    ahead: tuple[MeshWrite, ...] = permissive_first(view.namespace, view.root)
    if ahead:
        return ahead
    label = enrolled_label(view.namespace, view.spec)
    if label is not None:
        return (label,)
    if unsettled(view) or suffering(view):
        return ()
    return _anew(view)


def exception_writes(view: View) -> tuple[WritePeer | RemovePeer, ...]:
    """What the exceptions need, before anything else becomes STRICT; and what those of the past needed goes."""
    wanted = excepted(view.namespace, view.root, view.spec.exceptions_of(view.name))
    return (*wanted, *left_behind(view), *emptied(view.namespace, view.root))


def rollback(view: View) -> tuple[MeshWrite, ...]:
    """Everything as it was: STRICT opened, label off, pods anew, then what we made; one after the other."""
    if not view.status.recorded or view.seen.snapshot is None or unenrol_hold(view.fleet, view.name) is not None:
        return ()
    if view.namespace.logs:
        return (LogPlaintext(namespace=view.name, present=False),)
    since = view.status.since or view.now
    return restored(view.namespace, view.root, view.seen.snapshot, view.status.created, since)


def rollback_holds(view: View) -> tuple[str, ...]:
    """What a rollback waits for, for people; () for nothing."""
    if not view.status.recorded or not view.namespace.exists:
        return ()
    if view.seen.snapshot is None:
        return ("the record of how it was cannot be read",)
    hold = unenrol_hold(view.fleet, view.name)
    return (hold.message,) if hold is not None else rollback_waits(view.namespace, view.seen.snapshot)


def may_rise(view: View) -> bool:
    """Whether the evidence is complete at this moment, so that something may become STRICT."""
    return view.seen.plaintext.complete and not view.seen.plaintext.events and not unmeshed(view)


def _anew(view: View) -> tuple[MeshWrite, ...]:
    """The next workload, or pod below a partition, that has to be made anew; one restart must do."""
    since = (view.status.since or view.now).replace(microsecond=0)  # the annotation has whole seconds
    for workload in view.namespace.workloads:
        pods = [pod for pod in unmeshed(view) if pod.workload == str(workload)]
        if not pods or workload.restartable is Restartable.BY_HAND:
            continue
        if workload.restarted is not None and workload.restarted >= since:
            continue
        if workload.restartable is Restartable.PARTITIONED:
            if any(pod.is_ending for pod in pods):
                return ()
            old = [pod for pod in pods if _is_older(pod, view.status.in_force)]
            if not old:
                continue  # it was made anew and has no proxy all the same: again would be in vain
            return (EvictPod(namespace=view.name, name=old[-1].name, uid=old[-1].uid),)
        return (
            RestartWorkload(
                kind=workload.kind, namespace=view.name, name=workload.name, version=workload.version, at=view.now
            ),
        )
    return ()


def _is_older(pod: MeshPod, enrolled: datetime | None) -> bool:
    """Whether the pod was made before the namespace was enrolled."""
    return pod.created is None or enrolled is None or pod.created < enrolled


def _one_strict(view: View) -> tuple[MeshWrite, ...]:
    workload = workload_named(view, view.status.canary)
    if workload is None:
        return ()
    exceptions = view.spec.exceptions_of(view.name)
    write = strict_on(view.namespace, view.root, workload, pods_of(view, workload), exceptions)
    return (write,) if write is not None else ()


def _all_strict(view: View) -> tuple[MeshWrite, ...]:
    exceptions = view.spec.exceptions_of(view.name)
    writes: tuple[MeshWrite, ...] = strict(view.namespace, view.root, exceptions)
    if was_in_force(view):  # what somebody changed since is not raised again; see `drift`
        writes = excepted(view.namespace, view.root, exceptions)
    elif not may_rise(view):
        return ()
    return writes or (*canary_gone(view.namespace, view.root), *emptied(view.namespace, view.root))


def _logging(view: View) -> tuple[MeshWrite, ...]:
    if not view.status.recorded:
        return ()
    present = view.stage in _LOGGED
    if view.namespace.logs is present or not any(pod.meshed for pod in live(view.namespace)):
        return ()
    return (LogPlaintext(namespace=view.name, present=present),)


def _is_held(view: View) -> bool:
    return not view.is_wanted or change_hold(view.fleet, view.name) is not None
