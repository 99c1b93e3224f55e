"""Is there one mesh, is its control plane fit to make pods, and can it take this namespace?"""

from collections.abc import Iterator

from rollout.migration.preflight.check import Check, annotations, labels, named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import (
    MESH,
    REVISION,
    enrolment,
    injectors,
    mesh_config,
    namespace,
    settings_name,
    takes,
    wanted_revision,
)
from rollout.migration.preflight.templates import WORKLOADS, matches_expressions, of_pod, workloads
from rollout.model.migration import Finding, Severity

# What enrols a namespace or a pod in another mesh: keys of labels and annotations, and the values that mean yes.
FOREIGN = {
    "linkerd.io/inject": ("Linkerd", ("enabled", "ingress")),
    "consul.hashicorp.com/connect-inject": ("Consul", ("true",)),
    "kuma.io/sidecar-injection": ("Kuma", ("enabled", "true")),
    "openservicemesh.io/sidecar-injection": ("Open Service Mesh", ("enabled", "yes", "true")),
    "appmesh.k8s.aws/sidecarInjectorWebhook": ("App Mesh", ("enabled",)),
}
# Containers that other meshes put into pods.
PROXIES = {"linkerd-proxy": "Linkerd", "consul-dataplane": "Consul", "kuma-sidecar": "Kuma"}
READY = 2  # replicas of istiod: one may go


def two_meshes(gathered: Gathered) -> Iterator[Finding]:
    """Other meshes that take the namespace or pods of it, and Istio injectors that would both take it."""
    place = namespace(gathered)
    marked = [] if place is None else [(named("Namespace", place), "metadata.", labels(place), annotations(place))]
    marked += [
        (one.owner, one.at("metadata") + ".", dict(one.labels), dict(one.annotations)) for one in workloads(gathered)
    ]
    for owner, path, its_labels, its_annotations in marked:
        for key, (other, values) in FOREIGN.items():
            for group, marks in (("labels", its_labels), ("annotations", its_annotations)):
                if marks.get(key, "").lower() in values:
                    yield _second_mesh(owner, f"{path}{group}.{key}", f"{other} takes these pods too")
    for pod in gathered.here("Pod"):
        for path, container in of_pod(pod).containers():
            if mesh := PROXIES.get(container["name"]):
                yield _second_mesh(named("Pod", pod), path, f"the pod has a proxy of {mesh}")
    taking = sorted(_taking(gathered), key=lambda one: str(one[0]["metadata"]["name"]))
    for configuration, _, path in taking[1:]:
        if configuration != taking[0][0]:
            yield _second_mesh(
                named("MutatingWebhookConfiguration", configuration),
                f"{path}.namespaceSelector",
                f"it would inject pods of {gathered.namespace}, and so would {taking[0][0]['metadata']['name']}",
            )


def _second_mesh(owner: str, field: str, why: str) -> Finding:
    return Finding(
        check="MESH-01",
        severity=Severity.BLOCK,
        object=owner,
        field=field,
        why=f"{why}: two proxies would capture the same traffic, and calls hang or loop",
        fix="choose one mesh for the namespace and remove the marks of the other",
    )


def control_plane(gathered: Gathered) -> Iterator[Finding]:
    """An istiod that is missing, alone or unprotected, and injectors that the API server cannot call."""
    taking = _taking(gathered)
    refuses = any(entry.get("failurePolicy", "Fail") == "Fail" for _, entry, _ in taking)
    harm = "no pod of the namespace can start" if refuses else "pods start without a proxy and nobody says so"
    yield from _few(gathered, harm)
    for istiod in _istiods(gathered):
        if not _is_protected(gathered, istiod):
            yield Finding(
                check="MESH-02",
                severity=Severity.WARN,
                object=named("Deployment", istiod),
                field="spec.template.metadata.labels",
                why=f"no PodDisruptionBudget protects it: a drain may stop every istiod at once, and then {harm}",
                fix="create a PodDisruptionBudget with minAvailable 1 for istiod",
            )
    for configuration, entry, path in taking:
        client = entry.get("clientConfig") or {}
        if client.get("service") and not client.get("caBundle"):
            yield Finding(
                check="MESH-02",
                severity=Severity.BLOCK,
                object=named("MutatingWebhookConfiguration", configuration),
                field=f"{path}.clientConfig.caBundle",
                why=f"the API server cannot trust the injector without a caBundle: {harm}",
                fix="let istiod write it (look into its log for 'caBundle'), or install the webhook again",
            )


def _few(gathered: Gathered, harm: str) -> Iterator[Finding]:
    """Too few that are ready. One outside of the cluster, which the injector calls by URL, is not seen from here."""
    istiods = _istiods(gathered)
    ready = sum(int((one.get("status") or {}).get("readyReplicas") or 0) for one in istiods)
    if ready >= READY:
        return
    is_outside = any((entry.get("clientConfig") or {}).get("url") for _, entry, _ in _taking(gathered))
    if is_outside and not istiods:
        why = f"istiod is outside of the cluster, so nobody here sees whether it is ready: while it is not, {harm}"
    else:
        why = f"{ready} istiod is ready: while there is none, {harm}"
    yield Finding(
        check="MESH-02",
        severity=Severity.WARN if ready or (is_outside and not istiods) else Severity.BLOCK,
        object=named("Deployment", istiods[0]) if istiods else f"Deployment {gathered.spec.root}/istiod",
        field="status.readyReplicas",
        why=why,
        fix=f"run at least {READY} replicas of istiod (revision {wanted_revision(gathered)}) and wait until they are ready",
    )


def _istiods(gathered: Gathered) -> tuple[Obj, ...]:
    """Those of the wanted revision; one without the label counts as any."""
    revision = wanted_revision(gathered)
    return tuple(
        one
        for one in gathered.of("Deployment", gathered.spec.root)
        if labels(one).get("app") == "istiod" and labels(one).get(REVISION, revision) == revision
    )


def _is_protected(gathered: Gathered, istiod: Obj) -> bool:
    pods = istiod["spec"]["template"]["metadata"].get("labels") or {}
    budgets = gathered.of("PodDisruptionBudget", istiod["metadata"]["namespace"])
    selectors = [one["spec"].get("selector") for one in budgets]
    return any(one is not None and matches_expressions(one, pods) for one in selectors)


def auto_mtls(gathered: Gathered) -> Iterator[Finding]:
    """That clients do not switch to mTLS by themselves, or that nobody can know."""
    config = mesh_config(gathered)
    if config is None:
        why = "the mesh configuration is missing or cannot be read: nobody knows whether clients use mTLS"
        fix = "repair the installation of Istio, or correct spec.revision and spec.root of the migration"
    elif config.get("enableAutoMtls", True) is not False:
        return
    else:
        why = "with enableAutoMtls: false meshed clients go on in plaintext, and STRICT would refuse them all"
        fix = "set meshConfig.enableAutoMtls to true"
    yield Finding(
        check="MESH-03",
        severity=Severity.BLOCK,
        object=settings_name(gathered, MESH),
        field="data.mesh" if config is None else "data.mesh: enableAutoMtls",
        why=why,
        fix=fix,
    )


def _taking(gathered: Gathered) -> tuple[tuple[Obj, Obj, str], ...]:
    """The injectors that would take an ordinary pod of the namespace once it has its label, and their paths."""
    place = namespace(gathered)
    after = ({} if place is None else labels(place)) | enrolment(gathered)
    return tuple(one for one in injectors(gathered) if takes(one[1], after, {}))


CONTROL_PLANE = (
    Check(
        id="MESH-01",
        title="one mesh takes the namespace, not two",
        severity=Severity.BLOCK,
        reads=("Namespace", "MutatingWebhookConfiguration", *WORKLOADS),
        find=two_meshes,
    ),
    Check(
        id="MESH-02",
        title="the control plane is there and may lose a pod",
        severity=Severity.WARN,
        reads=("Deployment", "PodDisruptionBudget", "MutatingWebhookConfiguration", "Namespace"),
        find=control_plane,
    ),
    Check(
        id="MESH-03",
        title="clients in the mesh use mTLS by themselves",
        severity=Severity.BLOCK,
        reads=("ConfigMap", "MutatingWebhookConfiguration"),
        find=auto_mtls,
    ),
)
