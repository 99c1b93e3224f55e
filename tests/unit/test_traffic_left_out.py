"""What does a controller of one mesh say about the routes of others?"""

from datetime import timedelta

from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS, TRAFFIC
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.traffic.router import Router
from rollout.model.observation import RouteState
from rollout.model.rollout import RouteRef
from tests.support.builders import CHECKOUT
from tests.support.world import virtual_service

ALL = TRAFFIC["all"]


async def looked(*without: str) -> tuple[Router, MemoryCluster]:
    """A router of a controller that leaves some kinds alone, and the cluster, where all of them are."""
    cluster = MemoryCluster.with_kinds(*ALL)
    cluster.seed(virtual_service("checkout-v1"))
    api = DirectApi(cluster)
    cache = Cache(api, [KINDS[kind] for kind in ALL], without=without)
    await cache.refresh()
    await cache.wait_synced(timedelta(seconds=10))
    return Router(api, cache), cluster


async def test_a_route_of_a_kind_that_is_left_alone_is_named_with_the_setting() -> None:
    router, _ = await looked("VirtualService")

    seen = router.look(CHECKOUT, RouteRef(kind="VirtualService", name="checkout"))

    assert seen.state is RouteState.KIND_ABSENT
    assert seen.unsupported == "this controller leaves VirtualServices alone: see its setting ROLLOUT_TRAFFIC"


async def test_the_others_are_seen_as_ever() -> None:
    router, _ = await looked("HTTPRoute", "GRPCRoute", "TrafficSplit")

    assert router.look(CHECKOUT, RouteRef(kind="VirtualService", name="checkout")).state is RouteState.PRESENT


async def test_a_kind_that_is_left_alone_costs_no_request() -> None:
    _, cluster = await looked("HTTPRoute", "GRPCRoute", "TrafficSplit")

    asked = {resource for verb, resource in cluster.faults.calls if verb == "list"}
    assert asked == {"virtualservices", "destinationrules"}
