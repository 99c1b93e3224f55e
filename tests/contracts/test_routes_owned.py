"""Does the router leave the API server no trace of itself among the managers of a route's fields?"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.kube.api import Patch
from adapters.traffic.router import Router
from rollout.model.actions import ReleaseRoute, SetSplit, Split
from rollout.model.names import BackendName
from rollout.model.rollout import RouteRef
from rollout.ports.errors import Conflict
from rollout.traffic.dialects import DIALECTS
from rollout.traffic.weights import write
from tests.support.objects import SAMPLES
from tests.support.traffic_world import SERVERS, World, a_world

V1, V2 = (BackendName(service=f"checkout-v{number}") for number in (1, 2))
KINDS = pytest.mark.parametrize("name", ["checkout", "http_route", "grpc_route", "traffic_split_v1alpha4"])
# the real server may note all of this test's writers within one second
IN_MEMORY = pytest.mark.parametrize("world", ["memory"], indirect=True)
CHECKOUT = RouteRef(kind="VirtualService", name="checkout")


@pytest.fixture(params=SERVERS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with a_world(request) as world:
        yield world


@pytest.fixture
def router(world: World) -> Router:
    return Router(world.api, world.cache)


async def put(world: World, router: Router, name: str) -> RouteRef:
    """A route of some kind on which we have moved a weight."""
    sample = SAMPLES[name]()
    ref = RouteRef(kind=sample["kind"], name="checkout")
    await world.put(sample)
    split = Split(stable=V1, canary=V2, weight=25)
    assert await router.set_split(world.key, SetSplit(route=ref, split=split, lowers=False))
    return ref


async def managing(world: World, ref: RouteRef) -> list[tuple[str, str, Any]]:
    """Who manages what of the route."""
    stored = await world.stored(ref.kind, ref.name)
    entries = stored["metadata"].get("managedFields") or ()
    return [(entry["manager"], entry.get("subresource", ""), entry["fieldsV1"]) for entry in entries]


@KINDS
async def test_a_released_route_is_ours_no_more_and_its_content_stays(world: World, router: Router, name: str) -> None:
    ref = await put(world, router, name)
    before, managers = await world.stored(ref.kind, ref.name), await managing(world, ref)
    owned = router.look(world.key, ref).owned

    assert await router.release(world.key, ReleaseRoute(route=ref))

    after = await world.stored(ref.kind, ref.name)
    assert (owned, router.look(world.key, ref).owned) == (True, False)
    assert (after["spec"], after["metadata"]["generation"]) == (before["spec"], before["metadata"]["generation"])
    assert await managing(world, ref) == [entry for entry in managers if entry[0] != "rollout-controller"]


@KINDS
async def test_after_the_release_another_applies_without_a_conflict(world: World, router: Router, name: str) -> None:
    ref = await put(world, router, name)
    stored = await world.stored(ref.kind, ref.name)
    split = Split(stable=V1, canary=V2, weight=75)
    body = {
        "apiVersion": stored["apiVersion"],
        "kind": ref.kind,
        "metadata": {"name": ref.name, "namespace": world.key.namespace},
        "spec": write(stored, ref, split, DIALECTS[ref.kind])["spec"],
    }
    path, query = world.path(ref.kind, ref.name), {"fieldManager": "kustomize-controller"}
    with pytest.raises(Conflict, match="rollout-controller"):
        await world.api.patch(path, Patch.APPLY, body, query)

    await router.release(world.key, ReleaseRoute(route=ref))

    await world.api.patch(path, Patch.APPLY, body, query)
    assert "rollout-controller" not in [manager for manager, _, _ in await managing(world, ref)]


async def test_a_route_that_is_not_ours_costs_no_request(world: World, router: Router) -> None:
    await world.put(SAMPLES["checkout"]())

    assert not await router.release(world.key, ReleaseRoute(route=CHECKOUT))

    assert world.api.requests == []


async def test_a_route_that_is_gone_needs_no_release(world: World, router: Router) -> None:
    ref = await put(world, router, "checkout")
    await world.remove(ref.kind, ref.name)

    assert not await router.release(world.key, ReleaseRoute(route=ref))


async def test_a_release_over_a_change_is_a_conflict(world: World, router: Router) -> None:
    ref = await put(world, router, "checkout")
    world.api.before_patch.append((world.path(ref.kind, ref.name), {"metadata": {"labels": {"team": "a"}}}))

    with pytest.raises(Conflict):
        await router.release(world.key, ReleaseRoute(route=ref))


@IN_MEMORY
async def test_when_a_tool_wrote_is_told_with_which_tool_it_is(world: World, router: Router) -> None:
    ref = await put(world, router, "checkout")
    await world.edit(ref.kind, ref.name, {"spec": {"http": [], "tcp": []}}, manager="argocd-controller")
    await world.shown()

    seen = router.look(world.key, ref)

    assert (seen.writer, seen.tool, seen.owned) == ("argocd-controller", "Argo CD", False)
    assert seen.written is not None
