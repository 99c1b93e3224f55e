"""Are pools of every dialect read and written as their API means them?"""

from typing import Any

import pytest

from rollout.model.actions import Split
from rollout.model.names import BackendName
from rollout.model.observation import Entry, Pool
from rollout.model.rollout import RouteRef
from rollout.traffic.dialects import DIALECTS
from rollout.traffic.shares import SplitError
from rollout.traffic.weights import Reading, read, would_raise, write
from tests.support.objects import checkout, grpc_route, http_route, reviews, traffic_split

V1, V2 = (BackendName(service=f"checkout-v{number}") for number in (1, 2))
FIVE = Split(stable=V1, canary=V2, weight=5)


def a_virtual_service(*entries: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "checkout", "namespace": "shop"}
    return {"kind": "VirtualService", "metadata": metadata, "spec": {"http": [{"route": list(entries)}]}}


def reading(obj: dict[str, Any], only: tuple[str, ...] = ()) -> Reading:
    return read(obj, RouteRef(kind=obj["kind"], name="checkout", only=only), DIALECTS[obj["kind"]])


def written(obj: dict[str, Any], split: Split = FIVE, only: tuple[str, ...] = ()) -> dict[str, Any]:
    return write(obj, RouteRef(kind=obj["kind"], name="checkout", only=only), split, DIALECTS[obj["kind"]])


def test_a_route_is_called_by_its_name_or_its_path() -> None:
    names = [pool.name for pool in reading(checkout()).pools]

    assert names == ["testers", "api", "web", "tcp[0]", "tls[0]"]


def test_a_destination_that_is_alone_has_100() -> None:
    pools = reading(reviews()).pools

    entry = Entry(backend=BackendName(service="reviews", subset="v1"), weight=100)
    assert pools == (Pool(name="http[0]", entries=(entry,)),)


def test_a_missing_weight_beside_another_is_0_in_a_virtual_service() -> None:
    pools = reading(
        a_virtual_service({"destination": {"host": "a"}}, {"destination": {"host": "b"}, "weight": 1})
    ).pools

    assert [entry.weight for entry in pools[0].entries] == [0, 1]


def test_a_missing_weight_is_1_in_an_http_route() -> None:
    assert reading(http_route()).pools[0].entries == (Entry(backend=V1, weight=1),)


def test_a_rule_without_backends_is_no_pool() -> None:
    assert [pool.name for pool in reading(http_route()).pools] == ["api", "rules[2]", "rules[3]"]


def test_only_admits_routes_by_their_own_name() -> None:
    assert [pool.name for pool in reading(checkout(), only=("api",)).pools] == ["api"]


def test_a_name_in_only_that_no_route_has_is_missing() -> None:
    assert reading(checkout(), only=("api", "apo")).missing_only == ("apo",)


@pytest.mark.parametrize("weight", ["500m", 1.5, -1, True, None])
def test_a_weight_that_is_no_whole_number_makes_the_object_unreadable(weight: object) -> None:
    entry = {"destination": {"host": "checkout-v1"}, "weight": weight}

    assert "is not a whole number" in reading(a_virtual_service(entry)).unreadable


def test_a_copy_keeps_port_headers_unknown_fields_and_the_style_of_the_host() -> None:
    route = written(checkout())["spec"]["http"][2]["route"]

    assert route[1] == {
        "destination": {"host": "checkout-v2.shop.svc.cluster.local", "port": {"number": 8080}},
        "headers": {"response": {"set": {"x-served-by": "stable"}, "remove": ["server"]}},
        "x-unknown": {"kept": 0},
        "weight": 5,
    }


def test_tcp_routes_move_together_with_http_routes() -> None:
    tcp = written(checkout())["spec"]["tcp"][0]["route"]

    assert [entry["weight"] for entry in tcp] == [95, 5]


def test_a_route_of_another_service_stays() -> None:
    assert written(checkout())["spec"]["tls"] == checkout()["spec"]["tls"]


def test_routes_that_only_does_not_admit_stay() -> None:
    after = written(checkout(), only=("api",))

    assert after["spec"]["http"][3] == checkout()["spec"]["http"][3]


def test_a_subset_is_copied_under_the_same_host() -> None:
    stable, canary = (BackendName(service="reviews", subset=name) for name in ("v1", "v2"))

    route = written(reviews(), Split(stable=stable, canary=canary, weight=5))["spec"]["http"][0]["route"]

    assert route == [
        {"destination": {"host": "reviews", "subset": "v1"}, "weight": 95},
        {"destination": {"host": "reviews", "subset": "v2"}, "weight": 5},
    ]


def test_the_filters_of_a_backend_are_copied() -> None:
    refs = written(http_route())["spec"]["rules"][1]["backendRefs"]

    assert (refs[1]["name"], refs[1]["filters"]) == ("checkout-v2", refs[0]["filters"])


def test_the_same_name_in_another_namespace_keeps_its_share() -> None:
    refs = written(http_route())["spec"]["rules"][2]["backendRefs"]

    assert [(ref["name"], ref["weight"]) for ref in refs] == [
        ("checkout-v1", 140),
        ("checkout-v1", 50),
        ("checkout-v2", 10),
    ]


def test_weights_that_are_no_percentages_become_percentages() -> None:
    refs = written(grpc_route())["spec"]["rules"][0]["backendRefs"]

    assert [ref["weight"] for ref in refs] == [95, 5]


@pytest.mark.parametrize("version", ["v1alpha2", "v1alpha3", "v1alpha4"])
def test_every_version_of_a_traffic_split_is_written(version: str) -> None:
    backends = written(traffic_split(version))["spec"]["backends"]

    assert backends == [{"service": "checkout-v1", "weight": 95}, {"service": "checkout-v2", "weight": 5}]


def test_a_removed_stable_comes_back_as_a_copy_of_the_canary() -> None:
    obj = a_virtual_service({"destination": {"host": "checkout-v2", "port": {"number": 80}}})

    route = written(obj, Split(stable=V1, canary=V2, weight=0))["spec"]["http"][0]["route"]

    assert route[1] == {"destination": {"host": "checkout-v1", "port": {"number": 80}}, "weight": 100}


def test_a_first_deployment_copies_an_entry_of_elsewhere_into_its_own_namespace() -> None:
    obj = http_route()
    obj["spec"]["rules"] = [{"backendRefs": [{"name": "old", "namespace": "attic", "port": 80}]}]

    refs = written(obj, Split(stable=None, canary=V2, weight=100))["spec"]["rules"][0]["backendRefs"]

    assert refs[1] == {"name": "checkout-v2", "port": 80, "weight": 100}


def test_an_entry_that_stays_alone_keeps_its_number() -> None:
    obj = a_virtual_service(
        {"destination": {"host": "checkout-v1"}, "weight": 100}, {"destination": {"host": "checkout-v2"}, "weight": 0}
    )

    route = written(obj, Split(stable=V1, gone=(V2,)))["spec"]["http"][0]["route"]

    assert route == [{"destination": {"host": "checkout-v1"}, "weight": 100}]


def test_entries_of_one_name_with_two_ports_are_refused_on_the_way_up() -> None:
    obj = a_virtual_service(*_two_ports(50, 50))

    with pytest.raises(SplitError, match="2 entries name checkout-v1 and differ in more than weight"):
        written(obj)


def test_entries_of_one_name_with_two_ports_are_folded_on_the_way_down() -> None:
    obj = a_virtual_service(*_two_ports(30, 30), {"destination": {"host": "checkout-v2"}, "weight": 40})

    route = written(obj, Split(stable=V1, canary=V2, weight=0))["spec"]["http"][0]["route"]

    assert [entry["weight"] for entry in route] == [100, 0, 0]


@pytest.mark.parametrize(("only", "is_raised"), [((), True), (("web",), True), (("api",), False)])
def test_a_weight_is_raised_where_any_managed_pool_has_less(only: tuple[str, ...], is_raised: bool) -> None:
    obj = a_virtual_service()
    pools = {"api": (90, 10), "web": (95, 5), "testers": (0, 0)}
    obj["spec"]["http"] = [
        {"name": name, "route": _both(*weights) if any(weights) else [{"destination": {"host": "checkout-v2"}}]}
        for name, weights in pools.items()
    ]

    ref = RouteRef(kind="VirtualService", name="checkout", only=only)
    assert would_raise(obj, ref, Split(stable=V1, canary=V2, weight=10), DIALECTS["VirtualService"]) is is_raised
    assert not would_raise(obj, ref, Split(stable=V1, canary=V2, weight=0), DIALECTS["VirtualService"])


def _both(stable: int, canary: int) -> list[dict[str, Any]]:
    weights = {"checkout-v1": stable, "checkout-v2": canary}
    return [{"destination": {"host": host}, "weight": weight} for host, weight in weights.items()]


def _two_ports(first: int, second: int) -> list[dict[str, Any]]:
    weights = {80: first, 81: second}
    return [
        {"destination": {"host": "checkout-v1", "port": {"number": port}}, "weight": weight}
        for port, weight in weights.items()
    ]
