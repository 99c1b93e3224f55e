"""What would Prometheus answer to a question about a mesh, given what was scraped?

The same meaning as the queries of adapters/metrics/mesh_queries.py, row by row; one contract holds both to it.
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import inf

from rollout.model.telemetry import Asked, MeshQuestion, Series

NAME = "__name__"
BEFORE = timedelta(minutes=30)
RECENT = timedelta(minutes=5)
TRAFFIC = "istio_requests_total", "istio_tcp_connections_opened_total"
REFUSALS = (
    "envoy_listener_no_filter_chain_match",
    "envoy_listener_ssl_fail_verify_no_cert",
    "envoy_listener_ssl_connection_error",
)
REJECTIONS = "envoy_listener_manager_lds_update_rejected", "envoy_cluster_manager_cds_update_rejected"
EDGE = "source_workload_namespace", "source_workload", "destination_workload"
NAMESPACES = "source_workload_namespace", "destination_workload_namespace"
GRPC_FAILURES = {"2", "4", "13", "14", "15"}
P99 = 0.99

Labels = Mapping[str, str]
Where = Callable[[Labels], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraped:
    """One series: its labels, metric name included, and (time, value) points, oldest first."""

    labels: Labels
    points: Sequence[tuple[datetime, float]]

    def between(self, start: datetime, end: datetime) -> tuple[float, ...]:
        """The values from start to end, both included."""
        first, after = bisect_left(self.points, start, key=_when), bisect_right(self.points, end, key=_when)
        return tuple(value for _, value in self.points[first:after])

    def newest(self, now: datetime) -> tuple[datetime, float] | None:
        """The last point up to now; None when there is none."""
        count = bisect_right(self.points, now, key=_when)
        return self.points[count - 1] if count else None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a question sees. last: the newest scrape up to `now`; a series that it did not show has ended."""

    question: MeshQuestion
    now: datetime
    scraped: tuple[Scraped, ...]
    last: datetime | None

    def series(self, names: Iterable[str], where: Where) -> Iterator[Scraped]:
        """Those of these metrics, with such labels."""
        wanted = set(names)
        return (one for one in self.scraped if one.labels.get(NAME) in wanted and where(one.labels))

    def present(self, name: str, where: Where) -> Iterator[tuple[Labels, float]]:
        """Those that the last scrape showed, and their values."""
        for one in self.series([name], where):
            newest = one.newest(self.now)
            if newest and newest[0] == self.last and self.now - newest[0] < RECENT:
                yield one.labels, newest[1]

    def here(self, labels: Labels) -> bool:
        """Whether the pod that was scraped is in the namespace."""
        return labels.get("namespace") == self.question.namespace

    def arrived(self, labels: Labels) -> bool:
        """Whether it is told by a pod of the namespace as the destination."""
        at = labels.get("reporter"), labels.get("destination_workload_namespace")
        return at == ("destination", self.question.namespace)

    def plaintext(self, labels: Labels) -> bool:
        """Whether that came without mTLS; nothing said is without."""
        return self.arrived(labels) and labels.get("connection_security_policy") != "mutual_tls"

    def mutual(self, labels: Labels) -> bool:
        """Whether that came with mTLS."""
        return self.arrived(labels) and labels.get("connection_security_policy") == "mutual_tls"

    def sent(self, labels: Labels) -> bool:
        """Whether a caller with a proxy tells it of the namespace."""
        to = labels.get("reporter"), labels.get("destination_service_namespace")
        return to == ("source", self.question.namespace)

    def good(self, labels: Labels) -> bool:
        """Whether a caller tells it and it was no failure."""
        is_failure = (
            labels.get("response_code", "").startswith("5") or labels.get("grpc_response_status") in GRPC_FAILURES
        )
        return self.sent(labels) and not is_failure

    def past_services(self, labels: Labels) -> bool:
        """Whether a caller with a proxy tells it, of whatever namespace, and it went to an address that is no Service."""
        at = labels.get("reporter"), labels.get("destination_service_name")
        return at == ("source", "PassthroughCluster")

    def inbound(self, labels: Labels) -> bool:
        """Whether it is a listener of inbound connections."""
        return self.here(labels) and re.fullmatch(".*_15006", labels.get("listener_address", "")) is not None

    def within(self, one: Scraped) -> tuple[float, ...]:
        """Its values in the window."""
        return one.between(self.now - self.question.window, self.now)

    def before(self, one: Scraped) -> float | None:
        """Its last value before the window, None when it had none for long."""
        start = self.now - self.question.window
        return next(reversed(one.between(start - BEFORE, start)), None)


def increase(values: Sequence[float]) -> float | None:
    """What a counter rose by, restarts included; None for fewer than two values, of which nothing is known."""
    if len(values) < 2:
        return None
    return sum(newer - older if newer >= older else newer for older, newer in pairwise(values))


def grew(view: View, one: Scraped) -> float | None:
    """Form R: by how much it grew within the window or was born with; None when it did neither."""
    values = view.within(one)
    if rise := increase(values):
        return rise
    highest = max(values, default=0.0)
    return highest if highest > 0 and view.before(one) != highest else None


def growth(view: View, one: Scraped) -> float | None:
    """What it counted within the window, 0 included; None when it was not there, or nothing is known."""
    values, before = view.within(one), view.before(one)
    if not values:
        return None
    return max(values) if before is None or before > max(values) else increase(values)


def seen(view: View, one: Scraped) -> float | None:
    """Its highest value within the window; None when it was not there."""
    return max(view.within(one), default=None)


def _when(point: tuple[datetime, float]) -> datetime:
    return point[0]


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


def _success(view: View) -> Iterator[Series]:
    every = _grouped(_values(view, growth, TRAFFIC[:1], view.sent), EDGE)
    good = _grouped(_values(view, growth, TRAFFIC[:1], view.good), EDGE)
    parts = {key: sum(good.get(key, ())) / sum(values) for key, values in every.items() if sum(values) > 0}
    return _told(view, EDGE, parts)


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


ANSWERS: Mapping[Asked, Callable[[View], Iterable[Series]]] = {
    Asked.PLAINTEXT: _plaintext,
    Asked.PLAINTEXT_IN_WINDOW: _plaintext_in_window,
    Asked.PLAINTEXT_OPEN: _plaintext_open,
    Asked.MTLS: _mtls,
    Asked.PROXIES: _proxies,
    Asked.SCRAPED: _scraped,
    Asked.SUCCESS: _success,
    Asked.LATENCY: _latency,
    Asked.REFUSED: _refused,
    Asked.REFUSALS_EXIST: _refusals_exist,
    Asked.DRAINING: _draining,
    Asked.EDGES: _edges,
    Asked.PASSTHROUGH: _passthrough,
    Asked.REJECTS: _rejects,
}
