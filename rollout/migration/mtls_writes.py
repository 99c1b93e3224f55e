"""Which writes lead a namespace's mTLS to a goal? Each answer goes by live objects; () when nothing is left."""

from collections.abc import Sequence
from dataclasses import replace

from rollout.migration.mtls import ANY_PORT, effective, effective_for, has, in_force, live, namespace_wide, selecting
from rollout.migration.mtls_exceptions import (
    digest,
    excepted,
    in_place,
    mine_of,
    opening,
    unwritable,
    weakened_ports,
    wide_write,
)
from rollout.migration.read import REVISION
from rollout.model.mesh import Labels, MeshNamespace, MeshPod, MeshWorkload, Mtls, PeerAuth
from rollout.model.mesh_writes import LabelNamespace, RemovePeer, WritePeer
from rollout.model.migration import Exemption, MigrationSpec

CANARY = "rollout-canary-"
INJECTION = "istio-injection"


def permissive_first(ns: MeshNamespace, root: Sequence[PeerAuth]) -> tuple[WritePeer, ...]:
    """Before pods get proxies: the namespace says PERMISSIVE itself, and nothing in it is STRICT.

    Said of itself, so that a STRICT root cannot bite; and DISABLE becomes PERMISSIVE, since callers that change from
    DISABLE to STRICT at once are refused for a while (istio/istio#48290).
    """
    wide = namespace_wide(ns.peers)
    said = wide is not None and wide.mode is Mtls.PERMISSIVE
    return (*(() if said else (wide_write(ns.name, ns.peers, Mtls.PERMISSIVE),)), *_opened_workloads(ns, root))


def opened(ns: MeshNamespace, root: Sequence[PeerAuth]) -> tuple[WritePeer, ...]:
    """The fallback: afterwards no pod of the namespace, of now or of later, is STRICT on any port.

    All of it is to be written at once. It writes PERMISSIVE and deletes nothing: under a STRICT root, and where a
    younger object waits behind an older one, deleting would close.
    """
    closed = effective_for({}, ANY_PORT, ns.peers, root).mode is Mtls.STRICT
    return (*((wide_write(ns.name, ns.peers, Mtls.PERMISSIVE),) if closed else ()), *_opened_workloads(ns, root))


def _opened_workloads(ns: MeshNamespace, root: Sequence[PeerAuth]) -> tuple[WritePeer, ...]:
    found = []
    for peer in in_force(ns.peers, root):
        mode, ports = _open(peer.mode), {port: _open(mode) for port, mode in peer.ports.items()}
        if (mode, ports) != (peer.mode, peer.ports):
            found.append(in_place(peer, mode, ports))
    return tuple(found)


def _open(mode: Mtls) -> Mtls:
    return Mtls.PERMISSIVE if mode is Mtls.STRICT else mode


def strict_on(
    ns: MeshNamespace,
    root: Sequence[PeerAuth],
    workload: MeshWorkload,
    pods: Sequence[MeshPod],
    exceptions: Sequence[Exemption] = (),
) -> WritePeer | None:
    """The write that makes this workload STRICT before all others; None when it is, or when `canary_problem` says why not.

    pods: the live ones of the workload. What is excepted for them stays open.
    """
    if canary_problem(ns, root, workload, pods, exceptions):
        return None
    if all(effective(pod, ANY_PORT, ns.peers, root).mode is Mtls.STRICT for pod in pods):
        return None
    ports = dict[int, Mtls]()
    for pod in pods:
        ports |= opening(pod.labels, mine_of(ns, exceptions)).ports
    followed = selecting(pods[0].labels, ns.peers, root)
    if followed is not None:
        return in_place(followed, Mtls.STRICT, weakened_ports(followed.ports, Mtls.STRICT, ports))
    labels = _labels(workload)
    name = f"{CANARY}{workload.name[:40].rstrip('-.')}-{digest({**labels, 'kind': workload.kind})}"
    return WritePeer(namespace=ns.name, name=name, selector=labels, mode=Mtls.STRICT, ports=ports)


def canary_problem(
    ns: MeshNamespace,
    root: Sequence[PeerAuth],
    workload: MeshWorkload,
    pods: Sequence[MeshPod],
    exceptions: Sequence[Exemption] = (),
) -> str:
    """Why this workload cannot be made STRICT alone, for people; "" when it can."""
    labels, names = _labels(workload), {pod.name for pod in pods}
    if not labels or not pods:
        return f"{workload} has no {'pods' if labels else 'labels'}"
    if any(opening(pod.labels, mine_of(ns, exceptions)).mode for pod in pods):
        return f"{workload} is excepted"
    followed = [selecting(pod.labels, ns.peers, root) for pod in pods]
    apart = next((pod for pod, peer in zip(pods, followed, strict=True) if peer != followed[0]), None)
    if apart is not None:
        return f"pods {pods[0].name} and {apart.name} follow different PeerAuthentications"
    if followed[0] is None and not all(has(pod.labels, labels) for pod in pods):
        return f"not all pods of {workload} have its labels"
    reach = followed[0].selector if followed[0] is not None else labels
    others = [
        pod.name
        for pod in live(ns)
        if has(pod.labels, reach) and selecting(pod.labels, ns.peers, root) == followed[0] and pod.name not in names
    ]
    return f"pod {min(others)} would become STRICT as well" if others else ""


def _labels(workload: MeshWorkload) -> Labels:
    """The labels that its pods have for good; those of the template may change with the next one."""
    return workload.selector or workload.template_labels


def canary_gone(ns: MeshNamespace, root: Sequence[PeerAuth]) -> tuple[RemovePeer, ...]:
    """Our canary objects are to go once the namespace is STRICT; one that also keeps something open stays."""
    wide = namespace_wide(ns.peers)
    if wide is None or wide.mode is not Mtls.STRICT:
        return ()
    gone, left = list[RemovePeer](), ns
    for peer in ns.peers:
        if _is_canary(peer) and changes_nothing(left, root, peer):
            gone.append(RemovePeer(namespace=peer.namespace, name=peer.name, uid=peer.uid, version=peer.version))
            left = replace(left, peers=tuple(one for one in left.peers if one != peer))
    return tuple(gone)


def _is_canary(peer: PeerAuth) -> bool:
    return bool(peer.ours) and peer.name.startswith(CANARY)


def changes_nothing(ns: MeshNamespace, root: Sequence[PeerAuth], peer: PeerAuth) -> bool:
    """Whether its pods meet the same without it."""
    left = [one for one in ns.peers if one.name != peer.name]
    pods = [peer.selector, *(pod.labels for pod in live(ns) if has(pod.labels, peer.selector))]
    ports = {port for one in ns.peers for port in one.ports} | {ANY_PORT}
    return all(
        effective_for(labels, port, ns.peers, root).mode is effective_for(labels, port, left, root).mode
        for labels in pods
        for port in ports
    )


def strict(ns: MeshNamespace, root: Sequence[PeerAuth], exceptions: Sequence[Exemption]) -> tuple[WritePeer, ...]:
    """The namespace becomes STRICT in place. First what stays open, one write for each; the last write is the flip.

    There is no flip while `unwritable` has something to say, and nothing at all for a namespace that is excepted whole.
    """
    if any(one.is_whole_namespace and one.namespace == ns.name for one in exceptions):
        return ()
    left_over = _left_over(ns, exceptions)
    again = {write.name for write in left_over}
    writes = [*(write for write in excepted(ns, root, exceptions) if write.name not in again), *left_over]
    wide = namespace_wide(ns.peers)
    if (wide is None or wide.mode is not Mtls.STRICT) and not unwritable(ns, root, exceptions):
        writes.append(wide_write(ns.name, ns.peers, Mtls.STRICT))
    return tuple(writes)


def _left_over(ns: MeshNamespace, exceptions: Sequence[Exemption]) -> list[WritePeer]:
    """Canaries that a fallback has opened follow the namespace again, but for what is excepted."""
    found = []
    for peer in ns.peers:
        given = opening(peer.selector, mine_of(ns, exceptions))
        if _is_canary(peer) and peer.mode is Mtls.PERMISSIVE and given.mode is None:
            found.append(in_place(peer, Mtls.UNSET, weakened_ports(peer.ports, Mtls.UNSET, given.ports)))
    return found


def enrolled_label(ns: MeshNamespace, spec: MigrationSpec) -> LabelNamespace | None:
    """The label by which new pods get a sidecar, and the other one off: istio-injection would win over istio.io/rev.

    None when it is so. Both labels are in every snapshot, so both may be touched.
    """
    wanted = {INJECTION: None, REVISION: spec.revision} if spec.revision else {INJECTION: "enabled", REVISION: None}
    changed = {name: value for name, value in wanted.items() if ns.labels.get(name) != value}
    return LabelNamespace(namespace=ns.name, labels=changed, version=ns.version) if changed else None
