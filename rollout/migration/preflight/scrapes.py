"""Will the metrics keep coming, and do they say what the gates must know?"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from rollout.migration.preflight.check import Check, annotations, named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import JOINING, joining, mesh_config, setting
from rollout.migration.preflight.monitors import is_of_proxies, scrapes, spoiled
from rollout.migration.preflight.open_ports import closed, is_open, listed
from rollout.migration.preflight.sidecars import proxy_of, workload_of
from rollout.migration.preflight.templates import WORKLOADS
from rollout.model.migration import Finding, Severity
from rollout.model.telemetry import Asked

# What the gates ask Istio's metrics for.
_NEEDED = (
    "connection_security_policy",
    "destination_service_namespace",
    "destination_workload",
    "destination_workload_namespace",
    "reporter",
    "response_code",
    "source_principal",
    "source_workload",
    "source_workload_namespace",
)
_CLOSED = "TCP_CLOSED_CONNECTIONS"
_METRICS = frozenset({"ALL_METRICS", "REQUEST_COUNT", "REQUEST_DURATION", "TCP_OPENED_CONNECTIONS", _CLOSED})
_REFUSED = "envoy_listener_no_filter_chain_match"  # plaintext that was refused; the other counters are about TLS
_RETENTION = re.compile(r"^--storage\.tsdb\.retention(?:\.time)?=(.+)$")
_SPAN = re.compile(r"(\d+)(ms|[smhdwy])")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}

_dying = partial(Finding, check="PROM-01", severity=Severity.WARN)
_blind = partial(Finding, check="PROM-02", severity=Severity.BLOCK)
_stats = partial(Finding, check="STATS-01", severity=Severity.WARN)
_expiry = partial(Finding, check="STATS-02", severity=Severity.INFO)
_flags = partial(Finding, check="STATS-03", severity=Severity.INFO)
_FLAGS = "response_flags"


def dying_scrapes(gathered: Gathered) -> Iterator[Finding]:
    """PROM-01: scrapes of the applications' own ports, which end with STRICT."""
    why = "Prometheus scrapes pods by address in plaintext: under STRICT the metrics of {} stop"
    fix = "let the proxy merge them (port 15020), make an exception (PERMISSIVE) for {}, or scrape with the mesh's certificates"
    for scrape in scrapes(gathered):
        if scrape.closed:
            yield _dying(
                object=scrape.object,
                field=scrape.path,
                why=why.format(scrape.target),
                fix=fix.format(listed(scrape.closed)),
            )
    merges = setting(mesh_config(gathered), "enablePrometheusMerge") is not False
    for template in joining(gathered):
        given = template.annotations
        if given.get("prometheus.io/scrape") != "true":
            continue
        if merges and given.get("prometheus.istio.io/merge-metrics", "true") != "false":
            continue
        port = template.port(given.get("prometheus.io/port", "80"))
        if port is not None and not is_open(gathered, template, port):
            field = template.at("metadata", "annotations.prometheus.io/port")
            yield _dying(
                object=template.owner, field=field, why=why.format("its pods"), fix=fix.format(listed((port,)))
            )
    for service in gathered.here("Service"):
        given = annotations(service)
        ports = closed(gathered, service) if given.get("prometheus.io/scrape") == "true" else ()
        if ports:
            field = "metadata.annotations.prometheus.io/scrape"
            yield _dying(
                object=named("Service", service), field=field, why=why.format("its pods"), fix=fix.format(listed(ports))
            )


def blind_gates(gathered: Gathered) -> Iterator[Finding]:
    """PROM-02: metrics of proxies that do not come, come without what is needed, or are not kept for long enough."""
    answer = gathered.told[Asked.PROXIES]
    heard = {one.label("pod") for one in answer.series or ()}
    meshed = _meshed(gathered)
    for pod in meshed:
        if pod["metadata"]["name"] in heard:
            continue
        yield _blind(
            object=workload_of(gathered, pod).owner,
            why="the metrics of its proxies do not come: no gate can open, silence is no proof",
            fix="scrape /stats/prometheus of port 15020 or 15090 of all proxies",
        )
    monitors = [(kind, one) for kind in ("PodMonitor", "ServiceMonitor") for one in gathered.all(kind)]
    if monitors and not meshed and not any(is_of_proxies(gathered, kind, one) for kind, one in monitors):
        yield _blind(
            severity=Severity.WARN,
            object=f"Namespace {gathered.namespace}",
            why="no PodMonitor scrapes proxies there: unless something else does, no gate will open",
            fix="make a PodMonitor for path /stats/prometheus and port http-envoy-prom in this namespace",
        )
    for kind, monitor in monitors:
        for path, what in spoiled(kind, monitor, _NEEDED) if is_of_proxies(gathered, kind, monitor) else ():
            yield _blind(
                object=named(kind, monitor),
                field=path,
                why=f"it drops {what}, without which plaintext cannot be told from mTLS",
                fix="take this relabeling off",
            )
    yield from _mutilated(gathered)
    yield from _forgotten(gathered)


def unexported_refusals(gathered: Gathered) -> Iterator[Finding]:
    """STATS-01: meshed pods that do not export how many connections they refuse. That it is absent is not zero."""
    series = gathered.told[Asked.REFUSALS_EXIST].series or ()
    exported = {one.label("pod") for one in series if one.label("counter") in ("", _REFUSED)}
    for pod in _meshed(gathered):
        if pod["metadata"]["name"] in exported:
            continue
        workload = workload_of(gathered, pod)
        yield _stats(
            object=workload.owner,
            field=workload.at("metadata", "annotations.proxy.istio.io/config"),
            why=f"its proxies do not export {_REFUSED}: after STRICT nobody would see whom they refuse",
            fix="set proxyStatsMatcher inclusionPrefixes [listener.] in the mesh's defaultConfig or in the annotation "
            "proxy.istio.io/config, then restart it",
        )


def untold_certificates(gathered: Gathered) -> Iterator[Finding]:
    """STATS-02: meshed pods that do not tell how long their certificate lasts. That it is absent is not zero, nor much."""
    told = {one.label("pod") for one in gathered.told[Asked.CERTIFICATES].series or ()}
    for pod in _meshed(gathered):
        if pod["metadata"]["name"] not in told:
            yield _expiry(
                object=workload_of(gathered, pod).owner,
                why="istio_agent_cert_expiry_seconds does not come from its pods: a certificate that is not renewed would "
                "not be noticed before it ends",
                fix="scrape the agents as well: port 15020, path /stats/prometheus, which has Envoy's metrics too",
            )


def unflagged(gathered: Gathered) -> Iterator[Finding]:
    """STATS-03: what takes away the only label that tells a connection that failed from one that ended."""
    why = "it takes away response_flags: connections without HTTP that fail at their callers would take nothing back"
    for kind in ("PodMonitor", "ServiceMonitor"):
        for monitor in gathered.all(kind):
            for path, what in spoiled(kind, monitor, (_FLAGS,)) if is_of_proxies(gathered, kind, monitor) else ():
                if what == f"the label {_FLAGS}":
                    yield _flags(object=named(kind, monitor), field=path, why=why, fix="keep that label")
    for telemetry in (*gathered.of("Telemetry", gathered.spec.root), *gathered.here("Telemetry")):
        for number, entry in enumerate((telemetry.get("spec") or {}).get("metrics") or ()):
            for index, override in enumerate(entry.get("overrides") or ()):
                if _unflags(override):
                    path = f"spec.metrics[{number}].overrides[{index}]"
                    yield _flags(object=named("Telemetry", telemetry), field=path, why=why, fix="keep that label")


def _unflags(override: Mapping[str, Any]) -> bool:
    match = override.get("match") or {}
    if match.get("mode") == "SERVER" or match.get("metric", "ALL_METRICS") not in ("ALL_METRICS", _CLOSED):
        return False
    return ((override.get("tagOverrides") or {}).get(_FLAGS) or {}).get("operation") == "REMOVE"


def _meshed(gathered: Gathered) -> list[Obj]:
    return [
        pod
        for pod in gathered.here("Pod")
        if proxy_of(pod) is not None and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
    ]


def _mutilated(gathered: Gathered) -> Iterator[Finding]:
    """Telemetry objects that switch a metric off or take a needed label from it."""
    for telemetry in (*gathered.of("Telemetry", gathered.spec.root), *gathered.here("Telemetry")):
        for number, entry in enumerate((telemetry.get("spec") or {}).get("metrics") or ()):
            for index, override in enumerate(entry.get("overrides") or ()):
                what = _taken(override)
                if what:
                    yield _blind(
                        object=named("Telemetry", telemetry),
                        field=f"spec.metrics[{number}].overrides[{index}]",
                        why=f"it takes away {what}, without which plaintext cannot be told from mTLS",
                        fix="take this override off while the namespace moves",
                    )


def _taken(override: Mapping[str, Any]) -> str:
    match = override.get("match") or {}
    if match.get("mode") == "CLIENT" or match.get("metric", "ALL_METRICS") not in _METRICS:
        return ""
    if str(override.get("disabled", "")).lower() == "true":
        return f"the metric {match.get('metric', 'ALL_METRICS')}"
    tags = override.get("tagOverrides") or {}
    removed = [name for name in _NEEDED if (tags.get(name) or {}).get("operation") == "REMOVE"]
    return f"the label {removed[0]}" if removed else ""


def _forgotten(gathered: Gathered) -> Iterator[Finding]:
    """The Prometheus that keeps the longest, where even that is too short. One that is sized by bytes is not judged."""
    spec = gathered.spec
    window = max(spec.soak, spec.strict_soak, spec.baseline)
    found = []
    for kind in ("StatefulSet", "Deployment"):
        for obj in gathered.all(kind):
            containers = (((obj.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or ()
            for index, container in enumerate(containers):
                for argument in (*(container.get("command") or ()), *(container.get("args") or ())):
                    kept = _RETENTION.match(str(argument))
                    if kept:
                        found.append((_span(kept[1]), named(kind, obj), f"spec.template.spec.containers[{index}].args"))
    longest = max(found, default=None)
    if longest and longest[0] < window:
        yield _blind(
            object=longest[1],
            field=longest[2],
            why=f"it keeps metrics for {longest[0]}, and the gates look back {window}",
            fix="keep metrics for longer than soak, strictSoak and baseline",
        )


def _span(text: str) -> timedelta:
    return sum((int(number) * _UNITS[unit] for number, unit in _SPAN.findall(text)), timedelta())


SCRAPES = (
    Check(
        id="PROM-01",
        title="scrapes survive STRICT",
        severity=Severity.WARN,
        reads=("ServiceMonitor", "PodMonitor", "Service", *JOINING),
        find=dying_scrapes,
    ),
    Check(
        id="PROM-02",
        title="the gates' metrics come, are whole and are kept",
        severity=Severity.BLOCK,
        reads=("ServiceMonitor", "PodMonitor", "Telemetry", *WORKLOADS),
        asks=(Asked.PROXIES,),
        find=blind_gates,
    ),
    Check(
        id="STATS-01",
        title="proxies export what they refuse",
        severity=Severity.WARN,
        reads=WORKLOADS,
        asks=(Asked.REFUSALS_EXIST,),
        find=unexported_refusals,
    ),
    Check(
        id="STATS-02",
        title="proxies tell when their certificates end",
        severity=Severity.INFO,
        reads=WORKLOADS,
        asks=(Asked.CERTIFICATES,),
        find=untold_certificates,
    ),
    Check(
        id="STATS-03",
        title="callers' proxies tell how connections end",
        severity=Severity.INFO,
        reads=("ServiceMonitor", "PodMonitor", "Telemetry"),
        find=unflagged,
    ),
)
