"""What does a look alone change in a namespace's status, without a move?"""

from dataclasses import replace
from datetime import datetime

from rollout.migration.gates import blocking, waiting
from rollout.migration.limits import is_blind, total_restarts
from rollout.migration.mtls import live
from rollout.migration.soaking import soaked_on
from rollout.migration.view import View, not_strict, pods_of, workload_named
from rollout.model.migration import NamespaceStatus, Stage

_WATCHED = frozenset({Stage.STRICT_CANARY, Stage.STRICT, Stage.STRICT_SOAK})
_OURS = ("default", "rollout-")  # names that our own PeerAuthentications have


def tracked(view: View) -> NamespaceStatus:
    """The status with what this look saw: what is in force, what is blind, who spoke plaintext, what was made."""
    status = replace(view.status, created=_created(view))
    status = replace(status, restarts=min(status.restarts, total_restarts(view)))
    if view.seen.findings is not None:
        status = replace(status, looked=view.now, blocked=len(blocking(view)), warned=len(waiting(view)))
    if status.self_test is not None and view.seen.plaintext.tested is not None:
        status = replace(status, self_test=replace(status.self_test, seen_at=view.seen.plaintext.tested))
    if view.stage in _WATCHED:
        blind = is_blind(view)
        status = replace(
            status,
            in_force=_in_force(view),
            dark_since=(status.dark_since or view.now) if blind else None,
        )
    return soaked_on(view.of(status))


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
    return tuple(sorted({*view.status.created, *found})) if view.seen.snapshot is not None else view.status.created


def _in_force(view: View) -> datetime | None:
    workload = workload_named(view, view.status.canary)
    if view.stage is Stage.STRICT_CANARY:
        pods = pods_of(view, workload) if workload is not None else ()
    else:
        pods = live(view.namespace)
    if not_strict(view, pods):
        return None
    return view.status.in_force or view.now
