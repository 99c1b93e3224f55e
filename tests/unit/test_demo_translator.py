"""Does the demo's proxy read routes as Istio, the Gateway API and SMI define them?"""

from typing import Any

import pytest

from rollout.demo.objects import UntranslatableError
from rollout.demo.translator import clusters, endpoints, route_config

Json = dict[str, Any]


def service(name: str) -> Json:
    return {"kind": "Service", "metadata": {"name": name, "namespace": "shop"}, "spec": {"ports": [{"port": 80}]}}


def endpoint(address: str, *, ready: bool | None = True, pod: str = "") -> Json:
    return {"addresses": [address], "conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": pod}}


def endpoint_slice(service: str, *found: Json) -> Json:
    metadata = {"name": service, "namespace": "shop", "labels": {"kubernetes.io/service-name": service}}
    return {"kind": "EndpointSlice", "metadata": metadata, "endpoints": list(found), "ports": [{"port": 8080}]}


def destination(host: str, weight: int | None = None, subset: str | None = None) -> Json:
    entry: Json = {"destination": {"host": host} | ({"subset": subset} if subset else {})}
    return entry | ({} if weight is None else {"weight": weight})


def virtual_service(*http: Json, hosts: tuple[str, ...] = ("checkout",)) -> Json:
    spec = {"hosts": list(hosts), "http": list(http)}
    return {"kind": "VirtualService", "metadata": {"name": "checkout", "namespace": "shop"}, "spec": spec}


def http_route(*rules: Json, **spec: object) -> Json:
    parents = {"parentRefs": [{"kind": "Service", "group": "", "name": "checkout"}]}
    return {
        "kind": "HTTPRoute",
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {"rules": list(rules)} | parents | spec,
    }


def only_route(objects: dict[str, list[Json]]) -> Json:
    found: Json = route_config(objects)["virtual_hosts"][0]["routes"][0]
    return found


def weights(route: Json) -> dict[str, int]:
    action = route["route"]
    if "cluster" in action:
        return {action["cluster"]: 100}
    return {cluster["name"]: cluster["weight"] for cluster in action["weighted_clusters"]["clusters"]}


def sockets(assignment: Json) -> list[tuple[str, int]]:
    found = [host["endpoint"]["address"] for group in assignment["endpoints"] for host in group["lb_endpoints"]]
    return [(item["socket_address"]["address"], item["socket_address"]["port_value"]) for item in found]


def test_weights_of_a_virtual_service_reach_the_route() -> None:
    item = virtual_service({"route": [destination("checkout-v1", 90), destination("checkout-v2", 10)]})

    route = only_route({"VirtualService": [item]})

    assert weights(route) == {"checkout-v1.shop": 90, "checkout-v2.shop": 10}


def test_weights_need_not_sum_to_100() -> None:
    item = virtual_service({"route": [destination("checkout-v1", 3), destination("checkout-v2", 1)]})

    route = only_route({"VirtualService": [item]})

    assert weights(route) == {"checkout-v1.shop": 3, "checkout-v2.shop": 1}


@pytest.mark.parametrize("weight", [None, 0, 7, 100])
def test_a_single_destination_has_all_requests_whatever_its_weight(weight: int | None) -> None:
    item = virtual_service({"route": [destination("checkout-v1", weight)]})

    route = only_route({"VirtualService": [item]})

    assert weights(route) == {"checkout-v1.shop": 100}


def test_a_destination_of_weight_0_gets_nothing() -> None:
    item = virtual_service({"route": [destination("checkout-v1", 100), destination("checkout-v2", 0)]})

    route = only_route({"VirtualService": [item]})

    assert weights(route) == {"checkout-v1.shop": 100}


def test_a_destination_of_weight_0_keeps_its_cluster() -> None:
    item = virtual_service({"route": [destination("checkout-v1", 100), destination("checkout-v2", 0)]})

    found = clusters({"VirtualService": [item]})

    assert [cluster["name"] for cluster in found] == ["checkout-v1.shop", "checkout-v2.shop"]


def test_a_destination_named_twice_has_the_sum_of_its_weights() -> None:
    item = virtual_service({"route": [destination("a", 20), destination("b", 50), destination("a", 30)]})

    route = only_route({"VirtualService": [item]})

    assert weights(route) == {"a.shop": 50, "b.shop": 50}


def test_a_full_host_name_means_the_service_of_its_namespace() -> None:
    item = virtual_service({"route": [destination("checkout-v1.other.svc.cluster.local")]})

    route = only_route({"VirtualService": [item]})

    assert weights(route) == {"checkout-v1.other": 100}


def test_a_half_qualified_destination_is_refused_as_istio_would_not_find_it() -> None:
    item = virtual_service({"route": [destination("checkout-v1.other")]})

    with pytest.raises(UntranslatableError, match="VirtualService shop/checkout: destination host"):
        route_config({"VirtualService": [item]})


def test_weights_that_are_all_0_are_refused() -> None:
    item = virtual_service({"route": [destination("a", 0), destination("b", 0)]})

    with pytest.raises(UntranslatableError, match="no destination has a weight above 0"):
        route_config({"VirtualService": [item]})


def test_matches_keep_the_order_of_the_virtual_service() -> None:
    item = virtual_service(
        {
            "match": [{"uri": {"exact": "/pay"}}, {"headers": {"x-user": {"prefix": "qa-"}}}],
            "route": [destination("a")],
        },
        {"match": [{"uri": {"prefix": "/shop"}}], "route": [destination("b")]},
        {"route": [destination("c")]},
    )

    routes = route_config({"VirtualService": [item]})["virtual_hosts"][0]["routes"]

    assert [route["match"] for route in routes] == [
        {"path": "/pay"},
        {"prefix": "/", "headers": [{"name": "x-user", "string_match": {"prefix": "qa-"}}]},
        {"prefix": "/shop"},
        {"prefix": "/"},
    ]


@pytest.mark.parametrize("field", ["mirror", "fault", "rewrite", "redirect"])
def test_a_route_that_does_more_than_forward_is_refused(field: str) -> None:
    item = virtual_service({field: {}, "route": [destination("a")]})

    with pytest.raises(UntranslatableError, match=field):
        route_config({"VirtualService": [item]})


def test_the_time_out_of_the_virtual_service_is_used() -> None:
    item = virtual_service({"timeout": "3s", "route": [destination("a")]})

    route = only_route({"VirtualService": [item]})

    assert route["route"]["timeout"] == "3s"


def test_the_virtual_service_owns_every_name_of_its_host() -> None:
    item = virtual_service({"route": [destination("checkout-v1")]})

    hosts = route_config({"VirtualService": [item], "Service": [service("checkout")]})["virtual_hosts"]

    assert [host["domains"] for host in hosts] == [
        ["checkout.shop.svc.cluster.local", "checkout.shop.svc", "checkout.shop", "checkout"]
    ]


def test_a_service_without_routes_gets_its_own_requests() -> None:
    config = route_config({"Service": [service("cart")]})

    assert weights(config["virtual_hosts"][0]["routes"][0]) == {"cart.shop": 100}


def test_ready_endpoints_listen_where_the_map_says() -> None:
    objects = {
        "Service": [service("cart")],
        "EndpointSlice": [endpoint_slice("cart", endpoint("10.0.0.1"), endpoint("10.0.0.2", ready=False))],
    }

    found = endpoints(objects, {"10.0.0.1": ("127.0.0.1", 4711), "10.0.0.2": ("127.0.0.1", 4712)})

    assert sockets(found["cart.shop"]) == [("127.0.0.1", 4711)]


def test_an_address_that_is_not_in_the_map_listens_on_itself() -> None:
    objects = {
        "Service": [service("cart")],
        "EndpointSlice": [endpoint_slice("cart", endpoint("127.0.0.9", ready=None))],
    }

    found = endpoints(objects, {})

    assert sockets(found["cart.shop"]) == [("127.0.0.9", 8080)]


def test_a_service_without_endpoints_has_an_empty_cluster() -> None:
    found = endpoints({"Service": [service("cart")]}, {})

    assert sockets(found["cart.shop"]) == []


def with_subsets(*names: str) -> dict[str, list[Json]]:
    rule = {
        "kind": "DestinationRule",
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {"host": "checkout", "subsets": [{"name": name, "labels": {"version": name}} for name in names]},
    }
    pods = [
        {"kind": "Pod", "metadata": {"name": f"pod-{name}", "namespace": "shop", "labels": {"version": name}}}
        for name in ("v1", "v2")
    ]
    found = [endpoint("10.0.0.1", pod="pod-v1"), endpoint("10.0.0.2", pod="pod-v2")]
    return {
        "Service": [service("checkout")],
        "DestinationRule": [rule],
        "Pod": pods,
        "EndpointSlice": [endpoint_slice("checkout", *found)],
    }


def test_a_subset_has_the_pods_with_its_labels() -> None:
    objects = with_subsets("v1", "v2")

    found = endpoints(objects, {})

    assert sockets(found["checkout.shop.v2"]) == [("10.0.0.2", 8080)]


def test_a_subset_that_no_rule_defines_is_empty() -> None:
    item = virtual_service({"route": [destination("checkout", 1, "v1"), destination("checkout", 1, "v3")]})

    found = endpoints(with_subsets("v1") | {"VirtualService": [item]}, {})

    assert sockets(found["checkout.shop.v3"]) == []


def test_an_http_route_without_weights_shares_equally() -> None:
    item = http_route({"backendRefs": [{"name": "a", "port": 80}, {"name": "b", "port": 80}]})

    route = only_route({"HTTPRoute": [item]})

    assert weights(route) == {"a.shop": 1, "b.shop": 1}


def test_an_http_route_sends_nothing_to_weight_0() -> None:
    item = http_route({"backendRefs": [{"name": "a", "port": 80, "weight": 0}, {"name": "b", "port": 80}]})

    route = only_route({"HTTPRoute": [item]})

    assert weights(route) == {"b.shop": 100}


@pytest.mark.parametrize("references", [[], [{"name": "a", "port": 80, "weight": 0}]])
def test_an_http_route_without_any_weight_answers_500(references: list[Json]) -> None:
    item = http_route({"backendRefs": references})

    route = only_route({"HTTPRoute": [item]})

    assert route["direct_response"] == {"status": 500}


def test_a_filter_of_an_http_route_is_refused() -> None:
    item = http_route({"filters": [{"type": "RequestMirror"}], "backendRefs": [{"name": "a"}]})

    with pytest.raises(UntranslatableError, match="filters"):
        route_config({"HTTPRoute": [item]})


def test_an_http_route_of_a_gateway_answers_for_its_hostnames() -> None:
    item = http_route({"backendRefs": [{"name": "a"}]}, parentRefs=[{"name": "edge"}], hostnames=["shop.example.com"])

    config = route_config({"HTTPRoute": [item]})

    assert config["virtual_hosts"][0]["domains"] == ["shop.example.com"]


def test_a_traffic_split_shares_the_requests_of_its_root_service() -> None:
    spec = {"service": "checkout", "backends": [{"service": "a", "weight": 1}, {"service": "b", "weight": 4}]}
    item = {"kind": "TrafficSplit", "metadata": {"name": "checkout", "namespace": "shop"}, "spec": spec}

    host = route_config({"TrafficSplit": [item], "Service": [service("checkout")]})["virtual_hosts"][0]

    assert ("checkout.shop" in host["domains"], weights(host["routes"][0])) == (True, {"a.shop": 1, "b.shop": 4})
