"""What do runs have in common: a healthy start, a failing canary, route objects of other kinds?"""

from datetime import timedelta
from typing import Any

from adapters.kube.api import Obj, Patch
from tests.support.world import World

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
TWO_STEPS = [{"weight": 5, "soak": "5m"}, {"weight": 50, "soak": "5m"}]
GATED = [{"weight": 5, "soak": "5m", "approval": "release-managers"}, {"weight": 50, "soak": "5m"}]


async def running(world: World, minutes: int = 2, revision: str = "v2") -> None:
    """A healthy canary is on its way for so long: 5 % from the start, 50 % after 5 min."""
    healthy(world)
    await world.commit(revision=revision)
    await world.pass_time(minutes * MINUTE)


def healthy(world: World) -> None:
    """From now on no request fails."""
    world.metrics.tell_requests("errors", bad=0, total=1000)


def failing(world: World) -> None:
    """From now on every second request to the canary fails."""
    world.metrics.tell_requests("errors", bad=500, total=1000)


async def edit_route(world: World, kind: str, spec: dict[str, Any], name: str = "checkout") -> None:
    """A person merges this into the spec of a route."""
    await world.person.patch(world.path(kind, name), Patch.MERGE, {"spec": spec}, {"fieldManager": "kubectl-edit"})


async def delete(world: World, kind: str, name: str) -> None:
    """A person deletes an object."""
    await world.person.delete(world.path(kind, name))


def http_route(*backends: str) -> Obj:
    """An HTTPRoute behind the gateway `public`, all traffic to the first backend."""
    refs = [{"name": name, "port": 80, "weight": 0 if number else 1} for number, name in enumerate(backends)]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {"parentRefs": [{"name": "public"}], "rules": [{"backendRefs": refs}]},
    }


def traffic_split(*backends: str) -> Obj:
    """A TrafficSplit of the Service checkout, all traffic to the first backend."""
    split = [{"service": name, "weight": 0 if number else 100} for number, name in enumerate(backends)]
    return {
        "apiVersion": "split.smi-spec.io/v1alpha4",
        "kind": "TrafficSplit",
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {"service": "checkout", "backends": split},
    }


async def gateway_says(world: World, *, resolved: bool = True) -> None:
    """The gateway reports that it took the HTTPRoute as it is now."""
    generation = (await world.read("HTTPRoute", "checkout"))["metadata"]["generation"]
    conditions = [
        _condition("Accepted", "True", "Accepted", generation),
        _condition(
            "ResolvedRefs",
            "True" if resolved else "False",
            "ResolvedRefs" if resolved else "BackendNotFound",
            generation,
        ),
    ]
    parent = {"parentRef": {"name": "public"}, "controllerName": "example.com/gateway", "conditions": conditions}
    await world.person.patch(
        world.path("HTTPRoute", "checkout", "status"), Patch.MERGE, {"status": {"parents": [parent]}}
    )


def _condition(kind: str, status: str, reason: str, generation: int) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "",
        "observedGeneration": generation,
        "lastTransitionTime": "2026-11-21T09:00:00Z",
    }


def subset_service(*subsets: str) -> Obj:
    """A VirtualService on the host checkout, all traffic to its first subset."""
    route: list[dict[str, Any]] = [
        {"destination": {"host": "checkout", "subset": name}, "weight": 0 if number else 100}
        for number, name in enumerate(subsets)
    ]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {"hosts": ["checkout"], "http": [{"route": route}]},
    }


SUBSETS = {"subset": {"host": "checkout", "name": "{revision}", "labels": {"version": "{revision}"}}}


async def deploy_subset(world: World, *revisions: str) -> None:
    """Deployments behind the one Service checkout, all pods ready."""
    names = []
    for revision in revisions:
        await world.deploy(revision)
        names += [f"{revision}-0", f"{revision}-1"]
    await world.put(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "checkout", "namespace": "shop"},
            "spec": {"selector": {"app": "checkout"}, "ports": [{"port": 80}]},
        }
    )
    await world.endpoints("checkout", names, ready=len(names))
