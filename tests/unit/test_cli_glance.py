"""Does `rollout why` see with few requests all that a look at the whole namespace sees?"""

from collections import Counter
from contextlib import AbstractAsyncContextManager

import pytest

from rollout.progression.view import View
from rollout.services import queries
from rollout.services.looking import look_at
from rollout.services.observe import Observer
from rollout.services.queries import Standing
from rollout.wiring.tools import glancing, observing
from tests.support.builders import a_rollout_manifest
from tests.support.cli import cluster_of
from tests.support.scenes import SUBSETS, deploy_subset, http_route, subset_service
from tests.support.world import World, a_release, a_world

pytestmark = pytest.mark.slow  # whole runs


async def seen_by(world: World, eyes: AbstractAsyncContextManager[Observer], standing: Standing) -> View:
    async with eyes as observer:
        return await look_at(observer, standing, world.clock.now())


async def same_from_near_and_afar(world: World) -> View:
    """The view of a glance, which is that of a look at the whole namespace."""
    cluster, now = cluster_of(world), world.clock.now()
    standing = await queries.rollout(cluster.objects, world.key)

    near = await seen_by(world, glancing(cluster, standing, now), standing)

    assert near == await seen_by(world, observing(cluster, "shop"), standing)
    return near


async def test_of_services_it_sees_the_same() -> None:
    async with a_release(steps=[{"weight": 5, "approval": "sre"}]) as world:
        await world.commit(revision="v2")
        await world.settle()
        await world.command("pause")

        view = await same_from_near_and_afar(world)

        assert {name.service: seen.ready for name, seen in view.seen.backends.items()} == {
            "checkout-v1": 2,
            "checkout-v2": 2,
        }
        assert [one.verb for one in view.seen.commands] == ["pause"]


async def test_of_subsets_it_sees_the_same() -> None:
    async with a_world() as world:
        await deploy_subset(world, "v1", "v2")
        await world.put(subset_service("v1"))
        await world.rollout(revision="v1", backend=SUBSETS)
        await world.settle()
        await world.commit(revision="v2")
        await world.settle()

        view = await same_from_near_and_afar(world)

        assert all(seen.subset_defined and seen.ready for seen in view.seen.backends.values())


async def test_a_rival_is_seen() -> None:
    async with a_release() as world:
        rival = a_rollout_manifest(revision="v1", backend={"service": "checkout-{revision}"})
        rival["metadata"]["name"] = "rival"
        await world.put(rival)

        view = await same_from_near_and_afar(world)

        assert [key.name for key in view.seen.rivals] == ["rival"]


async def test_a_kind_that_the_cluster_does_not_serve_is_seen_as_absent() -> None:
    async with a_world(mesh=("HTTPRoute",)) as world:
        await world.deploy("v1")
        await world.put(http_route("checkout-v1"))
        routes = [{"kind": "HTTPRoute", "name": "checkout"}, {"kind": "VirtualService", "name": "checkout"}]
        await world.rollout(revision="v1", routes=routes)

        view = await same_from_near_and_afar(world)

        assert [str(route.state) for route in view.seen.routes] == ["present", "kindAbsent"]


async def test_it_reads_by_name_whatever_else_there_is_in_the_namespace() -> None:
    async with a_release() as world:
        for number in range(5):
            await world.deploy(f"v{number}", service=f"other-{number}")
        cluster, now = cluster_of(world), world.clock.now()
        standing = await queries.rollout(cluster.objects, world.key)
        before = world.cluster.faults.calls.copy()

        await seen_by(world, glancing(cluster, standing, now), standing)

        asked = Counter({what: times for what, times in (world.cluster.faults.calls - before).items() if what[1]})
        assert asked == {
            ("list", "rollouts"): 1,
            ("get", "rollouts"): 1,
            ("get", "virtualservices"): 1,
            ("get", "services"): 1,
            ("list", "endpointslices"): 1,
            ("get", "deployments"): 1,
            ("list", "rolloutcommands"): 1,
            ("list", "approvalpolicies"): 1,  # of the controller's namespace
            ("list", "freezewindows"): 2,
        }
