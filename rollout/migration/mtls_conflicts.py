"""What about mTLS would make a move to STRICT mean something else than it says?"""

from collections.abc import Iterable, Sequence

from rollout.migration.mtls import by_age, has, in_force, live, namespace_wide, selecting
from rollout.migration.mtls_exceptions import mine_of, opening, unwritable
from rollout.migration.read import Obj
from rollout.model.mesh import Labels, MeshNamespace, MeshPod, Mtls, PeerAuth
from rollout.model.migration import Exemption, Finding, Severity

OVERLAP, PORTS, PLAIN = "PA-01", "PA-03", "PA-04"


def conflicts(
    ns: MeshNamespace,
    root: Sequence[PeerAuth],
    services: Sequence[Obj] = (),
    exceptions: Sequence[Exemption] = (),
) -> tuple[Finding, ...]:
    """All findings about PeerAuthentications, sorted. services: of the namespace, to recognise their ports.

    What we made ourselves is no finding, except where it keeps another object from counting.
    """
    mine = mine_of(ns, exceptions)
    foreign = [peer for peer in in_force(ns.peers, root) if not peer.ours]
    found = [
        *_ignored(ns.peers),
        *_ignored(root),
        *_ignored_on_pods(ns, root),
        *_ignored_in_root(ns, root),
        *(finding for peer in foreign for finding in _surviving(peer, mine)),
        *(finding for peer in foreign for finding in _undeclared(ns, peer, services)),
        *(finding for one in mine for finding in _undeclared_exception(ns, one, services)),
        *(_unwritable(ns, root, why) for why in unwritable(ns, root, exceptions)),
    ]
    return tuple(sorted(set(found)))


def _ignored(peers: Sequence[PeerAuth]) -> Iterable[Finding]:
    """Of several for the same whole namespace, or mesh, all but the oldest."""
    wide = namespace_wide(peers)
    for peer in by_age(peers):
        if wide is not None and not peer.selector and peer != wide:
            yield Finding(
                check=OVERLAP,
                severity=Severity.BLOCK,
                object=str(peer),
                field="spec.mtls.mode",
                why=f"it says {peer.mode}, but {wide} is older and alone counts, with {wide.mode}",
                fix=f"delete it; what should hold goes into {wide}",
            )


def _ignored_on_pods(ns: MeshNamespace, root: Sequence[PeerAuth]) -> Iterable[Finding]:
    for peer in ns.peers:
        if not peer.selector or peer.ours or peer.namespace in {one.namespace for one in root}:
            continue
        for pod in _pods(ns, peer.selector):
            counts = selecting(pod.labels, ns.peers, root)
            if counts is not None and counts != peer:
                yield Finding(
                    check=OVERLAP,
                    severity=Severity.BLOCK,
                    object=str(peer),
                    field="spec.selector.matchLabels",
                    why=f"pods such as {pod.name} follow {counts}, which is older: nothing of this one counts for them",
                    fix=f"merge it into {counts}, or make their selectors exclude each other",
                )
                break


def _ignored_in_root(ns: MeshNamespace, root: Sequence[PeerAuth]) -> Iterable[Finding]:
    for peer in root:
        pods = _pods(ns, peer.selector) if peer.selector else []
        if pods:
            yield Finding(
                check=OVERLAP,
                severity=Severity.BLOCK,
                object=str(peer),
                field="spec.selector",
                why=f"a selector in the root namespace is ignored: pods such as {pods[0].name} do not follow it",
                fix=f"move it into namespace {ns.name}, or delete it",
            )


def _surviving(peer: PeerAuth, exceptions: Sequence[Exemption]) -> Iterable[Finding]:
    """What a workload says for itself outlives the namespace's flip: STRICT comes too early, anything else stays open."""
    excepted = opening(peer.selector, exceptions)
    said = [("spec.mtls.mode", peer.mode, excepted.mode)]
    for port, mode in sorted(peer.ports.items()):
        said.append((f"spec.portLevelMtls[{port}]", mode, excepted.ports.get(port, excepted.mode)))
    for field, mode, allowed in said:
        if mode is Mtls.STRICT:
            yield _survives(
                peer,
                field,
                Severity.BLOCK,
                "its pods are STRICT from the moment that they have a proxy, whatever was seen of their callers",
                "delete it or say UNSET: the namespace will be STRICT for them too, when that is proven safe",
            )
        elif mode is not Mtls.UNSET and allowed is None:
            yield _survives(
                peer,
                field,
                Severity.BLOCK if mode is Mtls.DISABLE else Severity.WARN,
                f"its pods stay {mode} when the namespace becomes STRICT, and no exception says so",
                "delete it, say UNSET, or add an exception with an owner and a day",
            )
        if mode is Mtls.DISABLE:
            yield Finding(
                check=PLAIN,
                severity=Severity.WARN,
                object=str(peer),
                field=field,
                why="callers in the mesh switch to plaintext as well: all answers are fine, and nothing is encrypted",
                fix="say PERMISSIVE: callers with a proxy then use mTLS, the others may go on",
            )


def _survives(peer: PeerAuth, field: str, severity: Severity, why: str, fix: str) -> Finding:
    return Finding(check=OVERLAP, severity=severity, object=str(peer), field=field, why=why, fix=fix)


def _undeclared(ns: MeshNamespace, peer: PeerAuth, services: Sequence[Obj]) -> Iterable[Finding]:
    pods = _pods(ns, peer.selector)
    for port in sorted(peer.ports):
        yield from _wrong_port(str(peer), f"spec.portLevelMtls[{port}]", port, pods, services)


def _undeclared_exception(ns: MeshNamespace, one: Exemption, services: Sequence[Obj]) -> Iterable[Finding]:
    if one.port is not None:
        words = ",".join(f"{key}={text}" for key, text in sorted(one.workload.items())) or "all pods"
        name = f"exception of {ns.name} for {words}"
        yield from _wrong_port(name, "port", one.port, _pods(ns, one.workload), services)


def _wrong_port(
    name: str, field: str, port: int, pods: Sequence[MeshPod], services: Sequence[Obj]
) -> Iterable[Finding]:
    """A port that none of these pods declares. It is surely wrong when it is one of their Services' own."""
    if not pods or any(port in pod.ports for pod in pods):
        return
    declared = sorted({number for pod in pods for number in pod.ports})
    service = _service_with(port, pods, services)
    yield Finding(
        check=PORTS,
        severity=Severity.BLOCK if service else Severity.WARN,
        object=name,
        field=field,
        why=f"{port} is {f'the port of {service}' if service else 'no port that a pod declares'}, and here the "
        "container port counts: nothing is opened and nothing warns",
        fix=f"name the container port ({', '.join(map(str, declared)) or 'its pods declare none'})",
    )


def _service_with(port: int, pods: Sequence[MeshPod], services: Sequence[Obj]) -> str:
    """The Service in front of these pods that has this port; "" for none."""
    for obj in services:
        selector, ports = obj["spec"].get("selector") or {}, obj["spec"].get("ports") or ()
        if selector and any(has(pod.labels, selector) for pod in pods):
            target = next((one.get("targetPort", port) for one in ports if one["port"] == port), None)
            if target is not None:
                return f"Service {obj['metadata']['name']} (its target is {target})"
    return ""


def _unwritable(ns: MeshNamespace, root: Sequence[PeerAuth], why: str) -> Finding:
    is_root = any(peer.namespace == ns.name for peer in root)
    return Finding(
        check=OVERLAP,
        severity=Severity.BLOCK,
        object=f"Namespace {ns.name}" if is_root else f"exceptions of {ns.name}",
        field="" if is_root else "spec.exceptions",
        why=why,
        fix="take it out of the waves"
        if is_root
        else "give each pod one PeerAuthentication: merge the older object, or name its labels in the exception",
    )


def _pods(ns: MeshNamespace, labels: Labels) -> list[MeshPod]:
    return sorted((pod for pod in live(ns) if has(pod.labels, labels)), key=lambda pod: pod.name)
