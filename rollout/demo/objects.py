"""What does a proxy need to know of a Kubernetes object?

Objects are plain dicts as the API server sends them. Nothing here knows Envoy.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Obj = Mapping[str, Any]
Objects = Mapping[str, Iterable[Obj]]  # by kind: VirtualService, DestinationRule, Service, EndpointSlice, Pod, ...

CLUSTER_DOMAIN = "svc.cluster.local"


class UntranslatableError(Exception):
    """An object asks for something that the demo's proxy cannot do; says which object and field."""


def refused(obj: Obj, what: str) -> UntranslatableError:
    """The error for one object, with its name in front."""
    return UntranslatableError(f"{obj.get('kind', 'object')} {namespace(obj)}/{name(obj)}: {what}")


def name(obj: Obj) -> str:
    """metadata.name."""
    return str(obj["metadata"]["name"])


def namespace(obj: Obj) -> str:
    """metadata.namespace; "default" where the object does not say."""
    return str(obj["metadata"].get("namespace") or "default")


def of_kind(objects: Objects, kind: str) -> list[Obj]:
    """The objects of one kind, oldest first as Istio resolves conflicts, then by namespace and name."""
    return sorted(
        objects.get(kind, ()), key=lambda o: (str(o["metadata"].get("creationTimestamp") or ""), namespace(o), name(o))
    )


def service_of(host: str, home: str) -> tuple[str, str] | None:
    """Service name and namespace that a host means, seen from namespace `home`; None when it is no Service.

    Istio's rule: a name without dots belongs to `home`, everything else must be the full name.
    """
    if "." not in host:
        return host, home
    parts = host.removesuffix("." + CLUSTER_DOMAIN).split(".")
    return (parts[0], parts[1]) if len(parts) == 2 and host.endswith("." + CLUSTER_DOMAIN) else None


def domains_of(host: str, home: str) -> list[str]:
    """Every way to write the host of a Service; a foreign host or wildcard stays alone."""
    target = service_of(host, home)
    if target is None or host == "*":
        return [host]
    service, place = target
    return [f"{service}.{place}.{CLUSTER_DOMAIN}", f"{service}.{place}.svc", f"{service}.{place}", service]


def ready_addresses(slices: Iterable[Obj], service: str, place: str) -> list[tuple[str, Obj, Obj]]:
    """(address, endpoint, slice) of each ready endpoint of a Service, sorted by address, each address once.

    A missing `ready` condition counts as ready (discovery.k8s.io/v1, EndpointConditions).
    """
    found: dict[str, tuple[str, Obj, Obj]] = {}
    for item in slices:
        labels = item["metadata"].get("labels") or {}
        if namespace(item) != place or labels.get("kubernetes.io/service-name") != service:
            continue
        for endpoint in item.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is False:
                continue
            for address in endpoint.get("addresses") or ():
                found.setdefault(address, (address, endpoint, item))
    return [found[address] for address in sorted(found)]


def carries(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether all wanted labels are there with the wanted values."""
    return all(labels.get(key) == value for key, value in wanted.items())
