"""Is who spoke plaintext told from a line of an access log, and from nothing that the caller wrote there?"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rollout.migration.attribution import LONGEST_LINE, Arrival, address_book, arrival, named, namespace_of, source_of
from rollout.model.mesh import MeshPod
from tests.support.mesh import pod

AT = datetime(2026, 11, 21, 12, 0, 0, 409000, tzinfo=UTC)
# As Istio's documentation shows it for an inbound request, but that the server name of mTLS is missing.
PLAIN = (
    '[2026-11-21T12:00:00.409Z] "GET /status/418?x=1 HTTP/1.1" 418 - via_upstream - "-" 0 135 3 1 "-" "curl/7.73.0-DEV" '
    '"84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin:8000" "127.0.0.1:80" inbound|8000|| 127.0.0.1:41854 '
    "10.44.1.27:80 10.44.1.23:37652 - default"
)
CONNECTION = (
    '[2026-11-21T12:00:00.409Z] "- - -" 0 - - - "-" 15 30 2 - "-" "-" "-" "-" "10.44.1.27:6379" inbound|6379|| '
    "127.0.0.6:41000 10.44.1.27:6379 [fd00:0::17]:5000 - -"
)
FIELDS = {
    "start_time": "2026-11-21T12:00:00.409Z",
    "path": "/status/418",
    "authority": "httpbin:8000",
    "upstream_cluster": "inbound|8000||",
    "downstream_local_address": "10.44.1.27:80",
    "downstream_remote_address": "10.44.1.23:37652",
    "requested_server_name": None,
}


def seen(remote: str = "10.44.1.23", at: datetime = AT) -> Arrival:
    return Arrival(remote=remote, at=at, asked="httpbin:8000/", local="10.44.1.27:80")


def test_a_request_in_the_text_format_is_read() -> None:
    assert arrival(PLAIN) == replace(seen(), asked="httpbin:8000/status/418?x=1")


def test_a_connection_in_the_text_format_is_read() -> None:
    assert arrival(CONNECTION) == Arrival(remote="fd00::17", at=AT, asked="", local="10.44.1.27:6379")


def test_a_request_in_json_is_read() -> None:
    assert arrival(json.dumps(FIELDS)) == replace(seen(), asked="httpbin:8000/status/418")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "2026-11-21T12:00:00Z info Envoy proxy is ready",
        PLAIN.replace("inbound|8000||", "outbound|8000||httpbin.shop.svc.cluster.local"),
        PLAIN.replace(" - default", " outbound_.8000_._.httpbin.shop.svc.cluster.local default"),
        PLAIN.replace("10.44.1.23:37652", "not.an.address:1"),
        PLAIN.replace("2026-11-21T12", "2026-99-21T12"),
        PLAIN.replace(".409Z", ""),
        PLAIN.replace("curl", "c" * LONGEST_LINE),
        "{" * 4000,
        "[" * 4000,
        '{"a": ' * 600,
        json.dumps([FIELDS]),
        json.dumps({**FIELDS, "start_time": None}),
        json.dumps({**FIELDS, "downstream_remote_address": {"a": "10.0.0.1:1"}}),
    ],
)
def test_any_other_line_says_nothing(line: str) -> None:
    assert arrival(line) is None


@pytest.mark.parametrize("place", ["/status/418?x=1", "curl/7.73.0-DEV", "httpbin:8000"])
@pytest.mark.parametrize(
    "evil", ['" 10.9.9.9:80 10.9.9.9:1 - default', '"x" "y" in|1|| 1.1.1.1:1 2.2.2.2:2 3.3.3.3:3 - -']
)
def test_a_caller_cannot_write_another_address_into_its_line(place: str, evil: str) -> None:
    found = arrival(PLAIN.replace(place, evil))

    assert found is not None
    assert found.remote == "10.44.1.23"


def test_what_a_terminal_would_act_on_is_not_kept() -> None:
    found = arrival(PLAIN.replace("/status/418?x=1", "/\x1b[2J\u202e"))

    assert found is not None
    assert found.asked == "httpbin:8000/?[2J?"


def test_an_address_that_only_a_header_claims_is_not_taken_for_a_pod() -> None:
    found = arrival(PLAIN.replace("10.44.1.23:37652", "10.44.1.23:0"))

    assert found is not None
    assert source_of(found, address_book([pod(ip="10.44.1.23")])) == "forwarded 10.44.1.23"


@pytest.mark.parametrize(
    ("caller", "source"),
    [
        (pod("web-1", namespace="legacy"), "legacy/web"),
        (pod("web-1", namespace="legacy", workload=""), "pod legacy/web-1"),
        (pod("web-1", host_network=True, node="a", node_ip="10.44.1.23"), "node a"),
        (pod("web-1", ip="10.44.7.7", node="a", node_ip="10.44.1.23"), "node a"),
        (pod("web-1", ip="10.44.7.7"), "external 10.44.1.23"),
        (pod("web-1", created=AT + timedelta(seconds=1)), "external 10.44.1.23"),
        (pod("job-1", is_finished=True, workload="Job job"), "shop/job"),
    ],
)
def test_an_address_is_resolved_by_who_had_it_then(caller: MeshPod, source: str) -> None:
    book = address_book([replace(caller, ip=caller.ip or "10.44.1.23")])

    assert source_of(seen(), book) == source


def test_a_live_pod_has_an_address_rather_than_one_that_has_finished() -> None:
    old = pod("job-1", ip="10.44.1.23", is_finished=True, workload="Job job")

    assert source_of(seen(), address_book([old, pod("web-1", ip="10.44.1.23")])) == "shop/web"


def test_the_calls_of_one_caller_are_added_up() -> None:
    book = address_book([pod("web-1", ip="10.0.0.1"), pod("web-2", ip="10.0.0.2")])
    later = AT + timedelta(seconds=5)

    found = named([seen("10.0.0.2", later), seen("10.0.0.1"), seen("192.0.2.1")], "api", book)

    assert [(one.workload, one.source, one.calls, one.last) for one in found] == [
        ("api", "external 192.0.2.1", 1, AT),
        ("api", "shop/web", 2, later),
    ]


@pytest.mark.parametrize(
    ("source", "namespace"),
    [
        ("legacy/web", "legacy"),
        ("pod legacy/web-1", "legacy"),
        ("node a", "node"),
        ("external 192.0.2.1", "external"),
        ("forwarded 192.0.2.1", "external"),
        ("web", ""),
        ("", ""),
    ],
)
def test_a_source_is_of_a_namespace_or_of_none(source: str, namespace: str) -> None:
    assert namespace_of(source) == namespace
