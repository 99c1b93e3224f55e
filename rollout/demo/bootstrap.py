"""With which configuration does the demo's Envoy start?

Pure: everything that changes later (clusters, endpoints, routes) comes from files that Envoy watches for renames.
"""

from pathlib import Path

from rollout.demo.matches import Json
from rollout.demo.translator import ROUTES

LISTENER = "callers"
LOOPBACK = "127.0.0.1"
TYPES = "type.googleapis.com/"

# A cluster name has dots, so Envoy's own rule (up to the first dot) would cut it: take all up to the known statistics.
STATISTICS = "upstream_|membership_|update_|lb_|max_host|version|bind_|assignment_|retry_|init_|warming_|original_"
CLUSTER_TAG = rf"^cluster\.((.+?)\.)(?:{STATISTICS})"
HIDDEN = (
    r"^cluster\..+\.(external|internal)\.upstream_rq_.*",  # the same requests a second time, by where they came from
    r"^cluster\..+\.(circuit_breakers|http1|http2|default)\..*",
    r"^(server|listener|listener_manager|runtime|filesystem|main_thread|workers|dns|thread_local_cluster_manager)\..*",
)


def bootstrap(directory: Path) -> Json:
    """Envoy's bootstrap: admin and listener on free loopback ports, everything else from files in `directory`."""
    return {
        "node": {"id": "demo", "cluster": "demo"},
        "admin": {"address": _address(0)},
        "dynamic_resources": {
            "lds_config": file_source(directory / "listeners.json"),
            "cds_config": file_source(directory / "clusters.json"),
        },
        "stats_flush_interval": "0.5s",  # histograms are merged at each flush
        "stats_config": {
            "use_all_default_tags": False,
            "stats_tags": [
                {"tag_name": "envoy.cluster_name", "regex": CLUSTER_TAG},
                {"tag_name": "envoy.response_code_class", "regex": r"_rq_((\d))xx$"},
                {"tag_name": "envoy.response_code", "regex": r"_rq(_(\d{3}))$"},
                {"tag_name": "envoy.http_conn_manager_prefix", "regex": r"^http\.((.*?)\.)"},
            ],
            "stats_matcher": {"exclusion_list": {"patterns": [{"safe_regex": {"regex": regex}} for regex in HIDDEN]}},
        },
    }


def listener(directory: Path) -> Json:
    """The one listener; its routes come by RDS."""
    manager = {
        "@type": TYPES + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": LISTENER,
        "strip_any_host_port": True,  # Host: checkout:8080 is checkout
        "generate_request_id": False,
        "rds": {"route_config_name": ROUTES, "config_source": file_source(directory / "routes.json")},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": TYPES + "envoy.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {"name": LISTENER, "address": _address(0), "filter_chains": [chain]}


def discovery(kind: str, version: int, resources: list[Json]) -> Json:
    """A DiscoveryResponse as Envoy reads it from a file."""
    full = TYPES + kind
    return {"version_info": str(version), "resources": [{"@type": full} | resource for resource in resources]}


def file_source(path: Path) -> Json:
    """A ConfigSource that follows renames onto `path`."""
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}


def _address(port: int) -> Json:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}
