"""What makes the rows about callers, their encryption and their configuration find something?"""

from collections.abc import Callable

from rollout.model.migration import Severity
from rollout.model.telemetry import Asked, Series
from tests.support.ailments import NOON, Ill, World, add, both, ill, put, replace

WARN = Severity.WARN
API = "Deployment shop/api"
ANNOTATIONS = "spec.template.metadata.annotations"
TLS_HOST = "api.shop.svc.cluster.local"

RULE = """
kind: DestinationRule
metadata: {name: %s, namespace: %s}
spec: {host: %s, %s}
"""
POLICY = """
kind: AuthorizationPolicy
metadata: {name: api, namespace: shop}
spec: {%s}
"""
PRINCIPALS = "source: {principals: [cluster.local/ns/front/sa/web]}"
SIDECAR = """
kind: Sidecar
metadata: {name: default, namespace: %s}
spec: {%s}
"""
PEER = """
kind: PeerAuthentication
metadata: {name: %s, namespace: %s, creationTimestamp: "2026-0%s-01T00:00:00Z"}
spec: {%s}
"""
BATCH = """
kind: Namespace
metadata: {name: batch}
---
kind: CronJob
metadata: {name: bill, namespace: batch}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: bill, args: ["--to=http://api.shop/bills"]}]}}}}}
"""


def seen_calling(place: str) -> Callable[[World], None]:
    """The metrics name a namespace that calls."""
    return lambda world: world.answer(
        Asked.EDGES, Series(labels={"source_workload_namespace": place}, value=1, at=NOON)
    )


OF_CALLERS: dict[str, tuple[Ill, ...]] = {
    "APPTLS-01": (
        ill(
            put("Service", "cache", "spec.ports[0].appProtocol", "tls"),
            ("Service shop/cache", "spec.ports[0]"),
            "port 7000 speaks TLS itself",
            WARN,
        ),
        ill(
            put(
                "Deployment", "api", "spec.template.spec.volumes", [{"name": "c", "secret": {"secretName": "api-tls"}}]
            ),
            (API, "spec.template.spec.volumes[0]"),
            "a certificate is mounted (api-tls)",
            WARN,
        ),
    ),
    "DR-01": tuple(
        ill(add(RULE % ("plain", place, host, spec)), (f"DestinationRule {place}/plain", field), why)
        for place, host, spec, field, why in (
            ("front", TLS_HOST, "trafficPolicy: {tls: {mode: DISABLE}}", "spec.trafficPolicy.tls.mode", "DISABLE"),
            (
                "shop",
                "api",
                "trafficPolicy: {tls: {mode: SIMPLE}}",
                "spec.trafficPolicy.tls.mode",
                "clients in all namespaces",
            ),
            (
                "istio-system",
                "'*.local'",
                "trafficPolicy: {tls: {mode: MUTUAL}}",
                "spec.trafficPolicy.tls.mode",
                "MUTUAL",
            ),
            (
                "front",
                "'*.shop.svc.cluster.local'",
                "trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: DISABLE}}]}",
                "spec.trafficPolicy.portLevelSettings[0].tls.mode",
                "clients in namespace front use DISABLE",
            ),
            (
                "front",
                TLS_HOST,
                "subsets: [{name: v1}, {name: v2, trafficPolicy: {tls: {mode: DISABLE}}}]",
                "spec.subsets[1].trafficPolicy.tls.mode",
                "instead of mTLS for api.shop",
            ),
        )
    ),
    "DR-02": (
        ill(
            both(
                add(RULE % ("all", "front", "'*.local'", "trafficPolicy: {}")),
                add(RULE % ("api", "shop", "api", "subsets: []")),
            ),
            ("DestinationRule front/all", "spec.host"),
            "never see DestinationRule shop/api for api.shop",
            WARN,
        ),
    ),
    "PA-01": (
        ill(
            both(
                add(PEER % ("default", "shop", 1, "mtls: {mode: PERMISSIVE}")),
                add(PEER % ("new", "shop", 2, "mtls: {}")),
            ),
            ("PeerAuthentication shop/new", "spec.mtls.mode"),
            "PeerAuthentication shop/default is older and alone counts",
        ),
        ill(
            add(PEER % ("api", "shop", 1, "selector: {matchLabels: {app: api}}, mtls: {mode: STRICT}")),
            ("PeerAuthentication shop/api", "spec.mtls.mode"),
            "STRICT from the moment that they have a proxy",
        ),
        ill(
            add(PEER % ("api", "istio-system", 1, "selector: {matchLabels: {app: api}}, mtls: {mode: STRICT}")),
            ("PeerAuthentication istio-system/api", "spec.selector"),
            "a selector in the root namespace is ignored",
        ),
    ),
    "PA-03": (
        ill(
            add(PEER % ("api", "shop", 1, "selector: {matchLabels: {app: api}}, portLevelMtls: {80: {mode: UNSET}}")),
            ("PeerAuthentication shop/api", "spec.portLevelMtls[80]"),
            "80 is the port of Service api",
        ),
    ),
    "PA-04": (
        ill(
            add(PEER % ("api", "shop", 1, "selector: {matchLabels: {app: api}}, mtls: {mode: DISABLE}")),
            ("PeerAuthentication shop/api", "spec.mtls.mode"),
            "nothing is encrypted",
            WARN,
            ("PA-01",),
        ),
    ),
    "AUTHZ-01": (
        ill(
            add(POLICY % f"rules: [{{from: [{{{PRINCIPALS}}}]}}]"),
            ("AuthorizationPolicy shop/api", "spec.rules[0].from[0].source.principals"),
            "they are denied before the namespace is STRICT",
            WARN,
        ),
        ill(
            add(POLICY % "action: DENY, rules: [{from: [{source: {notNamespaces: [front]}}]}]"),
            ("AuthorizationPolicy shop/api", "spec.rules[0].from[0].source.notNamespaces"),
            "it denies all of them",
            WARN,
        ),
        ill(
            add(POLICY % "action: DENY, rules: [{when: [{key: source.namespace, values: [dev]}]}]"),
            ("AuthorizationPolicy shop/api", "spec.rules[0].when[0]"),
            "they pass it by",
            WARN,
        ),
        ill(add(POLICY % ""), ("AuthorizationPolicy shop/api", "spec.rules"), "it allows nobody", WARN),
    ),
    "SIDECAR-01": (
        ill(
            both(add(SIDECAR % ("front", "egress: [{hosts: [./*, istio-system/*]}]")), seen_calling("front")),
            ("Sidecar front/default", "spec.egress"),
            "its clients do not know api.shop",
            WARN,
        ),
        ill(
            add(SIDECAR % ("shop", "outboundTrafficPolicy: {mode: REGISTRY_ONLY}")),
            ("Sidecar shop/default", "spec.outboundTrafficPolicy.mode"),
            "calls to hosts that the mesh does not know fail",
            WARN,
        ),
        ill(
            replace(
                "ConfigMap", "istio", "defaultConfig:", "outboundTrafficPolicy: {mode: REGISTRY_ONLY}\ndefaultConfig:"
            ),
            ("ConfigMap istio-system/istio", "data.mesh: outboundTrafficPolicy.mode"),
            "calls to hosts that the mesh does not know fail",
            WARN,
        ),
        ill(
            replace(
                "ConfigMap", "istio", "defaultConfig:", "discoverySelectors: [{matchLabels: {mesh: a}}]\ndefaultConfig:"
            ),
            ("Namespace shop", "metadata.labels"),
            "no discoverySelector of the mesh takes it in",
            WARN,
        ),
    ),
    "CALLER-01": (
        ill(seen_calling("batch"), ("Namespace batch", "metadata.labels"), "it calls shop (seen in metrics)", WARN),
        ill(add(BATCH), ("Namespace batch", "metadata.labels"), "CronJob batch/bill is told to", WARN),
        ill(seen_calling("unknown"), ("Namespace unknown", ""), "a caller without a proxy", Severity.INFO),
    ),
    "GITOPS-01": (
        ill(
            put("Namespace", "shop", "metadata.labels", {"kustomize.toolkit.fluxcd.io/name": "apps"}),
            ("Namespace shop", "metadata.labels.kustomize.toolkit.fluxcd.io/name"),
            "Flux owns it",
            WARN,
        ),
        ill(
            put(
                "Deployment",
                "api",
                "metadata.annotations",
                {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/api"},
            ),
            (API, "metadata.annotations.argocd.argoproj.io/tracking-id"),
            "Argo CD owns it",
            WARN,
        ),
        ill(
            put("StatefulSet", "cache", "metadata.managedFields", [{"manager": "argocd-controller"}]),
            ("StatefulSet shop/cache", "metadata.managedFields[0].manager"),
            "Argo CD owns it",
            WARN,
        ),
    ),
}
