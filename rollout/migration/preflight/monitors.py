"""What do ServiceMonitors and PodMonitors scrape in the namespace, and what do they leave of it?"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollout.migration.preflight.check import labels, named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.installed import joining
from rollout.migration.preflight.open_ports import closed, is_open
from rollout.migration.preflight.templates import matches_expressions

_OF_PROXIES = "/stats/prometheus"
_PROXY_PORTS = frozenset({15020, 15090, "15020", "15090", "http-envoy-prom", "http-monitoring"})
_ENDPOINTS = {"ServiceMonitor": "endpoints", "PodMonitor": "podMetricsEndpoints"}
# Metrics of Istio that the gates read.
_METRICS = ("istio_requests_total", "istio_tcp_connections_opened_total", "istio_tcp_connections_closed_total")
_ALL = "(.*)"  # what a relabeling without a regex means


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """An endpoint of a monitor. target: what it scrapes. closed: container ports of it that STRICT would close."""

    object: str
    path: str
    target: str
    closed: tuple[int, ...]


def scrapes(gathered: Gathered) -> Iterator[Scrape]:
    """What monitors scrape of the applications: neither of proxies nor with a client certificate."""
    for kind in _ENDPOINTS:
        for monitor in gathered.all(kind):
            if not _covers(gathered, monitor):
                continue
            for path, endpoint in _endpoints(kind, monitor):
                if not _is_proxy(endpoint) and not _has_certificate(endpoint):
                    places = _of_services if kind == "ServiceMonitor" else _of_pods
                    for target, ports in places(gathered, monitor, endpoint):
                        yield Scrape(object=named(kind, monitor), path=path, target=target, closed=ports)


def is_of_proxies(gathered: Gathered, kind: str, monitor: Obj) -> bool:
    """Whether it scrapes proxies in the namespace."""
    return _covers(gathered, monitor) and any(_is_proxy(endpoint) for _, endpoint in _endpoints(kind, monitor))


def spoiled(kind: str, monitor: Obj, needed: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(path, what) of each relabeling that drops a needed label or one of Istio's metrics."""
    for path, endpoint in _endpoints(kind, monitor):
        for index, rule in enumerate(endpoint.get("metricRelabelings") or ()):
            action = str(rule.get("action", "replace")).lower()
            regex = _compiled(str(rule.get("regex", _ALL)))
            of_names = rule.get("sourceLabels") == ["__name__"]
            lost: Sequence[str] = ()
            if action == "labeldrop":
                lost = [f"the label {one}" for one in needed if regex.fullmatch(one)]
            elif action == "labelkeep":
                lost = [f"the label {one}" for one in needed if not regex.fullmatch(one)]
            elif action in ("drop", "keep") and of_names:
                lost = [one for one in _METRICS if bool(regex.fullmatch(one)) is (action == "drop")]
            if lost:
                yield f"{path}.metricRelabelings[{index}]", lost[0]


def _compiled(regex: str) -> re.Pattern[str]:
    """Prometheus' regular expressions are RE2: what Python does not understand is taken to match all."""
    try:
        return re.compile(regex)
    except re.error:
        return re.compile(_ALL)


def _endpoints(kind: str, monitor: Obj) -> Iterator[tuple[str, Mapping[str, Any]]]:
    name = _ENDPOINTS[kind]
    for index, endpoint in enumerate((monitor.get("spec") or {}).get(name) or ()):
        yield f"spec.{name}[{index}]", endpoint


def _covers(gathered: Gathered, monitor: Obj) -> bool:
    selector = (monitor.get("spec") or {}).get("namespaceSelector") or {}
    if selector.get("any"):
        return True
    return gathered.namespace in (selector.get("matchNames") or [monitor["metadata"]["namespace"]])


def _is_proxy(endpoint: Mapping[str, Any]) -> bool:
    ports = {endpoint.get(name) for name in ("port", "targetPort", "portNumber")}
    return endpoint.get("path") == _OF_PROXIES or bool(ports & _PROXY_PORTS)


def _has_certificate(endpoint: Mapping[str, Any]) -> bool:
    tls = endpoint.get("tlsConfig") or {}
    return str(endpoint.get("scheme", "")).lower() == "https" and bool(tls.get("certFile") or tls.get("cert"))


def _of_services(
    gathered: Gathered, monitor: Obj, endpoint: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    for service in gathered.here("Service"):
        if matches_expressions(_selector(monitor), labels(service)):
            yield named("Service", service), closed(gathered, service, endpoint.get("port"))


def _of_pods(gathered: Gathered, monitor: Obj, endpoint: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    wanted = endpoint.get("portNumber") or endpoint.get("port") or endpoint.get("targetPort")
    for template in joining(gathered):
        if wanted is not None and matches_expressions(_selector(monitor), template.labels):
            port = template.port(wanted)
            if port is not None and not is_open(gathered, template, port):
                yield template.owner, (port,)


def _selector(monitor: Obj) -> Mapping[str, Any]:
    return (monitor.get("spec") or {}).get("selector") or {}
