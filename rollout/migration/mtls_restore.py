"""How was a namespace before our first write, and which writes bring that back?"""

from collections.abc import Sequence
from datetime import datetime

from rollout.migration.mtls import ANY_PORT, effective_for, live
from rollout.migration.mtls_exceptions import in_place
from rollout.migration.mtls_writes import INJECTION, opened
from rollout.migration.read import RESTARTED, REVISION, Obj, canonical
from rollout.model.mesh import Labels, MeshNamespace, MeshPod, MeshWorkload, Mtls, PeerAuth, Restartable
from rollout.model.mesh_writes import (
    EvictPod,
    KeptObject,
    LabelNamespace,
    MeshWrite,
    RemovePeer,
    RestartWorkload,
    RestorePeer,
    Snapshot,
)

_PEER, _NAMESPACE = "PeerAuthentication", "Namespace"


def snapshot(ns: MeshNamespace, raw: Sequence[Obj], now: datetime) -> Snapshot:
    """All that we may touch, as it is. raw: the namespace's PeerAuthentications and workloads, as they were read."""
    labels = {name: ns.labels.get(name) for name in (INJECTION, REVISION)}
    held = KeptObject(
        kind=_NAMESPACE,
        name=ns.name,
        uid=ns.uid,
        spec="",
        labels=labels,
        annotations=dict(sorted(ns.annotations.items())),
    )
    others = sorted((_kept(obj) for obj in raw), key=lambda one: (one.kind, one.name))
    return Snapshot(namespace=ns.name, taken=now, objects=(held, *others))


def _kept(obj: Obj) -> KeptObject:
    metadata, kind = obj["metadata"], obj["kind"]
    is_peer = kind == _PEER
    template = ((obj.get("spec") or {}).get("template") or {}).get("metadata") or {}
    return KeptObject(
        kind=kind,
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        spec=canonical(obj.get("spec") or {}) if is_peer else "",
        labels={},
        annotations={} if is_peer else {RESTARTED: (template.get("annotations") or {}).get(RESTARTED)},
    )


def restored(
    ns: MeshNamespace, root: Sequence[PeerAuth], kept: Snapshot, created: Sequence[str], since: datetime
) -> tuple[MeshWrite, ...]:
    """The next writes of a rollback: what is kept comes back, what we made goes, and nobody else's is touched.

    The reverse of enrolling: first nothing is STRICT, then the label goes, then the proxies, and only then the modes
    come back. () when nothing is left but what `rollback_waits` and `kept_open` say. created: uids of what we made.
    since: when the rollback began; a workload restarted after that is not restarted again.
    """
    if not ns.exists:
        return ()
    labels = _labels_back(ns, kept)
    proxied = () if _enrols(_labels_then(ns, kept)) else _to_restart(ns)
    if labels is not None or proxied:
        return opened(ns, root) or ((labels,) if labels is not None else _unmeshed(ns, since))
    return _modes_back(ns, root, kept, created)


def rollback_waits(ns: MeshNamespace, kept: Snapshot) -> tuple[str, ...]:
    """What a rollback waits for before the modes may come back, for people; () for nothing."""
    if not ns.exists or _labels_back(ns, kept) is not None or _enrols(_labels_then(ns, kept)):
        return ()
    return tuple(_why_waits(ns, pod) for pod in _to_restart(ns))


def kept_open(ns: MeshNamespace, root: Sequence[PeerAuth], created: Sequence[str]) -> str:
    """Why an object of ours outlives the rollback, for people; "" when none does."""
    ours = [peer for peer in ns.peers if peer.uid in created and not peer.selector]
    if not ours or not _root_is_strict(root):
        return ""
    return f"{ours[0]} stays at PERMISSIVE: the mesh is STRICT, so without it {ns.name} would be"


def _labels_then(ns: MeshNamespace, kept: Snapshot) -> Labels:
    """The namespace's labels as they were; those it has when it is another namespace now."""
    then = kept.of(_NAMESPACE, ns.name)
    if then is None or then.uid != ns.uid:
        return ns.labels
    return {name: value for name, value in {**ns.labels, **then.labels}.items() if value is not None}


def _labels_back(ns: MeshNamespace, kept: Snapshot) -> LabelNamespace | None:
    then = _labels_then(ns, kept)
    changed = {name: then.get(name) for name in (INJECTION, REVISION) if ns.labels.get(name) != then.get(name)}
    return LabelNamespace(namespace=ns.name, labels=changed, version=ns.version) if changed else None


def _enrols(labels: Labels) -> bool:
    """Whether new pods of a namespace with these labels get a proxy."""
    return labels[INJECTION] == "enabled" if INJECTION in labels else bool(labels.get(REVISION))


def _to_restart(ns: MeshNamespace) -> tuple[MeshPod, ...]:
    """The pods that have a proxy for the namespace's sake."""
    forced = {str(workload) for workload in ns.workloads if workload.forced}
    return tuple(pod for pod in live(ns) if pod.meshed and pod.workload not in forced)


def _unmeshed(ns: MeshNamespace, since: datetime) -> tuple[MeshWrite, ...]:
    """The next restart or eviction; none while a workload is busy with one, and none that is a person's work."""
    pods = _to_restart(ns)
    for workload in sorted(ns.workloads, key=str):
        mine = [pod for pod in pods if pod.workload == str(workload)]
        if mine and workload.restartable is Restartable.PARTITIONED:
            return _evicted(workload, mine)
        if mine and workload.restartable is Restartable.ROLLING:
            return _restarted(workload, since)
    return ()


def _evicted(workload: MeshWorkload, pods: Sequence[MeshPod]) -> tuple[MeshWrite, ...]:
    """An evicted pod comes without a proxy, whatever its template. Broken ones first; else the last, when all is calm."""
    if any(pod.is_ending for pod in pods):
        return ()
    broken = [pod for pod in pods if not pod.ready]
    if not broken and not workload.settled:
        return ()
    last = max(broken or pods, key=lambda pod: (len(pod.name), pod.name))
    return (EvictPod(namespace=last.namespace, name=last.name, uid=last.uid),)


def _restarted(workload: MeshWorkload, since: datetime) -> tuple[MeshWrite, ...]:
    """Also one that is not calm: its proxies may be why. The annotation has whole seconds."""
    if workload.restarted is not None and workload.restarted >= since.replace(microsecond=0):
        return ()
    return (
        RestartWorkload(
            kind=workload.kind, namespace=workload.namespace, name=workload.name, version=workload.version, at=since
        ),
    )


def _why_waits(ns: MeshNamespace, pod: MeshPod) -> str:
    workload = next((one for one in ns.workloads if str(one) == pod.workload), None)
    if workload is not None and workload.restartable is not Restartable.BY_HAND:
        return f"pod {pod.name} still has a proxy: {workload} is restarted"
    return f"pod {pod.name} still has a proxy: delete it, {pod.workload or 'a bare pod'} is not restarted by itself"


def _modes_back(
    ns: MeshNamespace, root: Sequence[PeerAuth], kept: Snapshot, created: Sequence[str]
) -> tuple[MeshWrite, ...]:
    """The kept specs, then ours go: those with a selector first, so that the namespace's own is the last."""
    writes: list[MeshWrite] = []
    for peer in sorted(ns.peers, key=lambda peer: peer.name):
        then = kept.of(_PEER, peer.name)
        if then is not None and then.uid == peer.uid and then.spec != peer.spec:
            writes.append(RestorePeer(namespace=peer.namespace, name=peer.name, version=peer.version, spec=then.spec))
    for peer in sorted(ns.peers, key=lambda peer: (not peer.selector, peer.name)):
        if peer.uid not in created:
            continue
        if peer.selector or not _root_is_strict(root):
            writes.append(RemovePeer(namespace=peer.namespace, name=peer.name, uid=peer.uid, version=peer.version))
        elif peer.mode is not Mtls.PERMISSIVE:
            writes.append(in_place(peer, Mtls.PERMISSIVE, peer.ports))
    return tuple(writes)


def _root_is_strict(root: Sequence[PeerAuth]) -> bool:
    return effective_for({}, ANY_PORT, (), root).mode is Mtls.STRICT
