"""Which Ingresses and HTTPRoutes lead to the namespace, and who serves them?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rollout.migration.preflight.check import annotations, named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.sidecars import proxy_of
from rollout.model.mesh import Labels

_GATEWAY_API = "gateway.networking.k8s.io"
_ISTIO = "istio"  # classes whose pods are proxies of the mesh themselves: istio, istio-remote, istio-waypoint
_CLASS = "kubernetes.io/ingress.class"
# A word in the class, and words in the images of the controllers that serve such classes.
_FAMILIES = {
    "nginx": ("ingress-nginx", "nginx-ingress"),
    "traefik": ("traefik",),
    "haproxy": ("haproxy-ingress", "kubernetes-ingress"),
    "contour": ("contour", "envoyproxy/envoy"),
    "kong": ("kong",),
    "ambassador": ("emissary", "ambassador"),
    "emissary": ("emissary", "ambassador"),
    "envoy": ("envoyproxy/envoy",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A place that leads to a Service of the namespace. port: by number or name, None where none is said.

    class_name: of the Ingress or of the Gateway, "" where it is not said or not seen.
    """

    object: str
    path: str
    service: str
    port: int | str | None
    class_name: str
    annotations: Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Who serves a class. family: "nginx", "" for an unknown one. name: for people."""

    name: str
    family: str = ""
    is_meshed: bool = False


def backends(gathered: Gathered) -> Iterator[Backend]:
    """All places that lead users to the namespace. Istio's own Gateways are not among them: they are in the mesh."""
    for ingress in gathered.here("Ingress"):
        spec = ingress.get("spec") or {}
        for path, service in _ingress_services(spec):
            port = service.get("port") or {}
            yield Backend(
                object=named("Ingress", ingress),
                path=path,
                service=service["name"],
                port=port.get("number") or port.get("name"),
                class_name=spec.get("ingressClassName") or annotations(ingress).get(_CLASS, ""),
                annotations=annotations(ingress),
            )
    for route in gathered.all("HTTPRoute"):
        for class_name in _classes(gathered, route):
            yield from _route_backends(gathered, route, class_name)


def server_of(gathered: Gathered, backend: Backend) -> Server:
    """Who serves the backend's class. One that is not found, as a cloud's load balancer, is outside the mesh."""
    if backend.class_name.startswith(_ISTIO):
        return Server(name=f"class {backend.class_name}", is_meshed=True)
    family = next((word for word in _FAMILIES if word in backend.class_name), "")
    pods = [pod for pod in gathered.all("Pod") if _serves(pod, family)]
    if not pods:
        return Server(name=f"class {backend.class_name or '(none)'}", family=family)
    outside = [pod for pod in pods if proxy_of(pod) is None]
    return Server(name=named("Pod", (outside or pods)[0]), family=family, is_meshed=not outside)


def _serves(pod: Obj, family: str) -> bool:
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    images = [str(one.get("image", "")) for one in pod["spec"].get("containers") or () if one["name"] != "istio-proxy"]
    return any(word in image for word in _FAMILIES.get(family, ()) for image in images)


def _ingress_services(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    default = (spec.get("defaultBackend") or {}).get("service")
    if default:
        yield "spec.defaultBackend.service", default
    for number, rule in enumerate(spec.get("rules") or ()):
        for index, one in enumerate((rule.get("http") or {}).get("paths") or ()):
            service = (one.get("backend") or {}).get("service")
            if service:
                yield f"spec.rules[{number}].http.paths[{index}].backend.service", service


def _classes(gathered: Gathered, route: Obj) -> Iterator[str]:
    """The class of each Gateway that the route hangs on; a route of a Service is the mesh's own matter."""
    found = set()
    for ref in (route.get("spec") or {}).get("parentRefs") or ():
        if ref.get("kind", "Gateway") != "Gateway" or ref.get("group", _GATEWAY_API) != _GATEWAY_API:
            continue
        place = ref.get("namespace") or route["metadata"]["namespace"]
        gateway = next((one for one in gathered.of("Gateway", place) if _is(one, ref["name"])), None)
        found.add(str(((gateway or {}).get("spec") or {}).get("gatewayClassName", "")))
    yield from sorted(found)


def _is(gateway: Obj, name: str) -> bool:
    """Istio has a kind Gateway too, which has no class."""
    return bool(gateway["metadata"]["name"] == name and "gatewayClassName" in (gateway.get("spec") or {}))


def _route_backends(gathered: Gathered, route: Obj, class_name: str) -> Iterator[Backend]:
    for number, rule in enumerate((route.get("spec") or {}).get("rules") or ()):
        for index, ref in enumerate(rule.get("backendRefs") or ()):
            place = ref.get("namespace") or route["metadata"]["namespace"]
            if ref.get("kind", "Service") == "Service" and place == gathered.namespace:
                yield Backend(
                    object=named("HTTPRoute", route),
                    path=f"spec.rules[{number}].backendRefs[{index}]",
                    service=ref["name"],
                    port=ref.get("port"),
                    class_name=class_name,
                    annotations=annotations(route),
                )
