"""What is Prometheus asked for each question about a namespace of a mesh?

One row for each question, one column for each mesh. Counters of Istio are born with their first request, so `increase`
alone misses what came once: two forms count births too. They look back BEFORE the window, further than Prometheus does by
itself, so that a gap between scrapes is no birth.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from math import ceil
from string import Template

from adapters.metrics.promql import any_of, quoted
from adapters.metrics.queries import FLAG, GRPC_FAILURES
from rollout.model.migration import MeshKind
from rollout.model.telemetry import ALL, FAILED, OUTCOME, Asked, MeshQuestion

BEFORE = "30m"
RECENT = "5m"  # as far as Prometheus itself looks back for a value of now
INBOUND = ".*_15006"  # envoy's name for the listener of all inbound connections, 0.0.0.0_15006 or [__]_15006
COUNTER = "counter"  # instead of __name__, which `or` does not look at

REQUESTS, OPENED, CLOSED = (
    "istio_requests_total",
    "istio_tcp_connections_opened_total",
    "istio_tcp_connections_closed_total",
)
TRAFFIC = REQUESTS, OPENED
# None of them is exported unless the proxies' proxyStatsMatcher includes it: absent is not zero.
REFUSALS = (
    "envoy_listener_no_filter_chain_match",  # plaintext
    "envoy_listener_ssl_fail_verify_no_cert",  # TLS without a certificate of the mesh
    "envoy_listener_ssl_connection_error",
)
REJECTIONS = "envoy_listener_manager_lds_update_rejected", "envoy_cluster_manager_cds_update_rejected"
# Calls that were refused or skipped because the webhook could not be called: failurePolicy Fail and Ignore.
WEBHOOK_CALLS = 'apiserver_admission_webhook_rejection_count{error_type="calling_webhook_error"}'
WEBHOOK_SKIPS = "apiserver_admission_webhook_fail_open_count{}"
# Envoy's words for a connection that never came to be, or that the other side ended before its time.
NOT_CONNECTED = FLAG.format("UF|UC|URX|NR")

HERE = "namespace=$namespace"  # of the pod that was scraped
AT_DESTINATION = 'reporter="destination",destination_workload_namespace=$namespace'
PLAIN = f'{AT_DESTINATION},connection_security_policy!="mutual_tls"'  # a missing label is plaintext too
MUTUAL = f'{AT_DESTINATION},connection_security_policy="mutual_tls"'
# Only callers see the requests that never arrive. An unreachable workload has no namespace, its Service has.
AT_SOURCE = 'reporter="source",destination_service_namespace=$namespace'
SERVER_ERROR = f'{AT_SOURCE},response_code=~"5.."'
GRPC_ERROR = f'{AT_SOURCE},response_code!~"5..",grpc_response_status=~"{GRPC_FAILURES}"'
AT_LISTENER = f"{HERE},listener_address=~$inbound"
BROKEN = f'{AT_SOURCE},response_flags=~"{NOT_CONNECTED}"'
EDGE = "source_workload_namespace, source_workload, destination_workload"
CALLER = "source_workload_namespace, source_workload"
PAST_SERVICES = 'reporter="source",destination_service_name="PassthroughCluster"'
NAMESPACES = "source_workload_namespace, destination_workload_namespace"
# Envoy counts its uptime itself; istio_build is of Istio's own filter for metrics.
PROXY_SCRAPED = f'timestamp(istio_build{{component="proxy",{HERE}}}) or timestamp(envoy_server_uptime{{{HERE}}})'
PROXY_IN_WINDOW = (
    f'(last_over_time(istio_build{{component="proxy",{HERE}}}[$window])'
    f" or last_over_time(envoy_server_uptime{{{HERE}}}[$window]))"
)


def grew(selector: str) -> str:
    """Form R: the counters that grew or were born within the window, by as much as is known; nothing for the others.

    One that was restarted just before the window and came to the same value again is missed: the ledger sees that one.
    """
    born = f"(max_over_time({selector}[$window]) > 0)"
    untouched = f"(last_over_time({selector}[{BEFORE}] offset $window) == max_over_time({selector}[$window]))"
    return f"(increase({selector}[$window]) > 0 or ({born} unless {untouched}))"


def growth(selector: str) -> str:
    """What each counter counted within the window: all that it has where it was born or restarted at its edge."""
    older = f"(last_over_time({selector}[{BEFORE}] offset $window) <= max_over_time({selector}[$window]))"
    return f"((max_over_time({selector}[$window]) unless {older}) or increase({selector}[$window]))"


def seen(selector: str) -> str:
    """Those that were there within the window."""
    return f"max_over_time({selector}[$window])"


def _each(form: Callable[[str], str], counters: tuple[str, ...], matchers: str) -> str:
    """A form of several counters, told apart by a label."""
    return " or ".join(
        f'label_replace({form(f"{counter}{{{matchers}}}")}, "{COUNTER}", "{counter}", "", "")' for counter in counters
    )


def _any(counters: tuple[str, ...], matchers: str) -> str:
    """A selector of several counters."""
    return f"{{__name__=~{quoted(any_of(*counters))},{matchers}}}"


def _sum(by: str, what: str) -> str:
    return f"sum by ({by}) ({what})"


def _open() -> str:
    """Opened less closed; before the first one of a pod closes, there is no counter of closed ones."""
    opened, closed = (_sum("pod", f"{counter}{{{PLAIN}}}") for counter in (OPENED, CLOSED))
    return f"{opened} - ({closed} or 0 * {opened}) > 0"


def _outcomes(counter: str, *failed: str) -> str:
    """All of each edge, and those that failed; an edge without any is left out. failed: matchers, each for some of those."""
    bad = " or ".join(growth(f"{counter}{{{matchers}}}") for matchers in failed)
    told = ((ALL, growth(f"{counter}{{{AT_SOURCE}}}")), (FAILED, bad))
    return " or ".join(
        f'label_replace({_sum(EDGE, what)} > 0, "{OUTCOME}", "{outcome}", "", "")' for outcome, what in told
    )


def _webhooks() -> str:
    calls, skips = (
        f'label_replace({growth(counter)}, "{COUNTER}", "{number}", "", "")'
        for number, counter in enumerate((WEBHOOK_CALLS, WEBHOOK_SKIPS))
    )
    return f"{_sum('name', f'{calls} or {skips}')} > 0"


def _latency() -> str:
    buckets = growth(f"istio_request_duration_milliseconds_bucket{{{AT_SOURCE}}}")
    return f"histogram_quantile(0.99, {_sum(f'le, {EDGE}', buckets)}) >= 0"


def _existing() -> str:
    named = f'label_replace({_any(REFUSALS, AT_LISTENER)}, "{COUNTER}", "$$1", "__name__", "(.+)")'
    return f"count by (pod, {COUNTER}) ({named})"


QUERIES: Mapping[Asked, Mapping[MeshKind, str]] = {
    Asked.PLAINTEXT: {MeshKind.ISTIO_SIDECAR: f"{_any(TRAFFIC, PLAIN)}[{RECENT}]"},
    Asked.PLAINTEXT_IN_WINDOW: {MeshKind.ISTIO_SIDECAR: _each(grew, TRAFFIC, PLAIN)},
    Asked.PLAINTEXT_OPEN: {MeshKind.ISTIO_SIDECAR: _open()},
    Asked.MTLS: {MeshKind.ISTIO_SIDECAR: f"{_sum('pod', _each(growth, TRAFFIC, MUTUAL))} > 0"},
    Asked.PROXIES: {MeshKind.ISTIO_SIDECAR: f"max by (pod) ({PROXY_SCRAPED})"},
    Asked.SCRAPED: {
        MeshKind.ISTIO_SIDECAR: (
            f"min by (pod) (avg_over_time(up{{{HERE}}}[$window]) and on (job, instance) {PROXY_IN_WINDOW})"
        )
    },
    Asked.REQUESTS: {MeshKind.ISTIO_SIDECAR: _outcomes(REQUESTS, SERVER_ERROR, GRPC_ERROR)},
    Asked.RECENT: {MeshKind.ISTIO_SIDECAR: _outcomes(REQUESTS, SERVER_ERROR, GRPC_ERROR)},
    # HTTP has no such counters: what fails there is a 503 among the requests.
    Asked.CONNECTIONS: {MeshKind.ISTIO_SIDECAR: _outcomes(CLOSED, BROKEN)},
    Asked.LATENCY: {MeshKind.ISTIO_SIDECAR: _latency()},
    Asked.REFUSED: {MeshKind.ISTIO_SIDECAR: f"{_sum(f'pod, {COUNTER}', _each(growth, REFUSALS, AT_LISTENER))} > 0"},
    Asked.REFUSALS_EXIST: {MeshKind.ISTIO_SIDECAR: _existing()},
    Asked.DRAINING: {
        MeshKind.ISTIO_SIDECAR: f"{_sum('pod', f'envoy_listener_manager_total_listeners_draining{{{HERE}}}')} > 0"
    },
    Asked.EDGES: {MeshKind.ISTIO_SIDECAR: f"count by ({NAMESPACES}) ({_each(seen, TRAFFIC, AT_DESTINATION)})"},
    # Of all namespaces: whom such a call reaches, the caller's proxy does not know.
    Asked.PASSTHROUGH: {MeshKind.ISTIO_SIDECAR: f"{_sum(CALLER, _each(growth, TRAFFIC, PAST_SERVICES))} > 0"},
    Asked.REJECTS: {MeshKind.ISTIO_SIDECAR: f"{_sum(f'pod, {COUNTER}', _each(growth, REJECTIONS, HERE))} > 0"},
    Asked.CERTIFICATES: {
        MeshKind.ISTIO_SIDECAR: f"min by (pod, resource_name) (istio_agent_cert_expiry_seconds{{{HERE}}})"
    },
    # Of all namespaces: where a webhook is served, only its configuration says.
    Asked.WEBHOOKS: {MeshKind.ISTIO_SIDECAR: _webhooks()},
    Asked.API_SERVERS: {MeshKind.ISTIO_SIDECAR: "count(apiserver_current_inflight_requests) > 0"},
}


SCRAPE_TIMES = frozenset({Asked.PROXIES})  # whose answer is no value but the time of a scrape, in seconds since 1970


def query(question: MeshQuestion, mesh: MeshKind, inbound: str = INBOUND) -> str:
    """The question in PromQL. Raises KeyError for a mesh that has no column.

    inbound: expression for the listener_address of inbound listeners.
    """
    return Template(QUERIES[question.asked][mesh]).substitute(
        namespace=quoted(question.namespace), window=duration(question.window), inbound=quoted(inbound)
    )


def duration(window: timedelta) -> str:
    """The window as Prometheus writes it, in whole seconds and never shorter than it is."""
    return f"{ceil(window.total_seconds())}s"
