"""What does a mesh proxy do with these Kubernetes objects?

Pure: objects in, Envoy configuration out, by Istio's, the Gateway API's and SMI's own rules. It shares no code with the
controller, so that what reaches Envoy is an independent reading of what the controller wrote.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rollout.demo.matches import EVERYTHING, Json, http_route_match, precedence, virtual_service_match
from rollout.demo.objects import (
    CLUSTER_DOMAIN,
    Obj,
    Objects,
    carries,
    domains_of,
    name,
    namespace,
    of_kind,
    ready_addresses,
    refused,
    service_of,
)

Addresses = Mapping[str, tuple[str, int]]  # endpoint address -> where it really listens, for pods that live on loopback

ROUTES = "routes"  # the only RouteConfiguration
REFUSED_ROUTE_FIELDS = (
    "rewrite",
    "redirect",
    "directResponse",
    "delegate",
    "fault",
    "mirror",
    "mirrors",
    "headers",
    "corsPolicy",
)
REFUSED_RULE_FIELDS = "filters", "retry", "sessionPersistence"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Backend:
    """What a route can name: a Service, or a subset of its pods."""

    service: str
    namespace: str
    subset: str | None = None  # None: all pods of the Service

    @property
    def cluster(self) -> str:
        """Envoy's cluster and the value of the label envoy_cluster_name: service.namespace[.subset]."""
        plain = f"{self.service}.{self.namespace}"
        return f"{plain}.{self.subset}" if self.subset else plain


def route_config(objects: Objects) -> Json:
    """The RouteConfiguration: a virtual host per VirtualService, routed host, TrafficSplit and remaining Service.

    A domain belongs to the first that claims it, in that order; unknown hosts get Envoy's 404.
    Raises UntranslatableError where an object asks for what this translator does not do.
    """
    taken: set[str] = set()
    hosts = []
    for title, wanted, routes in _claims(objects):
        domains = [domain for domain in wanted if domain not in taken]
        taken.update(domains)
        if domains:
            hosts.append({"name": title, "domains": domains, "routes": routes})
    return {"name": ROUTES, "virtual_hosts": hosts}


def backends(objects: Objects) -> list[Backend]:
    """Every backend that exists or that a route names, sorted."""
    services = {Backend(service=name(item), namespace=namespace(item)) for item in of_kind(objects, "Service")}
    return sorted(services | _subsets(objects).keys() | set(_named(objects)), key=lambda backend: backend.cluster)


def clusters(objects: Objects) -> list[Json]:
    """One Envoy cluster per backend; its endpoints come by EDS, so that a new pod replaces no cluster."""
    return [
        {"name": backend.cluster, "type": "EDS", "connect_timeout": "1s", "lb_policy": "ROUND_ROBIN"}
        for backend in backends(objects)
    ]


def endpoints(objects: Objects, addresses: Addresses) -> dict[str, Json]:
    """Envoy's ClusterLoadAssignment by cluster name.

    A backend without ready endpoints gets an empty one, which answers 503 as Istio does.
    addresses: where an address really listens; one that is not in it listens on itself, at the slice's first port.
    """
    subsets = _subsets(objects)
    answer = {}
    for backend in backends(objects):
        labels = subsets.get(backend, None if backend.subset else {})
        listening = [] if labels is None else _listening(objects, backend, labels, addresses)
        hosts = [_endpoint(host, port) for host, port in listening]
        answer[backend.cluster] = {
            "cluster_name": backend.cluster,
            "endpoints": [{"lb_endpoints": hosts}] if hosts else [],
        }
    return answer


def _claims(objects: Objects) -> Iterator[tuple[str, list[str], list[Json]]]:
    """(virtual host, domains, routes), those with the right to a domain first."""
    for item in of_kind(objects, "VirtualService"):
        home = namespace(item)
        wanted = [domain for host in item["spec"].get("hosts") or () for domain in domains_of(host, home)]
        yield f"VirtualService/{home}/{name(item)}", wanted, list(_virtual_service_routes(item))
    routed = sorted(_routed_hosts(objects), key=lambda pair: pair[0])
    for domains, pairs in groupby(routed, key=lambda pair: pair[0]):
        routes = [route for _, rules in pairs for route in rules]
        yield f"HTTPRoute/{domains[0]}", list(domains), sorted(routes, key=lambda route: precedence(route["match"]))
    for item in of_kind(objects, "TrafficSplit"):
        home = namespace(item)
        action = _forward(item, _split_backends(item))
        yield (
            f"TrafficSplit/{home}/{name(item)}",
            domains_of(item["spec"]["service"], home),
            [_route(EVERYTHING, action)],
        )
    for item in of_kind(objects, "Service"):
        home = namespace(item)
        action = _to({Backend(service=name(item), namespace=home): 1})
        yield f"Service/{home}/{name(item)}", domains_of(name(item), home), [_route(EVERYTHING, action)]


def _virtual_service_routes(item: Obj) -> Iterator[Json]:
    if item["spec"].get("tcp") or item["spec"].get("tls"):
        raise refused(item, "spec.tcp and spec.tls are not translated, only spec.http")
    for route in item["spec"].get("http") or ():
        unknown = [field for field in REFUSED_ROUTE_FIELDS if field in route]
        if unknown:
            raise refused(item, f"spec.http[].{unknown[0]} is not translated")
        shares = _destinations(item, route.get("route") or ())
        extras: Json = {"timeout": route.get("timeout", "0s")}  # Istio's default is no time-out
        if attempts := (route.get("retries") or {}).get("attempts"):
            extras["retry_policy"] = {
                "num_retries": attempts,
                "retry_on": route["retries"].get("retryOn", "connect-failure,refused-stream"),
            }
        action = _forward(item, shares, extras)
        matches: Iterable[Mapping[str, Any]] = route.get("match") or ({},)
        yield from (_route(virtual_service_match(item, match), action) for match in matches)


def _destinations(item: Obj, route: Iterable[Mapping[str, Any]]) -> list[tuple[Backend, int]]:
    """Backends with their weights; a single destination has all requests whatever its weight says (Istio)."""
    shares = []
    for entry in route:
        if "headers" in entry:
            raise refused(item, "spec.http[].route[].headers is not translated")
        target = entry["destination"]
        found = service_of(target["host"], namespace(item))
        if found is None:
            raise refused(
                item, f"destination host {target['host']} is neither a short name nor NAME.NS.{CLUSTER_DOMAIN}"
            )
        backend = Backend(service=found[0], namespace=found[1], subset=target.get("subset"))
        shares.append((backend, int(entry.get("weight") or 0)))
    return [(shares[0][0], 100)] if len(shares) == 1 else shares


def _routed_hosts(objects: Objects) -> Iterator[tuple[tuple[str, ...], list[Json]]]:
    """(domains, routes) per parent of an HTTPRoute: a Service (GAMMA) by its names, a Gateway by the hostnames."""
    for item in of_kind(objects, "HTTPRoute"):
        routes = [route for rule in item["spec"].get("rules") or () for route in _rule_routes(item, rule)]
        for parent in item["spec"].get("parentRefs") or ():
            if parent.get("kind", "Gateway") == "Service":
                yield tuple(domains_of(parent["name"], parent.get("namespace") or namespace(item))), routes
            else:
                yield tuple(item["spec"].get("hostnames") or ("*",)), routes


def _rule_routes(item: Obj, rule: Mapping[str, Any]) -> Iterator[Json]:
    unknown = [field for field in REFUSED_RULE_FIELDS if rule.get(field)]
    if unknown:
        raise refused(item, f"spec.rules[].{unknown[0]} is not translated")
    shares = list(_references(item, rule))
    extras = {"timeout": (rule.get("timeouts") or {}).get("request", "0s")}
    matches: Iterable[Mapping[str, Any]] = rule.get("matches") or ({},)
    for match in matches:
        if any(weight for _, weight in shares):
            yield _route(http_route_match(item, match), _forward(item, shares, extras))
        else:  # "If all weights are 0 ... 500" (Gateway API, HTTPRouteRule.backendRefs)
            yield {"match": http_route_match(item, match), "direct_response": {"status": 500}}


def _references(item: Obj, rule: Mapping[str, Any]) -> Iterator[tuple[Backend, int]]:
    for entry in rule.get("backendRefs") or ():
        if entry.get("filters") or entry.get("kind", "Service") != "Service":
            raise refused(
                item, f"backendRef {entry.get('name')}: filters and kinds other than Service are not translated"
            )
        weight = entry.get("weight")
        place = entry.get("namespace") or namespace(item)
        yield Backend(service=entry["name"], namespace=place), 1 if weight is None else int(weight)


def _split_backends(item: Obj) -> list[tuple[Backend, int]]:
    if item["spec"].get("matches"):
        raise refused(item, "spec.matches is not translated")
    home = namespace(item)
    entries = item["spec"].get("backends") or ()
    return [(Backend(service=entry["service"], namespace=home), int(entry["weight"])) for entry in entries]


def _named(objects: Objects) -> Iterator[Backend]:
    for item in of_kind(objects, "VirtualService"):
        for route in item["spec"].get("http") or ():
            yield from (backend for backend, _ in _destinations(item, route.get("route") or ()))
    for item in of_kind(objects, "HTTPRoute"):
        for rule in item["spec"].get("rules") or ():
            yield from (backend for backend, _ in _references(item, rule))
    for item in of_kind(objects, "TrafficSplit"):
        yield from (backend for backend, _ in _split_backends(item))


def _forward(item: Obj, shares: list[tuple[Backend, int]], extras: Json | None = None) -> Json:
    total: dict[Backend, int] = {}
    for backend, weight in shares:
        if weight < 0:
            raise refused(item, f"the weight of {backend.cluster} is {weight}; weights are 0 or more")
        total[backend] = total.get(backend, 0) + weight
    if not any(total.values()):
        raise refused(item, "no destination has a weight above 0")
    return _to(total) | (extras or {})


def _to(weights: Mapping[Backend, int]) -> Json:
    """The route action; Envoy takes weights relative to their sum, as all these APIs do."""
    chosen = {backend.cluster: weight for backend, weight in weights.items() if weight}
    if len(chosen) == 1:
        return {"cluster": next(iter(chosen))}
    return {
        "weighted_clusters": {"clusters": [{"name": cluster, "weight": weight} for cluster, weight in chosen.items()]}
    }


def _route(match: Json, action: Json) -> Json:
    return {"match": match, "route": action}


def _subsets(objects: Objects) -> dict[Backend, Mapping[str, str]]:
    """The pod labels of every subset that a DestinationRule defines."""
    return {
        Backend(service=found[0], namespace=found[1], subset=subset["name"]): subset.get("labels") or {}
        for item in of_kind(objects, "DestinationRule")
        if (found := service_of(item["spec"]["host"], namespace(item)))
        for subset in item["spec"].get("subsets") or ()
    }


def _listening(
    objects: Objects, backend: Backend, labels: Mapping[str, str], addresses: Addresses
) -> Iterator[tuple[str, int]]:
    slices, place = of_kind(objects, "EndpointSlice"), backend.namespace
    pods = {
        name(pod): pod["metadata"].get("labels") or {} for pod in of_kind(objects, "Pod") if namespace(pod) == place
    }
    for address, endpoint, item in ready_addresses(slices, backend.service, place):
        pod = (endpoint.get("targetRef") or {}).get("name", "")
        if carries(pods.get(pod, {}), labels):
            ports = item.get("ports") or [{}]
            yield addresses.get(address, (address, int(ports[0].get("port") or 80)))


def _endpoint(host: str, port: int) -> Json:
    return {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}}
