"""Will the API server and the nodes let the proxy into the pods, and does it catch their traffic there?"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rollout.migration.preflight.check import Check, labels, named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import (
    JOINING,
    injector_values,
    injectors,
    joining,
    joins,
    namespace,
    setting,
)
from rollout.migration.preflight.templates import (
    WORKLOADS,
    Template,
    excepted,
    matches_expressions,
    of_pod,
    reaching,
    workloads,
)
from rollout.model.mesh import Labels
from rollout.model.migration import Finding, Severity

ENFORCE = "pod-security.kubernetes.io/enforce"
PROXY_ID = 1337  # user and group of the proxy: what it sends itself is not captured
SANDBOXES = ("gvisor", "runsc", "kata")
# Labels of nodes without DaemonSets and privileges, and what such a node is.
SERVERLESS = {
    ("eks.amazonaws.com/compute-type", "fargate"): "Fargate",
    ("type", "virtual-kubelet"): "a virtual kubelet",
}


def pod_security(gathered: Gathered) -> Iterator[Finding]:
    """A Pod Security level that refuses istio-init, or the proxy itself."""
    place = namespace(gathered)
    level = "" if place is None else labels(place).get(ENFORCE, "")
    if place is None or level not in ("baseline", "restricted"):
        return
    values = injector_values(gathered)
    if not _has_cni(values):
        yield Finding(
            check="PSA-01",
            severity=Severity.BLOCK,
            object=named("Namespace", place),
            field=f"metadata.labels.{ENFORCE}",
            why=f"{level} refuses istio-init, which needs NET_ADMIN and NET_RAW: no pod of the namespace can start",
            fix="install Istio's CNI plugin (pilot.cni.enabled)",
        )
    elif level == "restricted" and not setting(values, "global", "proxy", "seccompProfile"):
        for one in joining(gathered):
            if not setting(one.spec, "securityContext", "seccompProfile"):
                yield Finding(
                    check="PSA-01",
                    severity=Severity.BLOCK,
                    object=one.owner,
                    field=one.at("spec", "securityContext", "seccompProfile"),
                    why="restricted refuses the proxy: it has no seccompProfile, and the pod sets none for it",
                    fix="set global.proxy.seccompProfile of Istio to RuntimeDefault, or the pod's own",
                )


def _has_cni(values: Mapping[str, Any] | None) -> bool:
    """Older charts call the setting istio_cni."""
    return any(setting(values, *path) is True for path in (("pilot", "cni", "enabled"), ("istio_cni", "enabled")))


def other_admission(gathered: Gathered) -> Iterator[Finding]:
    """Webhooks and policies of others that see each new pod of the namespace, and so the proxy in it."""
    ours = {configuration["metadata"]["name"] for configuration, _, _ in injectors(gathered)}
    place = namespace(gathered)
    marks = {} if place is None else labels(place)
    pods = [one.labels for one in joining(gathered)]
    last = max(ours, default="")
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for configuration in gathered.all(kind):
            name = configuration["metadata"]["name"]
            for index, entry in enumerate(configuration.get("webhooks") or ()):
                if name not in ours and _sees_pods(entry.get("rules")) and _is_for(entry, marks, pods):
                    yield _other(kind, configuration, f"webhooks[{index}]", _harm(kind, name > last))
    for policy in gathered.all("ValidatingAdmissionPolicy"):
        constraints = (policy.get("spec") or {}).get("matchConstraints") or {}
        if _sees_pods(constraints.get("resourceRules")) and _is_for(constraints, marks, pods):
            yield _other("ValidatingAdmissionPolicy", policy, "spec.matchConstraints", _harm("", False))


def _sees_pods(rules: list[Obj] | None) -> bool:
    """Whether rules cover the creation of pods."""
    return any(
        {"", "*"} & set(rule.get("apiGroups") or ())
        and {"pods", "*", "*/*"} & set(rule.get("resources") or ())
        and {"CREATE", "*"} & set(rule.get("operations") or ())
        for rule in rules or ()
    )


def _is_for(entry: Obj, marks: Labels, pods: Iterable[Labels]) -> bool:
    """Whether its selectors let the namespace and some of its pods through."""
    chosen = entry.get("objectSelector") or {}
    return matches_expressions(entry.get("namespaceSelector") or {}, marks) and any(
        matches_expressions(chosen, one) for one in pods
    )


def _harm(kind: str, comes_later: bool) -> str:
    if kind != "MutatingWebhookConfiguration":
        return "it may refuse pods because of the proxy in them"
    if comes_later:
        return "it changes pods after Istio did: probes of containers that it adds are not rewritten, and fail"
    return "it changes pods before Istio does: it may be asked again, and reorder or drop the proxy"


def _other(kind: str, obj: Obj, field: str, why: str) -> Finding:
    return Finding(
        check="PSA-02",
        severity=Severity.WARN,
        object=named(kind, obj),
        field=field,
        why=why,
        fix="create a pod with a proxy with --dry-run=server and look at what comes back; then acknowledge this",
    )


def proxy_identity(gathered: Gathered) -> Iterator[Finding]:
    """Containers that run as the proxy's user or group."""
    for one in joining(gathered):
        contexts = [(one.at("spec"), one.spec)]
        contexts += list(one.applications())
        for path, holder in contexts:
            for key in ("runAsUser", "runAsGroup"):
                if setting(holder, "securityContext", key) == PROXY_ID:
                    yield Finding(
                        check="UID-01",
                        severity=Severity.BLOCK,
                        object=one.owner,
                        field=f"{path}.securityContext.{key}",
                        why="1337 is the proxy's own: what such a process sends is not captured and goes in plaintext",
                        fix="run it as another user and group",
                    )


def host_network(gathered: Gathered) -> Iterator[Finding]:
    """Pods in the network of their node: they cannot be enrolled."""
    for one in workloads(gathered):
        if one.spec.get("hostNetwork") is not True:
            continue
        ports = [int(port["containerPort"]) for _, port in one.ports()]
        is_settled = excepted(gathered, one) or (ports and all(excepted(gathered, one, port) for port in ports))
        blocks = not is_settled and bool(ports or reaching(gathered, one))
        yield Finding(
            check="HOST-01",
            severity=Severity.BLOCK if blocks else Severity.WARN,
            object=one.owner,
            field=one.at("spec", "hostNetwork"),
            why="with hostNetwork it gets no proxy: "
            + ("its ports never take mTLS" if blocks else "all that it calls is called in plaintext"),
            fix="take it off the host's network, or list it in spec.exceptions (and the ports that it calls)",
        )


def foreign_nodes(gathered: Gathered) -> Iterator[Finding]:
    """Pods for nodes or runtimes on which traffic cannot be captured."""
    nodes = {node["metadata"]["name"]: node for node in gathered.all("Node")}
    for one in joining(gathered):
        if found := _declared(one):
            yield _no_capture(one.owner, one.at("spec", found[0]), found[1])
    for pod in gathered.here("Pod"):
        node = nodes.get(pod["spec"].get("nodeName", ""))
        what = "" if node is None else _what(node)
        if what and joins(gathered, of_pod(pod)) and not _declared(of_pod(pod)):
            yield _no_capture(named("Pod", pod), "spec.nodeName", f"its node is {what}")


def _declared(one: Template) -> tuple[str, str] | None:
    """The field with which a template asks for such a node or runtime, and what it says."""
    if (
        setting(one.spec, "os", "name") == "windows"
        or (one.spec.get("nodeSelector") or {}).get("kubernetes.io/os") == "windows"
    ):
        return ("os.name" if setting(one.spec, "os", "name") else "nodeSelector.kubernetes.io/os"), "it needs Windows"
    if one.spec.get("schedulerName") == "fargate-scheduler":
        return "schedulerName", "it runs on Fargate"
    runtime = str(one.spec.get("runtimeClassName") or "")
    if any(name in runtime.lower() for name in SANDBOXES):
        return "runtimeClassName", f"it runs in a sandbox ({runtime})"
    return None


def _what(node: Obj) -> str:
    marks = labels(node)
    if (
        marks.get("kubernetes.io/os") == "windows"
        or setting(node, "status", "nodeInfo", "operatingSystem") == "windows"
    ):
        return "Windows"
    return next((what for (key, value), what in SERVERLESS.items() if marks.get(key) == value), "")


def _no_capture(owner: str, field: str, what: str) -> Finding:
    return Finding(
        check="OS-01",
        severity=Severity.BLOCK,
        object=owner,
        field=field,
        why=f"{what}: there its traffic cannot be captured, so its pods do not start or get no proxy",
        fix="move it to Linux nodes, or out of the namespace",
    )


ADMISSION = (
    Check(
        id="PSA-01",
        title="Pod Security lets the proxy in",
        severity=Severity.BLOCK,
        reads=("Namespace", *JOINING),
        find=pod_security,
    ),
    Check(
        id="PSA-02",
        title="no other webhook or policy refuses or changes pods with a proxy",
        severity=Severity.WARN,
        reads=("Namespace", "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy", *JOINING),
        find=other_admission,
    ),
    Check(
        id="UID-01",
        title="nothing runs as the proxy's user",
        severity=Severity.BLOCK,
        reads=JOINING,
        find=proxy_identity,
    ),
    Check(
        id="HOST-01",
        title="no pod is in the network of its node",
        severity=Severity.BLOCK,
        reads=("Service", *WORKLOADS),
        find=host_network,
    ),
    Check(
        id="OS-01",
        title="all pods run where traffic can be captured",
        severity=Severity.BLOCK,
        reads=("Node", *JOINING),
        find=foreign_nodes,
    ),
)
