"""Which kinds does every Kubernetes API server have, as far as the product looks at them?"""

from collections.abc import Mapping

from adapters.memory.kinds import META_LISTS, Column, Kind, Path

_CONDITIONS: Mapping[Path, tuple[str, ...]] = {("status", "conditions"): ("type",)}


def _pod_lists(prefix: Path) -> dict[Path, tuple[str, ...]]:
    lists: dict[Path, tuple[str, ...]] = {
        (*prefix, "volumes"): ("name",),
        (*prefix, "imagePullSecrets"): ("name",),
    }
    for containers in ("containers", "initContainers", "ephemeralContainers"):
        lists[(*prefix, containers)] = ("name",)
        lists[(*prefix, containers, "env")] = ("name",)
        lists[(*prefix, containers, "ports")] = ("containerPort", "protocol")
        lists[(*prefix, containers, "volumeMounts")] = ("mountPath",)
    return lists


def _workload(kind: str, plural: str, short: str, columns: tuple[Column, ...] = ()) -> Kind:
    return Kind(
        group="apps",
        plural=plural,
        kind=kind,
        status=True,
        counted=True,
        short_names=(short,),
        categories=("all",),
        lists={**META_LISTS, **_CONDITIONS, **_pod_lists(("spec", "template", "spec"))},
        columns=columns,
    )


def _rbac(kind: str, *, namespaced: bool) -> Kind:
    return Kind(group="rbac.authorization.k8s.io", plural=f"{kind.lower()}s", kind=kind, namespaced=namespaced)


def _webhooks(kind: str) -> Kind:
    return Kind(
        group="admissionregistration.k8s.io",
        plural=f"{kind.lower()}s",
        kind=kind,
        namespaced=False,
        counted=True,
        lists={**META_LISTS, ("webhooks",): ("name",)},
    )


def _review(group: str, kind: str) -> Kind:
    return Kind(group=group, plural=f"{kind.lower()}s", kind=kind, namespaced=False, transient=True)


_READY = Column(name="Ready", type="integer", path=".status.readyReplicas")
_WANTED = Column(name="Replicas", type="integer", path=".spec.replicas")

_EVENT_COLUMNS = (
    Column(name="Type", type="string", path=".type"),
    Column(name="Reason", type="string", path=".reason"),
)
# core/v1: events.k8s.io/v1, from the conversion in k8s.io/kubernetes/pkg/apis/events/v1
_EVENT_FIELDS: Mapping[str, str] = {
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}

BUILTIN: tuple[Kind, ...] = (
    Kind(group="", plural="namespaces", kind="Namespace", namespaced=False, status=True, short_names=("ns",)),
    Kind(
        group="",
        plural="pods",
        kind="Pod",
        status=True,
        counted=True,
        short_names=("po",),
        categories=("all",),
        lists={**META_LISTS, **_CONDITIONS, **_pod_lists(("spec",))},
        columns=(Column(name="Status", type="string", path=".status.phase"),),
    ),
    Kind(
        group="",
        plural="services",
        kind="Service",
        status=True,
        short_names=("svc",),
        categories=("all",),
        lists={**META_LISTS, **_CONDITIONS, ("spec", "ports"): ("port", "protocol")},
        columns=(Column(name="Type", type="string", path=".spec.type"),),
    ),
    Kind(group="", plural="endpoints", kind="Endpoints", short_names=("ep",), lists=META_LISTS),
    Kind(group="", plural="configmaps", kind="ConfigMap", short_names=("cm",), lists=META_LISTS),
    Kind(group="", plural="secrets", kind="Secret", lists=META_LISTS),
    Kind(
        group="",
        plural="events",
        kind="Event",
        short_names=("ev",),
        lists=META_LISTS,
        columns=(*_EVENT_COLUMNS, Column(name="Message", type="string", path=".message")),
    ),
    Kind(group="", plural="serviceaccounts", kind="ServiceAccount", short_names=("sa",), lists=META_LISTS),
    _workload("Deployment", "deployments", "deploy", (_READY, _WANTED)),
    _workload("StatefulSet", "statefulsets", "sts", (_READY, _WANTED)),
    _workload("ReplicaSet", "replicasets", "rs", (_READY, _WANTED)),
    _workload("DaemonSet", "daemonsets", "ds"),
    Kind(
        group="events.k8s.io",
        plural="events",
        kind="Event",
        short_names=("ev",),
        lists=META_LISTS,
        stored_in="events",
        renamed=_EVENT_FIELDS,
        columns=_EVENT_COLUMNS,
    ),
    Kind(group="discovery.k8s.io", plural="endpointslices", kind="EndpointSlice", counted=True, lists=META_LISTS),
    Kind(group="coordination.k8s.io", plural="leases", kind="Lease", lists=META_LISTS),
    Kind(
        group="apiextensions.k8s.io",
        plural="customresourcedefinitions",
        kind="CustomResourceDefinition",
        namespaced=False,
        status=True,
        counted=True,
        short_names=("crd", "crds"),
        lists={**META_LISTS, **_CONDITIONS},
    ),
    Kind(group="policy", plural="poddisruptionbudgets", kind="PodDisruptionBudget", lists=META_LISTS),
    Kind(group="networking.k8s.io", plural="networkpolicies", kind="NetworkPolicy", lists=META_LISTS),
    _rbac("ClusterRole", namespaced=False),
    _rbac("ClusterRoleBinding", namespaced=False),
    _rbac("Role", namespaced=True),
    _rbac("RoleBinding", namespaced=True),
    Kind(
        group="admissionregistration.k8s.io",
        plural="validatingadmissionpolicies",
        kind="ValidatingAdmissionPolicy",
        namespaced=False,
        status=True,
        counted=True,
        lists={**META_LISTS, **_CONDITIONS},
    ),
    Kind(
        group="admissionregistration.k8s.io",
        plural="validatingadmissionpolicybindings",
        kind="ValidatingAdmissionPolicyBinding",
        namespaced=False,
        lists=META_LISTS,
    ),
    _webhooks("MutatingWebhookConfiguration"),
    _webhooks("ValidatingWebhookConfiguration"),
    Kind(
        group="batch",
        plural="cronjobs",
        kind="CronJob",
        status=True,
        counted=True,
        short_names=("cj",),
        lists=META_LISTS,
    ),
    Kind(group="batch", plural="jobs", kind="Job", status=True, counted=True, lists={**META_LISTS, **_CONDITIONS}),
    Kind(group="", plural="nodes", kind="Node", namespaced=False, status=True, short_names=("no",), lists=META_LISTS),
    _review("authorization.k8s.io", "SelfSubjectAccessReview"),
    _review("authentication.k8s.io", "SelfSubjectReview"),
    _review("authorization.k8s.io", "SubjectAccessReview"),
    _review("authentication.k8s.io", "TokenReview"),
)
