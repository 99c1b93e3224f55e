"""How does stock Envoy count requests as Istio's own proxy does?

Istio's filter for metrics is not in stock Envoy. One EnvoyFilter puts Envoy's stats logger in its place: the same
names, labels and values from real traffic, but Envoy's histogram buckets, and none of the callers' names that metadata
exchange gives.
"""

from typing import Any

LOGGER = "envoy.extensions.access_loggers.stats.v3.Config"
MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

TAGS = {
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "request_protocol": "http",
    "destination_service": "%CEL(xds.cluster_metadata.filter_metadata.istio.services[0].host)%",
}
AT_DESTINATION = TAGS | {
    "reporter": "destination",
    "connection_security_policy": "%CEL(connection.mtls ? 'mutual_tls' : 'none')%",
    "source_principal": "%CEL(connection.mtls ? connection.uri_san_peer_certificate : 'unknown')%",
    "destination_workload": "%CEL(xds.node.metadata.WORKLOAD_NAME)%",
    "destination_workload_namespace": "%CEL(xds.node.metadata.NAMESPACE)%",
    "destination_app": "%CEL(xds.node.metadata.LABELS['app'])%",
    "destination_version": "%CEL(xds.node.metadata.LABELS['version'])%",
}
AT_SOURCE = TAGS | {
    "reporter": "source",
    "connection_security_policy": "unknown",
    "source_workload": "%CEL(xds.node.metadata.WORKLOAD_NAME)%",
    "source_workload_namespace": "%CEL(xds.node.metadata.NAMESPACE)%",
    "destination_principal": "%UPSTREAM_PEER_URI_SAN%",
    "destination_workload_id": "%CEL(xds.upstream_host_metadata.filter_metadata.istio.workload)%",
}


def metrics_filter(root_namespace: str) -> dict[str, Any]:
    """The EnvoyFilter for all proxies of the mesh."""
    contexts = {"SIDECAR_INBOUND": AT_DESTINATION, "SIDECAR_OUTBOUND": AT_SOURCE, "GATEWAY": AT_SOURCE}
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": "metrics", "namespace": root_namespace},
        "spec": {"configPatches": [_patch(context, tags) for context, tags in contexts.items()]},
    }


def _patch(context: str, tags: dict[str, str]) -> dict[str, Any]:
    http = "envoy.filters.network.http_connection_manager"
    manager = {"@type": f"type.googleapis.com/{MANAGER}", "access_log": [_logger(tags)]}
    return {
        "applyTo": "NETWORK_FILTER",
        "match": {"context": context, "listener": {"filterChain": {"filter": {"name": http}}}},
        "patch": {"operation": "MERGE", "value": {"name": http, "typed_config": manager}},
    }


def _logger(tags: dict[str, str]) -> dict[str, Any]:
    named = [{"name": name, "value_format": value} for name, value in sorted(tags.items())]
    duration = {"name": "request_duration_milliseconds", "tags": named}
    # The scope is shared by name: with a mere prefix the series end with the listener that a new one replaces.
    settings = {
        "stats_scope": {"prefix": "istio", "sharing_name": "istio"},
        "counters": [{"stat": {"name": "requests_total", "tags": named}, "value_fixed": 1}],
        "histograms": [{"stat": duration, "unit": "Milliseconds", "value_format": "%DURATION%"}],
    }
    # Wrapped, so that it does not matter whether istiod's Envoy types know the fields.
    wrapped = {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        "type_url": f"type.googleapis.com/{LOGGER}",
        "value": settings,
    }
    return {"name": "envoy.access_loggers.stats", "typed_config": wrapped}
