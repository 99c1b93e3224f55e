"""How is Istio installed: which revision would take the namespace, with which settings and which injector?"""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from rollout.migration.preflight.check import labels
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.templates import matches_expressions

# Labels and names that Istio's charts write (istio/api label, manifests/charts/istio-control).
REVISION = "istio.io/rev"
TAG = "istio.io/tag"
INJECTION = "istio-injection"
DEFAULT = "default"


def wanted_revision(gathered: Gathered) -> str:
    """The revision that the migration's label leads to, with a tag followed; "default" without one."""
    named = gathered.spec.revision or DEFAULT
    for webhook in gathered.all("MutatingWebhookConfiguration"):
        marks = labels(webhook)
        if marks.get(TAG) == named and marks.get(REVISION):
            return marks[REVISION]
    return named


def mesh_config(gathered: Gathered) -> Mapping[str, Any] | None:
    """meshConfig of the wanted revision; None when its ConfigMap is missing or is no YAML object."""
    return _parsed(_config_map(gathered, "istio"), "mesh")


def injector_values(gathered: Gathered) -> Mapping[str, Any] | None:
    """Helm values that the injector was installed with; None when its ConfigMap is missing or is no object."""
    return _parsed(_config_map(gathered, "istio-sidecar-injector"), "values")


def injector_config(gathered: Gathered) -> Mapping[str, Any] | None:
    """The injector's own settings (policy, neverInjectSelector, alwaysInjectSelector); None as above."""
    return _parsed(_config_map(gathered, "istio-sidecar-injector"), "config")


def setting(values: Mapping[str, Any] | None, *path: str) -> object:
    """The value at a path of nested settings; None where there is none."""
    found: Any = values
    for step in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(step)
    return found


def injectors(gathered: Gathered) -> tuple[tuple[Obj, Obj], ...]:
    """Istio's injecting webhooks, each as (MutatingWebhookConfiguration, entry of webhooks)."""
    return tuple(
        (configuration, entry)
        for configuration in gathered.all("MutatingWebhookConfiguration")
        for entry in configuration.get("webhooks") or ()
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


def namespace(gathered: Gathered) -> Obj | None:
    """The namespace that is to move; None when it is gone."""
    return next(iter(gathered.cluster("Namespace", (gathered.namespace,))), None)


def _config_map(gathered: Gathered, name: str) -> Obj | None:
    """Of the wanted revision: the default one has no suffix."""
    revision = wanted_revision(gathered)
    wanted = name if revision == DEFAULT else f"{name}-{revision}"
    return next(
        (one for one in gathered.of("ConfigMap", gathered.spec.root) if one["metadata"]["name"] == wanted), None
    )


def _parsed(config_map: Obj | None, key: str) -> Mapping[str, Any] | None:
    """JSON is YAML, but the quick parser is tried first: the injector's values are long."""
    text = ((config_map or {}).get("data") or {}).get(key)
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        try:
            found = yaml.safe_load(text)
        except yaml.YAMLError:
            return None
    return found if isinstance(found, Mapping) else None
