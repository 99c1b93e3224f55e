"""What makes the rows about callers outside the mesh, and about releases, find something?"""

from datetime import date

from rollout.model.migration import Exemption, Severity
from rollout.model.telemetry import Asked
from tests.support.ailments import Ill, World, add, both, ill, put

WARN = Severity.WARN
API = "Deployment shop/api"

ADMISSION = """
kind: ValidatingWebhookConfiguration
metadata: {name: orders}
webhooks: [{name: orders.shop, clientConfig: {service: {name: api, namespace: shop, port: 80}}}]
"""
SECURE = """
kind: MutatingWebhookConfiguration
metadata: {name: defaults}
webhooks: [{name: defaults.shop, clientConfig: {service: {name: api, namespace: shop, port: 80}}}]
"""
CONVERSION = """
kind: CustomResourceDefinition
metadata: {name: orders.example.com}
spec: {conversion: {webhook: {clientConfig: {service: {name: api, namespace: shop, port: 80}}}}}
"""
AGGREGATED = """
kind: APIService
metadata: {name: v1.example.com}
spec: {service: {name: api, namespace: shop, port: 80}}
"""
INGRESS = """
kind: Ingress
metadata: {name: web, namespace: shop}
spec: {ingressClassName: nginx, defaultBackend: {service: {name: api, port: {number: 80}}}}
"""
ROUTE = """
kind: Gateway
metadata: {name: public, namespace: edge}
spec: {gatewayClassName: envoy}
---
kind: HTTPRoute
metadata: {name: web, namespace: edge}
spec: {parentRefs: [{name: public}], rules: [{backendRefs: [{name: api, namespace: shop, port: 80}]}]}
"""
MESHED_NGINX = """
kind: Pod
metadata: {name: nginx-1, namespace: ingress}
spec: {containers: [{name: controller, image: "registry.k8s.io/ingress-nginx/controller:v1.13.0"}, {name: istio-proxy}]}
"""
FLAGGER = """
kind: Canary
metadata: {name: web, namespace: front}
spec: {analysis: {webhooks: [{name: load, url: "http://loadtester.shop/"}]}}
"""


def unseen(world: World) -> None:
    """No API server is scraped, and what it calls in the namespace is excepted."""
    world.answer(Asked.API_SERVERS)
    world.exceptions = (Exemption(namespace="shop", workload={"app": "api"}, owner="ana", expires=date(2027, 1, 1)),)


OF_OUTSIDE: dict[str, tuple[Ill, ...]] = {
    "WEBHOOK-01": (
        ill(
            add(ADMISSION),
            ("ValidatingWebhookConfiguration orders", "webhooks[0].clientConfig.service"),
            "the API server calls shop/api without the mesh's certificate",
        ),
        ill(
            add(CONVERSION),
            ("CustomResourceDefinition orders.example.com", "spec.conversion.webhook.clientConfig.service"),
            "fails in the whole cluster",
        ),
        ill(add(AGGREGATED), ("APIService v1.example.com", "spec.service"), "fails in the whole cluster"),
    ),
    "WEBHOOK-02": (
        ill(
            both(add(SECURE), unseen),
            ("MutatingWebhookConfiguration defaults", "webhooks[0].clientConfig.service"),
            "the API server's own metrics do not come",
            Severity.INFO,
        ),
    ),
    "ING-01": (
        ill(add(INGRESS), ("Ingress shop/web", "spec.defaultBackend.service"), "class nginx leads users to api"),
        ill(add(ROUTE), ("HTTPRoute edge/web", "spec.rules[0].backendRefs[0]"), "class envoy leads users to api"),
        ill(
            both(add(INGRESS), add(MESHED_NGINX)),
            ("Ingress shop/web", "metadata.annotations.nginx.ingress.kubernetes.io/service-upstream"),
            "calls pods by address",
        ),
    ),
    "ING-02": (
        ill(
            put("Service", "api", "spec.type", "NodePort"),
            ("Service shop/api", "spec.type"),
            "externalTrafficPolicy Cluster lets callers in from outside, seen with the nodes' addresses",
            WARN,
        ),
        ill(
            put("Service", "api", "spec.externalIPs", ["203.0.113.7"]),
            ("Service shop/api", "spec.externalIPs"),
            "203.0.113.7",
            WARN,
        ),
        ill(
            put("Service", "api", "metadata.annotations", {"cloud.google.com/neg": '{"ingress": true}'}),
            ("Service shop/api", "metadata.annotations.cloud.google.com/neg"),
            "a load balancer calls its pods directly",
            WARN,
        ),
    ),
    "CANARY-01": (
        ill(
            add("{kind: Rollout, metadata: {name: api, namespace: shop}, status: {phase: Progressing}}"),
            ("Rollout shop/api", "status.phase"),
            "a release is under way (Progressing)",
        ),
        ill(
            add("{kind: Canary, metadata: {name: api, namespace: shop}, status: {phase: WaitingPromotion}}"),
            ("Canary shop/api", "status.phase"),
            "a release is under way (WaitingPromotion)",
        ),
        ill(
            put("Deployment", "api", "status.updatedReplicas", 1),
            (API, "status.updatedReplicas"),
            "its pods are being replaced",
        ),
        ill(add(FLAGGER), ("Canary front/web", "spec.analysis.webhooks[0].url"), "Flagger is not in the mesh"),
    ),
}
