"""What makes the rows about pods, their start, their room and their restart find something?"""

from rollout.model.migration import Severity
from tests.support.ailments import Ill, add, both, ill, put, replace

WARN = Severity.WARN
API, CACHE = "Deployment shop/api", "StatefulSet shop/cache"
ISTIOD = "Deployment istio-system/istiod"
MESH, SETTINGS = "ConfigMap istio-system/istio", "ConfigMap istio-system/istio-sidecar-injector"
ANNOTATIONS = "spec.template.metadata.annotations"
CONFIG = "proxy.istio.io/config"
BYPASS = "traffic.sidecar.istio.io"

not_native = put("Deployment", "istiod", "spec.template.spec.containers[0].env[0].value", "false")
held_cache = put("StatefulSet", "cache", ANNOTATIONS, {CONFIG: "holdApplicationUntilProxyStarts: true"})
held = replace("ConfigMap", "istio", "defaultConfig:", "defaultConfig:\n  holdApplicationUntilProxyStarts: true")
held_without_native = both(not_native, held)

MIGRATE = """
kind: Job
metadata: {name: migrate, namespace: shop}
spec: {template: {spec: {containers: [{name: migrate, command: [migrate]}]}}}
"""
NIGHTLY = """
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec: {schedule: 0 3 * * *, jobTemplate: {spec: {template: {spec: {containers: [{name: report}]}}}}}
"""
QUOTA = """
kind: ResourceQuota
metadata: {name: team, namespace: shop}
spec: {hard: {%s}}
status: {used: {%s}}
"""
RANGE = """
kind: LimitRange
metadata: {name: team, namespace: shop}
spec: {limits: [{type: %s, %s}]}
"""
SCALER = """
kind: HorizontalPodAutoscaler
metadata: {name: api, namespace: shop}
spec: {scaleTargetRef: {kind: Deployment, name: api}, %s}
"""
AUTOSCALER = """
kind: Deployment
metadata: {name: cluster-autoscaler, namespace: kube-system}
spec: {template: {spec: {containers: [{name: autoscaler, command: [./cluster-autoscaler, "%s"]}]}}}
"""
HUNGRY = """
kind: Pod
metadata: {name: hungry, namespace: batch}
spec: {nodeName: node-%s, containers: [{name: hungry, resources: {requests: {cpu: 7900m}}}]}
"""
SIZES = {"sidecar.istio.io/proxyMemory": "100Mi", "sidecar.istio.io/proxyMemoryLimit": "900Mi"}
EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"

OF_STARTING: dict[str, tuple[Ill, ...]] = {
    "HOLD-01": (
        ill(both(not_native, held_cache), (API, ANNOTATIONS), "beside a proxy that is not ready yet", WARN),
        ill(
            both(put("Node", "node-b", "status.nodeInfo.kubeletVersion", "v1.32.9"), held_cache),
            (API, ANNOTATIONS),
            "beside a proxy that is not ready yet",
            WARN,
        ),
        ill(
            both(
                held,
                not_native,
                put("Deployment", "api", ANNOTATIONS, {CONFIG: "{holdApplicationUntilProxyStarts: false}"}),
            ),
            (API, ANNOTATIONS),
            "calls that they make at start fail",
            WARN,
        ),
        ill(
            both(held_cache, put("Deployment", "api", ANNOTATIONS, {"sidecar.istio.io/nativeSidecar": "false"})),
            (API, ANNOTATIONS),
            "calls that they make at start fail",
            WARN,
        ),
    ),
    "INIT-01": (
        ill(
            both(
                held_without_native, put("Deployment", "api", "spec.template.spec.initContainers", [{"name": "wait"}])
            ),
            (API, "spec.template.spec.initContainers[0]"),
            "init container wait runs before the proxy",
            WARN,
        ),
    ),
    "JOB-01": (
        ill(
            both(held_without_native, add(MIGRATE)),
            ("Job shop/migrate", "spec.template.metadata.labels"),
            "the Job never completes",
        ),
        ill(
            both(held_without_native, add(NIGHTLY)),
            ("CronJob shop/nightly", "spec.jobTemplate.spec.template.metadata.labels"),
            "the Job never completes",
        ),
    ),
    "EXCL-01": (
        ill(
            put("Deployment", "api", ANNOTATIONS, {f"{BYPASS}/excludeInboundPorts": "9000"}),
            (API, f"{ANNOTATIONS}.{BYPASS}/excludeInboundPorts"),
            "9000 passes by the proxy",
            WARN,
        ),
        ill(
            put("Deployment", "api", ANNOTATIONS, {f"{BYPASS}/includeOutboundIPRanges": "10.0.0.0/8"}),
            (API, f"{ANNOTATIONS}.{BYPASS}/includeOutboundIPRanges"),
            "all but 10.0.0.0/8 passes by the proxy",
            WARN,
        ),
        ill(
            put("Deployment", "api", ANNOTATIONS, {"sidecar.istio.io/interceptionMode": "NONE"}),
            (API, f"{ANNOTATIONS}.sidecar.istio.io/interceptionMode"),
            "all traffic passes by the proxy",
            WARN,
        ),
        ill(
            replace("ConfigMap", "istio", "defaultConfig:", "defaultConfig:\n  interceptionMode: NONE"),
            (MESH, "data.mesh: defaultConfig.interceptionMode"),
            "no pod's traffic is led through its proxy",
            WARN,
        ),
        ill(
            replace("ConfigMap", "istio-sidecar-injector", '"excludeInboundPorts": ""', '"excludeInboundPorts": "22"'),
            (SETTINGS, "data.values: global.proxy.excludeInboundPorts"),
            "22 passes by every proxy",
            WARN,
        ),
    ),
    "RES-01": (
        ill(
            add(QUOTA % ("requests.cpu: '2'", "requests.cpu: 1400m")),
            ("ResourceQuota shop/team", "spec.hard[requests.cpu]"),
            "need 0.7 cores more, 0.6 cores are left",  # four proxies, and a surge of one api with its own
        ),
        ill(
            add(QUOTA % ("limits.memory: 8Gi", "limits.memory: 6Gi")),
            ("ResourceQuota shop/team", "spec.hard[limits.memory]"),
            "need 5632 Mi more, 2048 Mi are left",
        ),
        ill(
            add(QUOTA % ("pods: 4", "pods: 4")),
            ("ResourceQuota shop/team", "spec.hard[pods]"),
            "need 1 pods more, 0 pods are left",
        ),
    ),
    "RES-02": (
        ill(
            add(RANGE % ("Container", "max: {cpu: 1500m}")),
            ("LimitRange shop/team", "spec.limits[0].max.cpu"),
            "its proxy would have 2 cores, above the max 1500m",
        ),
        ill(
            add(RANGE % ("Container", "min: {memory: 200Mi}")),
            ("LimitRange shop/team", "spec.limits[0].min.memory"),
            "its proxy would ask for 128 Mi, below the min 200Mi",
        ),
        ill(
            add(RANGE % ("Container", "maxLimitRequestRatio: {cpu: 10}")),
            ("LimitRange shop/team", "spec.limits[0].maxLimitRequestRatio.cpu"),
            "limit is 20 times its request, above 10",
        ),
        ill(
            add(RANGE % ("Pod", "max: {memory: 1500Mi}")),
            ("LimitRange shop/team", "spec.limits[0].max.memory"),
            "the pod would have 1536 Mi",
        ),
        ill(
            both(add(RANGE % ("Container", "max: {memory: 800Mi}")), put("Deployment", "api", ANNOTATIONS, SIZES)),
            ("LimitRange shop/team", "spec.limits[0].max.memory"),
            "pods of Deployment shop/api",
        ),
    ),
    "RES-03": (
        ill(
            add(SCALER % "metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization}}}]"),
            ("HorizontalPodAutoscaler shop/api", "spec.metrics[0].resource"),
            "measures pods with their proxies",
            WARN,
        ),
        ill(
            add(SCALER % "targetCPUUtilizationPercentage: 80"),
            ("HorizontalPodAutoscaler shop/api", "spec.targetCPUUtilizationPercentage"),
            "measures pods with their proxies",
            WARN,
        ),
    ),
    "RES-04": (
        ill(
            both(add(HUNGRY % "a"), add(HUNGRY % "b")),
            ("Nodes", "status.allocatable.cpu"),
            "need 0.7 cores more, 0.2 cores are free",
            WARN,
        ),
        ill(
            both(
                add(AUTOSCALER % "--skip-nodes-with-local-storage=false"),
                put("Deployment", "api", ANNOTATIONS, {EVICT: "false"}),
            ),
            (API, f"{ANNOTATIONS}.{EVICT}"),
            "its pods may not be moved",
            WARN,
        ),
        ill(
            both(add(AUTOSCALER % "--v=4"), put("StatefulSet", "cache", ANNOTATIONS, {EVICT: "true"})),
            (API, f"{ANNOTATIONS}.{EVICT}"),
            "the proxy brings an emptyDir",
            WARN,
        ),
    ),
    "ROLL-01": (
        ill(
            put("StatefulSet", "cache", "spec.replicas", 1), (CACHE, "spec.replicas"), "its only pod is replaced", WARN
        ),
        ill(
            put("Deployment", "api", "spec.strategy.rollingUpdate.maxUnavailable", "100%"),
            (API, "spec.strategy.rollingUpdate.maxUnavailable"),
            "100% lets all 2 pods go at once",
            WARN,
        ),
        ill(
            put("StatefulSet", "cache", "spec.template.spec.containers[0].readinessProbe", None),
            (CACHE, "spec.template.spec.containers[0].readinessProbe"),
            "no container says when it is ready",
            WARN,
        ),
        ill(
            put("Deployment", "api", "spec.template.spec.terminationGracePeriodSeconds", 900),
            (API, "spec.template.spec.terminationGracePeriodSeconds"),
            "each pod may take 900 s to end",
            WARN,
        ),
        ill(
            put("PodDisruptionBudget", "api", "spec.maxUnavailable", 0),
            ("PodDisruptionBudget shop/api", "spec.maxUnavailable"),
            "it lets no pod of Deployment shop/api be evicted",
            WARN,
        ),
    ),
}
