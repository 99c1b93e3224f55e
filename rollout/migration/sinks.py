"""To which pods and ports can a marked plaintext request be sent, so that a proxy counts it?"""

from collections.abc import Iterable, Iterator

from rollout.migration.read import Obj
from rollout.model.mesh import Sink

_HTTP = "http"  # HTTP/1.1; a port for http2 or grpc does not understand the request
_PROXY = "istio-proxy"


def sinks(services: Iterable[Obj], pods: Iterable[Obj]) -> tuple[Sink, ...]:
    """Container ports that a pod declares and a Service of its namespace names http, sorted."""
    pods = tuple(pods)
    found = set()
    for service in services:
        spec = service.get("spec") or {}
        selector = (spec.get("selector") or {}).items()
        if not selector:
            continue
        ports = [port for port in spec.get("ports") or () if _is_http(port)]
        for pod in pods if ports else ():
            if selector <= (pod["metadata"].get("labels") or {}).items():
                found |= {Sink(pod=pod["metadata"]["name"], port=port) for port in _declared(pod, ports)}
    return tuple(sorted(found))


def _is_http(port: Obj) -> bool:
    """By appProtocol, and without one by its name, as Istio tells protocols."""
    name, protocol = str(port.get("name") or ""), str(port.get("appProtocol") or "")
    told = protocol or name.partition("-")[0]
    return told == _HTTP and str(port.get("protocol") or "TCP") == "TCP"


def _declared(pod: Obj, ports: Iterable[Obj]) -> Iterator[int]:
    """The targets among the ports that the pod's containers declare."""
    declared = [
        (one.get("name", ""), one.get("containerPort"))
        for container in pod["spec"].get("containers") or ()
        if container.get("name") != _PROXY
        for one in container.get("ports") or ()
    ]
    for port in ports:
        target = port.get("targetPort") or port.get("port")
        yield from (number for name, number in declared if number and target in (name, number))
