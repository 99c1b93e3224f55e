"""Do the labels take the whole namespace into the mesh, and nothing else?"""

from collections.abc import Iterator

from rollout.migration.preflight.check import Check, labels, named
from rollout.migration.preflight.gathered import Gathered
from rollout.migration.preflight.installed import (
    INJECTION,
    INJECTOR,
    JOINING,
    REVISION,
    enrolment,
    injector_config,
    injector_values,
    injectors,
    namespace,
    opt_out,
    setting,
    settings_name,
    takes,
)
from rollout.migration.preflight.templates import excepted, workloads
from rollout.model.migration import Finding, Severity

DATAPLANE = "istio.io/dataplane-mode"
# pkg/kube/inject: what the injector never takes, whatever the labels say
SYSTEM = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage"})
_ENROLS = frozenset({REVISION, INJECTION, DATAPLANE})


def label_conflict(gathered: Gathered) -> Iterator[Finding]:
    """Labels on the namespace, or those that the migration will write, that contradict each other."""
    place = namespace(gathered)
    if place is None:
        return
    after = labels(place) | enrolment(gathered)
    revised, injected = REVISION in after, INJECTION in after
    if revised and injected:
        conflict = (REVISION, f"{INJECTION} is looked at first: the revision {after[REVISION]} is ignored silently")
    elif after.get(DATAPLANE) == "ambient":
        conflict = (DATAPLANE, "the namespace would be in ambient mode as well: the sidecar wins over ambient")
    else:
        return
    key, why = conflict
    yield Finding(
        check="LBL-01",
        severity=Severity.BLOCK,
        object=named("Namespace", place),
        field=f"metadata.labels.{key}",
        why=f"{why} (the migration enrols with {_pair(enrolment(gathered))})",
        fix=f"remove every label but {_pair(enrolment(gathered))}",
    )


def revision_missing(gathered: Gathered) -> Iterator[Finding]:
    """That no injector would answer to the label, so pods would start without a proxy."""
    place = namespace(gathered)
    label = enrolment(gathered)
    others = {} if place is None else {key: value for key, value in labels(place).items() if key not in _ENROLS}
    answered = any(takes(entry, others | label, {}) for _, entry, _ in injectors(gathered))
    if place is None:
        why, fix = "the namespace does not exist", "create it, or take it out of spec.waves"
    elif gathered.namespace in SYSTEM:
        why, fix = "Istio never injects a namespace of the system", "take it out of spec.waves"
    elif answered and (setting(injector_config(gathered), "policy") or "enabled") == "enabled":
        return
    elif answered:
        why = "the injector's policy is disabled: pods without a label of their own start without a proxy"
        fix = "set policy: enabled in the injector's ConfigMap"
    else:
        why = f"no injector answers to {_pair(label)}: pods would start without a proxy"
        fix = "name an existing revision or tag in spec.revision, or set one (istioctl tag set)"
    yield Finding(
        check="LBL-02",
        severity=Severity.BLOCK,
        object=f"Namespace {gathered.namespace}",
        field=f"metadata.labels.{next(iter(label))}",
        why=why,
        fix=fix,
    )


def opt_outs(gathered: Gathered) -> Iterator[Finding]:
    """Workloads that stay outside by a mark of their own and that no exception of the migration covers."""
    for one in workloads(gathered):
        why = opt_out(gathered, one)
        if why is None or excepted(gathered, one):
            continue
        yield Finding(
            check="LBL-03",
            severity=Severity.WARN,
            object=one.owner,
            field=one.at("metadata", why[0]),
            why=f"{why[1]}: its pods get no proxy, speak plaintext, and keep the namespace from STRICT",
            fix="remove the mark, or list the workload in spec.exceptions with an owner and a day",
        )


def default_injection(gathered: Gathered) -> Iterator[Finding]:
    """That namespaces without any label are injected."""
    why = (
        "namespaces join the mesh without any label, at the next restart of their pods: the waves do not hold them back"
    )
    fix = "set sidecarInjectorWebhook.enableNamespacesByDefault to false"
    values = injector_values(gathered)
    if values is None or setting(values, "sidecarInjectorWebhook", "enableNamespacesByDefault") is True:
        yield Finding(
            check="LBL-04",
            severity=Severity.WARN,
            object=settings_name(gathered, INJECTOR),
            field="data.values: sidecarInjectorWebhook.enableNamespacesByDefault",
            why=why if values else "the injector's settings are missing: nobody knows what it does to pods",
            fix=fix if values else "repair the installation of Istio, or correct spec.revision and spec.root",
        )
    for configuration, entry, path in injectors(gathered):
        if takes(entry, {"kubernetes.io/metadata.name": "some-namespace"}, {}):
            yield Finding(
                check="LBL-04",
                severity=Severity.WARN,
                object=named("MutatingWebhookConfiguration", configuration),
                field=f"{path}.namespaceSelector",
                why=why,
                fix=fix,
            )


def _pair(label: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in label.items())


LABELS = (
    Check(
        id="LBL-01",
        title="the namespace's labels do not contradict each other",
        severity=Severity.BLOCK,
        reads=("Namespace",),
        find=label_conflict,
    ),
    Check(
        id="LBL-02",
        title="an injector answers to the label that the migration writes",
        severity=Severity.BLOCK,
        reads=("Namespace", "MutatingWebhookConfiguration", "ConfigMap"),
        find=revision_missing,
    ),
    Check(
        id="LBL-03",
        title="no workload stays outside by itself",
        severity=Severity.WARN,
        reads=JOINING,
        find=opt_outs,
    ),
    Check(
        id="LBL-04",
        title="namespaces join only by their label",
        severity=Severity.WARN,
        reads=("ConfigMap", "MutatingWebhookConfiguration"),
        find=default_injection,
    ),
)
