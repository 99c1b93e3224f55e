"""Is a run charged with the requests for its own objects, and with those for nobody's?"""

from tests.bench.crowd import members
from tests.bench.running import counts
from tests.bench.scene import Request

CROWD = members(3)
GOOD, BAD, OTHER = CROWD


def asked(verb: str, resource: str, name: str) -> Request:
    """One request of the controller."""
    return Request(verb=verb, resource=resource, at="2026-11-21T09:00:00Z", name=name, uri="")


REQUESTS = (
    *[asked("patch", "virtualservices", GOOD.name)] * 3,
    asked("patch", "rollouts/status", BAD.name),
    asked("patch", "virtualservices", OTHER.name),
    asked("patch", "leases", "rollout-controller"),
    asked("create", "events", GOOD.name),
)


def charged(*more: Request) -> dict[str, float]:
    """What each figure says of these requests."""
    return {one.measure: one.value for one in counts(CROWD, (*REQUESTS, *more), [GOOD], [BAD])}


def test_each_run_is_charged_with_its_own_requests_without_lease_and_events() -> None:
    assert charged() == {
        "requests of a 5-step release": 3,
        "GET and LIST of a 5-step release": 0,
        "requests of a run rolled back at step 2": 1,
    }


def test_a_request_for_nobody_is_charged_to_each_and_a_read_is_told() -> None:
    assert charged(asked("list", "deployments", "")) == {
        "requests of a 5-step release": 4,
        "GET and LIST of a 5-step release": 1,
        "requests of a run rolled back at step 2": 2,
    }
