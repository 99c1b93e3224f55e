"""Is the patch as small as it can be, and guarded where it touches something?"""

from typing import Any

from rollout.model.actions import Split
from rollout.model.names import BackendName
from rollout.model.rollout import RouteRef
from rollout.traffic.dialects import DIALECTS
from rollout.traffic.patch import patch
from rollout.traffic.weights import write
from tests.support.objects import grpc_route, reviews, traffic_split

V1, V2 = (BackendName(service=f"checkout-v{number}") for number in (1, 2))


def from_to(obj: dict[str, Any], *splits: Split) -> list[dict[str, Any]]:
    """The patch for the last of `splits`, after the others were written."""
    dialect, ref = DIALECTS[obj["kind"]], RouteRef(kind=obj["kind"], name="checkout")
    for split in splits[:-1]:
        obj = write(obj, ref, split, dialect)
    return patch(obj, write(obj, ref, splits[-1], dialect), dialect)


def test_nothing_to_change_is_an_empty_patch() -> None:
    assert from_to(traffic_split(), Split(stable=V1)) == []


def test_a_new_weight_is_one_number_per_entry() -> None:
    at = [Split(stable=V1, canary=V2, weight=weight) for weight in (5, 25)]

    assert from_to(traffic_split(), *at) == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "5"},
        {"op": "test", "path": "/spec/backends/0/service", "value": "checkout-v1"},
        {"op": "test", "path": "/spec/backends/1/service", "value": "checkout-v2"},
        {"op": "replace", "path": "/spec/backends/0/weight", "value": 75},
        {"op": "replace", "path": "/spec/backends/1/weight", "value": 25},
    ]


def test_a_new_entry_is_added_at_the_end() -> None:
    operations = from_to(grpc_route(), Split(stable=V1, canary=V2, weight=5))

    entry = {"name": "checkout-v2", "port": 9090, "weight": 5}
    assert operations[-1] == {"op": "add", "path": "/spec/rules/0/backendRefs/-", "value": entry}


def test_a_weight_that_was_not_written_is_added() -> None:
    stable, canary = (BackendName(service="reviews", subset=name) for name in ("v1", "v2"))

    operations = from_to(reviews(), Split(stable=stable, canary=canary, weight=5))

    assert {"op": "add", "path": "/spec/http/0/route/0/weight", "value": 95} in operations


def test_an_entry_that_goes_is_removed_by_its_index() -> None:
    operations = from_to(
        traffic_split(),
        Split(stable=V1, canary=V2, weight=5),
        Split(stable=V1, canary=V2),
        Split(stable=V1, gone=(V2,)),
    )

    assert operations[1:] == [
        {"op": "test", "path": "/spec/backends/1/service", "value": "checkout-v2"},
        {"op": "remove", "path": "/spec/backends/1"},
    ]
