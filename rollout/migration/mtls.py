"""Which mTLS mode is in force for a port of a pod?

As Istio composes it (pilot/pkg/security/authn, ComposePeerAuthentication): port, workload, namespace, mesh; of several
objects on one level only the oldest counts. All of it goes by live objects, never by what we once wrote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rollout.model.mesh import Labels, MeshNamespace, MeshPod, Mtls, PeerAuth

ANY_PORT = 0  # stands for all ports that no object names


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """The mode in force, and the object that says so; None when none does, which is PERMISSIVE."""

    mode: Mtls
    by: PeerAuth | None


def effective(pod: MeshPod, port: int, peers: Sequence[PeerAuth], root: Sequence[PeerAuth]) -> Effective:
    """What `port` of the pod accepts, once it has a proxy.

    peers: of the pod's namespace. root: of the root namespace; those with a selector count nowhere.
    """
    return effective_for(pod.labels, port, peers, root)


def effective_for(labels: Labels, port: int, peers: Sequence[PeerAuth], root: Sequence[PeerAuth]) -> Effective:
    """The same for any pod with these labels, whether there is one or not."""
    workload = selecting(labels, peers, root)
    levels: list[tuple[Mtls, PeerAuth]] = []
    if workload is not None:
        levels += [(workload.ports.get(port, Mtls.UNSET), workload), (workload.mode, workload)]
    levels += [(peer.mode, peer) for peer in (namespace_wide(peers), namespace_wide(root)) if peer is not None]
    for mode, peer in levels:
        if mode is not Mtls.UNSET:
            return Effective(mode=mode, by=peer)
    return Effective(mode=Mtls.PERMISSIVE, by=None)


def modes(namespace: MeshNamespace, root: Sequence[PeerAuth]) -> Mapping[tuple[str, int], Effective]:
    """What is in force by pod and port: for every live pod its declared ports and ANY_PORT, sorted."""
    return {
        (pod.name, port): effective(pod, port, namespace.peers, root)
        for pod in sorted(live(namespace), key=lambda pod: pod.name)
        for port in sorted({ANY_PORT, *pod.ports})
    }


def possible(peers: Sequence[PeerAuth], root: Sequence[PeerAuth]) -> Mapping[tuple[str, int], Mtls]:
    """Every mode that any pod could meet, of now or of later, by the name of the object that it follows and port.

    A pod that follows an object with a selector meets what one with just the labels of that selector meets, so these
    few pods stand for all; "" for the pods that follow none.
    """
    found = {("", ANY_PORT): effective_for({}, ANY_PORT, peers, root).mode}
    for peer in in_force(peers, root):
        for port in sorted({ANY_PORT, *peer.ports}):
            found[peer.name, port] = effective_for(peer.selector, port, peers, root).mode
    return found


def in_force(peers: Sequence[PeerAuth], root: Sequence[PeerAuth]) -> tuple[PeerAuth, ...]:
    """The objects with a selector that some pod could follow, oldest first; the others are wholly behind an older one."""
    return tuple(peer for peer in by_age(peers) if peer.selector and selecting(peer.selector, peers, root) == peer)


def namespace_wide(peers: Sequence[PeerAuth]) -> PeerAuth | None:
    """The object without a selector that counts; None when there is none."""
    return next((peer for peer in by_age(peers) if not peer.selector), None)


def selecting(labels: Labels, peers: Sequence[PeerAuth], root: Sequence[PeerAuth]) -> PeerAuth | None:
    """The object with a selector that counts for pods with these labels; None when there is none."""
    mesh_wide = {peer.namespace for peer in root}  # in the root namespace selectors are ignored, also for its own pods
    found = (peer for peer in by_age(peers) if peer.selector and peer.namespace not in mesh_wide)
    return next((peer for peer in found if has(labels, peer.selector)), None)


def by_age(peers: Sequence[PeerAuth]) -> list[PeerAuth]:
    """In the order in which they count: the oldest first, of one second the name that sorts first."""
    return sorted(peers, key=lambda peer: (peer.created, peer.name))


def has(labels: Labels, wanted: Labels) -> bool:
    """Whether all wanted labels are among `labels`."""
    return wanted.items() <= labels.items()


def live(namespace: MeshNamespace) -> tuple[MeshPod, ...]:
    """The pods that still speak to somebody."""
    return tuple(pod for pod in namespace.pods if not pod.is_finished)
