"""Which pods does a namespace make, and which Services reach them?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rollout.migration.preflight.check import named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.model.mesh import Labels

# What `workloads` looks at: a check that calls it reads these.
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Rollout", "Pod")
OWN = frozenset({"istio-proxy", "istio-init", "istio-validation"})  # containers
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_MAKERS = frozenset({"ReplicaSet", "StatefulSet", "DaemonSet", "Job"})
_OF_TEMPLATE = "spec.template"
_OF_CRON_JOB = "spec.jobTemplate.spec.template"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The pods that one object makes. owner: "Deployment shop/api". path: of the template in it, "" for a bare pod.

    spec: of the pods. obj: the owner itself.
    """

    kind: str
    owner: str
    path: str
    labels: Labels
    annotations: Labels
    spec: Mapping[str, Any]
    obj: Obj

    def at(self, *path: str) -> str:
        """A path within the template as a path within its owner: at("spec", "hostNetwork")."""
        return ".".join((self.path, *path) if self.path else path)

    def containers(self) -> Iterator[tuple[str, Obj]]:
        """Init containers, then containers, each with its path in the owner."""
        for group in ("initContainers", "containers"):
            for index, one in enumerate(self.spec.get(group) or ()):
                yield self.at("spec", f"{group}[{index}]"), one

    def applications(self) -> Iterator[tuple[str, Obj]]:
        """The containers without Istio's own, whose settings a template may carry."""
        return ((path, one) for path, one in self.containers() if one["name"] not in OWN)

    def ports(self) -> Iterator[tuple[str, Obj]]:
        """The declared container ports of the applications, each with its path in the owner."""
        for path, container in self.applications():
            for index, port in enumerate(container.get("ports") or ()):
                yield f"{path}.ports[{index}]", port

    def port(self, wanted: int | str) -> int | None:
        """The container port of that number or name; None when no container declares the name."""
        if isinstance(wanted, int):
            return wanted
        if wanted.isdigit():
            return int(wanted)
        return next((int(port["containerPort"]) for _, port in self.ports() if port.get("name") == wanted), None)


def workloads(gathered: Gathered, namespace: str = "") -> tuple[Template, ...]:
    """All that makes pods in the namespace (ours, or another one), sorted by owner; what is over makes none any more.

    Pods and ReplicaSets count only where nothing of the list makes them: bare ones, and those of foreign operators.
    """
    place = namespace or gathered.namespace
    found = [
        _template(kind, _OF_CRON_JOB if kind == "CronJob" else _OF_TEMPLATE, obj)
        for kind in WORKLOADS
        if kind != "Pod"
        for obj in gathered.of(kind, place)
        if not _is_made(obj, kind) and not _is_over(kind, obj)
    ]
    found += [of_pod(pod) for pod in gathered.of("Pod", place) if not _is_made(pod, "Pod") and not _is_over("Pod", pod)]
    return tuple(sorted((one for one in found if one.spec), key=lambda one: one.owner))


def probes(one: Template) -> Iterator[tuple[str, Obj]]:
    """All probes of the applications, each with its path in the owner."""
    for path, container in one.applications():
        yield from ((f"{path}.{name}", container[name]) for name in PROBES if container.get(name))


def of_pod(pod: Obj) -> Template:
    """A pod as the only one that it makes."""
    meta = pod["metadata"]
    return Template(
        kind="Pod",
        owner=named("Pod", pod),
        path="",
        labels=meta.get("labels") or {},
        annotations=meta.get("annotations") or {},
        spec=pod["spec"],
        obj=pod,
    )


def services(gathered: Gathered) -> tuple[tuple[Obj, tuple[Template, ...]], ...]:
    """The namespace's Services by name, each with the workloads whose pods it selects (none without a selector)."""
    templates = workloads(gathered)
    ordered = sorted(gathered.here("Service"), key=lambda one: str(one["metadata"]["name"]))
    return tuple((one, _select(one, templates)) for one in ordered)


def selected(gathered: Gathered, service: Obj) -> tuple[Template, ...]:
    """The workloads whose pods one Service selects; for all of a namespace, `services` looks only once."""
    return _select(service, workloads(gathered, service["metadata"]["namespace"]))


def reaching(gathered: Gathered, template: Template) -> tuple[Obj, ...]:
    """The Services of the same namespace that select the workload's pods."""
    place = template.obj["metadata"]["namespace"]
    return tuple(
        one
        for one in gathered.of("Service", place)
        if (selector := (one.get("spec") or {}).get("selector")) and matches(selector, template.labels)
    )


def excepted(gathered: Gathered, template: Template, port: int | None = None) -> bool:
    """Whether an exception of the migration that is still good covers all of the workload, or one container port."""
    return any(
        matches(one.workload, template.labels) and one.port in (None, port) and gathered.now.date() < one.expires
        for one in gathered.spec.exceptions_of(gathered.namespace)
    )


def matches(selector: Labels, labels: Labels) -> bool:
    """Whether labels have all pairs of the selector (a plain one; see `matches_expressions` for the other kind)."""
    return all(labels.get(key) == value for key, value in selector.items())


def matches_expressions(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Whether labels meet a selector with matchLabels and matchExpressions; an empty one is met by all."""
    return matches(selector.get("matchLabels") or {}, labels) and all(
        _meets(one, labels) for one in selector.get("matchExpressions") or ()
    )


def target(port: Obj, template: Template) -> int | None:
    """The container port that a port of a Service leads to; None when it names one that the pods do not declare."""
    return template.port(port.get("targetPort") or int(port["port"]))


def _select(service: Obj, templates: tuple[Template, ...]) -> tuple[Template, ...]:
    selector = (service.get("spec") or {}).get("selector") or {}
    return tuple(one for one in templates if selector and matches(selector, one.labels))


def _meets(expression: Mapping[str, Any], labels: Labels) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _template(kind: str, path: str, obj: Obj) -> Template:
    inner: Mapping[str, Any] = obj
    for step in path.split("."):
        inner = inner.get(step) or {}
    meta = inner.get("metadata") or {}
    return Template(
        kind=kind,
        owner=named(kind, obj),
        path=path,
        labels=meta.get("labels") or {},
        annotations=meta.get("annotations") or {},
        spec=inner.get("spec") or {},
        obj=obj,
    )


def _is_made(obj: Obj, kind: str) -> bool:
    """Whether another object of the list makes it, so that its template is the one to look at."""
    owners = {one["kind"] for one in obj["metadata"].get("ownerReferences") or () if one.get("controller")}
    makers = {"Pod": _MAKERS, "ReplicaSet": {"Deployment", "Rollout"}, "Job": {"CronJob"}}.get(kind, frozenset())
    return bool(owners & makers)


def _is_over(kind: str, obj: Obj) -> bool:
    """Whether it makes no pods any more: a finished pod or Job, a ReplicaSet of size 0."""
    status = obj.get("status") or {}
    if kind == "Pod":
        return status.get("phase") in ("Succeeded", "Failed")
    if kind == "ReplicaSet":
        return (obj.get("spec") or {}).get("replicas") == 0
    if kind != "Job":
        return False
    return any(
        one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in status.get("conditions") or ()
    )
