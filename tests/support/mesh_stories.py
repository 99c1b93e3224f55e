"""What did the proxies of some namespaces show, and what is to be said of each?"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, product

from adapters.memory.mesh_metrics import Labels, sample
from adapters.memory.mesh_series import NAME
from rollout.model.telemetry import ALL, FAILED, OUTCOME, Asked
from tests.support.mesh_histories import CLOSED, OPENED, REQUESTS, Values, ending, mutual, plaintext

Expected = Mapping[tuple[str, ...], float]
EDGE = "source_workload_namespace", "source_workload", "destination_workload"
STEADY = ending(after=7)
ONCE = ending(1, 1, 1)
MORE = ending(9, after=7)
CALLS, SKIPS = "apiserver_admission_webhook_rejection_count", "apiserver_admission_webhook_fail_open_count"
NO_MATCH, NO_CERT = "envoy_listener_no_filter_chain_match", "envoy_listener_ssl_fail_verify_no_cert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What the proxies of the namespace `it` showed in an hour, and what is said of it: values by these labels."""

    it: str
    about: Asked
    shown: Mapping[Labels, Values]
    by: tuple[str, ...] = ("pod",)
    says: Expected


def bucket(bound: str, namespace: str, **labels: str) -> Labels:
    """How many requests of the caller took at most so many milliseconds."""
    return sent(namespace, "istio_request_duration_milliseconds_bucket", le=bound, **labels)


def sent(namespace: str, name: str = REQUESTS, **labels: str) -> Labels:
    """A counter of the caller `web`."""
    own = {"source_workload": "web", "source_workload_namespace": "front", "destination_workload": "api"}
    return sample(name, reporter="source", destination_service_namespace=namespace, **own | labels)


def here(name: str, namespace: str, pod: str = "api-0", **labels: str) -> Labels:
    """What the proxy of a pod shows of itself."""
    own = {"job": "proxies", "instance": pod, "namespace": namespace, "pod": pod}
    return sample(name, **own | labels)


def refused(name: str, namespace: str, pod: str, listener: str = "0.0.0.0_15006") -> Labels:
    """A counter of a pod's listener."""
    return here(name, namespace, pod, listener_address=listener)


STORIES = [
    Story(
        it="without-mtls",
        about=Asked.PLAINTEXT,
        by=(NAME, "pod"),
        shown={
            plaintext("without-mtls", pod="a"): STEADY,
            plaintext("without-mtls", OPENED, pod="a"): MORE,
            plaintext("without-mtls", pod="odd", connection_security_policy=""): STEADY,
            mutual("without-mtls", pod="m"): STEADY,
            plaintext("elsewhere", pod="e"): STEADY,
            sent("without-mtls", pod="s"): STEADY,
        },
        says={(REQUESTS, "a"): 7, (OPENED, "a"): 9, (REQUESTS, "odd"): 7},
    ),
    Story(
        it="stopped",
        about=Asked.PLAINTEXT,
        shown={plaintext("stopped", pod="a", source_workload="unknown"): ending(None, None, after=7)},
        says={("a",): 7},
    ),
    Story(
        it="long-gone",
        about=Asked.PLAINTEXT,
        by=(NAME, "pod"),
        shown={plaintext("long-gone"): ending(*[None] * 6, after=7)},
        says={},
    ),
    Story(
        it="grown-and-born",
        about=Asked.PLAINTEXT_IN_WINDOW,
        by=(NAME, "pod"),
        shown={
            plaintext("grown-and-born", pod="old"): MORE,
            plaintext("grown-and-born", OPENED, pod="old"): MORE,
            plaintext("grown-and-born", pod="new"): ONCE,
            plaintext("grown-and-born", pod="idle"): STEADY,
            plaintext("grown-and-born", pod="zero"): ending(0, 0),
            mutual("grown-and-born", pod="m"): MORE,
        },
        says={(REQUESTS, "old"): 2, (OPENED, "old"): 2, (REQUESTS, "new"): 1},
    ),
    Story(
        it="still-open",
        about=Asked.PLAINTEXT_OPEN,
        shown={
            plaintext("still-open", OPENED, pod="never-closed"): ending(after=3),
            plaintext("still-open", OPENED, pod="some-closed"): ending(after=3),
            plaintext("still-open", CLOSED, pod="some-closed"): ending(after=1),
            plaintext("still-open", OPENED, pod="all-closed"): ending(after=3),
            plaintext("still-open", CLOSED, pod="all-closed"): ending(after=3),
        },
        says={("never-closed",): 3, ("some-closed",): 2},
    ),
    Story(
        it="meshed",
        about=Asked.MTLS,
        shown={
            mutual("meshed", pod="a"): MORE,
            mutual("meshed", OPENED, pod="a"): ONCE,
            mutual("meshed", pod="idle"): STEADY,
            plaintext("meshed", pod="p"): MORE,
        },
        says={("a",): 3},
    ),
    Story(
        it="proxies",
        about=Asked.PROXIES,
        shown={
            here("istio_build", "proxies", "a", component="proxy"): STEADY,
            here("istio_build", "proxies", "b", component="agent"): STEADY,
            here("envoy_server_uptime", "proxies", "c"): STEADY,
            here("istio_build", "proxies", "c", component="proxy"): ending(None, None, after=1),
            here("envoy_server_uptime", "proxies", "gone"): ending(*[None] * 6, after=7),
            here("envoy_server_uptime", "elsewhere", "d"): STEADY,
        },
        says={("a",): 1, ("c",): 1},
    ),
    Story(
        it="scraped",
        about=Asked.SCRAPED,
        shown={
            here("up", "scraped", "whole"): ending(after=1),
            here("istio_build", "scraped", "whole", component="proxy"): STEADY,
            here("up", "scraped", "whole", instance="its-app"): ending(after=0),
            here("up", "scraped", "half"): ending(*[0] * 8, after=1),
            here("envoy_server_uptime", "scraped", "half"): ending(*[None] * 8, after=7),
            here("up", "scraped", "no-proxy"): ending(after=1),
        },
        says={("whole",): 1, ("half",): 0.5},
    ),
    Story(
        it="succeeding",
        about=Asked.REQUESTS,
        by=(*EDGE, OUTCOME),
        shown={
            sent("succeeding", response_code="200"): ending(97, after=0),
            sent("succeeding", response_code="503"): ending(2),
            sent("succeeding", response_code="200", grpc_response_status="14"): ending(1),
            sent("succeeding", source_workload="down", response_code="503"): ending(4, after=1),
            sent("succeeding", source_workload="idle", response_code="200"): STEADY,
            mutual("succeeding", response_code="503"): MORE,
        },
        says={
            ("front", "web", "api", ALL): 100,
            ("front", "web", "api", FAILED): 3,
            ("front", "down", "api", ALL): 3,
            ("front", "down", "api", FAILED): 3,
        },
    ),
    Story(
        it="burning",
        about=Asked.RECENT,
        by=(*EDGE, OUTCOME),
        shown={
            sent("burning", response_code="200"): ending(90, after=0),
            sent("burning", response_code="503", response_flags="UF"): ending(10),
            sent("burning", CLOSED, response_flags="UF"): MORE,
        },
        says={("front", "web", "api", ALL): 100, ("front", "web", "api", FAILED): 10},
    ),
    Story(
        it="connecting",
        about=Asked.CONNECTIONS,
        by=(*EDGE, OUTCOME),
        shown={
            sent("connecting", CLOSED, response_flags="-"): MORE,
            sent("connecting", CLOSED, response_flags="UF,URX"): ending(3),
            sent("connecting", CLOSED, response_flags="NR"): ending(1),
            sent("connecting", CLOSED, source_workload="cut", response_flags="UC"): ending(5, after=1),
            sent("connecting", CLOSED, source_workload="gone", response_flags="DC"): MORE,
            sent("connecting", CLOSED, source_workload="idle", response_flags="UF"): STEADY,
            sent("connecting", response_code="503", response_flags="UF"): MORE,
            plaintext("connecting", CLOSED, response_flags="UF"): MORE,
        },
        says={
            ("front", "web", "api", ALL): 6,
            ("front", "web", "api", FAILED): 4,
            ("front", "cut", "api", ALL): 4,
            ("front", "cut", "api", FAILED): 4,
            ("front", "gone", "api", ALL): 2,
        },
    ),
    Story(
        it="slow",
        about=Asked.LATENCY,
        by=EDGE,
        shown={
            bucket("10", "slow"): ending(90, after=0),
            bucket("50", "slow"): ending(98),
            bucket("100", "slow"): ending(100, after=0),
            bucket("+Inf", "slow"): ending(100, after=0),
            bucket("10", "slow", source_workload="late"): ending(0, after=0),
            bucket("+Inf", "slow", source_workload="late"): ending(5, after=0),
            bucket("+Inf", "slow", source_workload="idle"): STEADY,
        },
        says={("front", "web", "api"): 75, ("front", "late", "api"): 10},
    ),
    Story(
        it="refusing",
        about=Asked.REFUSED,
        by=(NAME, "pod"),
        shown={
            refused(NO_MATCH, "refusing", "grown"): MORE,
            refused(NO_MATCH, "refusing", "born"): ending(4, 4),
            refused(NO_CERT, "refusing", "born"): ending(1, 1),
            refused(NO_CERT, "refusing", "restarted"): ending(*[None] * 2, *[5] * 14, after=100),
            refused(NO_MATCH, "refusing", "idle"): STEADY,
            refused(NO_MATCH, "refusing", "outbound", listener="0.0.0.0_9080"): MORE,
        },
        says={(NO_MATCH, "grown"): 2, (NO_MATCH, "born"): 4, (NO_CERT, "born"): 1, (NO_CERT, "restarted"): 5},
    ),
    Story(
        it="armed",
        about=Asked.REFUSALS_EXIST,
        by=(NAME, "pod"),
        shown={
            refused(NO_MATCH, "armed", "a"): ending(after=0),
            refused(NO_CERT, "armed", "a"): ending(after=0),
            refused(NO_MATCH, "armed", "outbound", listener="0.0.0.0_9080"): STEADY,
        },
        says={(NO_MATCH, "a"): 1, (NO_CERT, "a"): 1},
    ),
    Story(
        it="draining",
        about=Asked.DRAINING,
        shown={
            here("envoy_listener_manager_total_listeners_draining", "draining", "a"): ending(1, after=0),
            here("envoy_listener_manager_total_listeners_draining", "draining", "b"): ending(0, after=1),
        },
        says={("a",): 1},
    ),
    Story(
        it="called",
        about=Asked.EDGES,
        by=("source_workload_namespace", "destination_workload_namespace"),
        shown={
            mutual("called", source_workload_namespace="front"): STEADY,
            mutual("called", OPENED, source_workload_namespace="front"): STEADY,
            plaintext("called", source_workload_namespace="unknown"): ending(1, None, None),
            mutual("called", source_workload_namespace="past"): ending(*[None] * 16, after=7),
        },
        says={("front", "called"): 2, ("unknown", "called"): 1},
    ),
    Story(
        it="rejecting",
        about=Asked.REJECTS,
        by=(NAME, "pod"),
        shown={
            here("envoy_listener_manager_lds_update_rejected", "rejecting", "a"): MORE,
            here("envoy_cluster_manager_cds_update_rejected", "rejecting", "a"): ONCE,
            here("envoy_cluster_manager_cds_update_rejected", "rejecting", "b"): STEADY,
        },
        says={
            ("envoy_listener_manager_lds_update_rejected", "a"): 2,
            ("envoy_cluster_manager_cds_update_rejected", "a"): 1,
        },
    ),
    Story(
        it="certified",
        about=Asked.CERTIFICATES,
        by=("pod", "resource_name"),
        shown={
            here("istio_agent_cert_expiry_seconds", "certified", "a", resource_name="default"): ending(600, after=900),
            here("istio_agent_cert_expiry_seconds", "certified", "a", resource_name="ROOTCA"): ending(after=9000),
            here("istio_agent_cert_expiry_seconds", "certified", "late", resource_name="default"): ending(
                -30, after=30
            ),
            here("istio_agent_cert_expiry_seconds", "elsewhere", "e", resource_name="default"): ending(after=1),
        },
        says={("a", "default"): 600, ("a", "ROOTCA"): 9000, ("late", "default"): -30},
    ),
    Story(
        it="admitting",
        about=Asked.WEBHOOKS,
        by=("name",),
        shown={
            sample(CALLS, name="refuses.example.com", type="validating", error_type="calling_webhook_error"): MORE,
            sample(CALLS, name="refuses.example.com", type="admit", error_type="calling_webhook_error"): ending(1),
            sample(CALLS, name="says-no.example.com", type="validating", error_type="no_error"): MORE,
            sample(SKIPS, name="skipped.example.com", type="validating"): ending(4),
            sample(SKIPS, name="refuses.example.com", type="validating"): MORE,
            sample(SKIPS, name="calm.example.com", type="validating"): STEADY,
        },
        says={("refuses.example.com",): 5, ("skipped.example.com",): 4},
    ),
    Story(
        it="serving",
        about=Asked.API_SERVERS,
        by=("pod",),
        shown={
            sample("apiserver_current_inflight_requests", instance="a", request_kind="readOnly"): ending(after=0),
            sample("apiserver_current_inflight_requests", instance="b", request_kind="readOnly"): STEADY,
        },
        says={("",): 2},
    ),
]
SHOWN = {labels: values for story in STORIES for labels, values in story.shown.items()}
PARTS = (24, 2, 7, 8)  # minutes: well before a window of 15, at its edge, early and late within it
COURSES = {
    "-".join("x" if level is None else f"{level:g}" for level in levels): ending(
        *chain.from_iterable([level] * minutes for level, minutes in zip(levels, PARTS, strict=True))
    )
    for levels in product((None, 0, 1, 3), repeat=len(PARTS))
}
ALL_COURSES = {
    of("courses", pod=name): values
    for name, values in COURSES.items()
    if any(value is not None for value in values)
    for of in (plaintext, mutual)
}
