"""Does the router keep the contract of `rollout.ports.routes.Routes` for subsets of a host?"""

from collections.abc import AsyncIterator

import pytest

from adapters.traffic.router import Router
from rollout.model.actions import SetSubsets, Subset
from rollout.ports.errors import NotFound, Rejected
from tests.support.objects import reviews
from tests.support.traffic_world import SERVERS, World, a_world

SUBSET = Subset(name="v2", labels=(("version", "v2"),))


@pytest.fixture(params=SERVERS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with a_world(request) as world:
        yield world


@pytest.fixture
def router(world: World) -> Router:
    return Router(world.api, world.cache)


async def test_our_rule_is_made_for_a_subset(world: World, router: Router) -> None:
    await world.put(reviews())

    assert await router.set_subsets(world.key, SetSubsets(host="reviews", subsets=(SUBSET,)))

    rule = await world.stored("DestinationRule", "rollout-reviews")
    assert rule["spec"] == {"host": "reviews", "subsets": [{"name": "v2", "labels": {"version": "v2"}}]}


async def test_a_rule_that_is_there_already_makes_no_request(world: World, router: Router) -> None:
    await router.set_subsets(world.key, SetSubsets(host="reviews", subsets=(SUBSET,)))

    assert not await router.set_subsets(world.key, SetSubsets(host="reviews", subsets=(SUBSET,)))

    assert len(world.api.requests) == 1


async def test_a_subset_that_goes_leaves_the_others(world: World, router: Router) -> None:
    other = Subset(name="v1", labels=(("version", "v1"),))
    await router.set_subsets(world.key, SetSubsets(host="reviews", subsets=(other, SUBSET)))

    await router.set_subsets(world.key, SetSubsets(host="reviews", subsets=(SUBSET,)))

    rule = await world.stored("DestinationRule", "rollout-reviews")
    assert [subset["name"] for subset in rule["spec"]["subsets"]] == ["v2"]


async def test_our_rule_goes_with_its_last_subset(world: World, router: Router) -> None:
    await router.set_subsets(world.key, SetSubsets(host="reviews", subsets=(SUBSET,)))

    assert await router.set_subsets(world.key, SetSubsets(host="reviews", subsets=()))

    with pytest.raises(NotFound):
        await world.stored("DestinationRule", "rollout-reviews")


async def test_a_users_rule_of_our_name_is_refused(world: World, router: Router) -> None:
    metadata = {"name": "rollout-reviews", "namespace": "shop"}
    await world.put({"kind": "DestinationRule", "metadata": metadata, "spec": {"host": "reviews"}})

    with pytest.raises(Rejected, match="exists and is not ours"):
        await router.set_subsets(world.key, SetSubsets(host="reviews", subsets=(SUBSET,)))


async def test_a_users_other_labels_for_a_subset_are_refused(world: World, router: Router) -> None:
    spec = {"host": "reviews", "subsets": [{"name": "v2", "labels": {"app": "two"}}]}
    await world.put({"kind": "DestinationRule", "metadata": {"name": "reviews", "namespace": "shop"}, "spec": spec})

    with pytest.raises(Rejected, match="make them agree"):
        await router.set_subsets(world.key, SetSubsets(host="reviews", subsets=(SUBSET,)))
