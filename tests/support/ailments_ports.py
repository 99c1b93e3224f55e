"""What makes the rows about ports find something?"""

from collections.abc import Callable

from rollout.model.migration import Severity
from rollout.model.telemetry import Asked, Series
from tests.support.ailments import NOON, Ill, World, add, both, ill, put

WARN = Severity.WARN
API, SERVICE = "Deployment shop/api", "Service shop/api"
PORT = "spec.ports[0]"
FIRST = "spec.template.spec.containers[0]"


def service(ports: str, app: str = "cache", more: str = "") -> Callable[[World], None]:
    """One more Service, named other."""
    return add(
        f"{{kind: Service, metadata: {{name: other, namespace: shop}}, spec: {{selector: {{app: {app}}}, ports: [{ports}]{more}}}}}"
    )


def ingress(annotation: str, backend: str = "{name: api, port: {number: 80}}") -> Callable[[World], None]:
    """An Ingress that leads to the api."""
    return add(
        f"{{kind: Ingress, metadata: {{name: front, namespace: shop, annotations: {{{annotation}}}}},"
        f" spec: {{rules: [{{http: {{paths: [{{path: /, backend: {{service: {backend}}}}}]}}}}]}}}}"
    )


def called_on_a_port_without_a_name(world: World) -> None:
    """Plaintext came in on a port of no Service."""
    labels = {"destination_service_name": "InboundPassthroughCluster", "destination_workload": "api"}
    world.answer(Asked.PLAINTEXT_IN_WINDOW, Series(labels=labels, value=3, at=NOON))


def image(name: str) -> Callable[[World], None]:
    """The cache runs another image, and its Service says nothing."""
    return both(
        put("StatefulSet", "cache", f"{FIRST}.image", name),
        put("Service", "cache", f"{PORT}.name", "main"),
    )


NGINX = 'nginx.ingress.kubernetes.io/backend-protocol: "HTTPS"'
OTHER = ("Service shop/other", PORT)
SAYS = ("Service shop/other", f"{PORT}.appProtocol")
FIRST_WORD = "waits for a client that waits for the server"
EXTERNAL = "{{kind: Service, metadata: {{name: bank, namespace: shop}}, spec: {{type: ExternalName, externalName: bank.com, ports: [{}]}}}}"

OF_PORTS: dict[str, tuple[Ill, ...]] = {
    "PORT-01": (
        ill(service("{port: 7001, targetPort: 7001}"), SAYS, "port 7001 says no protocol", WARN),
        ill(service("{name: main, port: 7001}"), SAYS, "port 7001 says no protocol", WARN),
        ill(service("{name: http, appProtocol: example.com/own, port: 7001}"), SAYS, "says no protocol", WARN),
    ),
    "PORT-02": (
        ill(service("{name: http, port: 80, targetPort: 7000}"), OTHER, "HTTP of port 7000 of StatefulSet shop/cache"),
        ill(service("{name: grpc, port: 90, targetPort: http}", "api"), OTHER, "Service api says HTTP"),
    ),
    "PORT-03": (
        ill(
            put("Deployment", "api", f"{FIRST}.readinessProbe.httpGet.scheme", "HTTPS"),
            (SERVICE, PORT),
            "a probe of Deployment shop/api speaks HTTPS to it",
        ),
        ill(ingress(NGINX), (SERVICE, PORT), "Ingress shop/front speaks HTTPS to it", also=("ING-01",)),
        ill(
            ingress(NGINX, "{name: api, port: {name: http}}"),
            (SERVICE, PORT),
            "fails as soon as the pods have a proxy",
            also=("ING-01",),
        ),
        ill(
            put(
                "Service",
                "api",
                "metadata.annotations",
                {"traefik.ingress.kubernetes.io/service.serversscheme": "https"},
            ),
            (SERVICE, PORT),
            "makes Traefik speak HTTPS to it",
        ),
        ill(
            both(
                put("Deployment", "api", f"{FIRST}.ports[0].containerPort", 8443),
                put("Service", "api", f"{PORT}.targetPort", 8443),
            ),
            (SERVICE, PORT),
            "port 8443, where TLS is usual",
            WARN,
            ("APPTLS-01",),
        ),
    ),
    "PORT-04": (
        ill(
            put("Deployment", "api", f"{FIRST}.ports[0]", {"name": "metrics", "containerPort": 15020}),
            (API, f"{FIRST}.ports[0].containerPort"),
            "the proxy listens on 15020 itself",
        ),
    ),
    "PORT-05": (
        ill(
            called_on_a_port_without_a_name,
            (API, "spec.template.spec.containers"),
            "a port that no Service names",
            WARN,
        ),
    ),
    "SRVFIRST-01": (
        ill(service("{name: http, port: 22}"), SAYS, FIRST_WORD),
        ill(
            service("{name: main, port: 4222}"), SAYS, "on port 4222 the server usually speaks first", also=("PORT-01",)
        ),
        ill(service("{name: main, port: 33, targetPort: 3306}"), SAYS, "on port 3306", also=("PORT-01",)),
        ill(
            image("docker.io/library/mariadb:11@sha256:0"),
            ("Service shop/cache", f"{PORT}.appProtocol"),
            "the server of image mariadb speaks first",
            also=("PORT-01",),
        ),
    ),
    "EXTNAME-01": (
        ill(add(EXTERNAL.format("{name: tcp-bank, port: 443}")), ("Service shop/bank", PORT), "may land there", WARN),
        ill(add(EXTERNAL.format("{port: 443}")), ("Service shop/bank", PORT), "any port 443 elsewhere", WARN),
    ),
}
