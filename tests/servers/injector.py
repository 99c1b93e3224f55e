"""What does an installation of Istio leave in a cluster besides istiod, so that istiod itself injects proxies?

Template and values are upstream's own, read from the Istio module; what the chart would template around them is here.
"""

import json
from typing import Any

import yaml

from tests.servers import build
from tests.servers.istiod import ROOT_NAMESPACE

INJECTOR = "istio-sidecar-injector"
_LABELS = {
    "app": "sidecar-injector",
    "istio.io/rev": "default",
}  # by the second one istiod finds it to write its caBundle
_DEFAULTS = "_internal_defaults_do_not_set"
_CHART = ("manifests", "charts", "istio-control", "istio-discovery")


def template() -> dict[str, Any]:
    """The ConfigMap with what istiod puts into a pod."""
    chart = build.istio_module().joinpath(*_CHART)
    values = yaml.safe_load((chart / "values.yaml").read_text())[_DEFAULTS]
    picked = {name: values[name] for name in ("global", "sidecarInjectorWebhook", "revision")}
    picked["pilot"] = {"cni": {"enabled": True}, "env": {}}
    config = {
        "defaultTemplates": ["sidecar"],
        "policy": "enabled",
        "alwaysInjectSelector": [],
        "neverInjectSelector": [],
        "injectedAnnotations": {},
        "templates": {"sidecar": (chart / "files" / "injection-template.yaml").read_text()},
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": INJECTOR, "namespace": ROOT_NAMESPACE},
        "data": {"config": yaml.safe_dump(config), "values": json.dumps(picked)},
    }


def webhook(place: str) -> dict[str, Any]:
    """The MutatingWebhookConfiguration of the default revision, for labelled namespaces. place: where istiod listens."""
    enabled = {"key": "istio-injection", "operator": "In", "values": ["enabled"]}
    opted_out = {"key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"]}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": INJECTOR, "labels": _LABELS},
        "webhooks": [
            {
                "name": "namespace.sidecar-injector.istio.io",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "clientConfig": {"url": f"https://{place}/inject"},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
                "namespaceSelector": {"matchExpressions": [enabled]},
                "objectSelector": {"matchExpressions": [opted_out]},
            }
        ],
    }
