"""Which ports could callers outside the mesh not reach any more, once the namespace is STRICT?"""

from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import joins
from rollout.migration.preflight.templates import Template, excepted, selected, target

EXCLUDED = "traffic.sidecar.istio.io/excludeInboundPorts"


def closed(gathered: Gathered, service: Obj, wanted: int | str | None = None) -> tuple[int, ...]:
    """Container ports behind a Service's port (by number or name; None: behind any) that would be closed, sorted.

    Pods that get no proxy refuse nobody. Without any pods to look at, the Service's own word counts.
    """
    ports = [one for one in (service.get("spec") or {}).get("ports") or () if _is(one, wanted)]
    templates = selected(gathered, service)
    if not templates:
        return tuple(sorted({_own(port) for port in ports}))
    found = {
        number
        for template in templates
        if joins(gathered, template)
        for port in ports
        if (number := target(port, template)) is not None and not is_open(gathered, template, number)
    }
    return tuple(sorted(found))


def is_open(gathered: Gathered, template: Template, port: int) -> bool:
    """Whether a container port stays open: by an exception that is still good, or past the proxy."""
    past = template.annotations.get(EXCLUDED, "").replace(" ", "").split(",")
    return str(port) in past or "*" in past or excepted(gathered, template, port)


def listed(ports: tuple[int, ...]) -> str:
    """The ports for people: "container port 8080", "container ports 8080, 8081"."""
    return f"container port{'s' if len(ports) > 1 else ''} {', '.join(map(str, ports))}"


def _is(port: Obj, wanted: int | str | None) -> bool:
    return wanted is None or wanted in (port.get("port"), port.get("name"))


def _own(port: Obj) -> int:
    number = port.get("targetPort")
    return number if isinstance(number, int) else int(port["port"])
