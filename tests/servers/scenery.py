"""What stands in a namespace in which a controller dies over many Rollouts: revisions that all of them share, and routes?

There is no kubelet and no controller manager: what they would write is written here.
"""

from collections.abc import Iterator
from typing import Any

from tests.servers.client import Kube, Obj, path_of
from tests.servers.cluster import deployment
from tests.servers.shop import manifest
from tests.support.builders import an_approval_manifest

REVISIONS = ("v1", "v2", "v3")
PODS = 2
STEPS: list[dict[str, Any]] = [{"weight": 10, "soak": "1s"}, {"weight": 50, "soak": "1s"}]
SLOW = [STEPS[0], {"weight": 50, "soak": "2m"}]
GATED = [{**STEPS[0], "approval": "release-managers"}, STEPS[1]]


def furnish(kube: Kube, namespace: str) -> None:
    """Three revisions of checkout, each with a workload, its pods, and a Service; and who may approve."""
    kube.apply(an_approval_manifest(namespace=namespace))
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), PODS)
    for revision in REVISIONS:
        (workload,) = kube.apply(deployment(namespace, f"checkout-{revision}", revision, PODS))
        status = {"observedGeneration": workload["metadata"]["generation"], **counts}
        kube.patch(f"{path_of(workload)}/status", {"status": status})
        kube.apply(*pods(namespace, revision))
        kube.apply(*serving(namespace, f"checkout-{revision}", revision))


def a_member(namespace: str, name: str, routes: tuple[str, ...], *, subsets: bool, is_new: bool) -> Iterator[Obj]:
    """A Rollout of checkout with routes of its own, which send everything to v1; subsets: of a Service of its own.

    is_new: nothing serves yet, and no revision of it is deployed.
    """
    if subsets:
        yield from serving(namespace, name, *REVISIONS)
    to = {"host": name, "subset": "v1"} if subsets else {"host": name if is_new else "checkout-v1"}
    for route in routes:
        yield {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": route, "namespace": namespace},
            "spec": {"hosts": [route], "http": [{"route": [{"destination": to}]}]},
        }
    made = manifest(
        namespace,
        "v1",
        routes=[{"kind": "VirtualService", "name": route} for route in routes],
        steps=STEPS,
        objectives=[{"name": "trouble", "kind": "query", "query": failing(name), "below": "0.5"}],
        analysis={"interval": "1s"},
        settle="1s",
        **({"backend": _subsets_of(name)} if subsets else {}),
        **({"backend": {"service": f"{name}-{{revision}}"}} if is_new else {}),
    )
    if is_new:
        del made["spec"]["workload"]
    yield made | {"metadata": {"name": name, "namespace": namespace}}


def pods(namespace: str, revision: str) -> Iterator[Obj]:
    """The pods of a revision, which no kubelet starts."""
    for number in range(PODS):
        yield _pod(namespace, revision, number)


def failing(name: str) -> str:
    """What the metrics server is asked about a Rollout: 1 while it fails."""
    return f'failing{{of="{name}"}}'


def _subsets_of(name: str) -> Obj:
    return {"subset": {"host": name, "name": "{revision}", "labels": {"version": "{revision}"}}}


def _pod(namespace: str, revision: str, number: int) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": _pod_name(revision, number),
            "namespace": namespace,
            "labels": {"app": "checkout", "version": revision},
        },
        "spec": {"containers": [{"name": "app", "image": f"registry.test/checkout:{revision}"}]},
    }


def _pod_name(revision: str, number: int) -> str:
    return f"checkout-{revision}-{number}"


def serving(namespace: str, name: str, *revisions: str) -> Iterator[Obj]:
    """A Service before the pods of these revisions, headless: the API server gives out addresses at 50 a second."""
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterIP": "None", "ports": [{"name": "http", "port": 80}]},
    }
    pods = [(revision, number) for revision in revisions for number in range(PODS)]
    yield {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": [f"10.9.{REVISIONS.index(revision)}.{number + 1}"],
                "conditions": {"ready": True},
                "targetRef": {"kind": "Pod", "name": _pod_name(revision, number), "namespace": namespace},
            }
            for revision, number in pods
        ],
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
    }
