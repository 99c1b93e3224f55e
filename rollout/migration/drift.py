"""Has somebody else changed what we wrote, and in which direction?

What a person made more open is never closed again: that is a fallback by hand. All else that differs holds the namespace
and is written by nobody: who changed it is named, and nobody is fought.
"""

from rollout.migration.closing import to_close
from rollout.migration.mtls import ANY_PORT, effective, effective_for, namespace_wide
from rollout.migration.mtls_writes import enrolled_label, opened, permissive_first
from rollout.migration.view import View, not_strict, pods_of, workload_named
from rollout.model.mesh import Mtls
from rollout.model.mesh_writes import WritePeer
from rollout.model.migration import Stage
from rollout.model.status import Reason

_ENROLLED = frozenset({Stage.PERMISSIVE, Stage.OBSERVING, Stage.REHEARSAL})
_STRICT = frozenset({Stage.STRICT, Stage.STRICT_SOAK, Stage.DONE})
_CAME_IN_FORCE = frozenset({Stage.STRICT_SOAK, Stage.DONE})


def was_in_force(view: View) -> bool:
    """Whether what the stage stands for has been in force since it began."""
    return view.status.in_force is not None or view.stage in _CAME_IN_FORCE


def opened_by_hand(view: View) -> str:
    """What was STRICT and was opened by somebody else, for people; "" for nothing."""
    if not view.namespace.exists or not was_in_force(view):
        return ""
    if view.stage in _STRICT:
        wide = effective_for({}, ANY_PORT, view.namespace.peers, view.root)
        return "" if wide.mode is Mtls.STRICT else f"{_author(view)} opened {view.name} while it was {view.stage}"
    workload = workload_named(view, view.status.canary) if view.stage is Stage.STRICT_CANARY else None
    pods = pods_of(view, workload) if workload is not None else ()
    open_ones = [
        pod for pod in pods if effective(pod, ANY_PORT, view.namespace.peers, view.root).mode is not Mtls.STRICT
    ]
    return f"{_author(view)} opened {view.status.canary}" if pods and len(open_ones) == len(pods) else ""


def drift_hold(view: View) -> Reason | None:
    """Why the namespace is not as we left it, and who did that; None when it is."""
    found = _drift(view)
    return Reason(code="Drift", message=found, warning=True) if found else None


def _drift(view: View) -> str:
    ns, root = view.namespace, view.root
    enrolled = view.stage in _ENROLLED or was_in_force(view)
    if not ns.exists or not enrolled or not view.is_wanted:
        return ""
    label = enrolled_label(ns, view.spec)
    if label is not None:
        words = str(label).partition(f"{ns.name} ")[2]
        return f"{ns.writer or 'somebody'} changed the labels of {ns.name}: put them back ({words}), or roll it back"
    if view.stage in _ENROLLED or view.stage is Stage.ENROLLING:
        wanted = permissive_first(ns, root) if view.stage is Stage.ENROLLING else opened(ns, root)
        return f"{_writer_of(view, wanted[0])} changed a mode: {wanted[0]}, or roll it back" if wanted else ""
    if view.stage in _STRICT and (wide := namespace_wide(ns.peers)) is not None and wide.mode is not Mtls.STRICT:
        return f"{wide.writer or 'somebody'} took STRICT out of {wide}: only the mesh's own mode keeps it now"
    left = set(to_close(view)) if view.stage in _STRICT else set()
    if view.stage in _STRICT and (pods := [pod for pod in not_strict(view, ns.pods) if pod not in left]):
        return f"{pods[0]} is not STRICT any more: {_author(view)} wrote last"
    return ""


def _author(view: View) -> str:
    """Who wrote a PeerAuthentication of the namespace that keeps something open; "somebody" when nobody is known."""
    open_ones = [peer for peer in view.namespace.peers if peer.mode is not Mtls.STRICT and peer.writer]
    return open_ones[0].writer if open_ones else "somebody"


def _writer_of(view: View, write: WritePeer) -> str:
    return next((peer.writer for peer in view.namespace.peers if peer.name == write.name and peer.writer), "somebody")
