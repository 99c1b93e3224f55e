"""Who calls the namespace from outside the mesh: the API server, ingress controllers, load balancers?"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from rollout.migration.preflight.check import Check, annotations, named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.ingress import Backend, Server, backends, server_of
from rollout.migration.preflight.installed import JOINING
from rollout.migration.preflight.open_ports import closed, listed
from rollout.model.migration import Finding, Severity
from rollout.model.telemetry import Asked

_HTTPS = 443  # the port that the API server calls where none is said
_NGINX_UPSTREAM = "nginx.ingress.kubernetes.io/service-upstream"
# Annotations with which a load balancer calls pods directly, and the values that mean it.
_TO_PODS = {
    "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": ("ip",),
    "service.beta.kubernetes.io/aws-load-balancer-type": ("nlb-ip",),
    "alb.ingress.kubernetes.io/target-type": ("ip",),
}
_NEG = "cloud.google.com/neg"

_webhook = partial(Finding, check="WEBHOOK-01", severity=Severity.BLOCK)
_unheard = partial(Finding, check="WEBHOOK-02", severity=Severity.INFO)
_ingress = partial(Finding, check="ING-01", severity=Severity.BLOCK)
_direct = partial(Finding, check="ING-02", severity=Severity.WARN)


def called_by_the_api_server(gathered: Gathered) -> Iterator[Finding]:
    """WEBHOOK-01: what the API server, which is in no mesh, calls in the namespace."""
    for name, path, service in _api_calls(gathered):
        if service.get("namespace") != gathered.namespace:
            continue
        number = int(service.get("port") or _HTTPS)
        target = _service(gathered, service["name"])
        ports = closed(gathered, target, number) if target else (number,)
        if ports:
            yield _webhook(
                object=name,
                field=path,
                why=f"the API server calls {gathered.namespace}/{service['name']} without the mesh's certificate: under "
                "STRICT it is refused, and what it asks about fails in the whole cluster",
                fix=f"make an exception (PERMISSIVE) for {listed(ports)}, or exclude the port from the proxy, before STRICT",
            )


def unheard_webhooks(gathered: Gathered) -> Iterator[Finding]:
    """WEBHOOK-02: admission webhooks of the namespace, where no API server's metrics tell of calls that fail."""
    if gathered.told[Asked.API_SERVERS].series:
        return
    for name, path, service in _admission_calls(gathered):
        if service.get("namespace") == gathered.namespace:
            yield _unheard(
                object=name,
                field=path,
                why="the API server's own metrics do not come: that it cannot call this webhook would take nothing back",
                fix="scrape the API server (apiserver_admission_webhook_*), or look at the webhook yourself after STRICT",
            )


def served_from_outside(gathered: Gathered) -> Iterator[Finding]:
    """ING-01: Ingresses and HTTPRoutes that a controller outside the mesh serves."""
    for backend in backends(gathered):
        service = _service(gathered, backend.service)
        ports = closed(gathered, service, backend.port) if service else ()
        if not ports:
            continue
        server = server_of(gathered, backend)
        if not server.is_meshed:
            yield _ingress(
                object=backend.object,
                field=backend.path,
                why=f"{server.name} leads users to {backend.service} and is not in the mesh: under STRICT they get errors",
                fix=f"take the controller into the mesh, or make an exception (PERMISSIVE) for {listed(ports)}",
            )
        elif _calls_pods(server, backend):
            yield _ingress(
                object=backend.object,
                field=f"metadata.annotations.{_NGINX_UPSTREAM}",
                why=f"{server.name} is in the mesh but calls pods by address: that is plaintext, refused under STRICT",
                fix=f'annotate it {_NGINX_UPSTREAM}: "true", so that it calls the Service',
            )


def reachable_from_outside(gathered: Gathered) -> Iterator[Finding]:
    """ING-02: Services that are called through nodes, load balancers or addresses of their own."""
    for service in gathered.here("Service"):
        doors = tuple(_doors(service))
        ports = closed(gathered, service) if doors else ()
        for path, what in doors if ports else ():
            yield _direct(
                object=named("Service", service),
                field=path,
                why=f"{what}: such callers and health checks use plaintext, refused under STRICT",
                fix=f"lead them through a gateway of the mesh, or make an exception (PERMISSIVE) for {listed(ports)}",
            )
    for ingress in gathered.here("Ingress"):
        for path in _to_pods(ingress):
            yield _direct(
                object=named("Ingress", ingress),
                field=path,
                why="its load balancer and health checks call pods directly in plaintext, refused under STRICT",
                fix="lead it to a gateway of the mesh, or make an exception (PERMISSIVE) for the ports behind it",
            )


def _admission_calls(gathered: Gathered) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(object, path, Service) of each admission webhook."""
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for obj in gathered.all(kind):
            for index, entry in enumerate(obj.get("webhooks") or ()):
                service = (entry.get("clientConfig") or {}).get("service") or {}
                yield named(kind, obj), f"webhooks[{index}].clientConfig.service", service


def _api_calls(gathered: Gathered) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(object, path, Service) of each place where the API server is told to call a Service."""
    yield from _admission_calls(gathered)
    for obj in gathered.all("CustomResourceDefinition"):
        webhook = ((obj.get("spec") or {}).get("conversion") or {}).get("webhook") or {}
        service = (webhook.get("clientConfig") or {}).get("service") or {}
        yield named("CustomResourceDefinition", obj), "spec.conversion.webhook.clientConfig.service", service
    for obj in gathered.all("APIService"):
        yield named("APIService", obj), "spec.service", (obj.get("spec") or {}).get("service") or {}


def _service(gathered: Gathered, name: str) -> Obj | None:
    return next((one for one in gathered.here("Service") if one["metadata"]["name"] == name), None)


def _calls_pods(server: Server, backend: Backend) -> bool:
    """ingress-nginx calls the addresses of pods unless it is told to call the Service."""
    return server.family == "nginx" and backend.annotations.get(_NGINX_UPSTREAM) != "true"


def _doors(service: Obj) -> Iterator[tuple[str, str]]:
    spec = service.get("spec") or {}
    kind = spec.get("type", "ClusterIP")
    if kind in ("NodePort", "LoadBalancer"):
        policy = spec.get("externalTrafficPolicy", "Cluster")
        seen = "with the nodes' addresses" if policy == "Cluster" else "with their own addresses"
        yield "spec.type", f"{kind} with externalTrafficPolicy {policy} lets callers in from outside, seen {seen}"
    if spec.get("externalIPs"):
        yield "spec.externalIPs", f"callers come in through {', '.join(spec['externalIPs'])}"
    for path in _to_pods(service):
        yield path, "a load balancer calls its pods directly"


def _to_pods(obj: Obj) -> Iterator[str]:
    given = annotations(obj)
    for name, values in _TO_PODS.items():
        if given.get(name) in values:
            yield f"metadata.annotations.{name}"
    neg = given.get(_NEG, "").replace(" ", "")
    if '"ingress":true' in neg or '"exposed_ports"' in neg:
        yield f"metadata.annotations.{_NEG}"


OUTSIDE = (
    Check(
        id="WEBHOOK-01",
        title="the API server calls nothing in the namespace",
        severity=Severity.BLOCK,
        reads=(
            "ValidatingWebhookConfiguration",
            "CustomResourceDefinition",
            "APIService",
            "Service",
            *JOINING,
        ),
        find=called_by_the_api_server,
    ),
    Check(
        id="WEBHOOK-02",
        title="the API server's metrics tell of webhooks that it cannot call",
        severity=Severity.INFO,
        reads=("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
        asks=(Asked.API_SERVERS,),
        find=unheard_webhooks,
    ),
    Check(
        id="ING-01",
        title="ingress controllers are in the mesh",
        severity=Severity.BLOCK,
        reads=("Ingress", "HTTPRoute", "Gateway", "Service", *JOINING),
        find=served_from_outside,
    ),
    Check(
        id="ING-02",
        title="no Service is called from outside the cluster",
        severity=Severity.WARN,
        reads=("Service", "Ingress", *JOINING),
        find=reachable_from_outside,
    ),
)
