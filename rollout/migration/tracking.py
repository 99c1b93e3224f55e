"""What does a look alone change in a namespace's status, without a move?"""

from dataclasses import replace

from rollout.migration.closing import is_proven, to_close
from rollout.migration.gates import blocking, waiting
from rollout.migration.limits import is_blind, total_restarts
from rollout.migration.mtls import ANY_PORT, effective_for, live
from rollout.migration.mtls_writes import enrolled_label, permissive_first
from rollout.migration.soaking import soaked_on
from rollout.migration.view import View, not_strict, pods_of, workload_named
from rollout.model.mesh import Mtls
from rollout.model.migration import NamespaceStatus, Stage
from rollout.model.migration_marks import SoakMark

_WATCHED = frozenset({Stage.STRICT_CANARY, Stage.STRICT, Stage.STRICT_SOAK})
_OURS = ("default", "rollout-")  # names that our own PeerAuthentications have


def tracked(view: View) -> NamespaceStatus:
    """The status with what this look saw: what is in force, what is blind, who spoke plaintext, what was made."""
    status = replace(view.status, created=_created(view))
    status = replace(status, restarts=min(status.restarts, total_restarts(view)))
    if view.seen.findings is not None:
        status = replace(status, looked=view.now, blocked=len(blocking(view)), warned=len(waiting(view)))
    if status.self_test is not None and status.self_test.seen_at is None and view.seen.plaintext.tested is not None:
        status = replace(status, self_test=replace(status.self_test, seen_at=view.seen.plaintext.tested))
    if view.stage in _WATCHED:
        status = replace(status, dark_since=(status.dark_since or view.now) if is_blind(view) else None)
    status = _closed(view, status)
    if status.in_force is None and _is_in_force(view):
        status = replace(status, in_force=view.now)
    status = soaked_on(view.of(status))
    if is_proven(view.of(status)):  # the gate is passed by this look, so it is written down before anything is closed
        return replace(status, soak=replace(status.soak, looked=view.now))
    return status


def _closed(view: View, status: NamespaceStatus) -> NamespaceStatus:
    """A soak of its own begins for what an exception that is gone keeps open; once that is closed, it is verified."""
    is_left = view.stage in _WATCHED and bool(to_close(view))
    if is_left is status.closing:
        return status
    if is_left:
        return replace(status, closing=True, soak=SoakMark())
    again = view.now if status.in_force is not None and _is_in_force(view) else status.in_force
    return replace(status, closing=False, in_force=again)


def _created(view: View) -> tuple[str, ...]:
    """Uids of PeerAuthentications that we made: marked as ours, under a name of ours, and not there in the snapshot."""
    if not view.status.recorded:
        return view.status.created
    before = {one.uid for one in view.seen.snapshot.objects} if view.seen.snapshot is not None else set()
    found = {
        peer.uid
        for peer in view.namespace.peers
        if peer.ours == view.spec.name and peer.name.startswith(_OURS) and peer.uid not in before
    }
    if view.seen.snapshot is None:
        return view.status.created
    known = {peer.uid for peer in view.namespace.peers} & {*view.status.created}  # what is gone needs no memory
    return tuple(sorted(known | found))


def _is_in_force(view: View) -> bool:
    """Whether the objects say what the stage wants of them; once that was so, a change of it is somebody else's."""
    ns = view.namespace
    match view.stage:
        case Stage.ENROLLING:
            return enrolled_label(ns, view.spec) is None and not permissive_first(ns, view.root)
        case Stage.STRICT_CANARY:
            workload = workload_named(view, view.status.canary)
            return not not_strict(view, pods_of(view, workload) if workload is not None else ())
        case Stage.STRICT | Stage.STRICT_SOAK:
            wide = effective_for({}, ANY_PORT, ns.peers, view.root)
            return wide.mode is Mtls.STRICT and not not_strict(view, live(ns))
    return False
