"""Can the workloads be restarted now: without downtime, without a tool that puts it back, outside a release?"""

from collections.abc import Iterator, Mapping
from functools import partial
from urllib.parse import urlsplit

from rollout.migration.preflight.check import Check, annotations, labels, named
from rollout.migration.preflight.demand import part, replicas
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.sidecars import proxy_of
from rollout.migration.preflight.templates import WORKLOADS, Template, matches_expressions, workloads
from rollout.model.migration import Finding, Severity

_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Rollout")
_LONG_GRACE = 300  # seconds; each pod of a workload may take this long
# Marks of GitOps tools: labels and annotations, and names of those who write (managedFields).
_MARKS = {
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
    "argocd.argoproj.io/instance": "Argo CD",
    "argocd.argoproj.io/tracking-id": "Argo CD",
}
_WRITERS = {
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
}
_SUSPENDED = {"kustomize.toolkit.fluxcd.io/reconcile": "disabled", "argocd.argoproj.io/skip-reconcile": "true"}
_OWNED = ("PeerAuthentication", "DestinationRule", "Deployment", "StatefulSet", "DaemonSet")
# Phases in which nothing is on trial: of our Rollouts and Argo's, and of Flagger's Canaries.
_CALM = {
    "Rollout": frozenset({"", "Idle", "Failed", "Healthy", "Degraded"}),
    "Canary": frozenset({"", "Initialized", "Succeeded", "Failed", "Terminated"}),
}

_roll = partial(Finding, check="ROLL-01", severity=Severity.WARN)
_git = partial(Finding, check="GITOPS-01", severity=Severity.WARN)
_busy = partial(Finding, check="CANARY-01", severity=Severity.BLOCK)


def rough_restarts(gathered: Gathered) -> Iterator[Finding]:
    """ROLL-01: workloads that a restart takes down, or that take very long."""
    for template in workloads(gathered):
        if template.kind in _KINDS:
            for path, why, fix in _roughness(template):
                yield _roll(object=template.owner, field=path, why=why, fix=fix)
    for budget in gathered.here("PodDisruptionBudget"):
        held = [one for one in workloads(gathered) if _selects(budget, one)]
        path = _blocking(budget, sum(replicas(one) for one in held))
        if path:
            yield _roll(
                object=named("PodDisruptionBudget", budget),
                field=path,
                why=f"it lets no pod of {held[0].owner} be evicted: nodes cannot be drained while the namespace moves, and "
                "it does not hold up a restart",
                fix="let it allow one pod, and rely on maxUnavailable for restarts",
            )


def kept_in_git(gathered: Gathered) -> Iterator[Finding]:
    """GITOPS-01: objects that a GitOps tool would put back. Whether it heals by itself is not seen."""
    owned = [("Namespace", one) for one in gathered.cluster("Namespace", (gathered.namespace,))]
    owned += [(kind, one) for kind in _OWNED for one in gathered.here(kind)]
    for kind, obj in owned:
        tool, path = _tool(obj)
        if tool:
            yield _git(
                object=named(kind, obj),
                field=path,
                why=f"{tool} owns it: it may take our labels and modes back, and a fallback too",
                fix="write through git, and know how to suspend it for an emergency",
            )


def releases(gathered: Gathered) -> Iterator[Finding]:
    """CANARY-01: releases and scaling that are under way, and release tools whose calls STRICT would refuse."""
    for kind, calm in _CALM.items():
        for obj in gathered.here(kind):
            phase = str((obj.get("status") or {}).get("phase", ""))
            if phase not in calm:
                yield _busy(
                    object=named(kind, obj),
                    field="status.phase",
                    why=f"a release is under way ({phase}): nobody could tell its errors from those of the move",
                    fix="wait until it has ended, or end it",
                )
    for deployment in gathered.here("Deployment"):
        if _is_rolling(deployment):
            yield _busy(
                object=named("Deployment", deployment),
                field="status.updatedReplicas",
                why="its pods are being replaced: nobody could tell its errors from those of the move",
                fix="wait until all its pods are of the newest template",
            )
    for scaler in gathered.here("HorizontalPodAutoscaler"):
        status = scaler.get("status") or {}
        if status.get("desiredReplicas", 0) != status.get("currentReplicas", 0):
            yield _busy(
                object=named("HorizontalPodAutoscaler", scaler),
                field="status.desiredReplicas",
                why=f"it scales from {status.get('currentReplicas', 0)} to {status.get('desiredReplicas', 0)} pods just now",
                fix="wait until it has the pods that it wants",
            )
    yield from _refused_webhooks(gathered)


def _roughness(template: Template) -> Iterator[tuple[str, str, str]]:
    spec = template.obj.get("spec") or {}
    count = replicas(template)
    if count == 1 and template.kind != "DaemonSet":
        yield "spec.replicas", "its only pod is replaced: users meet a cold one, or none", "run two for the restart"
    group = "strategy" if template.kind in ("Deployment", "Rollout") else "updateStrategy"
    missing = ((spec.get(group) or {}).get("rollingUpdate") or {}).get("maxUnavailable")
    if missing is not None and count > 1 and _is_all(missing, count):
        path = f"spec.{group}.rollingUpdate.maxUnavailable"
        yield path, f"{missing} lets all {count} pods go at once: the restart is an outage", "lower it"
    if template.kind != "DaemonSet" and not any(one.get("readinessProbe") for _, one in template.containers()):
        path = template.at("spec", "containers[0].readinessProbe")
        yield path, "no container says when it is ready: calls reach new pods too early", "add a readinessProbe"
    grace = int(template.spec.get("terminationGracePeriodSeconds") or 0)
    if grace > _LONG_GRACE:
        path = template.at("spec", "terminationGracePeriodSeconds")
        yield path, f"each pod may take {grace} s to end: the restart takes very long", "lower it, or plan the time"


def _is_all(missing: int | str, count: int) -> bool:
    """Whether so many may be missing that none is left; a Deployment rounds a percentage down."""
    return missing == "100%" if isinstance(missing, str) else missing >= count


def _selects(budget: Obj, template: Template) -> bool:
    selector = (budget.get("spec") or {}).get("selector") or {}
    return template.kind in _KINDS and matches_expressions(selector, template.labels)


def _blocking(budget: Obj, pods: int) -> str:
    """The field with which it allows no eviction, "" when it allows one."""
    spec = budget.get("spec") or {}
    if not pods:
        return ""
    if spec.get("maxUnavailable") is not None and part(spec["maxUnavailable"], pods) == 0:
        return "spec.maxUnavailable"
    if spec.get("minAvailable") is not None and part(spec["minAvailable"], pods) >= pods:
        return "spec.minAvailable"
    return ""


def _tool(obj: Obj) -> tuple[str, str]:
    """(tool, path of the mark), ("", "") where none owns it or its work is suspended."""
    found: Mapping[str, str] = annotations(obj)
    if any(found.get(name) == value for name, value in _SUSPENDED.items()):
        return "", ""
    for name, tool in _MARKS.items():
        for group, given in (("labels", labels(obj)), ("annotations", found)):
            if name in given:
                return tool, f"metadata.{group}.{name}"
    for index, entry in enumerate(obj["metadata"].get("managedFields") or ()):
        if entry.get("manager") in _WRITERS:
            return _WRITERS[entry["manager"]], f"metadata.managedFields[{index}].manager"
    return "", ""


def _is_rolling(deployment: Obj) -> bool:
    status = deployment.get("status") or {}
    wanted = (deployment.get("spec") or {}).get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    return not seen or status.get("updatedReplicas", 0) < wanted or status.get("replicas", 0) > wanted


def _refused_webhooks(gathered: Gathered) -> Iterator[Finding]:
    """Canaries whose webhooks are in the namespace, called by a Flagger outside the mesh."""
    flaggers = [pod for pod in gathered.all("Pod") if labels(pod).get("app.kubernetes.io/name") == "flagger"]
    if any(proxy_of(pod) is not None for pod in flaggers):
        return
    for canary in gathered.all("Canary"):
        for index, hook in enumerate((((canary.get("spec") or {}).get("analysis")) or {}).get("webhooks") or ()):
            place = _namespace_of(str(hook.get("url", "")), str(canary["metadata"]["namespace"]))
            if place == gathered.namespace:
                yield _busy(
                    object=named("Canary", canary),
                    field=f"spec.analysis.webhooks[{index}].url",
                    why="Flagger is not in the mesh: under STRICT its calls to this webhook fail, and so does each release",
                    fix="take Flagger into the mesh, or make an exception for the webhook's port",
                )


def _namespace_of(url: str, default: str) -> str:
    """The namespace that a URL within the cluster leads to: of "http://tester.shop/" it is shop."""
    parts = (urlsplit(url).hostname or "").split(".")
    return parts[1] if len(parts) > 1 else default


RESTARTS = (
    Check(
        id="ROLL-01",
        title="a restart is no outage",
        severity=Severity.WARN,
        reads=("PodDisruptionBudget", *WORKLOADS),
        find=rough_restarts,
    ),
    Check(
        id="GITOPS-01",
        title="no tool puts our writes back",
        severity=Severity.WARN,
        reads=("Namespace", *_OWNED),
        find=kept_in_git,
    ),
    Check(
        id="CANARY-01",
        title="no release is under way",
        severity=Severity.BLOCK,
        reads=("Rollout", "Canary", "Deployment", "HorizontalPodAutoscaler", "Pod"),
        find=releases,
    ),
)
