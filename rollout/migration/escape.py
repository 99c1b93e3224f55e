"""How is a namespace opened by hand at three in the morning, with nothing but kubectl?

The runbook of one namespace: its real objects, the exact commands, and how to see whether they helped. What it changes is
what the controller's own fallback changes.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from shlex import quote
from typing import Any

from rollout.migration.mtls import live
from rollout.migration.mtls_exceptions import excepted
from rollout.migration.mtls_writes import INJECTION, opened
from rollout.migration.patches import Operation, annotation_patch, modes_patch, peer_object, version_test
from rollout.migration.read import INJECT, REVISION, Obj
from rollout.model.mesh import MeshNamespace, MeshPod, MeshWorkload, PeerAuth, Restartable
from rollout.model.mesh_writes import WritePeer
from rollout.model.migration import Exemption
from rollout.traffic.owners import ARGO, Owner, owner_of

PEERS = "peerauthentications.security.istio.io"
_PEER_API = "security.istio.io/v1"
_ARGO_HOME = "argocd"
_SKIP = "argocd.argoproj.io/skip-reconcile"
# What makes Flux leave one object alone, by the kind that applies it.
_LEAVE = {
    "Kustomization": ("kustomize.toolkit.fluxcd.io/reconcile", "disabled"),
    "HelmRelease": ("helm.toolkit.fluxcd.io/driftDetection", "disabled"),
}
_COLUMNS = "NAME:.metadata.name,MODE:.spec.mtls.mode,PORTS:.spec.portLevelMtls"
_NEVER = date(9999, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A namespace as it is. raw: its PeerAuthentications by name, as they were read. migration: that names it, "" for none.

    root_name: the mesh's own namespace. unread: what could not be looked at, and why.
    """

    namespace: MeshNamespace
    root: tuple[PeerAuth, ...]
    root_name: str
    raw: Mapping[str, Obj]
    migration: str = ""
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a PeerAuthentication. patch: of a live one; body: of a new one. Exactly one of them is given."""

    write: WritePeer
    patch: tuple[Operation, ...] = ()
    body: Mapping[str, Any] | None = None

    @property
    def command(self) -> str:
        """The same with kubectl."""
        if self.body is not None:
            return f"echo {quote(_json(self.body))} | kubectl apply -f -"
        where = f"kubectl -n {self.write.namespace} patch {PEERS} {self.write.name}"
        return f"{where} --type=json -p {quote(_json(self.patch))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of the runbook. words: when to take it, and what it costs."""

    title: str
    words: str
    commands: tuple[str, ...]


def opening(scene: Scene) -> tuple[Change, ...]:
    """The changes after which no pod of the namespace is STRICT on any port; () when none is."""
    return tuple(_change(scene, write) for write in opened(scene.namespace, scene.root))


def applications(scene: Scene) -> tuple[tuple[str, str], ...]:
    """Argo CD's Applications, (namespace, name), that apply what is to be opened: they have to be held first, sorted."""
    owners = (_owner(scene, write.name) for write in opened(scene.namespace, scene.root))
    names = {owner.name for owner in owners if owner is not None and owner.tool == ARGO and owner.name}
    return tuple(sorted(_application(name) for name in names))


def application_hold(namespace: str, name: str) -> dict[str, Any]:
    """What makes Argo CD leave an Application alone, as an object to apply."""
    metadata = {"namespace": namespace, "name": name, "annotations": {_SKIP: "true"}}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata}


def runbook(scene: Scene) -> tuple[Step, ...]:
    """What to do, in the order in which one tries it."""
    return tuple(step for step in _steps(scene) if step.commands)


def _steps(scene: Scene) -> Iterator[Step]:
    yield _controller(scene)
    yield Step(
        title="Hold Argo CD",
        words="It would put the next changes back.",
        commands=tuple(
            f"kubectl -n {place} annotate applications.argoproj.io {one} {_SKIP}=true --overwrite"
            for place, one in applications(scene)
        ),
    )
    yield _open(scene)
    yield Step(
        title="Only one port: plaintext gets in there, all else stays STRICT",
        words="Instead of opening the namespace, when it is known which port the caller uses.",
        commands=tuple(_ports(scene)),
    )
    yield Step(
        title="Only one workload without its sidecar",
        words="Restarts its pods. They take plaintext then, and are refused by whatever is STRICT that they call.",
        commands=tuple(command for one in scene.namespace.workloads for command in _bare(scene.namespace, one)),
    )
    yield Step(
        title="Take the whole namespace out of the mesh",
        words="The last resort: it restarts everything, and what it calls must not be STRICT. Open the namespace first.",
        commands=tuple(_unenrolled(scene.namespace)),
    )
    yield Step(
        title="See whether it worked",
        words="No mode is STRICT; a pod without a proxy gets any code but 000 (a refusal is 000 and `reset by peer`); and no "
        "proxy logs filter_chain_not_found any more.",
        commands=tuple(_looks(scene)),
    )
    yield Step(
        title="Afterwards: give it back",
        words="Once the cause is found. Only then may the controller and the GitOps tool go on.",
        commands=tuple(_given_back(scene)),
    )


def _controller(scene: Scene) -> Step:
    suspend = quote(_json({"spec": {"suspend": True}}))
    commands = (
        f"rollout mesh fallback {scene.namespace.name}",
        f"kubectl patch meshmigrations.rollout.dev {scene.migration} --type=merge -p {suspend}",
    )
    return Step(
        title="Let the controller open it, and never close it behind your back",
        words="The first one is enough while the controller runs. The second stops the whole migration, also when it "
        "comes back; what opens is never stopped.",
        commands=commands if scene.migration else (),
    )


def _open(scene: Scene) -> Step:
    changes = opening(scene)
    if not changes:
        words = "Nothing here is STRICT: plaintext gets in already, so something else ails the callers."
        return Step(title="Open the namespace", words=words, commands=(_modes_command(scene.namespace.name),))
    words = "Takes effect within seconds, restarts nothing. `rollout mesh escape --now` does exactly this."
    return Step(title="Open the namespace", words=words, commands=tuple(one.command for one in changes))


def _change(scene: Scene, write: WritePeer) -> Change:
    raw = scene.raw.get(write.name)
    if not write.version or raw is None:
        return Change(write=write, body=peer_object(write, _PEER_API))
    leave = list[Operation]()
    owner = _owner(scene, write.name)
    if owner is not None and owner.kind in _LEAVE:
        leave = annotation_patch(*_LEAVE[owner.kind], raw["metadata"].get("annotations"))
    return Change(write=write, patch=(version_test(write.version), *leave, *modes_patch(write, raw)))


def _owner(scene: Scene, name: str) -> Owner | None:
    return owner_of(scene.raw[name]) if name in scene.raw else None


def _application(name: str) -> tuple[str, str]:
    """Argo CD's tracking writes NAMESPACE_NAME for Applications outside of its own namespace."""
    place, separator, rest = name.partition("_")
    return (place, rest) if separator else (_ARGO_HOME, name)


def _ports(scene: Scene) -> Iterator[str]:
    ns = scene.namespace
    for workload in ns.workloads:
        ports = sorted({port for pod in _pods(ns, workload) for port in pod.ports})
        labels = workload.selector or workload.template_labels
        for port in ports:
            one = Exemption(namespace=ns.name, workload=labels, port=port, owner="", expires=_NEVER)
            for write in excepted(ns, scene.root, (one,)):
                yield f"{_change(scene, write).command}  # {workload}, port {port}"


def _bare(ns: MeshNamespace, workload: MeshWorkload) -> Iterator[str]:
    pods = [pod for pod in _pods(ns, workload) if pod.meshed]
    if not pods:
        return
    template = {"spec": {"template": {"metadata": {"labels": {INJECT: "false"}}}}}
    where = f"kubectl -n {ns.name} patch {workload.kind.lower()} {workload.name}"
    yield f"{where} --type=merge -p {quote(_json(template))}"
    yield from _by_hand(ns, workload, pods)


def _unenrolled(ns: MeshNamespace) -> Iterator[str]:
    if labels := [f"{label}-" for label in (INJECTION, REVISION) if label in ns.labels]:
        yield f"kubectl label namespace {ns.name} {' '.join(labels)}"
    known = {str(workload) for workload in ns.workloads}
    for workload in ns.workloads:
        if pods := [pod for pod in _pods(ns, workload) if pod.meshed]:
            if workload.restartable is not Restartable.BY_HAND:
                yield f"kubectl -n {ns.name} rollout restart {workload.kind.lower()}/{workload.name}"
            yield from _by_hand(ns, workload, pods)
    for pod in live(ns):
        if pod.meshed and pod.workload not in known:
            owner = f"made anew by {pod.workload}" if pod.workload else "nobody makes it anew: keep its manifest"
            yield f"kubectl -n {ns.name} delete pod {pod.name}  # {owner}"


def _by_hand(ns: MeshNamespace, workload: MeshWorkload, pods: list[MeshPod]) -> Iterator[str]:
    """Pods that a changed template alone does not reach."""
    if workload.restartable is Restartable.ROLLING:
        return
    for pod in pods:
        yield f"kubectl -n {ns.name} delete pod {pod.name}  # {workload} does not restart it by itself"


def _looks(scene: Scene) -> Iterator[str]:
    ns = scene.namespace
    yield _modes_command(ns.name)
    yield _modes_command(scene.root_name)
    pod = next((one for one in live(ns) if one.meshed and one.ready and one.ip and one.ports), None)
    if pod is not None:
        address = f"[{pod.ip}]" if ":" in pod.ip else pod.ip
        yield (
            "kubectl -n default run escape-probe --rm -i --restart=Never --image=curlimages/curl "
            f"--labels={INJECT}=false -- curl -sS -m 5 -o /dev/null -w '%{{http_code}}\\n' http://{address}:{pod.ports[0]}/"
        )
        yield f"kubectl -n {ns.name} logs {pod.name} -c istio-proxy --since=2m | grep -c filter_chain_not_found"
    columns = "NAME:.metadata.name,INIT:.spec.initContainers[*].name,CONTAINERS:.spec.containers[*].name"
    yield f"kubectl -n {ns.name} get pods -o 'custom-columns={columns}'"  # a shell would look for files


def _given_back(scene: Scene) -> Iterator[str]:
    for write in opened(scene.namespace, scene.root):
        owner = _owner(scene, write.name)
        if owner is not None and owner.kind in _LEAVE:
            yield f"kubectl -n {write.namespace} annotate {PEERS} {write.name} {_LEAVE[owner.kind][0]}-"
    for place, one in applications(scene):
        yield f"kubectl -n {place} annotate applications.argoproj.io {one} {_SKIP}-"
    if scene.migration:
        resumed = quote(_json({"spec": {"suspend": False}}))
        yield f"kubectl patch meshmigrations.rollout.dev {scene.migration} --type=merge -p {resumed}"
        yield f"rollout mesh retry {scene.namespace.name}"


def _modes_command(namespace: str) -> str:
    return f"kubectl -n {namespace} get {PEERS} -o custom-columns={_COLUMNS}"


def _pods(ns: MeshNamespace, workload: MeshWorkload) -> tuple[MeshPod, ...]:
    return tuple(pod for pod in live(ns) if pod.workload == str(workload))


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
