"""Does the same promotion work whatever object splits the traffic: HTTPRoute, TrafficSplit, subsets?"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.servers.client import Obj
from tests.servers.process import eventually
from tests.servers.shop import PATIENCE_S, USER, Place, Shop, opened, operated

pytestmark = pytest.mark.server

FAST = {"steps": [{"weight": 10, "soak": "2s"}, {"weight": 50, "soak": "2s"}], "settle": "1s"}
BY_SUBSET = {"backend": {"subset": {"host": "checkout", "name": "{revision}", "labels": {"version": "{revision}"}}}}
OWN_RULE = "/apis/networking.istio.io/v1/namespaces/{}/destinationrules/rollout-checkout"


def http_route(namespace: str) -> Obj:
    """An HTTPRoute on the Service (GAMMA) that sends everything to v1; its controller reports what it accepted."""
    parent = {"group": "", "kind": "Service", "name": "checkout", "port": 80}
    spec = {"parentRefs": [parent], "rules": [{"backendRefs": [{"name": "checkout-v1", "port": 80}]}]}
    return obj("gateway.networking.k8s.io/v1", "HTTPRoute", namespace, spec)


def traffic_split(namespace: str) -> Obj:
    """A TrafficSplit that sends everything to v1."""
    spec = {"service": "checkout", "backends": [{"service": "checkout-v1", "weight": 100}]}
    return obj("split.smi-spec.io/v1alpha2", "TrafficSplit", namespace, spec)


def subset_service(namespace: str) -> Obj:
    """A VirtualService that sends everything to v1's subset."""
    route = [{"destination": {"host": "checkout", "subset": "v1"}}]
    return obj(
        "networking.istio.io/v1", "VirtualService", namespace, {"hosts": ["checkout"], "http": [{"route": route}]}
    )


def first_subset(namespace: str) -> Obj:
    """The user's own DestinationRule, for v1."""
    subsets = [{"name": "v1", "labels": {"version": "v1"}}]
    return obj("networking.istio.io/v1", "DestinationRule", namespace, {"host": "checkout", "subsets": subsets})


def obj(version: str, kind: str, namespace: str, spec: dict[str, Any]) -> Obj:
    """An object called checkout."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "checkout", "namespace": namespace}, "spec": spec}


@pytest.mark.parametrize("route", [http_route, traffic_split])
def test_a_good_commit_is_promoted_through_the_other_kinds_of_route(place: Place, route: Callable[[str], Obj]) -> None:
    with opened(place, route) as shop:
        shop.defaults = FAST | {"routes": [{"kind": route(shop.namespace)["kind"], "name": "checkout"}]}
        shop.commit("v1")
        with operated(shop):
            assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()

            with shop.busy() as report:
                shop.release("v2")
                assert shop.reaches(phase="Idle", stableRevision="v2"), shop.told()
                assert shop.forgets("v1"), shop.told()

        assert report.failed == 0
        assert shop.count(200).by_version == {"v2": 200}


def test_a_step_takes_no_time_until_the_route_is_reported_as_accepted(place: Place) -> None:
    server = place.cluster.server
    with opened(place, http_route) as shop:
        shop.defaults = FAST | {"routes": [{"kind": "HTTPRoute", "name": "checkout"}], "objectives": []}
        shop.commit("v1")
        with operated(shop):
            assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
            shop.envoy.reports = False
            shop.release("v2")
            assert shop.gives("v2", 10), shop.told()
            mark = server.audit_mark()
            # Three renewals of the lease take longer than the step's soak.
            assert eventually(lambda: server.audit_counts(USER, mark)["patch", "leases"] >= 3, PATIENCE_S)
            waiting = shop.status()

            shop.envoy.report()

            assert shop.reaches(phase="Idle", stableRevision="v2"), shop.told()
    assert (waiting["phase"], waiting["weight"]) == ("Progressing", 10)


def test_subsets_of_our_own_come_before_the_weight_and_leave_after_it(place: Place) -> None:
    with opened(place, subset_service) as shop:
        shop.cluster.kube.apply(first_subset(shop.namespace))
        shop.defaults = FAST | BY_SUBSET
        shop.backend = f"checkout.{shop.namespace}.{{}}"
        shop.commit("v1")
        with operated(shop), shop.busy() as report:
            assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()

            shop.release("v2")
            assert shop.reaches(phase="Idle", stableRevision="v2"), shop.told()
            assert has_subsets(shop, "v2"), shop.told()
            shop.release("v3", steps=[{"weight": 10, "soak": "1h"}])
            assert shop.gives("v3", 10), shop.told()
            assert has_subsets(shop, "v2", "v3"), shop.told()
            shop.order("abort", "checkout")

            assert shop.forgets("v3"), shop.told()
            assert has_subsets(shop, "v2"), shop.told()
        assert report.failed == 0


def has_subsets(shop: Shop, *names: str) -> bool:
    """Whether the DestinationRule of ours comes to define exactly these subsets."""
    path = OWN_RULE.format(shop.namespace)
    return eventually(partial(_defines, shop, path, list(names)), PATIENCE_S)


def _defines(shop: Shop, path: str, names: list[str]) -> bool:
    kube = shop.cluster.kube
    return kube.exists(path) and [one["name"] for one in kube.get(path)["spec"]["subsets"]] == names
