"""Does the router keep the contract of `rollout.ports.routes.Routes`?"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.traffic.router import Router
from rollout.model.actions import SetSplit, Split
from rollout.model.names import BackendName
from rollout.model.observation import RouteState
from rollout.model.rollout import RouteRef
from rollout.ports.errors import Conflict, KindAbsent, NotFound, Rejected
from rollout.traffic.dialects import DIALECTS
from rollout.traffic.weights import write
from tests.support.objects import SAMPLES, accepted, checkout, http_route
from tests.support.traffic_world import SERVERS, World, a_world

V1, V2 = (BackendName(service=f"checkout-v{number}") for number in (1, 2))
VIRTUAL_SERVICE = RouteRef(kind="VirtualService", name="checkout")
HTTP_ROUTE = RouteRef(kind="HTTPRoute", name="checkout")
TRAFFIC_SPLIT = RouteRef(kind="TrafficSplit", name="checkout")
# a real watch may be faster than the answer to a write
IN_MEMORY = pytest.mark.parametrize("world", ["memory"], indirect=True)
WITHOUT_SMI = pytest.mark.parametrize("world", ["bare"], indirect=True)
RUN = (
    *(Split(stable=V1, canary=V2, weight=weight) for weight in (5, 25, 100)),
    Split(stable=V2, idle=(V1,)),
    Split(stable=V2, gone=(V1,)),
)


@pytest.fixture(params=SERVERS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with a_world(request) as world:
        yield world


@pytest.fixture
def router(world: World) -> Router:
    return Router(world.api, world.cache)


def to(weight: int, route: RouteRef = VIRTUAL_SERVICE, *, lowers: bool = False, **changes: Any) -> SetSplit:
    split = Split(**{"stable": V1, "canary": V2, "weight": weight, **changes})
    return SetSplit(route=route, split=split, lowers=lowers)


def one_route(weight: int = 0) -> dict[str, Any]:
    entries = [{"destination": {"host": "checkout-v1"}, "weight": 100 - weight}]
    if weight:
        entries.append({"destination": {"host": "checkout-v2"}, "weight": weight})
    metadata = {"name": "checkout", "namespace": "shop"}
    return {
        "kind": "VirtualService",
        "metadata": metadata,
        "spec": {"hosts": ["checkout"], "http": [{"route": entries}]},
    }


async def weights(world: World) -> list[int]:
    stored = await world.stored("VirtualService", "checkout")
    return [entry["weight"] for entry in stored["spec"]["http"][0]["route"]]


async def test_a_split_reaches_the_server(world: World, router: Router) -> None:
    await world.put(one_route())

    assert await router.set_split(world.key, to(5))

    assert await weights(world) == [95, 5]


@pytest.mark.parametrize("name", ["checkout", "http_route", "grpc_route", "traffic_split_v1alpha4"])
async def test_through_a_run_nothing_else_of_the_object_changes(world: World, router: Router, name: str) -> None:
    sample = SAMPLES[name]()
    ref = RouteRef(kind=sample["kind"], name="checkout")
    await world.put(sample)
    expected = await world.stored(ref.kind, ref.name)

    for split in RUN:
        await router.set_split(world.key, SetSplit(route=ref, split=split, lowers=False))
        expected = write(expected, ref, split, DIALECTS[ref.kind])

    assert (await world.stored(ref.kind, ref.name))["spec"] == expected["spec"]


async def test_a_split_that_is_there_already_makes_no_request(world: World, router: Router) -> None:
    await world.put(one_route(5))

    assert not await router.set_split(world.key, to(5))

    assert world.api.requests == []


@IN_MEMORY
async def test_our_own_write_is_known_before_the_watch_shows_it(world: World, router: Router) -> None:
    await world.put(one_route())
    await router.set_split(world.key, to(5))

    assert not await router.set_split(world.key, to(5))

    assert len(world.api.requests) == 1


async def test_a_write_names_its_field_manager(world: World, router: Router) -> None:
    await world.put(one_route())

    await router.set_split(world.key, to(5))

    assert world.api.queries == [{"fieldManager": "rollout-controller"}]


async def test_raising_over_a_change_is_a_conflict(world: World, router: Router) -> None:
    await world.put(one_route())
    world.api.before_patch.append((world.path("VirtualService", "checkout"), {"metadata": {"labels": {"team": "a"}}}))

    with pytest.raises(Conflict):
        await router.set_split(world.key, to(5))


async def test_lowering_over_a_change_reads_once_and_lowers(world: World, router: Router) -> None:
    await world.put(one_route(25))
    edit = {"spec": {"http": [{"route": one_route(60)["spec"]["http"][0]["route"]}]}}
    world.api.before_patch.append((world.path("VirtualService", "checkout"), edit))

    assert await router.set_split(world.key, to(0, lowers=True))

    verbs = [verb for verb, _, _ in world.api.requests]
    assert (await weights(world), verbs) == ([100, 0], ["patch", "get", "patch"])


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("name", ["testers", "web"])
async def test_what_somebody_lowered_further_is_left_so(world: World, router: Router, name: str, shown: bool) -> None:
    await world.put(two_routes(testers=25, web=25))
    edit = {"spec": two_routes(**{"testers": 60, "web": 60, name: 2})["spec"]}
    await world.edit("VirtualService", "checkout", edit)
    if shown:
        await world.shown()

    assert not await router.set_split(world.key, to(10, lowers=True))

    assert (await world.stored("VirtualService", "checkout"))["spec"] == edit["spec"]


def two_routes(**weights: int) -> dict[str, Any]:
    found = [{"name": name, **one_route(weight)["spec"]["http"][0]} for name, weight in weights.items()]
    return {**one_route(), "spec": {"hosts": ["checkout"], "http": found}}


async def test_lowering_over_two_changes_is_a_conflict(world: World, router: Router) -> None:
    await world.put(one_route(25))
    world.api.before_patch += [
        (world.path("VirtualService", "checkout"), {"metadata": {"labels": {"team": team}}}) for team in ("a", "b")
    ]

    with pytest.raises(Conflict):
        await router.set_split(world.key, to(0, lowers=True))


async def test_a_split_that_is_not_exact_is_rejected_before_any_request(world: World, router: Router) -> None:
    route = one_route()
    route["spec"]["http"][0]["route"] = [
        {"destination": {"host": "checkout-v1"}, "weight": 3},
        {"destination": {"host": "legacy"}, "weight": 1},
    ]
    await world.put(route)

    with pytest.raises(Rejected, match=r"VirtualService/checkout: http\[0\]: 5 % for checkout-v2"):
        await router.set_split(world.key, to(5))

    assert world.api.requests == []


async def test_lowering_a_route_that_is_gone_is_done(world: World, router: Router) -> None:
    assert not await router.set_split(world.key, to(0, lowers=True))


async def test_lowering_a_route_that_goes_meanwhile_is_done(world: World, router: Router) -> None:
    await world.put(one_route(25))
    await world.remove("VirtualService", "checkout")

    assert not await router.set_split(world.key, to(0, lowers=True))


async def test_raising_on_a_route_that_is_gone_says_so(world: World, router: Router) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        await router.set_split(world.key, to(5))


@WITHOUT_SMI
async def test_raising_on_a_kind_that_is_absent_says_so(world: World, router: Router) -> None:
    with pytest.raises(KindAbsent, match="install its CRD"):
        await router.set_split(world.key, to(5, TRAFFIC_SPLIT))


async def test_a_route_on_its_way_out_counts_as_lowered(world: World, router: Router) -> None:
    await leave(world)

    assert not await router.set_split(world.key, to(0, lowers=True))


async def leave(world: World) -> None:
    route = one_route(25)
    route["metadata"]["finalizers"] = ["example.com/hold"]
    await world.put(route)
    await world.remove("VirtualService", "checkout")
    await world.shown()


async def test_a_route_is_looked_at_with_its_pools(world: World, router: Router) -> None:
    await world.put(checkout())

    seen = router.look(world.key, VIRTUAL_SERVICE)

    assert (seen.state, [pool.name for pool in seen.pools]) == (
        RouteState.PRESENT,
        ["testers", "api", "web", "tcp[0]", "tls[0]"],
    )


async def test_names_that_no_route_has_are_told(world: World, router: Router) -> None:
    await world.put(checkout())

    seen = router.look(world.key, RouteRef(kind="VirtualService", name="checkout", only=("api", "nope")))

    assert seen.missing_only == ("nope",)


@WITHOUT_SMI
@pytest.mark.parametrize(
    ("ref", "state"), [(VIRTUAL_SERVICE, RouteState.MISSING), (TRAFFIC_SPLIT, RouteState.KIND_ABSENT)]
)
async def test_what_is_not_there_is_told_apart(world: World, router: Router, ref: RouteRef, state: RouteState) -> None:
    assert router.look(world.key, ref).state is state


async def test_a_route_on_its_way_out_is_terminating(world: World, router: Router) -> None:
    await leave(world)

    assert router.look(world.key, VIRTUAL_SERVICE).state is RouteState.TERMINATING


@IN_MEMORY
async def test_a_write_is_accepted_once_it_was_read_back(world: World, router: Router) -> None:
    await world.put(one_route())
    await router.set_split(world.key, to(5))
    before = router.look(world.key, VIRTUAL_SERVICE).accepted

    await world.shown()

    assert (before, router.look(world.key, VIRTUAL_SERVICE).accepted) == (False, True)


async def test_a_gateway_route_is_accepted_once_its_parent_took_the_generation(world: World, router: Router) -> None:
    await world.put(http_route())
    await _report(world, resolved="True")
    await router.set_split(world.key, to(5, HTTP_ROUTE))
    await world.shown()
    before = router.look(world.key, HTTP_ROUTE).accepted

    await _report(world, resolved="True")

    assert (before, router.look(world.key, HTTP_ROUTE).accepted) == (False, True)


async def test_a_parent_that_refuses_is_a_problem(world: World, router: Router) -> None:
    await world.put(http_route())

    await _report(world, resolved="False")

    text = "public says ResolvedRefs=False (BackendNotFound: no Service checkout-v2)"
    assert router.look(world.key, HTTP_ROUTE).problem == text


async def _report(world: World, *, resolved: str) -> None:
    stored = await world.stored("HTTPRoute", "checkout")
    parent = {
        **stored["status"]["parents"][0],
        "conditions": accepted(stored["metadata"]["generation"], resolved=resolved),
    }
    await world.report("HTTPRoute", "checkout", {"parents": [parent]})


async def test_who_edited_the_route_is_told(world: World, router: Router) -> None:
    await world.put(one_route())
    await router.set_split(world.key, to(5))
    await world.edit("VirtualService", "checkout", {"spec": one_route(60)["spec"]}, manager="someone")

    await world.shown()

    assert router.look(world.key, VIRTUAL_SERVICE).writer == "someone"
