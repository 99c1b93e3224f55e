"""Which objects make the namespace `pay`, not yet in the mesh, and its caller `front`, that is in it already?

`bank` has two pods and a second Service whose callers use each connection once; `audit` is called seldom.
"""

import json
from typing import Any

from tests.servers import pods
from tests.servers.cluster import deployment, service
from tests.servers.istiod import ROOT_NAMESPACE, mesh_config
from tests.servers.meshobjects import NETWORKING, POD_PORT, account, calling, serving
from tests.servers.standin_injector import BEHIND

PAY, FRONT = "pay", "front"
CLIENT_ADDRESS = "127.0.0.14"  # where the proxy of front's web takes its requests
ONCE = "bank-once"  # the Service whose callers use each connection once

Obj = dict[str, Any]


def host(name: str) -> str:
    """The full name of a Service of pay."""
    return f"{name}.{PAY}.svc.cluster.local"


def pay() -> tuple[Obj, ...]:
    """The namespace to be moved, as its owner has it: nothing of it is in the mesh but the flat network's Sidecars."""
    once = {"connectionPool": {"http": {"maxRequestsPerConnection": 1}}}
    rule = {"apiVersion": NETWORKING, "kind": "DestinationRule", "metadata": {"name": ONCE, "namespace": PAY}}
    return (
        namespace(PAY),
        *(one for name in ("bank", "audit") for one in _workload(name)),
        service(PAY, ONCE, {"app": "bank"}),
        {**rule, "spec": {"host": host(ONCE), "trafficPolicy": once}},
    )


def front() -> tuple[Obj, ...]:
    """The client, whose namespace was enrolled before."""
    labels = {"app": "web"}
    return (
        namespace(FRONT, **{"istio-injection": "enabled"}),
        account(FRONT, "web"),
        calling(FRONT, "web", labels, CLIENT_ADDRESS, f"{PAY}/*"),
        _deployment(FRONT, "web", 1),
    )


def control_plane() -> tuple[Obj, ...]:
    """What an istiod leaves in a cluster: the settings that the stand's proxies really have."""
    mesh = f"{mesh_config()}  proxyStatsMatcher: {{inclusionPrefixes: [listener.]}}\ntrustDomain: cluster.local\n"
    values = {
        "global": {"proxy": {"includeIPRanges": "*"}},
        "sidecarInjectorWebhook": {"enableNamespacesByDefault": False, "rewriteAppHTTPProbe": True},
    }
    contents = {
        "istio": {"mesh": mesh},
        "istio-sidecar-injector": {"config": "policy: enabled\n", "values": json.dumps(values)},
    }
    return tuple(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": ROOT_NAMESPACE}, "data": data}
        for name, data in contents.items()
    )


def namespace(name: str, **labels: str) -> Obj:
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def migration(name: str, **spec: Any) -> Obj:
    """A MeshMigration of pay whose times fit a test, and the proxies' drain of agents.py."""
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "MeshMigration",
        "metadata": {"name": name},
        "spec": {
            "mesh": {"kind": "istio-sidecar", "drain": "2s"},
            "waves": [{"name": "money", "namespaces": [PAY]}],
            "baseline": "4s",
            "soak": "10s",
            "strictSoak": "3s",
            "verify": "4s",  # twice the drain
            "interval": "1s",
            "triggers": {"latencyFactor": 50},  # the machine is busy with other things
            **spec,
        },
    }


def _workload(name: str) -> tuple[Obj, ...]:
    labels, budget = {"app": name}, {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"}
    return (
        account(PAY, name),
        service(PAY, name, labels),
        serving(PAY, name, labels, int(BEHIND), "0.0.0.0"),
        {
            **budget,
            "metadata": {"name": name, "namespace": PAY},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
        },
        _deployment(PAY, name, 2),
    )


def _deployment(place: str, name: str, replicas: int) -> Obj:
    """Its servers listen on the pods' own addresses, as in a cluster, so that no two of them need one port."""
    found = deployment(place, name, "v1", replicas)
    template = found["spec"]["template"]
    template["metadata"]["annotations"] = {pods.PORT: str(POD_PORT), pods.OWN_ADDRESS: "true"}
    template["spec"]["serviceAccountName"] = name
    template["spec"]["containers"][0] |= {
        "ports": [{"name": "http", "containerPort": POD_PORT}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "timeoutSeconds": 5},
    }
    return found
