"""Which objects make workloads of the tests members of an Istio mesh in a flat network?

Nothing is intercepted there, so each workload says in a Sidecar object which addresses its proxy binds.
"""

from collections.abc import Mapping
from typing import Any

from tests.servers import pods
from tests.servers.agents import PROXY
from tests.servers.cluster import deployment

NETWORKING = "networking.istio.io/v1"
CLIENT_ADDRESS = "127.0.0.13"  # where the client's proxy takes the client's requests
GATEWAY_PORT = 8088
SERVICE_PORT, POD_PORT = 80, 8080


def member(place: str, name: str, version: str, port: int, **env: str) -> dict[str, Any]:
    """The Deployment of one pod with a sidecar, whose server listens on 127.0.0.1:port."""
    found = _with_proxy(deployment(place, name, version, 1, **env), "sidecar")
    found["spec"]["template"]["metadata"]["annotations"][pods.PORT] = str(port)
    return found


def gateway(place: str) -> dict[str, Any]:
    """The Deployment of the mesh's gateway."""
    found = _with_proxy(deployment(place, "gateway", "v1", 1), "router")
    found["spec"]["template"]["metadata"]["labels"]["istio"] = "gateway"
    return found


def gateway_entry(place: str) -> dict[str, Any]:
    """A Gateway that takes every host."""
    server = {"port": {"number": GATEWAY_PORT, "protocol": "HTTP", "name": "http"}, "hosts": ["*"]}
    return _object("Gateway", place, "gateway", {"selector": {"istio": "gateway"}, "servers": [server]})


def serving(place: str, name: str, labels: Mapping[str, str], port: int, address: str = "127.0.0.1") -> dict[str, Any]:
    """The Sidecar of a workload that only serves. address: where its server listens; 0.0.0.0 means the pod's own."""
    ingress = {
        "port": {"number": POD_PORT, "protocol": "HTTP", "name": "http"},
        "defaultEndpoint": f"{address}:{port}",
        "captureMode": "NONE",
    }
    nothing = {"hosts": ["~/*"]}  # else its proxy would bind every Service's port, as all the others would
    return _sidecar(place, name, labels, {"ingress": [ingress], "egress": [nothing]})


def calling(
    place: str, name: str, labels: Mapping[str, str], address: str = CLIENT_ADDRESS, hosts: str = "./*"
) -> dict[str, Any]:
    """The Sidecar of a workload that calls HTTP Services through an address; hosts: which, default its namespace's."""
    egress = {
        "port": {"number": SERVICE_PORT, "protocol": "HTTP", "name": "http"},
        "bind": address,
        "captureMode": "NONE",
        "hosts": [hosts],
    }
    return _sidecar(place, name, labels, {"egress": [egress]})


def strict(place: str) -> dict[str, Any]:
    """Only mTLS in this namespace."""
    found = _object("PeerAuthentication", place, "default", {"mtls": {"mode": "STRICT"}})
    return found | {"apiVersion": "security.istio.io/v1"}


def account(place: str, name: str) -> dict[str, Any]:
    """The ServiceAccount whose name is in the workload's certificate."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": place}}


def _with_proxy(found: dict[str, Any], kind: str) -> dict[str, Any]:
    spec = found["spec"]
    spec["strategy"] = {"type": "Recreate"}  # two pods cannot have the same port
    spec["template"]["metadata"]["annotations"] = {PROXY: kind}
    # What the injector would add: without it callers send plaintext.
    spec["template"]["metadata"]["labels"] = spec["template"]["metadata"]["labels"] | {
        "security.istio.io/tlsMode": "istio"
    }
    spec["template"]["spec"]["serviceAccountName"] = found["metadata"]["name"]
    return found


def _sidecar(place: str, name: str, labels: Mapping[str, str], spec: dict[str, Any]) -> dict[str, Any]:
    return _object("Sidecar", place, name, {"workloadSelector": {"labels": dict(labels)}} | spec)


def _object(kind: str, place: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": NETWORKING, "kind": kind, "metadata": {"name": name, "namespace": place}, "spec": spec}
