"""Which ports could callers outside the mesh not reach any more, once the namespace is STRICT?"""

from collections.abc import Iterator

from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.templates import matches, selected, target
from rollout.model.mesh import Labels, Mtls

EXCLUDED = "traffic.sidecar.istio.io/excludeInboundPorts"


def closed(gathered: Gathered, service: Obj, wanted: int | str | None = None) -> tuple[int, ...]:
    """Container ports behind a Service's port (by number or name; None: behind any) that no exception keeps open.

    Without pods to look at, the Service's own word counts.
    """
    ports = [one for one in (service.get("spec") or {}).get("ports") or () if _is(one, wanted)]
    templates = selected(gathered, service)
    found: set[int] = set()
    for port in ports:
        for template in templates:
            number = target(port, template)
            if number is not None and not is_open(gathered, template.labels, template.annotations, number):
                found.add(number)
        if not templates:
            found |= {one for one in _own(port) if not is_open(gathered, _selector(service), {}, one)}
    return tuple(sorted(found))


def is_open(gathered: Gathered, labels: Labels, annotations: Labels, port: int) -> bool:
    """Whether pods with these labels keep the container port open: by an exception in force, or past their proxy."""
    if str(port) in annotations.get(EXCLUDED, "").replace(" ", "").split(","):
        return True
    return any(
        one.mode is not Mtls.STRICT
        and gathered.now.date() < one.expires
        and matches(one.workload, labels)
        and one.port in (None, port)
        for one in gathered.spec.exceptions_of(gathered.namespace)
    )


def listed(ports: tuple[int, ...]) -> str:
    """The ports for people: "container port 8080", "container ports 8080, 8081"."""
    return f"container port{'s' if len(ports) > 1 else ''} {', '.join(map(str, ports))}"


def _is(port: Obj, wanted: int | str | None) -> bool:
    return wanted is None or wanted in (port.get("port"), port.get("name"))


def _own(port: Obj) -> Iterator[int]:
    number = port.get("targetPort") or port["port"]
    yield number if isinstance(number, int) else int(port["port"])


def _selector(service: Obj) -> Labels:
    return (service.get("spec") or {}).get("selector") or {}
