"""What makes the rows about admission and nodes find something?"""

from collections.abc import Callable

from rollout.model.migration import Severity
from tests.support.ailments import Ill, World, add, both, ill, put, replace

WARN = Severity.WARN
API = "Deployment shop/api"
SPEC = "spec.template.spec"
FIRST = f"{SPEC}.containers[0]"
ENFORCE = "pod-security.kubernetes.io/enforce"
SECCOMP = f"{SPEC}.securityContext.seccompProfile"
PODS = "[{apiGroups: [''], resources: [pods], operations: [CREATE]}]"
KYVERNO = f"""
kind: ValidatingWebhookConfiguration
metadata: {{name: kyverno}}
webhooks: [{{name: validate.kyverno.svc, rules: {PODS}}}]
"""
VAULT = f"""
kind: MutatingWebhookConfiguration
metadata: {{name: vault-agent}}
webhooks: [{{name: vault.hashicorp.com, rules: {PODS}}}]
"""
BEFORE = VAULT.replace("vault-agent", "aws-pod-identity")
POLICY = f"""
kind: ValidatingAdmissionPolicy
metadata: {{name: no-root}}
spec: {{matchConstraints: {{resourceRules: {PODS}}}}}
"""
AGENT = """
kind: DaemonSet
metadata: {name: agent, namespace: shop}
spec:
  updateStrategy: {type: RollingUpdate}
  template:
    metadata: {labels: {app: agent}}
    spec: {hostNetwork: true, containers: [{name: agent, image: registry.example.com/agent:1}]}
"""


def in_the_cluster(level: str, *more: Callable[[World], None]) -> Callable[[World], None]:
    """The namespace enforces a Pod Security level."""
    return both(put("Namespace", "shop", "metadata.labels", {ENFORCE: level}), *more)


def restricted_without(kind: str, name: str) -> Callable[[World], None]:
    """All pods but one workload's set their seccomp profile."""
    others = {("Deployment", "api"), ("StatefulSet", "cache")} - {(kind, name)}
    profile = {"seccompProfile": {"type": "RuntimeDefault"}}
    return in_the_cluster("restricted", *(put(*other, f"{SPEC}.securityContext", profile) for other in others))


NO_CNI = replace("ConfigMap", "istio-sidecar-injector", '{"enabled": true}', '{"enabled": false}')

OF_ADMISSION: dict[str, tuple[Ill, ...]] = {
    "PSA-01": (
        ill(in_the_cluster("baseline", NO_CNI), ("Namespace shop", f"metadata.labels.{ENFORCE}"), "refuses istio-init"),
        ill(in_the_cluster("restricted", NO_CNI), ("Namespace shop", f"metadata.labels.{ENFORCE}"), "needs NET_ADMIN"),
        ill(restricted_without("Deployment", "api"), (API, SECCOMP), "it has no seccompProfile"),
    ),
    "PSA-02": (
        ill(add(KYVERNO), ("ValidatingWebhookConfiguration kyverno", "webhooks[0]"), "it may refuse pods", WARN),
        ill(
            add(VAULT),
            ("MutatingWebhookConfiguration vault-agent", "webhooks[0]"),
            "probes of containers that it adds are not rewritten",
            WARN,
        ),
        ill(add(BEFORE), ("MutatingWebhookConfiguration aws-pod-identity", "webhooks[0]"), "before Istio does", WARN),
        ill(add(POLICY), ("ValidatingAdmissionPolicy no-root", "spec.matchConstraints"), "it may refuse pods", WARN),
    ),
    "UID-01": (
        ill(
            put("Deployment", "api", f"{SPEC}.securityContext", {"runAsUser": 1337}),
            (API, f"{SPEC}.securityContext.runAsUser"),
            "is not captured",
        ),
        ill(
            put("Deployment", "api", f"{FIRST}.securityContext", {"runAsGroup": 1337}),
            (API, f"{FIRST}.securityContext.runAsGroup"),
            "goes in plaintext",
        ),
    ),
    "HOST-01": (
        ill(
            put("Deployment", "api", f"{SPEC}.hostNetwork", value=True),
            (API, f"{SPEC}.hostNetwork"),
            "its ports never take mTLS",
        ),
        ill(
            add(AGENT),
            ("DaemonSet shop/agent", f"{SPEC}.hostNetwork"),
            "all that it calls is called in plaintext",
            WARN,
        ),
    ),
    "OS-01": (
        ill(
            put("Deployment", "api", f"{SPEC}.nodeSelector", {"kubernetes.io/os": "windows"}),
            (API, f"{SPEC}.nodeSelector.kubernetes.io/os"),
            "it needs Windows",
        ),
        ill(put("Deployment", "api", f"{SPEC}.os", {"name": "windows"}), (API, f"{SPEC}.os.name"), "it needs Windows"),
        ill(
            put("Deployment", "api", f"{SPEC}.runtimeClassName", "kata-qemu"),
            (API, f"{SPEC}.runtimeClassName"),
            "in a sandbox (kata-qemu)",
        ),
        ill(
            put("Deployment", "api", f"{SPEC}.schedulerName", "fargate-scheduler"),
            (API, f"{SPEC}.schedulerName"),
            "it runs on Fargate",
        ),
        ill(
            put("Node", "node-a", "metadata.labels", {"kubernetes.io/os": "windows"}),
            ("Pod shop/api-7d9f-aaaaa", "spec.nodeName"),
            "its node is Windows",
        ),
        ill(
            put("Node", "node-a", "status.nodeInfo", {"operatingSystem": "windows"}),
            ("Pod shop/api-7d9f-aaaaa", "spec.nodeName"),
            "its node is Windows",
        ),
        ill(
            put("Node", "node-a", "metadata.labels", {"eks.amazonaws.com/compute-type": "fargate"}),
            ("Pod shop/api-7d9f-aaaaa", "spec.nodeName"),
            "its node is Fargate",
        ),
    ),
}
