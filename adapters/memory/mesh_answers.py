"""What would Prometheus answer to a question about a mesh, given what was scraped?

The same meaning as the queries of adapters/metrics/mesh_queries.py, row by row; one contract holds both to it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf

from adapters.memory.mesh_series import NAME, RECENT, Labels, Scraped, View, Where, grew, growth, seen
from rollout.model.telemetry import ALL, FAILED, OUTCOME, Asked, Series

TRAFFIC = "istio_requests_total", "istio_tcp_connections_opened_total"
CLOSED = "istio_tcp_connections_closed_total"
REFUSALS = (
    "envoy_listener_no_filter_chain_match",
    "envoy_listener_ssl_fail_verify_no_cert",
    "envoy_listener_ssl_connection_error",
)
REJECTIONS = "envoy_listener_manager_lds_update_rejected", "envoy_cluster_manager_cds_update_rejected"
WEBHOOK_CALLS, WEBHOOK_SKIPS = (
    "apiserver_admission_webhook_rejection_count",
    "apiserver_admission_webhook_fail_open_count",
)
EDGE = "source_workload_namespace", "source_workload", "destination_workload"
NAMESPACES = "source_workload_namespace", "destination_workload_namespace"
P99 = 0.99

Form = Callable[[View, Scraped], float | None]


def _values(view: View, form: Form, names: Iterable[str], where: Where) -> Iterator[tuple[Labels, float]]:
    for one in view.series(names, where):
        value = form(view, one)
        if value is not None:
            yield one.labels, value


def _grouped(found: Iterable[tuple[Labels, float]], by: Sequence[str]) -> dict[tuple[str, ...], list[float]]:
    groups: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for labels, value in found:
        groups[tuple(labels.get(name, "") for name in by)].append(value)
    return groups


def _told(view: View, by: Sequence[str], values: Mapping[tuple[str, ...], float]) -> Iterator[Series]:
    """A label without a value is none."""
    for key, value in values.items():
        labels = {name: text for name, text in zip(by, key, strict=True) if text}
        yield Series(labels=labels, value=value, at=view.now)


def _summed(view: View, found: Iterable[tuple[Labels, float]], *by: str) -> Iterator[Series]:
    """The sums above zero."""
    sums = {key: sum(values) for key, values in _grouped(found, by).items()}
    return _told(view, by, {key: value for key, value in sums.items() if value > 0})


def _plaintext(view: View) -> Iterator[Series]:
    for one in view.series(TRAFFIC, view.plaintext):
        newest = one.newest(view.now)
        if newest and newest[0] >= view.now - RECENT:
            yield Series(labels=one.labels, value=newest[1], at=newest[0])


def _plaintext_in_window(view: View) -> Iterator[Series]:
    for labels, value in _values(view, grew, TRAFFIC, view.plaintext):
        yield Series(labels=labels, value=value, at=view.now)


def _plaintext_open(view: View) -> Iterator[Series]:
    opened = view.present("istio_tcp_connections_opened_total", view.plaintext)
    closed = view.present("istio_tcp_connections_closed_total", view.plaintext)
    return _summed(view, [*opened, *((labels, -value) for labels, value in closed)], "pod")


def _mtls(view: View) -> Iterator[Series]:
    return _summed(view, _values(view, growth, TRAFFIC, view.mutual), "pod")


def _is_proxy(labels: Labels) -> bool:
    return labels.get(NAME) != "istio_build" or labels.get("component") == "proxy"


def _proxies(view: View) -> Iterator[Series]:
    """As they were scraped last."""
    found = [*view.present("istio_build", view.here), *view.present("envoy_server_uptime", view.here)]
    pods = {labels.get("pod", "") for labels, _ in found if _is_proxy(labels)}
    return (replace(one, at=view.last or view.now) for one in _told(view, ["pod"], {(pod,): 1.0 for pod in pods}))


def _scraped(view: View) -> Iterator[Series]:
    proxies = view.series(
        ["istio_build", "envoy_server_uptime"], lambda labels: view.here(labels) and _is_proxy(labels)
    )
    targets = {_target(one.labels) for one in proxies if view.within(one)}
    parts = [
        (one.labels, sum(values) / len(values))
        for one in view.series(["up"], view.here)
        if _target(one.labels) in targets and (values := view.within(one))
    ]
    return _told(view, ["pod"], {key: min(values) for key, values in _grouped(parts, ["pod"]).items()})


def _target(labels: Labels) -> tuple[str, str]:
    return labels.get("job", ""), labels.get("instance", "")


def _outcomes(view: View, counter: str, failed: Where) -> Iterator[Series]:
    for outcome, where in ((ALL, view.sent), (FAILED, failed)):
        for one in _summed(view, _values(view, growth, [counter], where), *EDGE):
            yield replace(one, labels={**one.labels, OUTCOME: outcome})


def _requests(view: View) -> Iterator[Series]:
    return _outcomes(view, TRAFFIC[0], view.failed)


def _connections(view: View) -> Iterator[Series]:
    return _outcomes(view, CLOSED, view.broken)


def _latency(view: View) -> Iterator[Series]:
    found = _values(view, growth, ["istio_request_duration_milliseconds_bucket"], view.sent)
    edges: dict[tuple[str, ...], dict[float, float]] = defaultdict(dict)
    for (*edge, bound), values in _grouped(found, (*EDGE, "le")).items():
        edges[tuple(edge)][float(bound)] = sum(values)
    known = {edge: quantile(P99, buckets) for edge, buckets in edges.items() if buckets.get(inf)}
    return _told(view, EDGE, known)


def quantile(part: float, buckets: Mapping[float, float]) -> float:
    """The value below which such a part is, between two bounds in proportion; the last bound when it is above that.

    buckets: how many are below each bound, with one above zero at infinity.
    """
    rank, lower, below = part * buckets[inf], 0.0, 0.0
    for bound, count in sorted(buckets.items()):
        if count >= rank:
            return lower if bound == inf else lower + (bound - lower) * (rank - below) / (count - below)
        lower, below = bound, count
    return lower


def _refused(view: View) -> Iterator[Series]:
    return _summed(view, _values(view, growth, REFUSALS, view.inbound), "pod", NAME)


def _refusals_exist(view: View) -> Iterator[Series]:
    found = [one for name in REFUSALS for one in view.present(name, view.inbound)]
    counts = {key: float(len(values)) for key, values in _grouped(found, ["pod", NAME]).items()}
    return _told(view, ["pod", NAME], counts)


def _draining(view: View) -> Iterator[Series]:
    return _summed(view, view.present("envoy_listener_manager_total_listeners_draining", view.here), "pod")


def _edges(view: View) -> Iterator[Series]:
    found = _grouped(_values(view, seen, TRAFFIC, view.arrived), NAMESPACES)
    return _told(view, NAMESPACES, {key: float(len(values)) for key, values in found.items()})


def _passthrough(view: View) -> Iterator[Series]:
    return _summed(view, _values(view, growth, TRAFFIC, view.past_services), *EDGE[:2])


def _rejects(view: View) -> Iterator[Series]:
    return _summed(view, _values(view, growth, REJECTIONS, view.here), "pod", NAME)


def _certificates(view: View) -> Iterator[Series]:
    found = _grouped(view.present("istio_agent_cert_expiry_seconds", view.here), ["pod", "resource_name"])
    return _told(view, ["pod", "resource_name"], {key: min(values) for key, values in found.items()})


def _webhooks(view: View) -> Iterator[Series]:
    def uncalled(labels: Labels) -> bool:
        return labels[NAME] == WEBHOOK_SKIPS or labels.get("error_type") == "calling_webhook_error"

    return _summed(view, _values(view, growth, (WEBHOOK_CALLS, WEBHOOK_SKIPS), uncalled), "name")


def _api_servers(view: View) -> Iterator[Series]:
    found = list(view.present("apiserver_current_inflight_requests", lambda _: True))
    return _told(view, [], {(): float(len(found))} if found else {})


ANSWERS: Mapping[Asked, Callable[[View], Iterable[Series]]] = {
    Asked.PLAINTEXT: _plaintext,
    Asked.PLAINTEXT_IN_WINDOW: _plaintext_in_window,
    Asked.PLAINTEXT_OPEN: _plaintext_open,
    Asked.MTLS: _mtls,
    Asked.PROXIES: _proxies,
    Asked.SCRAPED: _scraped,
    Asked.REQUESTS: _requests,
    Asked.RECENT: _requests,
    Asked.CONNECTIONS: _connections,
    Asked.LATENCY: _latency,
    Asked.REFUSED: _refused,
    Asked.REFUSALS_EXIST: _refusals_exist,
    Asked.DRAINING: _draining,
    Asked.EDGES: _edges,
    Asked.PASSTHROUGH: _passthrough,
    Asked.REJECTS: _rejects,
    Asked.CERTIFICATES: _certificates,
    Asked.WEBHOOKS: _webhooks,
    Asked.API_SERVERS: _api_servers,
}
