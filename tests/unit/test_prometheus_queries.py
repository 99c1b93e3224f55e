"""Which series does each mesh's row ask for, and which of them are errors?"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.metrics.promql import PromqlError
from adapters.metrics.queries import MESHES, Source, is_match, latency_selector, request_sources
from rollout.model.names import BackendName
from tests.support.builders import ERRORS
from tests.support.questions import a_question

SUBSET = BackendName(service="checkout", subset="v2")
ISTIO, LINKERD, ENVOY = MESHES["istio"], MESHES["linkerd"], MESHES["envoy"]
CLUSTERS = r"checkout-v2\\.shop|outbound\\|[0-9]+\\|\\|checkout-v2\\.shop\\.svc\\..+"
SUBSET_CLUSTERS = r"checkout\\.shop\\.v2|outbound\\|[0-9]+\\|v2\\|checkout\\.shop\\.svc\\..+"


@pytest.mark.parametrize(
    ("mesh", "changes", "selector"),
    [
        (
            "istio",
            {},
            (
                'istio_requests_total{reporter="destination",destination_workload_namespace="shop",'
                'destination_workload="checkout-v2"}'
            ),
        ),
        (
            "istio",
            {"workload": ""},
            (
                'istio_requests_total{reporter="destination",destination_workload_namespace="shop",'
                r'destination_service=~"checkout-v2\\.shop\\.svc\\..+"}'
            ),
        ),
        (
            "istio",
            {"workload": "", "backend": SUBSET},
            (
                'istio_requests_total{reporter="destination",destination_workload_namespace="shop",'
                r'destination_service=~"checkout\\.shop\\.svc\\..+",destination_version="v2"}'
            ),
        ),
        ("linkerd", {}, 'response_total{direction="inbound",namespace="shop",deployment="checkout-v2"}'),
        (
            "linkerd",
            {"workload": "", "pods": frozenset({"b", "a"})},
            'response_total{direction="inbound",namespace="shop",pod=~"a|b"}',
        ),
        ("envoy", {}, f'envoy_cluster_upstream_rq_xx{{envoy_cluster_name=~"{CLUSTERS}"}}'),
        ("envoy", {"backend": SUBSET}, f'envoy_cluster_upstream_rq_xx{{envoy_cluster_name=~"{SUBSET_CLUSTERS}"}}'),
    ],
)
def test_the_revisions_side_is_asked_for_by_the_label_that_names_it(
    mesh: str, changes: dict[str, Any], selector: str
) -> None:
    sources = request_sources(MESHES[mesh], a_question(**changes))

    assert sources[0].series.text == selector


def test_istio_callers_are_asked_for_requests_that_failed_before_or_on_the_way() -> None:
    callers = request_sources(ISTIO, a_question())[1]

    assert callers.series.text == (
        'istio_requests_total{reporter="source",destination_service=~"checkout-v2\\\\.shop\\\\.svc\\\\..+",'
        'response_flags=~"(.*,)?(UF|UH|UO)(,.*)?|(.*,)?(UC|UT)(,.*)?"}'
    )


def test_linkerd_callers_are_asked_for_responses_that_their_proxy_made_up() -> None:
    callers = request_sources(LINKERD, a_question())[1]

    assert '{backend_namespace="shop",backend_name="checkout-v2",error!=""}' in callers.series.text


@pytest.mark.parametrize("mesh", ["istio", "linkerd"])
def test_callers_of_a_subset_cannot_be_told_apart_and_are_not_asked(mesh: str) -> None:
    sources = request_sources(MESHES[mesh], a_question(backend=SUBSET))

    assert len(sources) == 1


def test_linkerd_without_workload_and_pods_has_no_label_for_the_revision() -> None:
    sources = request_sources(LINKERD, a_question(workload="", pods=frozenset(), backend=SUBSET))

    assert sources == ()


def test_a_selector_stands_in_for_all_matchers() -> None:
    objective = replace(ERRORS, selector='app="checkout",version="{revision}"')

    sources = request_sources(ISTIO, a_question(objective))

    assert [source.series.text for source in sources] == ['istio_requests_total{app="checkout",version="v2"}']


def test_a_selector_that_leaves_its_braces_is_refused() -> None:
    objective = replace(ERRORS, selector='app="checkout"} or up{a="b"')

    with pytest.raises(PromqlError):
        request_sources(ISTIO, a_question(objective))


def test_the_latency_histogram_is_narrowed_to_the_wanted_bounds() -> None:
    selector = latency_selector(LINKERD, a_question(), ("+Inf", "500"))

    assert selector is not None
    assert selector.text == (
        '{__name__=~"response_latency_ms_bucket|response_latency_ms",'
        'direction="inbound",namespace="shop",deployment="checkout-v2",le=~"\\\\+Inf|500"}'
    )


def bad(source: Source, **labels: str) -> bool:
    return is_match({"__name__": source.series.metric, **labels}, source.bad)


@pytest.mark.parametrize(
    ("mesh", "labels", "is_bad"),
    [
        ("istio", {"response_code": "200"}, False),
        ("istio", {"response_code": "404"}, False),
        ("istio", {"response_code": "503"}, True),
        ("istio", {"response_code": "0", "response_flags": "DC"}, False),
        ("istio", {"response_code": "200", "grpc_response_status": "0"}, False),
        ("istio", {"response_code": "200", "grpc_response_status": "5"}, False),
        ("istio", {"response_code": "200", "grpc_response_status": "14"}, True),
        ("linkerd", {"classification": "success", "status_code": "404"}, False),
        ("linkerd", {"classification": "failure"}, True),
        ("envoy", {"envoy_response_code_class": "4"}, False),
        ("envoy", {"envoy_response_code_class": "5"}, True),
    ],
)
def test_errors_are_told_by_the_labels_of_the_revisions_side(mesh: str, labels: dict[str, str], is_bad: bool) -> None:
    source = request_sources(MESHES[mesh], a_question())[0]

    assert bad(source, **labels) is is_bad


@pytest.mark.parametrize(
    ("flags", "is_counted"), [("UF", True), ("UF,URX", True), ("UH", True), ("UO", True), ("UC", False), ("UT", False)]
)
def test_only_requests_that_no_proxy_of_the_revision_saw_add_to_the_total(flags: str, is_counted: bool) -> None:
    callers = request_sources(ISTIO, a_question())[1]

    assert is_match({"response_flags": flags}, callers.counted) is is_counted


def test_every_failure_that_callers_report_is_an_error() -> None:
    callers = request_sources(ISTIO, a_question())[1]

    assert bad(callers, response_code="0", response_flags="UC")


@pytest.mark.parametrize("mesh", MESHES)
def test_the_page_about_metrics_names_every_series_that_is_asked_for(mesh: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")

    sources = request_sources(MESHES[mesh], a_question())

    asked = {MESHES[mesh].latency, *(source.series.metric for source in sources)}
    assert not {metric for metric in asked if f"`{metric}`" not in page}
