"""How does a test adopt a shop: an ordinary service, pods that come by themselves, and a look for routes that lead nowhere?"""

from typing import Any

import yaml

from adapters.kube.api import Patch
from adapters.kube.objects import KubeObjects
from rollout.traffic.dialects import DIALECTS
from rollout.traffic.subsets import subset_labels
from rollout.traffic.weights import places
from tests.support.world import World

Obj = dict[str, Any]


def a_deployment(name: str = "checkout", **labels: str) -> Obj:
    """Two pods with the label app=checkout and these."""
    carried = {"app": "checkout"} | labels
    template = {"metadata": {"labels": carried}, "spec": {"containers": [{"name": "app", "image": "checkout:1"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": carried}, "template": template}
    return _shop("apps/v1", "Deployment", name, spec)


def a_service(name: str = "checkout", **selector: str) -> Obj:
    """A Service of all pods with app=checkout, or with these labels."""
    spec = {"selector": selector or {"app": "checkout"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return _shop("v1", "Service", name, spec)


def a_rule(*subsets: str) -> Obj:
    """A user's DestinationRule with a traffic policy and these subsets."""
    defined = [{"name": name, "labels": {"version": name}} for name in subsets]
    spec = {"host": "checkout", "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}, "subsets": defined}
    return _shop("networking.istio.io/v1", "DestinationRule", "checkout", spec)


def a_route(host: str = "checkout", subset: str = "") -> Obj:
    """The VirtualService checkout, everything to one destination, with what people have besides."""
    destination = {"host": host, "port": {"number": 80}} | ({"subset": subset} if subset else {})
    spec = {"hosts": ["checkout"], "http": [{"timeout": "3s", "route": [{"destination": destination}]}]}
    return _shop("networking.istio.io/v1", "VirtualService", "checkout", spec)


def _shop(version: str, kind: str, name: str, spec: Obj) -> Obj:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def printed(text: str) -> list[Obj]:
    """The manifests that a command printed, in their order."""
    return list(yaml.safe_load_all(text))


async def start_pods(world: World) -> None:
    """Every Deployment gets its ready pods, and every Service the endpoints that it selects."""
    objects = KubeObjects(world.person)
    for deployment in await objects.list("Deployment", "shop"):
        name, wanted = deployment["metadata"]["name"], deployment["spec"]["replicas"]
        generation = deployment["metadata"]["generation"]
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted)
        status = {"status": {"observedGeneration": generation, **counts}}
        await world.person.patch(world.path("Deployment", name, "status"), Patch.MERGE, status)
        for number in range(wanted):
            pod = _shop("v1", "Pod", f"{name}-{number}", {})
            pod["metadata"]["labels"] = deployment["spec"]["template"]["metadata"]["labels"]
            await world.put(pod)
    pods = await objects.list("Pod", "shop")
    for service in await objects.list("Service", "shop"):
        chosen = [
            pod["metadata"]["name"]
            for pod in pods
            if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        ]
        await world.endpoints(service["metadata"]["name"], chosen, ready=len(chosen))


async def delete_workload(world: World, name: str) -> None:
    """A Deployment goes with its pods."""
    for number in range(2):
        await world.person.delete(world.path("Pod", f"{name}-{number}"))
    await world.person.delete(world.path("Deployment", name))
    await start_pods(world)


async def dead_ends(world: World) -> list[str]:
    """What routes send requests to although nothing there would answer them."""
    objects, found = KubeObjects(world.person), []
    rules, pods = await objects.list("DestinationRule", "shop"), await objects.list("Pod", "shop")
    labels = {pod["metadata"]["name"]: pod["metadata"]["labels"] for pod in pods}
    slices = await objects.list("EndpointSlice", "shop")
    for route in await objects.list("VirtualService", "shop"):
        for place in places(route, DIALECTS["VirtualService"]):
            for entry in place.entries:
                host, subset = entry["destination"]["host"], entry["destination"].get("subset", "")
                if len(place.entries) > 1 and not entry.get("weight"):
                    continue
                carried = subset_labels(rules, host, subset) if subset else {}
                names = [
                    endpoint["targetRef"]["name"]
                    for part in slices
                    if part["metadata"]["labels"]["kubernetes.io/service-name"] == host
                    for endpoint in part["endpoints"]
                    if endpoint["conditions"]["ready"]
                ]
                serving = [name for name in names if carried is not None and carried.items() <= labels[name].items()]
                found += [] if serving else [f"{host}/{subset}"]
    return found
