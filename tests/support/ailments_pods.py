"""What makes the rows about pods and probes find something?"""

from collections.abc import Callable

from rollout.model.migration import Severity
from rollout.model.telemetry import Asked, Series
from tests.support.ailments import NOON, Ill, World, add, both, ill, put, remove, replace

WARN = Severity.WARN
API, CACHE = "Deployment shop/api", "StatefulSet shop/cache"
SETTINGS = "ConfigMap istio-system/istio-sidecar-injector"
FIRST = "spec.template.spec.containers[0]"
PROBE = f"{FIRST}.livenessProbe"
NOTES = "spec.template.metadata.annotations"
REWRITE, PORT = "sidecar.istio.io/rewriteAppHTTPProbers", "status.sidecar.istio.io/port"
BARE = """
kind: Pod
metadata: {name: tool, namespace: shop}
spec: {containers: [{name: tool}]}
"""
OPERATED = BARE.replace("shop}", "shop, ownerReferences: [{kind: KafkaNode, name: k, controller: true}]}")
REPLICAS = """
kind: ReplicaSet
metadata: {name: tool, namespace: shop}
spec: {replicas: 1, template: {metadata: {labels: {app: tool}}, spec: {containers: [{name: tool}]}}}
"""
HOOK = {"preStop": {"httpGet": {"path": "/bye", "port": 8080}}}


def told(asked: Asked, **labels: str) -> Callable[[World], None]:
    """The metrics server knows one series."""
    return lambda world: world.answer(asked, Series(labels=labels, value=1, at=NOON))


def api(path: str, value: object) -> Callable[[World], None]:
    """A field of the api."""
    return put("Deployment", "api", path, value)


def without_probes(hook: object) -> Callable[[World], None]:
    """The namespace has only a hook that would have to be rewritten, and nothing rewrites."""
    no_probes = (
        put(*one, f"{FIRST}.{name}", None) for one in WORKLOADS for name in ("readinessProbe", "livenessProbe")
    )
    return both(NO_REWRITE, *no_probes, api(f"{FIRST}.lifecycle", hook))


WORKLOADS = (("Deployment", "api"), ("StatefulSet", "cache"))
NO_REWRITE = replace("ConfigMap", "istio-sidecar-injector", 'rewriteAppHTTPProbe": true', 'rewriteAppHTTPProbe": false')

OF_PODS: dict[str, tuple[Ill, ...]] = {
    "SVC-HEADLESS": (
        ill(
            put("Service", "cache", "spec.clusterIP", "None"),
            ("Service shop/cache", "spec.clusterIP"),
            "send plaintext to all of them",
            WARN,
        ),
    ),
    "STS-01": (
        ill(
            put("StatefulSet", "cache", "spec.updateStrategy.type", "OnDelete"),
            (CACHE, "spec.updateStrategy.type"),
            "with OnDelete",
            WARN,
        ),
        ill(
            put("StatefulSet", "cache", "spec.updateStrategy.rollingUpdate", {"partition": 1}),
            (CACHE, "spec.updateStrategy.rollingUpdate.partition"),
            "pods below the partition",
            WARN,
        ),
        ill(api("spec.paused", value=True), (API, "spec.paused"), "paused", WARN),
        ill(api("spec.strategy", {"type": "Recreate"}), (API, "spec.strategy.type"), "down at once", WARN),
        ill(add(BARE), ("Pod shop/tool", "metadata.ownerReferences"), "a pod of nobody", WARN),
        ill(add(OPERATED), ("Pod shop/tool", "metadata.ownerReferences"), "a pod of KafkaNode", WARN),
        ill(add(REPLICAS), ("ReplicaSet shop/tool", "metadata.ownerReferences"), "restarts nothing", WARN),
    ),
    "PODIP-01": (
        ill(
            told(Asked.PASSTHROUGH, source_workload_namespace="front", source_workload="web"),
            ("Workload front/web", ""),
            "addresses that are no Service",
            WARN,
        ),
    ),
    "LOCALHOST-01": (
        ill(
            told(Asked.PLAINTEXT_IN_WINDOW, destination_workload="api", response_flags="UF,URX"),
            (API, "spec.template.spec.containers"),
            "listens on localhost only",
            Severity.INFO,
        ),
    ),
    "PROBE-01": (
        ill(api(NOTES, {REWRITE: "false"}), (API, f"{NOTES}.{REWRITE}"), "the kubelet has no certificate"),
        ill(api(NOTES, {PORT: "0"}), (API, f"{NOTES}.{PORT}"), "readinessProbe.httpGet is not rewritten"),
        ill(
            both(NO_REWRITE, api(NOTES, {REWRITE: "true"})),
            (CACHE, f"{FIRST}.readinessProbe.tcpSocket"),
            "is not rewritten",
        ),
        ill(
            without_probes(HOOK),
            (API, f"{FIRST}.lifecycle.preStop.httpGet"),
            "preStop.httpGet is not rewritten",
            also=("ROLL-01",),
        ),
        ill(
            remove("ConfigMap", "istio-sidecar-injector"),
            (SETTINGS, "data.values: sidecarInjectorWebhook.rewriteAppHTTPProbe"),
            "nobody knows whether it rewrites probes",
            also=("LBL-04",),
        ),
    ),
    "PROBE-02": (
        ill(api(f"{PROBE}.httpGet.host", "10.0.0.9"), (API, f"{PROBE}.httpGet.host"), "it probes 10.0.0.9", WARN),
        ill(
            both(
                api(f"{FIRST}.ports[0].hostPort", 30080),
                put("Deployment", "api", f"{PROBE}.httpGet.port", 30080),
            ),
            (API, f"{PROBE}.httpGet.port"),
            "the node's port 30080",
            WARN,
        ),
        ill(
            api(f"{FIRST}.startupProbe", {"grpc": {"port": 8080}, "periodSeconds": 2}),
            (API, f"{FIRST}.startupProbe"),
            "kills it after 5 s",
            WARN,
        ),
        ill(
            both(api(f"{PROBE}.initialDelaySeconds", 0), api(f"{PROBE}.failureThreshold", 1)),
            (API, PROBE),
            "a loop of restarts",
            WARN,
        ),
    ),
}
