"""What does an installed control plane of a mesh leave in a cluster, as far as anybody looks at it?"""

import json
from typing import Any

VERSION = "1.30.3"
_ROOT = "istio-system"
_LABELS = {"app": "istiod", "istio": "pilot", "istio.io/rev": "default"}
_MESH = f"""\
defaultConfig:
  discoveryAddress: istiod.{_ROOT}.svc:15012
  proxyStatsMatcher: {{inclusionPrefixes: [listener.]}}
enablePrometheusMerge: true
rootNamespace: {_ROOT}
trustDomain: cluster.local
"""
_INJECTION = """\
defaultTemplates: [sidecar]
policy: enabled
alwaysInjectSelector: []
neverInjectSelector: []
"""
_VALUES = {
    "global": {
        "hub": "docker.io/istio",
        "tag": VERSION,
        "proxy": {
            "includeIPRanges": "*",
            "resources": {
                "limits": {"cpu": "2000m", "memory": "1024Mi"},
                "requests": {"cpu": "100m", "memory": "128Mi"},
            },
        },
    },
    "pilot": {"cni": {"enabled": True}},
    "revision": "",
    "sidecarInjectorWebhook": {"enableNamespacesByDefault": False, "rewriteAppHTTPProbe": True},
}


def installed() -> tuple[dict[str, Any], ...]:
    """Two ready istiods with a disruption budget, the injector, their settings, and two nodes that have room."""
    return (_istiod(), _budget(), *_settings(), _injector(), _node("node-a"), _node("node-b"))


def _istiod() -> dict[str, Any]:
    container = {"name": "discovery", "image": f"docker.io/istio/pilot:{VERSION}"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "istiod", "namespace": _ROOT, "labels": _LABELS},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "istiod"}},
            "template": {
                "metadata": {"labels": {**_LABELS, "sidecar.istio.io/inject": "false"}},
                "spec": {"containers": [container]},
            },
        },
        "status": {"replicas": 2, "readyReplicas": 2, "availableReplicas": 2},
    }


def _budget() -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "istiod", "namespace": _ROOT},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "istiod", "istio": "pilot"}}},
    }


def _settings() -> tuple[dict[str, Any], ...]:
    contents = {
        "istio": {"mesh": _MESH},
        "istio-sidecar-injector": {"config": _INJECTION, "values": json.dumps(_VALUES)},
    }
    return tuple(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": _ROOT}, "data": data}
        for name, data in contents.items()
    )


def _injector() -> dict[str, Any]:
    enabled = {"key": "istio-injection", "operator": "In", "values": ["enabled"]}
    opted_out = {"key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"]}
    service = {"name": "istiod", "namespace": _ROOT, "path": "/inject", "port": 443}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {
            "name": "istio-sidecar-injector",
            "labels": {"app": "sidecar-injector", "istio.io/rev": "default"},
        },
        "webhooks": [
            {
                "name": "namespace.sidecar-injector.istio.io",
                "failurePolicy": "Fail",
                "clientConfig": {"caBundle": "LS0tLS1CRUdJTg==", "service": service},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
                "namespaceSelector": {"matchExpressions": [enabled]},
                "objectSelector": {"matchExpressions": [opted_out]},
            }
        ],
    }


def _node(name: str) -> dict[str, Any]:
    info = {"operatingSystem": "linux", "kubeletVersion": "v1.34.1", "containerRuntimeVersion": "containerd://2.1.4"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/os": "linux"}},
        "spec": {},
        "status": {"allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110"}, "nodeInfo": info},
    }
