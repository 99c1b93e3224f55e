"""How do ports and workloads stay open while their namespace becomes STRICT?

A pod follows one object with a selector only, the oldest that has it. So what is excepted must be said by that object:
by a new one where there is none yet, and in place where there is one for pods that are all meant.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256

from rollout.migration.mtls import ANY_PORT, effective_for, has, in_force, live, modes, namespace_wide, selecting
from rollout.model.mesh import Labels, MeshNamespace, MeshPod, Mtls, PeerAuth
from rollout.model.mesh_writes import WritePeer
from rollout.model.migration import Exemption

OPEN = "rollout-open-"
_OPENNESS = {Mtls.UNSET: 0, Mtls.STRICT: 0, Mtls.PERMISSIVE: 1, Mtls.DISABLE: 2}  # UNSET will be the namespace's STRICT
_NEWEST = datetime.max.replace(tzinfo=UTC)
# Labels that controllers put on single pods; no selector may rest on them.
_OF_ONE_POD = frozenset(
    {
        "pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "controller-uid",
        "job-name",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
        "batch.kubernetes.io/job-completion-index",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What is excepted for some pods. mode: for all their ports, None for none; ports: for single ones."""

    mode: Mtls | None
    ports: Mapping[int, Mtls]


def excepted(ns: MeshNamespace, root: Sequence[PeerAuth], exceptions: Sequence[Exemption]) -> tuple[WritePeer, ...]:
    """The writes after which the namespace may become STRICT and the exceptions stay open; () when nothing is left.

    They only ever weaken. An expired exception is written like any other: its day closes a gate and flips nothing.
    """
    mine = mine_of(ns, exceptions)
    writes = [_weakened(peer, opening(peer.selector, mine)) for peer in in_force(ns.peers, root)]
    unsaid = [selector for selector in _selectors(ns, mine) if selecting(selector, ns.peers, root) is None]
    writes += [_created(ns, selector, opening(selector, mine)) for selector in unsaid]
    return tuple(write for write in writes if write is not None)


def unwritable(ns: MeshNamespace, root: Sequence[PeerAuth], exceptions: Sequence[Exemption]) -> tuple[str, ...]:
    """Why the namespace cannot become STRICT with these exceptions open, however they are written; () when it can."""
    if any(peer.namespace == ns.name for peer in root):
        return (f"{ns.name} is the root namespace: its own mode is that of the whole mesh",)
    peers = strict_after(foreseen(ns.peers, excepted(ns, root, exceptions)), ns.name)
    return tuple(sorted({why for one in mine_of(ns, exceptions) for why in _closed(ns, one, peers, root)}))


def left_open(
    ns: MeshNamespace, root: Sequence[PeerAuth], exceptions: Sequence[Exemption]
) -> tuple[tuple[str, int, Mtls], ...]:
    """Pods and ports that are not STRICT though nothing excepts them, with their mode, sorted."""
    labels = {pod.name: pod.labels for pod in ns.pods}
    return tuple(
        (pod, port, found.mode)
        for (pod, port), found in modes(ns, root).items()
        if found.mode is not Mtls.STRICT and not _is_open(opening(labels[pod], mine_of(ns, exceptions)), port)
    )


def mine_of(ns: MeshNamespace, exceptions: Sequence[Exemption]) -> tuple[Exemption, ...]:
    """The exceptions of this namespace; one that would open nothing is none."""
    return tuple(one for one in exceptions if one.namespace == ns.name and _OPENNESS[one.mode])


def opening(labels: Labels, exceptions: Iterable[Exemption]) -> Opening:
    """What is excepted for the pods with these labels. Of two for the same port the more open one counts."""
    mode, ports = None, dict[int, Mtls]()
    for one in exceptions:
        if not has(labels, one.workload):
            continue
        if one.port is None:
            mode = _wider(mode, one.mode)
        else:
            ports[one.port] = _wider(ports.get(one.port), one.mode)
    return Opening(mode=mode, ports=dict(sorted(ports.items())))


def foreseen(peers: Sequence[PeerAuth], writes: Iterable[WritePeer]) -> tuple[PeerAuth, ...]:
    """The objects as they will be: those in place keep their age, the new ones are the youngest."""
    known = {peer.name: peer for peer in peers}
    for write in writes:
        new = PeerAuth(
            namespace=write.namespace,
            name=write.name,
            uid="",
            version="",
            created=_NEWEST,
            selector=write.selector,
            ports={},
        )
        known[write.name] = replace(known.get(write.name, new), mode=write.mode, ports=write.ports)
    return tuple(known[name] for name in sorted(known))


def strict_after(peers: Sequence[PeerAuth], namespace: str) -> tuple[PeerAuth, ...]:
    """The objects as they will be once the namespace's own mode is STRICT."""
    return foreseen(peers, [wide_write(namespace, peers, Mtls.STRICT)])


def wide_write(namespace: str, peers: Sequence[PeerAuth], mode: Mtls) -> WritePeer:
    """The write that gives the namespace its own mode: on the object that counts, a new one only where there is none."""
    wide = namespace_wide(peers)
    if wide is not None:
        return in_place(wide, mode, wide.ports)
    taken = {peer.name for peer in peers}  # by objects with a selector
    name = next(name for name in ("default", *(f"default-{n}" for n in range(2, len(taken) + 3))) if name not in taken)
    return WritePeer(namespace=namespace, name=name, selector={}, mode=mode, ports={})


def in_place(peer: PeerAuth, mode: Mtls, ports: Mapping[int, Mtls]) -> WritePeer:
    """The write of these modes into an existing object."""
    return WritePeer(
        namespace=peer.namespace,
        name=peer.name,
        selector=peer.selector,
        mode=mode,
        ports=dict(sorted(ports.items())),
        version=peer.version,
    )


def weakened_ports(ports: Mapping[int, Mtls], mode: Mtls, wanted: Mapping[int, Mtls]) -> dict[int, Mtls]:
    """The ports' own modes, each at least as open as wanted. mode: what holds for ports without one."""
    weaker = {port: new for port, new in wanted.items() if _OPENNESS[_said(ports.get(port), mode)] < _OPENNESS[new]}
    return dict(sorted({**ports, **weaker}.items()))


def openness(mode: Mtls) -> int:
    """How open a mode is beside others; 0 for those that will be STRICT with the namespace."""
    return _OPENNESS[mode]


def digest(labels: Labels) -> str:
    """Eight letters that stand for these labels in a name."""
    return sha256(repr(sorted(labels.items())).encode()).hexdigest()[:8]


def stable_labels(pod: MeshPod) -> Labels:
    """The labels of a pod that its successor will have too."""
    return {key: text for key, text in pod.labels.items() if key not in _OF_ONE_POD}


def _wider(mode: Mtls | None, other: Mtls) -> Mtls:
    return other if mode is None else max(mode, other, key=_OPENNESS.__getitem__)


def _is_open(given: Opening, port: int) -> bool:
    return given.mode is not None or port in given.ports


def _weakened(peer: PeerAuth, given: Opening) -> WritePeer | None:
    """The object with what is excepted for all pods that follow it; None when it says so already."""
    mode = peer.mode if given.mode is None else _wider(peer.mode, given.mode)
    wanted = given.ports if given.mode is None else {**dict.fromkeys(peer.ports, given.mode), **given.ports}
    ports = weakened_ports(peer.ports, mode, wanted)
    return None if (mode, ports) == (peer.mode, peer.ports) else in_place(peer, mode, ports)


def _said(port: Mtls | None, mode: Mtls) -> Mtls:
    return mode if port is None or port is Mtls.UNSET else port


def _created(ns: MeshNamespace, selector: Labels, given: Opening) -> WritePeer:
    # Of two in the same second the name that sorts first counts, and that must be the one for fewer pods.
    name = f"{OPEN}{99 - len(selector):02d}-{digest(selector)}"
    mode = given.mode or Mtls.UNSET
    return WritePeer(namespace=ns.name, name=name, selector=selector, mode=mode, ports=given.ports)


def _selectors(ns: MeshNamespace, exceptions: Sequence[Exemption]) -> list[Labels]:
    """For which pods something must be said, those for the fewest pods first.

    The API has ports beside a selector only: a port of the whole namespace is said workload by workload.
    """
    named = [one.workload for one in exceptions if one.workload]
    found = {tuple(sorted(labels.items())) for labels in named}
    if any(not one.workload and one.port is not None for one in exceptions):
        for workload in ns.workloads:
            if not any(has(workload.template_labels, labels) for labels in named):
                found.add(tuple(sorted((workload.selector or workload.template_labels).items())))
        owned = {str(workload) for workload in ns.workloads}
        for pod in live(ns):
            if pod.workload not in owned and not any(has(pod.labels, labels) for labels in named):
                found.add(tuple(sorted(stable_labels(pod).items())))
    return [dict(labels) for labels in sorted(found, key=lambda labels: (-len(labels), labels)) if labels]


def _closed(ns: MeshNamespace, one: Exemption, peers: Sequence[PeerAuth], root: Sequence[PeerAuth]) -> Iterable[str]:
    """What of an exception would be STRICT with these objects: for the pods of now, and for any with just its labels."""
    who: list[tuple[str, Labels, tuple[int, ...]]] = [
        (f"pod {pod.name}", pod.labels, pod.ports) for pod in live(ns) if has(pod.labels, one.workload)
    ]
    if one.workload:
        who.append((f"a pod with {_words(one.workload)}", one.workload, ()))
    for name, labels, declared in who:
        followed = selecting(labels, peers, root)
        all_ports = {ANY_PORT, *declared, *(followed.ports if followed else ())}
        for port in sorted(all_ports) if one.port is None else (one.port,):
            if effective_for(labels, port, peers, root).mode is Mtls.STRICT:
                follows = f"follows {followed}, which other pods follow too" if followed else "has no label to go by"
                yield f"{name} would be STRICT on {_port(port)}: it {follows}"


def _words(labels: Labels) -> str:
    return ",".join(f"{key}={text}" for key, text in sorted(labels.items()))


def _port(port: int) -> str:
    return f"port {port}" if port else "all other ports"
