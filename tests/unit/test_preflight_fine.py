"""What looks ill to the preflight and is not, because something else settles it?"""

from collections.abc import Callable
from datetime import timedelta

import pytest

from rollout.migration.preflight.catalogue import verdict
from rollout.model.migration import Exemption, Severity
from tests.support.ailments import NOON, World, add, both, put, replace, well
from tests.support.ailments_admission import AGENT, ENFORCE, KYVERNO, NO_CNI, POLICY
from tests.support.ailments_ports import EXTERNAL, FIRST, NGINX, image, ingress, service

LABELS, NOTES = "spec.template.metadata.labels", "spec.template.metadata.annotations"
SPEC = "spec.template.spec"
INJECT = "sidecar.istio.io/inject"
SECCOMP = replace(
    "ConfigMap", "istio-sidecar-injector", '"proxy": {', '"proxy": {"seccompProfile": {"type": "RuntimeDefault"}, '
)
NO_REWRITE = replace("ConfigMap", "istio-sidecar-injector", 'rewriteAppHTTPProbe": true', 'rewriteAppHTTPProbe": false')
REWRITE = {"sidecar.istio.io/rewriteAppHTTPProbers": "true"}
DISABLED = replace("ConfigMap", "istio-sidecar-injector", "policy: enabled", "policy: disabled")
NEVER_CACHE = replace(
    "ConfigMap",
    "istio-sidecar-injector",
    "neverInjectSelector: []",
    "neverInjectSelector: [{matchLabels: {app: cache}}]",
)
WEBHOOK = ("MutatingWebhookConfiguration", "istio-sidecar-injector")
FINISHED = """
kind: Job
metadata: {name: import, namespace: shop}
spec: {template: {spec: {securityContext: {runAsUser: 1337}, containers: [{name: import}]}}}
status: {conditions: [{type: Complete, status: "True"}]}
"""
ENDED = """
kind: Pod
metadata: {name: ended, namespace: shop}
spec: {securityContext: {runAsUser: 1337}, containers: [{name: ended}]}
status: {phase: Succeeded}
"""
OLD_REPLICAS = """
kind: ReplicaSet
metadata: {name: old, namespace: shop}
spec: {replicas: 0, template: {spec: {containers: [{name: old}]}}}
"""
STARTUP = {"httpGet": {"path": "/", "port": 8080}, "failureThreshold": 30}


def api(path: str, value: object) -> Callable[[World], None]:
    return put("Deployment", "api", path, value)


def a_tag(world: World) -> None:
    """The migration names a tag: the settings are those of the revision that it stands for."""
    world.revision = "stable"
    webhook = world.one(*WEBHOOK)
    webhook["metadata"]["labels"] |= {"istio.io/tag": "stable", "istio.io/rev": "1-30"}
    webhook["webhooks"][0]["namespaceSelector"]["matchExpressions"][0]["values"] = ["stable"]
    for name in ("istio", "istio-sidecar-injector"):
        world.one("ConfigMap", name)["metadata"]["name"] = f"{name}-1-30"
    world.one("Deployment", "istiod")["metadata"]["labels"]["istio.io/rev"] = "1-30"


FINE = {
    "the label of a pod wins over its annotation": both(api(LABELS, {INJECT: "true"}), api(NOTES, {INJECT: "false"})),
    "an unknown word opts nobody out": api(NOTES, {INJECT: "maybe"}),
    "a pod that asks for a proxy gets one in spite of neverInjectSelector": both(
        NEVER_CACHE, put("StatefulSet", "cache", LABELS, {INJECT: "true"})
    ),
    "baseline lets a proxy in that needs no istio-init": put(
        "Namespace", "shop", "metadata.labels", {ENFORCE: "baseline"}
    ),
    "restricted lets in a proxy with a seccomp profile": both(
        put("Namespace", "shop", "metadata.labels", {ENFORCE: "restricted"}), SECCOMP
    ),
    "without CNI, no level is enforced": NO_CNI,
    "a webhook for other namespaces": both(
        add(KYVERNO),
        put(
            "ValidatingWebhookConfiguration",
            "kyverno",
            "webhooks[0].namespaceSelector",
            {"matchLabels": {"team": "other"}},
        ),
    ),
    "a webhook for other pods": both(
        add(KYVERNO),
        put("ValidatingWebhookConfiguration", "kyverno", "webhooks[0].objectSelector", {"matchLabels": {"app": "no"}}),
    ),
    "a webhook for other kinds": add(KYVERNO.replace("[pods]", "[deployments]").replace("['']", "[apps]")),
    "a policy for other kinds": add(POLICY.replace("[pods]", "[deployments]")),
    "a policy for other namespaces": both(
        add(POLICY),
        put(
            "ValidatingAdmissionPolicy",
            "no-root",
            "spec.matchConstraints.namespaceSelector",
            {"matchLabels": {"team": "other"}},
        ),
    ),
    "the proxy's own settings in a template": api(
        f"{SPEC}.initContainers",
        [{"name": "istio-proxy", "securityContext": {"runAsUser": 1337}, "ports": [{"containerPort": 15090}]}],
    ),
    "a finished Job": add(FINISHED),
    "a finished pod": add(ENDED),
    "a ReplicaSet that makes no pods": add(OLD_REPLICAS),
    "MySQL on the port that Istio knows": service("{name: main, port: 3306}"),
    "a UDP port": service("{port: 22, protocol: UDP}"),
    "a port named by appProtocol": service("{name: main, appProtocol: http, port: 7001, targetPort: 7001}"),
    "two Services that agree": service("{name: tcp-again, port: 7000}"),
    "HTTP/2 and gRPC are one protocol": both(
        service("{name: grpc, port: 90, targetPort: http}", "api"), put("Service", "api", "spec.ports[0].name", "http2")
    ),
    "the same port of other pods": service("{name: http, port: 8080}"),
    "a MySQL declared as TCP": both(image("mysql:9"), put("Service", "cache", "spec.ports[0].name", "tcp")),
    "a MySQL with an exporter on HTTP": both(
        image("mysql:9"), put("Service", "cache", "spec.ports[0].name", "http-up")
    ),
    "PostgreSQL begins with the client": service("{name: tcp, port: 5432}"),
    "an ExternalName with TLS": add(EXTERNAL.format("{name: tls, port: 443}")),
    "an ExternalName without ports": add(EXTERNAL.format("")),
    "an annotation that switches rewriting on": both(
        NO_REWRITE, api(NOTES, REWRITE), put("StatefulSet", "cache", NOTES, REWRITE)
    ),
    "an impatient probe behind a startupProbe": both(
        api(f"{FIRST}.startupProbe", STARTUP),
        api(f"{FIRST}.livenessProbe", {"failureThreshold": 1, "initialDelaySeconds": 0}),
    ),
    "an impatient readinessProbe kills nothing": api(f"{FIRST}.readinessProbe.failureThreshold", 1),
    "a tag of a revision": a_tag,
    "a caBundle is not needed for an address": put(
        *WEBHOOK, "webhooks[2].clientConfig", {"service": None, "caBundle": "", "url": "https://istiod.example.com"}
    ),
    "another revision's istiod is not ours": add(
        "{kind: Deployment, metadata: {name: istiod-old, namespace: istio-system,"
        " labels: {app: istiod, istio.io/rev: old}}, spec: {template: {metadata: {}}}}"
    ),
}


@pytest.mark.parametrize("make", FINE.values(), ids=FINE.keys())
def test_nothing_is_found_where_something_else_settles_it(make: Callable[[World], None]) -> None:
    world = well()

    make(world)

    assert verdict(world.gathered()).findings == ()


@pytest.mark.parametrize(
    "make",
    [
        ingress("a: b"),
        ingress("nginx.ingress.kubernetes.io/backend-protocol: HTTP"),
        ingress(NGINX, "{name: api, port: {number: 443}}"),
        ingress(NGINX, "{name: other, port: {number: 80}}"),
    ],
)
def test_an_ingress_is_a_sign_of_tls_only_where_it_speaks_it_to_the_port(make: Callable[[World], None]) -> None:
    world = well()

    make(world)

    assert "PORT-03" not in {one.check for one in verdict(world.gathered()).findings}


OPTED_OUT = api(LABELS, {INJECT: "false"})
OF_A_PROXY = (
    api(f"{SPEC}.securityContext", {"runAsUser": 1337}),
    api(f"{SPEC}.nodeSelector", {"kubernetes.io/os": "windows"}),
    api(f"{FIRST}.ports[0]", {"name": "http", "containerPort": 15006}),
    api("spec.paused", value=True),
    api(NOTES, {"sidecar.istio.io/rewriteAppHTTPProbers": "false"}),
)


@pytest.mark.parametrize("make", OF_A_PROXY)
def test_what_would_harm_a_proxy_harms_no_pod_without_one(make: Callable[[World], None]) -> None:
    world = well()

    both(OPTED_OUT, make)(world)

    assert {one.check for one in verdict(world.gathered()).findings} == {"LBL-03"}


def exempt(world: World, days: int, port: int | None = None) -> None:
    """An exception of the migration for the api, or one port of it, from now on for so many days."""
    expires = (NOON + timedelta(days=days)).date()
    exception = Exemption(namespace="shop", workload={"app": "api"}, port=port, owner="ana", expires=expires)
    world.exceptions = (exception,)


@pytest.mark.parametrize(("days", "found"), [(1, set()), (0, {"LBL-03"})])
def test_an_opt_out_is_settled_by_an_exception_until_its_day(days: int, found: set[str]) -> None:
    world = well()
    OPTED_OUT(world)

    exempt(world, days)

    assert {one.check for one in verdict(world.gathered()).findings} == found


@pytest.mark.parametrize(("port", "severity"), [(None, Severity.WARN), (8080, Severity.WARN), (9090, Severity.BLOCK)])
def test_a_server_in_the_hosts_network_needs_an_exception_for_its_ports(port: int | None, severity: Severity) -> None:
    world = well()
    api(f"{SPEC}.hostNetwork", value=True)(world)

    exempt(world, 1, port)

    found = [one.severity for one in verdict(world.gathered()).findings if one.check == "HOST-01"]
    assert found == [severity]


def test_an_agent_becomes_a_server_by_a_service() -> None:
    world = well()
    add(AGENT)(world)

    service("{name: tcp, port: 9100}", "agent")(world)

    assert [one.severity for one in verdict(world.gathered()).blocking] == [Severity.BLOCK]


def test_an_injector_without_its_policy_injects_nobody_but_those_who_ask() -> None:
    world = well()

    DISABLED(world)

    assert [one.check for one in verdict(world.gathered()).blocking] == ["LBL-02"]
