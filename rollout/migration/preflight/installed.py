"""How is Istio installed: which revision would take the namespace, with which settings and which injector?"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml

from rollout.migration.preflight.check import labels, named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.templates import WORKLOADS, Template, matches_expressions, workloads

# Labels and names that Istio's charts write (istio/api label, manifests/charts/istio-control).
REVISION = "istio.io/rev"
TAG = "istio.io/tag"
INJECTION = "istio-injection"
INJECT = "sidecar.istio.io/inject"  # of a pod: as a label, or as an annotation, which loses to the label
DEFAULT = "default"
MESH, INJECTOR = "istio", "istio-sidecar-injector"  # ConfigMaps
JOINING = (*WORKLOADS, "ConfigMap", "MutatingWebhookConfiguration")  # what `joins` and `joining` look at


def wanted_revision(gathered: Gathered) -> str:
    """The revision that the migration's label leads to, with a tag followed; "default" without one."""
    wanted = gathered.spec.revision or DEFAULT
    for webhook in gathered.all("MutatingWebhookConfiguration"):
        marks = labels(webhook)
        if marks.get(TAG) == wanted and marks.get(REVISION):
            return marks[REVISION]
    return wanted


def mesh_config(gathered: Gathered) -> Mapping[str, Any] | None:
    """meshConfig of the wanted revision; None when its ConfigMap is missing or is no YAML object."""
    return _parsed(_config_map(gathered, MESH), "mesh")


def injector_values(gathered: Gathered) -> Mapping[str, Any] | None:
    """Helm values that the injector was installed with; None when its ConfigMap is missing or is no object."""
    return _parsed(_config_map(gathered, INJECTOR), "values")


def injector_config(gathered: Gathered) -> Mapping[str, Any] | None:
    """The injector's own settings (policy, neverInjectSelector, alwaysInjectSelector); None as above."""
    return _parsed(_config_map(gathered, INJECTOR), "config")


def settings_name(gathered: Gathered, name: str) -> str:
    """How findings name a ConfigMap of the wanted revision; the default revision's has no suffix."""
    revision = wanted_revision(gathered)
    return f"ConfigMap {gathered.spec.root}/{name if revision == DEFAULT else f'{name}-{revision}'}"


def setting(values: Mapping[str, Any] | None, *path: str) -> object:
    """The value at a path of nested settings; None where there is none."""
    found: Any = values
    for step in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(step)
    return found


def injectors(gathered: Gathered) -> tuple[tuple[Obj, Obj, str], ...]:
    """Istio's injecting webhooks: the MutatingWebhookConfiguration, the entry of its webhooks, and the entry's path."""
    return tuple(
        (configuration, entry, f"webhooks[{index}]")
        for configuration in gathered.all("MutatingWebhookConfiguration")
        for index, entry in enumerate(configuration.get("webhooks") or ())
        if entry["name"].endswith("sidecar-injector.istio.io")
    )


def takes(entry: Obj, namespace_labels: Mapping[str, str], pod_labels: Mapping[str, str]) -> bool:
    """Whether a webhook is called for such a pod in such a namespace."""
    return matches_expressions(entry.get("namespaceSelector") or {}, namespace_labels) and matches_expressions(
        entry.get("objectSelector") or {}, pod_labels
    )


def enrolment(gathered: Gathered) -> dict[str, str]:
    """The label that enrols a namespace, as the migration will write it."""
    revision = gathered.spec.revision
    return {REVISION: revision} if revision else {INJECTION: "enabled"}


def opt_out(gathered: Gathered, one: Template) -> tuple[str, str] | None:
    """The field of the pods' metadata that keeps the proxy out, and what it says; None when nothing does.

    In the order in which the injector looks. Pods in the host's network are not looked at here.
    """
    group, marks = ("labels", one.labels) if INJECT in one.labels else ("annotations", one.annotations)
    if marks.get(INJECT) in ("true", "false"):  # anything else counts as nothing
        return (f"{group}.{INJECT}", f"{INJECT}: false") if marks[INJECT] == "false" else None
    never = setting(injector_config(gathered), "neverInjectSelector")
    if isinstance(never, list) and any(selector and matches_expressions(selector, one.labels) for selector in never):
        return "labels", "the injector's neverInjectSelector covers it"
    return None


def joins(gathered: Gathered, one: Template) -> bool:
    """Whether its pods will get a proxy once the namespace is enrolled."""
    return one.spec.get("hostNetwork") is not True and opt_out(gathered, one) is None


def joining(gathered: Gathered) -> tuple[Template, ...]:
    """The namespace's workloads that will get a proxy, sorted by owner."""
    return tuple(one for one in workloads(gathered) if joins(gathered, one))


def namespace(gathered: Gathered) -> Obj | None:
    """The namespace that is to move; None when it is gone."""
    return next(iter(gathered.cluster("Namespace", (gathered.namespace,))), None)


def _config_map(gathered: Gathered, name: str) -> Obj | None:
    wanted = settings_name(gathered, name)
    return next((one for one in gathered.all("ConfigMap") if named("ConfigMap", one) == wanted), None)


def _parsed(config_map: Obj | None, key: str) -> Mapping[str, Any] | None:
    text = ((config_map or {}).get("data") or {}).get(key)
    return None if text is None else _read(text)


@lru_cache(maxsize=8)
def _read(text: str) -> Mapping[str, Any] | None:
    """Kept, because each row asks again and the injector's settings are long. JSON is YAML, but quicker read as JSON."""
    try:
        found = json.loads(text)
    except ValueError:
        try:
            found = yaml.safe_load(text)
        except yaml.YAMLError:
            return None
    return found if isinstance(found, Mapping) else None
