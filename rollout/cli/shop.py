"""What does the demo's user have: which objects in the cluster, and which specs in git?"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAMESPACE = "shop"
HOST = "checkout.shop"
FIRST_WEIGHT = 10  # percent, the plan's first
Obj = Mapping[str, Any]


def routing() -> list[Obj]:
    """The Service that callers name, and the VirtualService that sends everything to v1."""
    return [
        _service("checkout", {"app": "checkout"}),
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": "checkout", "namespace": NAMESPACE},
            "spec": {"hosts": ["checkout"], "http": [{"route": [{"destination": {"host": "checkout-v1"}}]}]},
        },
    ]


def revision(name: str, addresses: list[str]) -> list[Obj]:
    """A revision as a running workload: its Deployment, Service, pods and endpoints, one pod for each address."""
    labels = {"app": "checkout", "version": name}
    pods = {f"checkout-{name}-{number}": address for number, address in enumerate(addresses)}
    service = f"checkout-{name}"
    running = [{"apiVersion": "v1", "kind": "Pod", "metadata": _meta(pod, labels), "spec": {}} for pod in pods]
    return [_deployment(name, labels, len(pods)), _service(service, labels), *running, _endpoints(service, pods)]


def _meta(name: str, labels: Mapping[str, str]) -> Obj:
    return {"name": name, "namespace": NAMESPACE, "labels": dict(labels)}


def _deployment(name: str, labels: Mapping[str, str], count: int) -> Obj:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count)
    container = {"name": "app", "image": f"checkout:{name}"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(f"checkout-{name}", labels),
        "spec": {
            "replicas": count,
            "selector": {"matchLabels": dict(labels)},
            "template": {"metadata": {"labels": dict(labels)}, "spec": {"containers": [container]}},
        },
        "status": {"observedGeneration": 1, **counts},
    }


def _endpoints(service: str, pods: Mapping[str, str]) -> Obj:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": _meta(f"{service}-a", {"kubernetes.io/service-name": service}),
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [
            {
                "addresses": [address],
                "conditions": {"ready": True},
                "targetRef": {"kind": "Pod", "name": pod, "namespace": NAMESPACE},
            }
            for pod, address in pods.items()
        ],
    }


def _service(name: str, selector: Mapping[str, str]) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": dict(selector), "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }


def git_source(url: str) -> Obj:
    """Where the specs come from."""
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "GitSource",
        "metadata": {"name": "specs", "namespace": NAMESPACE},
        "spec": {"url": url, "path": "rollouts", "interval": "5s"},
    }


SPEC = """\
apiVersion: rollout.dev/v1alpha1
kind: Rollout
metadata: {{name: checkout, namespace: shop}}
spec:
  revision: {revision}
  backend: {{service: "checkout-{{revision}}"}}
  workload: {{kind: Deployment, name: "checkout-{{revision}}"}}
  routes:
    - {{kind: VirtualService, name: checkout}}
  steps:
    - {{weight: {first_weight}, soak: 6s}}
    - {{ramp: {{from: 20, to: 80, by: 20}}, soak: 6s}}
  objectives:
    - {{name: errors, kind: error-ratio, max: "1%"}}
  analysis: {{interval: 1s}}
  settle: 5s
"""


class Repository:
    """A git repository with the one spec, in which `{revision}` and `{first_weight}` are put in."""

    def __init__(self, directory: Path, spec: str = SPEC) -> None:
        self._directory = directory
        self._spec = spec
        self._git("init", "--quiet", "--initial-branch=main", str(directory))

    @property
    def url(self) -> str:
        """Its file:// URL."""
        return f"file://{self._directory}"

    def release(self, name: str) -> str:
        """Commit the spec with this revision; the commit's short id."""
        file = self._directory / "rollouts" / "checkout.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(self._spec.format(revision=name, first_weight=FIRST_WEIGHT))
        self._git("-C", str(self._directory), "add", "--all")
        self._git("-C", str(self._directory), "commit", "--quiet", "--message", f"checkout: release {name}")
        return self._git("-C", str(self._directory), "rev-parse", "--short", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        """What git prints; it sees none of the person's own settings."""
        identity = ["-c", "user.name=demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, text=True)
        return done.stdout
