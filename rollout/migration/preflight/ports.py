"""Will the proxy take each port for what is spoken on it?"""

from collections.abc import Iterator

from rollout.migration.preflight.check import Check, annotations, named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import JOINING, joining
from rollout.migration.preflight.protocols import PLAIN_HTTP, Spoken, is_external, spoken, tcp_ports
from rollout.migration.preflight.templates import WORKLOADS, Template, probes, services, target, workloads
from rollout.model.migration import Finding, Severity
from rollout.model.telemetry import Asked

# istio.io, "Ports used by Istio": of the proxy and its agent
RESERVED = frozenset({15000, 15001, 15002, 15004, 15006, 15008, 15020, 15021, 15053, 15090})
TLS_PORTS = frozenset({443, 8443})
# Annotations of an Ingress that make its controller speak TLS to the backend.
SPEAKS_TLS = {
    "nginx.ingress.kubernetes.io/backend-protocol": ("HTTPS", "GRPCS"),
    "haproxy-ingress.github.io/backend-protocol": ("HTTPS", "H1-SSL", "H2-SSL", "GRPCS"),
    "alb.ingress.kubernetes.io/backend-protocol": ("HTTPS",),
    "haproxy.org/server-ssl": ("TRUE",),
}
TRAEFIK = "traefik.ingress.kubernetes.io/service.serversscheme"  # on the Service


def naming(gathered: Gathered) -> Iterator[Finding]:
    """Ports of Services that say nothing about their protocol."""
    for service in gathered.here("Service"):
        for path, port in tcp_ports(service):
            if spoken(port) is Spoken.SNIFFED and not is_external(service):
                yield Finding(
                    check="PORT-01",
                    severity=Severity.WARN,
                    object=named("Service", service),
                    field=f"{path}.appProtocol",
                    why=f"port {port['port']} says no protocol: the proxy waits for the client's first bytes to guess",
                    fix="set appProtocol, or a name that begins with the protocol (http-, grpc-, tcp-, tls-)",
                )


def conflicts(gathered: Gathered) -> Iterator[Finding]:
    """Ports of pods about which Services say different things."""
    said: dict[tuple[str, int], tuple[Spoken, str]] = {}
    for service, pods in services(gathered):
        for path, port in tcp_ports(service):
            protocol = spoken(port)
            places = {(one.owner, target(port, one)) for one in pods}
            for owner, number in sorted((owner, number) for owner, number in places if number is not None):
                first, who = said.setdefault((owner, number), (protocol, service["metadata"]["name"]))
                if Spoken.SNIFFED in (first, protocol):
                    said[owner, number] = (protocol, who) if first is Spoken.SNIFFED else (first, who)
                elif protocol is not first:
                    yield Finding(
                        check="PORT-02",
                        severity=Severity.BLOCK,
                        object=named("Service", service),
                        field=path,
                        why=f"it says {protocol} of port {number} of {owner}, Service {who} says {first}: one of them loses",
                        fix="let both say the same protocol",
                    )


def tls_on_http(gathered: Gathered) -> Iterator[Finding]:
    """Ports declared as HTTP on which TLS is spoken: a proxy that lets both in has no place for it there."""
    for service, pods in services(gathered):
        for path, port in tcp_ports(service):
            sign = _sign_of_tls(gathered, service, port, pods) if spoken(port) in PLAIN_HTTP else None
            if sign is not None:
                severity, why = sign
                yield Finding(
                    check="PORT-03",
                    severity=severity,
                    object=named("Service", service),
                    field=path,
                    why=f"it says {spoken(port)}, but {why}: TLS on it fails as soon as the pods have a proxy",
                    fix="name the port https or tls (or set appProtocol), or let it speak plaintext",
                )


def _sign_of_tls(
    gathered: Gathered, service: Obj, port: Obj, pods: tuple[Template, ...]
) -> tuple[Severity, str] | None:
    """Why TLS is spoken there; a number alone is no proof."""
    for one in pods:
        number = target(port, one)
        for _, probe in probes(one):
            http = probe.get("httpGet") or {}
            if http.get("scheme") == "HTTPS" and number is not None and one.port(http["port"]) == number:
                return Severity.BLOCK, f"a probe of {one.owner} speaks HTTPS to it"
    for ingress in gathered.here("Ingress"):
        marks = annotations(ingress)
        tls = any(marks.get(key, "").upper() in values for key, values in SPEAKS_TLS.items())
        if tls and any(_leads_to(backend, service, port) for backend in _backends(ingress)):
            return Severity.BLOCK, f"{named('Ingress', ingress)} speaks HTTPS to it"
    if annotations(service).get(TRAEFIK) == "https":
        return Severity.BLOCK, f"{TRAEFIK} makes Traefik speak HTTPS to it"
    number = next((number for one in pods if (number := target(port, one)) in TLS_PORTS), None)
    return None if number is None else (Severity.WARN, f"it leads to port {number}, where TLS is usual")


def _backends(ingress: Obj) -> Iterator[Obj]:
    spec = ingress.get("spec") or {}
    found = [spec.get("defaultBackend") or {}]
    found += [
        path.get("backend") or {}
        for rule in spec.get("rules") or ()
        for path in (rule.get("http") or {}).get("paths") or ()
    ]
    yield from (one["service"] for one in found if one.get("service"))


def _leads_to(backend: Obj, service: Obj, port: Obj) -> bool:
    wanted = backend.get("port") or {}
    is_port = wanted.get("number") == port["port"] or wanted.get("name", "") == port.get("name")
    return bool(is_port and backend["name"] == service["metadata"]["name"])


def reserved(gathered: Gathered) -> Iterator[Finding]:
    """Containers on ports that the proxy takes for itself."""
    for one in joining(gathered):
        for path, port in one.ports():
            if port["containerPort"] in RESERVED:
                yield Finding(
                    check="PORT-04",
                    severity=Severity.BLOCK,
                    object=one.owner,
                    field=f"{path}.containerPort",
                    why=f"the proxy listens on {port['containerPort']} itself: one of the two cannot start",
                    fix="move the application to a port outside 15000-15090",
                )


def undeclared(gathered: Gathered) -> Iterator[Finding]:
    """Workloads that were called on ports that no Service names; seen only where they have a proxy already."""
    answer = gathered.told[Asked.PLAINTEXT_IN_WINDOW]
    known = {str(one.obj["metadata"]["name"]): one for one in workloads(gathered)}
    for series in answer.series or ():
        if series.label("destination_service_name").startswith("InboundPassthrough"):
            name = series.label("destination_workload")
            one = known.get(name)
            yield Finding(
                check="PORT-05",
                severity=Severity.WARN,
                object=one.owner if one else f"Workload {gathered.namespace}/{name}",
                field=one.at("spec", "containers") if one else "",
                why="it is called on a port that no Service names: no policy for a port can be written for it with certainty",
                fix="name the port in a Service, or find the caller and let it use one that is named",
            )


PORTS = (
    Check(
        id="PORT-01",
        title="ports say their protocol",
        severity=Severity.WARN,
        reads=("Service",),
        find=naming,
    ),
    Check(
        id="PORT-02",
        title="Services agree about the ports of their pods",
        severity=Severity.BLOCK,
        reads=("Service", *WORKLOADS),
        find=conflicts,
    ),
    Check(
        id="PORT-03",
        title="no TLS is spoken on a port that is declared as HTTP",
        severity=Severity.BLOCK,
        reads=("Service", "Ingress", *WORKLOADS),
        find=tls_on_http,
    ),
    Check(
        id="PORT-04",
        title="no container is on a port of the proxy",
        severity=Severity.BLOCK,
        reads=JOINING,
        find=reserved,
    ),
    Check(
        id="PORT-05",
        title="every port that is called is named by a Service",
        severity=Severity.WARN,
        reads=WORKLOADS,
        asks=(Asked.PLAINTEXT_IN_WINDOW,),
        find=undeclared,
    ),
)
