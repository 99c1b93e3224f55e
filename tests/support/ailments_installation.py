"""What makes the rows about metrics, networks, versions and certificates find something?"""

import base64
from datetime import timedelta

from rollout.model.migration import Severity
from rollout.model.telemetry import Asked, Series
from tests.support.ailments import NOON, Ill, World, add, both, ill, put, replace

WARN = Severity.WARN
API = "Deployment shop/api"
ANNOTATIONS = "spec.template.metadata.annotations"
MESH, SETTINGS = "ConfigMap istio-system/istio", "ConfigMap istio-system/istio-sidecar-injector"
POD = "api-7d9f-aaaaa"

# A self-signed root, O=cluster.local, that ends 2026-09-03 12:00: made with openssl.
ROOT = """-----BEGIN CERTIFICATE-----
MIIBFjCBvgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQKDA1jbHVzdGVyLmxvY2Fs
MB4XDTI1MDkwMzEyMDAwMFoXDTI2MDkwMzEyMDAwMFowGDEWMBQGA1UECgwNY2x1
c3Rlci5sb2NhbDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIr5ZtMilb3Lv8Rj
t3so6NGSSutCHgIAigo8Eet6r6tebuszPDNpid/xhe0+/tzhaPTMoYxtYOxuS+Gh
MEo3XjowCgYIKoZIzj0EAwIDRwAwRAIgbyaGug/HYXxVMdUcTAmX/i2kk7yYIRMp
mujXBd05WnACIAlNR0hsAH5YhdTs91W3TvZ9tKjfCTFOCnQbev6rM4Bg
-----END CERTIFICATE-----
"""
MONITOR = """
kind: %s
metadata: {name: apps, namespace: monitoring}
spec: {namespaceSelector: {any: true}, selector: {}, %s}
"""
UNFLAGGED = """
kind: Telemetry
metadata: {name: slim, namespace: istio-system}
spec: {metrics: [{overrides: [{match: {mode: CLIENT}, tagOverrides: {response_flags: {operation: REMOVE}}}]}]}
"""
TO_PROXIES = "podMetricsEndpoints: [{path: /stats/prometheus, metricRelabelings: [%s]}]"
PROMETHEUS = """
kind: StatefulSet
metadata: {name: prometheus, namespace: monitoring}
spec: {template: {spec: {containers: [{name: prometheus, args: [--storage.tsdb.retention.time=6h]}]}}}
"""
TELEMETRY = """
kind: Telemetry
metadata: {name: slim, namespace: istio-system}
spec: {metrics: [{overrides: [{match: {metric: REQUEST_COUNT}, %s}]}]}
"""
EGRESS = """
kind: NetworkPolicy
metadata: {name: tight, namespace: shop}
spec: {podSelector: {}, policyTypes: [Egress], egress: [%s]}
"""
DNS = "{ports: [{port: 53, protocol: UDP}]}"
TO_ISTIOD = (
    "{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: istio-system}}}], ports: [{port: 15012}]}"
)
ISTIOD_POD = """
kind: Pod
metadata: {name: istiod-1, namespace: istio-system, labels: {app: istiod, istio: pilot, istio.io/rev: default,
  sidecar.istio.io/inject: "false"}}
spec: {containers: [{name: discovery, image: "istio/pilot:1.30.3"}]}
status: {phase: Running, podIP: 10.0.9.9}
"""
INGRESS = """
kind: NetworkPolicy
metadata: {name: tight, namespace: istio-system}
spec: {podSelector: {matchLabels: {app: istiod}}, ingress: [%s]}
"""
CILIUM = """
kind: ConfigMap
metadata: {name: cilium-config, namespace: kube-system}
data: {%s}
"""
GKE_CNI = """
kind: DaemonSet
metadata: {name: istio-cni-gke, namespace: istio-system}
spec: {template: {metadata: {labels: {sidecar.istio.io/inject: "false"}}, spec: {priorityClassName: system-node-critical}}}
"""
EAST_WEST = """
kind: Service
metadata: {name: istio-eastwestgateway, namespace: istio-system, labels: {istio: eastwestgateway}}
"""
MACHINES = """
kind: ServiceEntry
metadata: {name: ledger, namespace: shop}
spec: {hosts: [ledger.shop.svc.cluster.local], location: MESH_INTERNAL, workloadSelector: {labels: {app: ledger}}}
"""
SPIRE = [{"name": "workload-socket", "csi": {"driver": "csi.spiffe.io"}}]


def meshed(world: World) -> None:
    """The pod of api has a proxy, whose metrics come, with those of refusals."""
    pod = world.one("Pod", POD)
    pod["spec"]["initContainers"] = [{"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.30.3"}]
    world.answer(Asked.PROXIES, Series(labels={"pod": POD}, value=1, at=NOON))
    world.answer(Asked.REFUSALS_EXIST, Series(labels={"pod": POD}, value=1, at=NOON))
    world.answer(Asked.CERTIFICATES, Series(labels={"pod": POD, "resource_name": "default"}, value=43200, at=NOON))


def unheard(world: World) -> None:
    """Its metrics do not come."""
    world.answer(Asked.PROXIES)


def silent(world: World) -> None:
    """Its counters of refusals do not exist."""
    world.answer(Asked.REFUSALS_EXIST)


def without_agent(world: World) -> None:
    """Of its certificate nobody tells."""
    world.answer(Asked.CERTIFICATES)


def old(world: World) -> None:
    """Its proxy is of an image that is 91 days old, or older."""
    world.one("Pod", POD)["metadata"]["creationTimestamp"] = (NOON - timedelta(days=91)).isoformat()


proxy_ahead = put("Pod", POD, "spec.initContainers[0].image", "docker.io/istio/proxyv2:1.31.0-distroless")

OF_THE_INSTALLATION: dict[str, tuple[Ill, ...]] = {
    "PROM-01": (
        ill(
            add(MONITOR % ("ServiceMonitor", "endpoints: [{port: http}, {port: http-envoy-prom}]")),
            ("ServiceMonitor monitoring/apps", "spec.endpoints[0]"),
            "the metrics of Service shop/api stop",
            WARN,
        ),
        ill(
            add(MONITOR % ("PodMonitor", "podMetricsEndpoints: [{port: http}, {path: /stats/prometheus}]")),
            ("PodMonitor monitoring/apps", "spec.podMetricsEndpoints[0]"),
            "the metrics of Deployment shop/api stop",
            WARN,
        ),
        ill(
            both(
                put("Deployment", "api", ANNOTATIONS, {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}),
                replace("ConfigMap", "istio", "enablePrometheusMerge: true", "enablePrometheusMerge: false"),
            ),
            (API, f"{ANNOTATIONS}.prometheus.io/port"),
            "under STRICT the metrics of its pods stop",
            WARN,
        ),
        ill(
            put("Service", "api", "metadata.annotations", {"prometheus.io/scrape": "true"}),
            ("Service shop/api", "metadata.annotations.prometheus.io/scrape"),
            "under STRICT the metrics of its pods stop",
            WARN,
        ),
    ),
    "PROM-02": (
        ill(both(meshed, unheard), (API, ""), "the metrics of its proxies do not come"),
        ill(
            add(TELEMETRY % "tagOverrides: {connection_security_policy: {operation: REMOVE}}"),
            ("Telemetry istio-system/slim", "spec.metrics[0].overrides[0]"),
            "it takes away the label connection_security_policy",
        ),
        ill(
            add(TELEMETRY % "disabled: true"),
            ("Telemetry istio-system/slim", "spec.metrics[0].overrides[0]"),
            "it takes away the metric REQUEST_COUNT",
        ),
        ill(
            add(MONITOR % ("PodMonitor", TO_PROXIES % "{action: labeldrop, regex: source_.*}")),
            ("PodMonitor monitoring/apps", "spec.podMetricsEndpoints[0].metricRelabelings[0]"),
            "it drops the label source_principal",
        ),
        ill(
            add(MONITOR % ("PodMonitor", TO_PROXIES % "{action: drop, sourceLabels: [__name__], regex: istio_.*}")),
            ("PodMonitor monitoring/apps", "spec.podMetricsEndpoints[0].metricRelabelings[0]"),
            "it drops istio_requests_total",
        ),
        ill(
            add(MONITOR % ("PodMonitor", "podMetricsEndpoints: []")),
            ("Namespace shop", ""),
            "no PodMonitor scrapes proxies there",
            WARN,
        ),
        ill(
            add(PROMETHEUS),
            ("StatefulSet monitoring/prometheus", "spec.template.spec.containers[0].args"),
            "it keeps metrics for 6:00:00, and the gates look back 1 day",
        ),
    ),
    "STATS-01": (
        ill(
            both(meshed, silent),
            (API, f"{ANNOTATIONS}.proxy.istio.io/config"),
            "its proxies do not export envoy_listener_no_filter_chain_match",
            WARN,
        ),
    ),
    "STATS-02": (
        ill(both(meshed, without_agent), (API, ""), "istio_agent_cert_expiry_seconds does not come", Severity.INFO),
    ),
    "STATS-03": (
        ill(
            add(MONITOR % ("PodMonitor", TO_PROXIES % "{action: labeldrop, regex: response_flags}")),
            ("PodMonitor monitoring/apps", "spec.podMetricsEndpoints[0].metricRelabelings[0]"),
            "it takes away response_flags",
            Severity.INFO,
        ),
        ill(
            add(UNFLAGGED),
            ("Telemetry istio-system/slim", "spec.metrics[0].overrides[0]"),
            "it takes away response_flags",
            Severity.INFO,
        ),
    ),
    "NP-01": (
        ill(add(EGRESS % DNS), ("NetworkPolicy shop/tight", "spec.egress"), "may not call istiod (TCP 15012)"),
        ill(add(EGRESS % TO_ISTIOD), ("NetworkPolicy shop/tight", "spec.egress"), "may not call DNS (UDP 53)"),
        ill(
            add(INGRESS % "{ports: [{port: 15017}]}"),
            ("NetworkPolicy istio-system/tight", "spec.ingress"),
            "istiod may not be called on 15012 by Deployment shop/api",
        ),
        ill(
            add(INGRESS % "{ports: [{port: 15010, endPort: 15014}]}"),
            ("NetworkPolicy istio-system/tight", "spec.ingress"),
            "the API server may not call istiod on 15017",
        ),
    ),
    "CNI-01": (
        ill(
            add(CILIUM % 'kube-proxy-replacement: "true"'),
            ("ConfigMap kube-system/cilium-config", "data[bpf-lb-sock-hostns-only]"),
            "calls go out in plaintext",
        ),
        ill(
            add(CILIUM % 'cni-exclusive: "true"'),
            ("ConfigMap kube-system/cilium-config", "data[cni-exclusive]"),
            "new pods are not led through their proxies",
        ),
        ill(
            both(put("Node", "node-a", "metadata.labels", {"cloud.google.com/gke-nodepool": "a"}), add(GKE_CNI)),
            ("DaemonSet istio-system/istio-cni-gke", "spec.template.spec.priorityClassName"),
            "GKE makes no system-node-critical pods in istio-system",
        ),
    ),
    "VERSKEW-01": (
        ill(
            replace("ConfigMap", "istio-sidecar-injector", '"tag": "1.30.3"', '"tag": "1.31.0"'),
            (SETTINGS, "data.values: global.tag"),
            "ahead of istiod: istiod is 1.30",
        ),
        ill(
            put("Deployment", "api", ANNOTATIONS, {"sidecar.istio.io/proxyImage": "istio/proxyv2:1.28.4"}),
            (API, f"{ANNOTATIONS}.sidecar.istio.io/proxyImage"),
            "more than one minor version behind",
        ),
        ill(both(meshed, proxy_ahead), (API, "status.containerStatuses[istio-proxy].image"), "a proxy must never lead"),
        ill(
            both(meshed, put("Pod", POD, "spec.initContainers[0].image", "istio/proxyv2:1.29.1")),
            (API, "status.containerStatuses[istio-proxy].image"),
            "one minor version behind",
            WARN,
        ),
        ill(both(meshed, old), (API, "status.containerStatuses[istio-proxy].image"), "at least 91 days old"),
    ),
    "CERT-01": (
        ill(
            put(
                "MutatingWebhookConfiguration",
                "istio-sidecar-injector",
                "webhooks[0].clientConfig.caBundle",
                base64.b64encode(ROOT.encode()).decode(),
            ),
            ("MutatingWebhookConfiguration istio-sidecar-injector", "webhooks[0].clientConfig.caBundle"),
            "ends 2026-09-03, the plan not before 2026-09-04",
        ),
    ),
    "CERT-02": (
        ill(
            both(
                add(
                    "{kind: AuthorizationPolicy, metadata: {name: a, namespace: shop, annotations: {istio.io/dry-run: 'true'}},"
                    " spec: {rules: [{from: [{source: {principals: [corp/ns/front/sa/web]}}]}]}}"
                )
            ),
            ("AuthorizationPolicy shop/a", "spec.rules[0].from[0].source.principals"),
            "no identities of corp",
            WARN,
        ),
        ill(
            put("Deployment", "api", "spec.template.spec.volumes", SPIRE),
            (API, "spec.template.spec.volumes"),
            "SPIRE gives its pods their identity",
            WARN,
        ),
    ),
    "MC-01": (
        ill(add(EAST_WEST), ("Service istio-system/istio-eastwestgateway", "metadata.labels"), "other clusters", WARN),
        ill(add(MACHINES), ("ServiceEntry shop/ledger", "spec.workloadSelector"), "machines outside the cluster", WARN),
        ill(
            replace("ConfigMap", "istio-sidecar-injector", '"tag"', '"multiCluster": {"clusterName": "west"}, "tag"'),
            (SETTINGS, "data.values: global.multiCluster.clusterName"),
            "other clusters",
            WARN,
        ),
    ),
    "APPMESH-01": (
        ill(
            add("{kind: CustomResourceDefinition, metadata: {name: meshes.appmesh.k8s.aws}}"),
            ("CustomResourceDefinition meshes.appmesh.k8s.aws", "metadata.name"),
            "AWS ends App Mesh on 2026-09-30",
            Severity.INFO,
        ),
    ),
}
