"""What makes the rows about the mesh itself find something?"""

from copy import deepcopy

from rollout.model.migration import Severity
from tests.support.ailments import Ill, World, add, both, ill, put, remove, replace

WARN = Severity.WARN
API = "Deployment shop/api"
INJECTOR = "MutatingWebhookConfiguration istio-sidecar-injector"
MESH, SETTINGS = "ConfigMap istio-system/istio", "ConfigMap istio-system/istio-sidecar-injector"
WEBHOOK = ("MutatingWebhookConfiguration", "istio-sidecar-injector")
ENABLED = "data.values: sidecarInjectorWebhook.enableNamespacesByDefault"
LABELS = "spec.template.metadata.labels"
ANNOTATIONS = "spec.template.metadata.annotations"
NEVER = "neverInjectSelector: [{matchLabels: {app: api}}]"
FOREIGN_PROXY = """
kind: Pod
metadata: {name: old, namespace: shop, ownerReferences: [{kind: ReplicaSet, name: old, controller: true}]}
spec: {containers: [{name: app}, {name: linkerd-proxy}]}
"""
NATIVE_PROXY = FOREIGN_PROXY.replace(
    "[{name: app}, {name: linkerd-proxy}]", "[{name: app}], initContainers: [{name: linkerd-proxy}]"
)


def a_second_injector(world: World) -> None:
    """Another installation answers to the same label."""
    second = deepcopy(world.one("MutatingWebhookConfiguration", "istio-sidecar-injector"))
    second["metadata"]["name"] = "istio-sidecar-injector-old"
    second["webhooks"] = [second["webhooks"][2]]
    world.add("MutatingWebhookConfiguration", second)


def a_revision(world: World) -> None:
    """The migration names a revision, and the namespace has the other label."""
    world.revision = "default"
    world.one("Namespace", "shop")["metadata"]["labels"]["istio-injection"] = "disabled"


def an_unknown_revision(world: World) -> None:
    """The migration names a revision that nobody installed; its settings are those of the default one."""
    world.revision = "1-31"
    for name in ("istio", "istio-sidecar-injector"):
        world.one("ConfigMap", name)["metadata"]["name"] = f"{name}-1-31"
    world.one("Deployment", "istiod")["metadata"]["labels"]["istio.io/rev"] = "1-31"


def everybody_injected(world: World) -> None:
    """The injector takes namespaces without a label, as with enableNamespacesByDefault."""
    entries = world.one("MutatingWebhookConfiguration", "istio-sidecar-injector")["webhooks"]
    auto = deepcopy(entries[2])
    auto["name"] = "auto.sidecar-injector.istio.io"
    auto["namespaceSelector"] = {"matchExpressions": [{"key": "istio-injection", "operator": "DoesNotExist"}]}
    entries.append(auto)


OF_THE_MESH: dict[str, tuple[Ill, ...]] = {
    "MESH-01": (
        ill(
            put("Namespace", "shop", "metadata.annotations", {"linkerd.io/inject": "enabled"}),
            ("Namespace shop", "metadata.annotations.linkerd.io/inject"),
            "Linkerd takes these pods too",
        ),
        ill(
            put("Deployment", "api", LABELS, {"kuma.io/sidecar-injection": "enabled"}),
            (API, f"{LABELS}.kuma.io/sidecar-injection"),
            "Kuma takes these pods too",
        ),
        ill(
            a_second_injector,
            (f"{INJECTOR}-old", "webhooks[0].namespaceSelector"),
            "and so would istio-sidecar-injector",
        ),
        ill(add(NATIVE_PROXY), ("Pod shop/old", "spec.initContainers[0]"), "a proxy of Linkerd"),
        ill(add(FOREIGN_PROXY), ("Pod shop/old", "spec.containers[1]"), "a proxy of Linkerd"),
    ),
    "MESH-02": (
        ill(
            put("Deployment", "istiod", "status.readyReplicas", 1),
            ("Deployment istio-system/istiod", "status.readyReplicas"),
            "no pod of the namespace can start",
            WARN,
        ),
        ill(
            put("Deployment", "istiod", "status.readyReplicas", 0),
            ("Deployment istio-system/istiod", "status.readyReplicas"),
            "0 istiod is ready",
        ),
        ill(
            remove("Deployment", "istiod"),
            ("Deployment istio-system/istiod", "status.readyReplicas"),
            "0 istiod is ready",
        ),
        ill(
            both(remove("Deployment", "istiod"), put(*WEBHOOK, "webhooks[2].clientConfig", {"url": "https://istiod"})),
            ("Deployment istio-system/istiod", "status.readyReplicas"),
            "istiod is outside of the cluster",
            WARN,
        ),
        ill(
            both(
                put("Deployment", "istiod", "status.readyReplicas", 1),
                put(*WEBHOOK, "webhooks[2].failurePolicy", "Ignore"),
            ),
            ("Deployment istio-system/istiod", "status.readyReplicas"),
            "pods start without a proxy and nobody says so",
            WARN,
        ),
        ill(
            put("PodDisruptionBudget", "istiod", "spec.selector.matchLabels", {"app": "other"}),
            ("Deployment istio-system/istiod", "spec.template.metadata.labels"),
            "no PodDisruptionBudget protects it",
            WARN,
        ),
        ill(
            put("PodDisruptionBudget", "istiod", "spec.selector", None),
            ("Deployment istio-system/istiod", "spec.template.metadata.labels"),
            "no PodDisruptionBudget protects it",
            WARN,
        ),
        ill(
            remove("PodDisruptionBudget", "istiod"),
            ("Deployment istio-system/istiod", "spec.template.metadata.labels"),
            "a drain may stop every istiod at once",
            WARN,
        ),
        ill(
            put("MutatingWebhookConfiguration", "istio-sidecar-injector", "webhooks[2].clientConfig.caBundle", ""),
            (INJECTOR, "webhooks[2].clientConfig.caBundle"),
            "without a caBundle",
        ),
    ),
    "MESH-03": (
        ill(
            replace("ConfigMap", "istio", "enablePrometheusMerge", "enableAutoMtls: false\nenablePrometheusMerge"),
            (MESH, "data.mesh: enableAutoMtls"),
            "STRICT would refuse them all",
        ),
        ill(remove("ConfigMap", "istio"), (MESH, "data.mesh"), "nobody knows whether clients use mTLS"),
    ),
    "LBL-01": (
        ill(
            put("Namespace", "shop", "metadata.labels", {"istio.io/rev": "1-31"}),
            ("Namespace shop", "metadata.labels.istio.io/rev"),
            "the revision 1-31 is ignored silently",
        ),
        ill(
            put("Namespace", "shop", "metadata.labels", {"istio.io/dataplane-mode": "ambient"}),
            ("Namespace shop", "metadata.labels.istio.io/dataplane-mode"),
            "the sidecar wins over ambient",
        ),
        ill(a_revision, ("Namespace shop", "metadata.labels.istio.io/rev"), "enrols with istio.io/rev=default"),
    ),
    "LBL-02": (
        ill(an_unknown_revision, ("Namespace shop", "metadata.labels.istio.io/rev"), "no injector answers to"),
        ill(
            put("MutatingWebhookConfiguration", "istio-sidecar-injector", "webhooks", []),
            ("Namespace shop", "metadata.labels.istio-injection"),
            "no injector answers to istio-injection=enabled",
        ),
        ill(
            replace("ConfigMap", "istio-sidecar-injector", "policy: enabled", "policy: disabled"),
            ("Namespace shop", "metadata.labels.istio-injection"),
            "the injector's policy is disabled",
        ),
        ill(
            remove("Namespace", "shop"),
            ("Namespace shop", "metadata.labels.istio-injection"),
            "the namespace does not exist",
        ),
    ),
    "LBL-03": (
        ill(
            put("Deployment", "api", LABELS, {"sidecar.istio.io/inject": "false"}),
            (API, f"{LABELS}.sidecar.istio.io/inject"),
            "its pods get no proxy",
            WARN,
        ),
        ill(
            put("StatefulSet", "cache", ANNOTATIONS, {"sidecar.istio.io/inject": "false"}),
            ("StatefulSet shop/cache", f"{ANNOTATIONS}.sidecar.istio.io/inject"),
            "its pods get no proxy",
            WARN,
        ),
        ill(
            replace("ConfigMap", "istio-sidecar-injector", "neverInjectSelector: []", NEVER),
            (API, LABELS),
            "neverInjectSelector covers it",
            WARN,
        ),
    ),
    "LBL-04": (
        ill(
            replace("ConfigMap", "istio-sidecar-injector", 'Default": false', 'Default": true'),
            (SETTINGS, ENABLED),
            "the waves do not hold them back",
            WARN,
        ),
        ill(everybody_injected, (INJECTOR, "webhooks[4].namespaceSelector"), "the waves do not hold them back", WARN),
    ),
}
