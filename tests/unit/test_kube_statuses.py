"""Does each answer of an API server become the error that says what to do?"""

import json
from datetime import timedelta
from typing import Any

import pytest

from adapters.kube.statuses import error_of, watch_error
from rollout.ports.errors import Conflict, Expired, Forbidden, KindAbsent, NotFound, PortError, Rejected, Unreachable


def status(message: str, **more: Any) -> str:
    return json.dumps({"kind": "Status", "message": message, **more})


PATCH_FAILED = "the server rejected our request due to an error in our request"


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        (401, status("Unauthorized"), Forbidden),
        (403, status('pods is forbidden: User "ana" cannot list resource "pods"'), Forbidden),
        (404, status('pods "a" not found', details={"name": "a", "kind": "pods"}), NotFound),
        (404, "404 page not found\n", KindAbsent),
        (404, status("the server could not find the requested resource"), KindAbsent),
        (409, status("the object has been modified"), Conflict),
        (409, status('pods "a" already exists', reason="AlreadyExists"), Conflict),
        (410, status("too old resource version: 1 (302)"), Expired),
        (422, status(PATCH_FAILED, reason="Invalid"), Conflict),
        (422, status("VirtualService is invalid: spec.http: must be an array", reason="Invalid"), Rejected),
        (400, status("error decoding patch"), Rejected),
        (415, status("the body of the request was in an unknown format"), Rejected),
        (301, "", Rejected),
        (429, status("too many requests"), Unreachable),
        (500, status("etcdserver: leader changed"), Unreachable),
        (503, "<html>no upstream</html>", Unreachable),
        (504, status("Too large resource version"), Unreachable),
    ],
)
def test_each_status_has_its_error(code: int, body: str, expected: type[PortError]) -> None:
    error = error_of("GET /a", code, body, {})

    assert type(error) is expected
    assert str(error).startswith("GET /a: ")


def test_the_server_says_when_to_come_back() -> None:
    assert error_of("GET /a", 429, "", {"Retry-After": "7"}).retry_after == timedelta(seconds=7)


def test_the_message_of_the_server_is_told() -> None:
    error = error_of("POST /a", 403, status('User "ana" cannot create resource "rollouts"'), {})

    assert 'User "ana" cannot create resource "rollouts"' in str(error)


def test_refused_fields_are_named_once() -> None:
    causes = [{"field": "spec.b", "message": "x"}, {"field": "spec.a"}, {"field": "spec.a"}]

    error = error_of("POST /a", 422, status("it is invalid", details={"causes": causes}), {})

    assert "(422: spec.a, spec.b)" in str(error)


def test_a_page_of_html_is_cut() -> None:
    assert len(str(error_of("GET /a", 502, "x" * 10_000, {}))) < 600


def test_an_error_inside_a_watch_is_read_from_its_status() -> None:
    body = {
        "kind": "Status",
        "code": 429,
        "message": "storage is (re)initializing",
        "details": {"retryAfterSeconds": 1},
    }

    error = watch_error("WATCH /a", body)

    assert isinstance(error, Unreachable)
    assert error.retry_after == timedelta(seconds=1)
