"""Does the demo's proxy match the requests that a route's author wrote, or say that it cannot?"""

from typing import Any

import pytest

from rollout.demo.matches import http_route_match, precedence, virtual_service_match
from rollout.demo.objects import UntranslatableError

Json = dict[str, Any]

OWNER: Json = {"kind": "VirtualService", "metadata": {"name": "checkout", "namespace": "shop"}}


@pytest.mark.parametrize(
    ("match", "wanted"),
    [
        ({}, {"prefix": "/"}),
        ({"uri": {"prefix": "/shop"}}, {"prefix": "/shop"}),
        ({"uri": {"exact": "/pay"}}, {"path": "/pay"}),
        ({"uri": {"regex": "/v[0-9]"}}, {"safe_regex": {"regex": "/v[0-9]"}}),
    ],
)
def test_a_uri_of_a_virtual_service_is_matched(match: Json, wanted: Json) -> None:
    assert virtual_service_match(OWNER, match) == wanted


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ({"exact": "qa"}, {"string_match": {"exact": "qa"}}),
        ({"prefix": "qa-"}, {"string_match": {"prefix": "qa-"}}),
        ({"regex": "qa.*"}, {"string_match": {"safe_regex": {"regex": "qa.*"}}}),
        ({}, {"present_match": True}),
    ],
)
def test_a_header_of_a_virtual_service_is_matched(header: Json, wanted: Json) -> None:
    found = virtual_service_match(OWNER, {"headers": {"x-user": header}})

    assert found["headers"] == [{"name": "x-user"} | wanted]


def test_a_header_that_must_be_absent_is_inverted() -> None:
    found = virtual_service_match(OWNER, {"withoutHeaders": {"x-user": {}}})

    assert found["headers"] == [{"name": "x-user", "present_match": True, "invert_match": True}]


@pytest.mark.parametrize(
    "match",
    [
        {"sourceLabels": {"app": "x"}},
        {"queryParams": {"a": {"exact": "b"}}},
        {"port": 80},
        {"gateways": ["mesh"]},
        {"ignoreUriCase": True},
        {"uri": {"glob": "*"}},
        {"headers": {"x-user": {"glob": "*"}}},
    ],
)
def test_a_match_that_cannot_be_translated_is_refused(match: Json) -> None:
    with pytest.raises(UntranslatableError, match=r"VirtualService shop/checkout: .*not translated"):
        virtual_service_match(OWNER, match)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ({}, {"prefix": "/"}),
        ({"type": "PathPrefix", "value": "/shop/"}, {"path_separated_prefix": "/shop"}),
        ({"type": "Exact", "value": "/pay"}, {"path": "/pay"}),
        ({"type": "RegularExpression", "value": "/v[0-9]"}, {"safe_regex": {"regex": "/v[0-9]"}}),
    ],
)
def test_a_path_of_an_http_route_is_matched(path: Json, wanted: Json) -> None:
    assert http_route_match(OWNER, {"path": path}) == wanted


def test_a_method_and_a_header_of_an_http_route_are_matched_together() -> None:
    found = http_route_match(OWNER, {"method": "GET", "headers": [{"name": "x-user", "value": "qa"}]})

    assert found["headers"] == [
        {"name": "x-user", "string_match": {"exact": "qa"}},
        {"name": ":method", "string_match": {"exact": "GET"}},
    ]


@pytest.mark.parametrize("match", [{"queryParams": []}, {"path": {"type": "Glob"}}, {"headers": [{"type": "Glob"}]}])
def test_a_match_of_an_http_route_that_cannot_be_translated_is_refused(match: Json) -> None:
    with pytest.raises(UntranslatableError, match="not translated"):
        http_route_match(OWNER, match)


def test_the_most_specific_match_of_an_http_route_comes_first() -> None:
    get = {"name": ":method", "string_match": {"exact": "GET"}}
    in_order: list[Json] = [
        {"path": "/"},
        {"path_separated_prefix": "/shop/cart"},
        {"path_separated_prefix": "/shop", "headers": [get]},
        {"path_separated_prefix": "/shop", "headers": [{"name": "a"}, {"name": "b"}]},
        {"path_separated_prefix": "/shop", "headers": [{"name": "a"}]},
        {"prefix": "/"},
    ]

    backwards = in_order[::-1]

    assert sorted(backwards, key=precedence) == in_order
