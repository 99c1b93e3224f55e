"""Which kinds do the preflight checks list, and where does an API server keep them?

Said here and not asked of discovery: a name alone means two kinds in a cluster with Istio and the Gateway API.
"""

from collections.abc import Mapping

from adapters.kube.kinds import Kind

_SECURITY, _NETWORKING, _MONITORING = "security.istio.io", "networking.istio.io", "monitoring.coreos.com"
_ADMISSION, _BATCH, _ISTIO = "admissionregistration.k8s.io", "batch", ("v1", "v1beta1")

LISTED: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(name="ReplicaSet", group="apps", plural="replicasets"),
        Kind(name="Job", group=_BATCH, plural="jobs"),
        Kind(name="CronJob", group=_BATCH, plural="cronjobs"),
        Kind(name="Ingress", group="networking.k8s.io", plural="ingresses"),
        Kind(name="NetworkPolicy", group="networking.k8s.io", plural="networkpolicies"),
        Kind(name="ResourceQuota", group="", plural="resourcequotas"),
        Kind(name="LimitRange", group="", plural="limitranges"),
        Kind(name="HorizontalPodAutoscaler", group="autoscaling", plural="horizontalpodautoscalers", versions=("v2",)),
        Kind(name="PodDisruptionBudget", group="policy", plural="poddisruptionbudgets"),
        Kind(name="Node", group="", plural="nodes", namespaced=False),
        Kind(
            name="MutatingWebhookConfiguration",
            group=_ADMISSION,
            plural="mutatingwebhookconfigurations",
            namespaced=False,
        ),
        Kind(
            name="ValidatingWebhookConfiguration",
            group=_ADMISSION,
            plural="validatingwebhookconfigurations",
            namespaced=False,
        ),
        Kind(name="APIService", group="apiregistration.k8s.io", plural="apiservices", namespaced=False),
        Kind(name="Gateway", group="gateway.networking.k8s.io", plural="gateways", versions=_ISTIO),
        Kind(name="Sidecar", group=_NETWORKING, plural="sidecars", versions=_ISTIO),
        Kind(name="ServiceEntry", group=_NETWORKING, plural="serviceentries", versions=_ISTIO),
        Kind(name="AuthorizationPolicy", group=_SECURITY, plural="authorizationpolicies", versions=_ISTIO),
        Kind(name="ServiceMonitor", group=_MONITORING, plural="servicemonitors"),
        Kind(name="PodMonitor", group=_MONITORING, plural="podmonitors"),
        Kind(name="Canary", group="flagger.app", plural="canaries", versions=("v1beta1",)),
    )
}
