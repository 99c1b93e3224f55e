"""What does the demo's user have: which objects in the cluster, and which specs in git?"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAMESPACE = "shop"
HOST = "checkout.shop"
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
    count = len(addresses)
    pods = [f"checkout-{name}-{number}" for number in range(count)]
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"checkout-{name}", "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": count,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": f"checkout:{name}"}]},
            },
        },
        "status": {
            "observedGeneration": 1,
            "replicas": count,
            "updatedReplicas": count,
            "readyReplicas": count,
            "availableReplicas": count,
        },
    }
    endpoints = [
        {
            "addresses": [address],
            "conditions": {"ready": True},
            "targetRef": {"kind": "Pod", "name": pod, "namespace": NAMESPACE},
        }
        for address, pod in zip(addresses, pods, strict=True)
    ]
    slices = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"checkout-{name}-a",
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": f"checkout-{name}"},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": endpoints,
    }
    running = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": pod, "namespace": NAMESPACE, "labels": labels},
            "spec": {},
        }
        for pod in pods
    ]
    return [deployment, _service(f"checkout-{name}", labels), *running, slices]


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
    - {{weight: 5, soak: 16s}}
    - {{weight: 25, soak: 16s}}
    - {{weight: 50, soak: 16s}}
  objectives:
    - {{name: errors, kind: error-ratio, max: "5%"}}
  analysis: {{interval: 2s, minRequests: 50}}
  settle: 5s
"""


class Repository:
    """A git repository with the one spec."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._git("init", "--quiet", "--initial-branch=main", str(directory))

    @property
    def url(self) -> str:
        """Its file:// URL."""
        return f"file://{self._directory}"

    def release(self, name: str) -> str:
        """Commit the spec with this revision; the commit's short id."""
        file = self._directory / "rollouts" / "checkout.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(SPEC.format(revision=name))
        self._git("-C", str(self._directory), "add", "--all")
        self._git("-C", str(self._directory), "commit", "--quiet", "--message", f"checkout: release {name}")
        return self._git("-C", str(self._directory), "rev-parse", "--short", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        """What git prints; it sees none of the person's own settings."""
        identity = ["-c", "user.name=demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, text=True)
        return done.stdout
