"""Which traffic objects do real clusters hold? Written after what people run; each call gives a fresh one."""

from collections.abc import Callable, Mapping
from typing import Any

Obj = dict[str, Any]


def _istio(name: str, spec: Obj, namespace: str = "shop") -> Obj:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace, "resourceVersion": "41", "generation": 3},
        "spec": spec,
    }


def reviews() -> Obj:
    """The textbook VirtualService: one route, one destination without a weight, subsets."""
    return _istio(
        "reviews",
        {"hosts": ["reviews"], "http": [{"route": [{"destination": {"host": "reviews", "subset": "v1"}}]}]},
    )


def checkout() -> Obj:
    """One Service per revision, two hosts, gateways, named routes, matches, mirror, retries, headers, unknown fields."""
    return {
        **_istio("checkout", _checkout_spec()),
        "x-vendor": {"keep": ["me", 1, 2.5, None, True]},
        "status": {"observedGeneration": 3, "conditions": [{"type": "Reconciled", "status": "True"}]},
    }


def _checkout_spec() -> Obj:
    stable = {"destination": {"host": "checkout-v1.shop.svc.cluster.local", "port": {"number": 8080}}}
    return {
        "hosts": ["checkout.example.com", "checkout.shop.svc.cluster.local"],
        "gateways": ["mesh", "istio-ingress/public"],
        "exportTo": [".", "istio-ingress"],
        "http": _checkout_http(stable),
        "tcp": [{"match": [{"port": 9000}], "route": [stable]}],
        "tls": [
            {
                "match": [{"port": 443, "sniHosts": ["pay.example.com"]}],
                "route": [{"destination": {"host": "pay-v1"}, "weight": 100}],
            }
        ],
    }


def _checkout_http(stable: Obj) -> list[Obj]:
    return [
        {
            "name": "testers",
            "match": [{"headers": {"x-tester": {"exact": "yes"}}}],
            "route": [{"destination": {"host": "checkout-v2", "port": {"number": 8080}}}],
        },
        {"name": "old-urls", "match": [{"uri": {"prefix": "/cart"}}], "redirect": {"uri": "/checkout"}},
        {
            "name": "api",
            "match": [{"uri": {"prefix": "/api"}}],
            "mirror": {"host": "audit.tools.svc.cluster.local"},
            "mirrorPercentage": {"value": 12.5},
            "retries": {"attempts": 3, "perTryTimeout": "2s", "retryOn": "gateway-error,connect-failure"},
            "timeout": "10s",
            "corsPolicy": {"allowOrigins": [{"exact": "https://example.com"}]},
            "route": [
                {
                    **stable,
                    "weight": 100,
                    "headers": {"response": {"set": {"x-served-by": "stable"}, "remove": ["server"]}},
                    "x-unknown": {"kept": 0},
                }
            ],
        },
        {
            "name": "web",
            "route": [
                {**stable, "weight": 80},
                {"destination": {"host": "legacy.attic.svc.cluster.local"}, "weight": 20},
            ],
        },
    ]


def _gateway(kind: str, name: str, rules: list[Obj]) -> Obj:
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public", "namespace": "gateways"}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "77", "generation": 2},
        "spec": {"parentRefs": [parent], "hostnames": ["shop.example.com"], "rules": rules},
        "status": {"parents": [{"parentRef": parent, "controllerName": "example.com/gw", "conditions": accepted(2)}]},
    }


def accepted(generation: int, *, resolved: str = "True") -> list[Obj]:
    """Conditions of a Gateway API parent that took this generation."""
    return [
        {
            "type": "Accepted",
            "status": "True",
            "reason": "Accepted",
            "message": "",
            "lastTransitionTime": "2026-11-21T12:00:00Z",
            "observedGeneration": generation,
        },
        {
            "type": "ResolvedRefs",
            "status": resolved,
            "reason": "ResolvedRefs" if resolved == "True" else "BackendNotFound",
            "message": "" if resolved == "True" else "no Service checkout-v2",
            "lastTransitionTime": "2026-11-21T12:00:00Z",
            "observedGeneration": generation,
        },
    ]


def http_route() -> Obj:
    """Filters on rules and on backends, a redirect without backends, a backend of another namespace and kind."""
    header = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-rev", "value": "v1"}]}}
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "audit", "port": 80}}}
    redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    return _gateway(
        "HTTPRoute",
        "checkout",
        [
            {"name": "secure", "filters": [redirect]},
            {
                "name": "api",
                "matches": [{"path": {"type": "PathPrefix", "value": "/api"}}],
                "filters": [mirror],
                "timeouts": {"request": "10s"},
                "backendRefs": [{"name": "checkout-v1", "port": 8080, "filters": [header]}],
            },
            {
                "matches": [{"headers": [{"name": "x-beta", "value": "1"}]}],
                "backendRefs": [
                    {"group": "", "kind": "Service", "name": "checkout-v1", "port": 8080, "weight": 150},
                    {"name": "checkout-v1", "namespace": "attic", "port": 8080, "weight": 50},
                ],
            },
            {"backendRefs": [{"kind": "ServiceImport", "group": "multicluster.x-k8s.io", "name": "far", "port": 80}]},
        ],
    )


def grpc_route() -> Obj:
    """A GRPCRoute attached to a Service, weights that are no percentages."""
    route = _gateway(
        "GRPCRoute",
        "checkout",
        [
            {
                "matches": [{"method": {"service": "shop.Checkout", "method": "Pay"}}],
                "backendRefs": [{"name": "checkout-v1", "port": 9090, "weight": 7}],
            }
        ],
    )
    route["spec"]["parentRefs"] = [{"group": "", "kind": "Service", "name": "checkout", "port": 9090}]
    return route


def traffic_split(version: str = "v1alpha4") -> Obj:
    """A TrafficSplit; v1alpha2 knows no matches."""
    spec: Obj = {"service": "checkout", "backends": [{"service": "checkout-v1", "weight": 1}]}
    if version != "v1alpha2":
        spec["matches"] = [{"kind": "HTTPRouteGroup", "name": "checkout", "apiGroup": "specs.smi-spec.io"}]
    return {
        "apiVersion": f"split.smi-spec.io/{version}",
        "kind": "TrafficSplit",
        "metadata": {"name": "checkout", "namespace": "shop", "resourceVersion": "5", "annotations": {"team": "shop"}},
        "spec": spec,
    }


SAMPLES: Mapping[str, Callable[[], Obj]] = {
    "checkout": checkout,
    "http_route": http_route,
    "grpc_route": grpc_route,
    "traffic_split_v1alpha2": lambda: traffic_split("v1alpha2"),
    "traffic_split_v1alpha3": lambda: traffic_split("v1alpha3"),
    "traffic_split_v1alpha4": traffic_split,
}
