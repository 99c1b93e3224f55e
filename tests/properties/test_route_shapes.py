"""Can any shape of a route object, such as a cluster without schemas lets in, do more than hold a run?"""

import asyncio
import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kube.indexes import INDEXES
from adapters.kube.slim import slim
from rollout.model.rollout import RouteRef
from rollout.model.status import Phase
from rollout.ports.errors import PortError
from rollout.traffic.dialects import DIALECTS
from rollout.traffic.weights import read
from tests.support.examples import examples
from tests.support.scenes import MINUTE, failing, http_route, running, traffic_split
from tests.support.world import World, a_release, virtual_service

ROUTES: dict[str, dict[str, Any]] = {
    "VirtualService": dict(virtual_service("checkout-v1", "checkout-v2")),
    "HTTPRoute": dict(http_route("checkout-v1", "checkout-v2")),
    "TrafficSplit": dict(traffic_split("checkout-v1", "checkout-v2")),
}
RESOURCE = "virtualservices.networking.istio.io"
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 10**12)
    | st.floats()
    | st.sampled_from(("", "checkout-v1", "95", "v2")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("host", "subset", "weight", "destination", "route", "name")), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def places_in(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield (*path, key)
        yield from places_in(child, (*path, key))


def spoilt(obj: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """The object with this value at this place."""
    changed = copy.deepcopy(obj)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


places = st.sampled_from([(kind, ("spec", *path)) for kind, obj in ROUTES.items() for path in places_in(obj["spec"])])


@examples(300)
@given(places, values)
def test_any_shape_of_a_route_is_indexed_and_read_or_told_to_be_unreadable(
    place: tuple[str, tuple[str | int, ...]], value: Any
) -> None:
    kind, path = place
    obj = slim(kind, spoilt(ROUTES[kind], path, value))
    ref = RouteRef(kind=kind, name="checkout")

    found = [text for index in INDEXES[kind].values() for text in index(obj)]
    reading = read(obj, ref, DIALECTS[kind])

    assert all(isinstance(text, str) for text in found)
    assert reading.unreadable or all(entry.weight >= 0 for pool in reading.pools for entry in pool.entries)


async def _lived(world: World, obj: Any) -> None:
    """Two looks at the object as it is, whatever a port says of it."""
    stored = world.cluster.store.find(RESOURCE, ("shop", "checkout"))
    assert stored is not None
    world.cluster.store.put(RESOURCE, {**obj, "metadata": stored["metadata"]})
    for _ in range(2):
        try:
            await world.pass_time(MINUTE)
        except PortError:
            world.clock.advance(MINUTE)


async def _spoilt_in_mid_run(path: tuple[str | int, ...], value: Any) -> Phase:
    async with a_release(analysis={"interval": "60s"}) as world:
        await running(world)
        stored = world.cluster.store.find(RESOURCE, ("shop", "checkout"))
        await _lived(world, spoilt(stored, path, value))
        world.cluster.store.put(RESOURCE, {**(stored or {}), "spec": virtual_service("checkout-v1")["spec"]})
        await world.pass_time(60 * MINUTE)
        return world.status.phase


inner_places = st.sampled_from(
    [("spec",), *(("spec", *path) for path in places_in(ROUTES["VirtualService"]["spec"]))],
)


@pytest.mark.slow
@examples(40)
@given(inner_places, values)
def test_a_run_survives_any_shape_of_its_route(path: tuple[str | int, ...], value: Any) -> None:
    phase = asyncio.run(_spoilt_in_mid_run(path, value))

    assert phase in (Phase.IDLE, Phase.FAILED, Phase.PAUSED, Phase.PROGRESSING)


async def test_a_route_that_cannot_be_read_keeps_no_other_from_being_lowered() -> None:
    async with a_release(analysis={"interval": "60s"}) as world:
        await world.put(virtual_service("checkout-v1", name="outer"))
        await world.commit(routes=[{"kind": "VirtualService", "name": name} for name in ("checkout", "outer")])
        await running(world)
        before = await world.split()
        outer = world.cluster.store.find(RESOURCE, ("shop", "outer"))
        world.cluster.store.put(RESOURCE, spoilt(outer, ("spec", "http", 0, "route", 0), None))
        failing(world)

        await world.pass_time(2 * MINUTE)

        assert before["checkout-v2"] == 5
        assert (await world.split()).get("checkout-v2", 0) == 0
