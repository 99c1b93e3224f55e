"""Which namespaces call this one, as seen in metrics and in what their pods are told?"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import groupby

from rollout.migration.preflight.check import Check
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.sidecars import proxy_of
from rollout.migration.preflight.templates import WORKLOADS, workloads
from rollout.model.migration import Finding, Severity
from rollout.model.telemetry import Asked

SOURCE = "source_workload_namespace"  # the label of Istio's metrics, and of the answers to Asked.EDGES
UNKNOWN = "unknown"

_caller = partial(Finding, check="CALLER-01")


def callers(gathered: Gathered) -> Mapping[str, str]:
    """Other namespaces that call this one, each with how that is known. "unknown" is a caller without a certificate."""
    answer = gathered.told.get(Asked.EDGES)
    seen = {one.label(SOURCE) for one in (answer.series if answer and answer.series else ()) if one.value > 0}
    hinted = {place: f"{owner} is told to" for place, owner in _hints(gathered)}
    return {**hinted, **{place: "seen in metrics" for place in seen if place not in ("", gathered.namespace)}}


def unenrolled_callers(gathered: Gathered) -> Iterator[Finding]:
    """CALLER-01: namespaces that call this one and are not in the mesh; `caller` is their name."""
    for place, known in callers(gathered).items():
        if place == UNKNOWN:
            yield _caller(  # the soak waits until nobody does so any more: nobody needs to answer for it here
                severity=Severity.INFO,
                object="Namespace unknown",
                why="a caller without a proxy was seen in metrics: nobody knows who; it is refused under STRICT",
                fix="find it in the proxies' access log (plaintext only) by its address, then enrol it or make an exception",
            )
        elif place not in gathered.enrolled and not _is_gateway(gathered, place):
            is_moved = place in gathered.spec.namespaces
            yield _caller(
                severity=Severity.INFO if is_moved else Severity.WARN,
                object=f"Namespace {place}",
                field="metadata.labels",
                why=f"it calls {gathered.namespace} ({known}) and is not in the mesh: its calls are refused under STRICT",
                fix=f"nothing: {gathered.namespace} becomes STRICT only once {place} is in the mesh"
                if is_moved
                else f"put {place} into a wave, or make an exception for the ports that it calls",
                caller=place,
            )


def _is_gateway(gathered: Gathered, place: str) -> bool:
    """Whether it is the mesh's own namespace, whose callers are gateways: proxies without the label of enrolment."""
    return place == gathered.spec.root and any(proxy_of(pod) is not None for pod in gathered.of("Pod", place))


def _hints(gathered: Gathered) -> Iterator[tuple[str, str]]:
    """(namespace, workload) where a container's arguments or environment name a Service of ours: "api.shop"."""
    names = sorted(re.escape(one["metadata"]["name"]) for one in gathered.here("Service"))
    if not names:
        return
    address = re.compile(rf"(?<![\w.-])(?:{'|'.join(names)})\.{re.escape(gathered.namespace)}(?![\w-])")
    for other, there in sorted(_by_namespace(gathered).items()):
        for template in workloads(there, other) if other != gathered.namespace else ():
            if any(address.search(text) for _, container in template.containers() for text in _texts(container)):
                yield other, template.owner
                break


def _by_namespace(gathered: Gathered) -> Mapping[str, Gathered]:
    """What was gathered of the workloads of each namespace: one pass instead of one for each namespace."""
    found: dict[str, dict[str, tuple[Obj, ...]]] = {}
    for kind in WORKLOADS:
        for place, group in groupby(sorted(gathered.all(kind), key=_place), key=_place):
            found.setdefault(place, {})[kind] = tuple(group)
    return {place: replace(gathered, objects=objects) for place, objects in found.items()}


def _place(obj: Obj) -> str:
    return str(obj["metadata"].get("namespace", ""))


def _texts(container: Obj) -> Iterator[str]:
    yield from (str(one) for one in container.get("command") or ())
    yield from (str(one) for one in container.get("args") or ())
    yield from (str(one.get("value", "")) for one in container.get("env") or ())


CALLERS = (
    Check(
        id="CALLER-01",
        title="all callers are in the mesh",
        severity=Severity.WARN,
        reads=("Namespace", "Service", *WORKLOADS),
        asks=(Asked.EDGES,),
        find=unenrolled_callers,
    ),
)
