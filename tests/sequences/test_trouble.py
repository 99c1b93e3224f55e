"""How does a run go when something goes wrong, told one line per change?"""

from datetime import timedelta
from typing import Any

from adapters.kube.api import Patch
from rollout.ports.errors import Rejected
from tests.support.golden import same_story
from tests.support.world import World, a_release, a_world, told_story, virtual_service

MINUTE = timedelta(minutes=1)


async def running(world: World, minutes: int = 2) -> None:
    """A healthy v2 is on its way."""
    world.metrics.tell_requests("errors", bad=0, total=1000)
    await world.commit(revision="v2")
    await world.pass_time(minutes * MINUTE)


async def test_no_data_holds_the_step_and_is_not_a_failure() -> None:
    async with a_release() as world:
        await world.commit(revision="v2")
        await world.pass_time(30 * MINUTE)
        world.tell("requests arrive")
        world.metrics.tell_requests("errors", bad=0, total=1000)

        await world.pass_time(10 * MINUTE)

        same_story("no_data", told_story(world))


async def test_no_data_for_the_step_deadline_rolls_back_where_the_spec_says_so() -> None:
    analysis = {"interval": "15s", "onInconclusive": "rollback", "stepDeadline": "20m"}
    async with a_release(analysis=analysis) as world:
        await world.commit(revision="v2")

        await world.pass_time(60 * MINUTE)

        same_story("no_data_deadline", told_story(world))


async def test_a_prometheus_outage_holds_and_is_over_when_it_is_over() -> None:
    async with a_release() as world:
        await running(world)
        world.tell("Prometheus goes away")
        world.metrics.fail("connection refused")
        await world.pass_time(30 * MINUTE)
        world.tell("Prometheus is back")
        world.metrics.recover()

        await world.pass_time(10 * MINUTE)

        same_story("prometheus_outage", told_story(world))
        stable = world.status.stable
        assert stable is not None
        assert stable.name == "v2"


async def test_a_template_changed_in_place_is_a_new_run() -> None:
    async with a_release() as world:
        await running(world, minutes=7)
        world.tell("v2 gets another image")
        await world.deploy("v2", image="v2-fixed")

        await world.pass_time(6 * MINUTE)

        same_story("template_changed_mid_run", told_story(world))


async def test_git_naming_stable_again_goes_back_at_once() -> None:
    async with a_release() as world:
        await running(world, minutes=7)
        await world.commit(revision="v1")

        await world.pass_time(2 * MINUTE)

        same_story("return_to_stable", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_a_weight_raised_by_hand_is_set_back_and_said_once() -> None:
    async with a_release() as world:
        await running(world)
        world.tell("somebody sets 60 %")
        await world.weights(checkout_v1=40, checkout_v2=60)

        await world.pass_time(MINUTE)

        same_story("drift_healed", told_story(world))
        assert await world.split() == {"checkout-v1": 95, "checkout-v2": 5}


async def test_a_weight_lowered_by_hand_pauses_the_run() -> None:
    async with a_release() as world:
        await running(world, minutes=7)
        world.tell("somebody sets 10 %")
        await world.weights(checkout_v1=90, checkout_v2=10)
        await world.pass_time(10 * MINUTE)
        await world.command("resume")

        await world.pass_time(10 * MINUTE)

        same_story("hand_edit_towards_stable", told_story(world))


async def test_a_workload_that_does_not_become_available_fails() -> None:
    async with a_world() as world:
        await world.deploy("v1")
        await world.put(virtual_service("checkout-v1"))
        await world.rollout(revision="v1")
        await world.settle()
        world.story.clear()
        await world.deploy("v2")
        await world.ready("v2", pods=1, wanted=2)
        await world.commit(revision="v2")

        await world.pass_time(15 * MINUTE)

        same_story("workload_not_available", told_story(world))


async def test_capacity_comes_before_weight() -> None:
    async with a_world() as world:
        await world.deploy("v1", pods=10)
        await world.deploy("v2", pods=1)
        await world.put(virtual_service("checkout-v1"))
        await world.rollout(revision="v1")
        await world.settle()
        world.story.clear()
        await running(world, minutes=7)
        world.tell("v2 gets 5 pods")
        await world.deploy("v2", pods=5)
        await world.pass_time(8 * MINUTE)
        world.tell("v2 gets 10 pods")
        await world.deploy("v2", pods=10)

        await world.pass_time(5 * MINUTE)

        same_story("capacity_missing", told_story(world))


async def test_an_unversioned_service_is_not_guessed_to_be_stable() -> None:
    async with a_world() as world:
        await world.deploy("v1", service="checkout")
        await world.put(virtual_service("checkout"))
        await world.rollout(revision="v2")
        await world.pass_time(MINUTE)
        named = await world.command("name-stable", backend="checkout")
        await world.deploy("v2")
        world.metrics.tell_requests("errors", bad=0, total=1000)

        await world.pass_time(15 * MINUTE)

        same_story("adoption_of_an_unversioned_service", told_story(world))
        assert await world.answer(named) == "Accepted: checkout is stable"
        assert await world.split() == {"checkout-v2": 100}


async def test_a_split_without_status_is_not_guessed() -> None:
    async with a_world() as world:
        await world.deploy("v1")
        await world.deploy("v2")
        await world.put(virtual_service("checkout-v1", "checkout-v2"))
        await world.weights(checkout_v1=70, checkout_v2=30)
        await world.rollout(revision="v2")

        await world.pass_time(5 * MINUTE)

        same_story("split_without_status", told_story(world))
        assert await world.split() == {"checkout-v1": 70, "checkout-v2": 30}


async def test_a_dead_stable_keeps_the_weight_where_it_is() -> None:
    async with a_release() as world:
        await running(world)
        world.tell("stable loses its pods")
        await world.endpoints("checkout-v1", ["v1-0", "v1-1"], ready=0)
        await world.pass_time(15 * MINUTE)
        world.tell("stable is back")
        await world.endpoints("checkout-v1", ["v1-0", "v1-1"], ready=2)

        await world.pass_time(2 * MINUTE)

        same_story("stable_vanishes_with_pass", told_story(world))


async def test_a_rollback_into_a_dead_stable_is_held() -> None:
    async with a_release() as world:
        await running(world)
        world.tell("stable loses its pods, and v2 fails")
        await world.endpoints("checkout-v1", ["v1-0", "v1-1"], ready=0)
        world.metrics.tell_requests("errors", bad=500, total=1000)
        await world.pass_time(5 * MINUTE)
        held = await world.split()
        world.tell("stable is back")
        await world.endpoints("checkout-v1", ["v1-0", "v1-1"], ready=2)

        await world.pass_time(2 * MINUTE)

        same_story("stable_vanishes_with_fail", told_story(world))
        assert held == {"checkout-v1": 95, "checkout-v2": 5}
        assert await world.split() == {"checkout-v1": 100}


async def test_backends_that_share_pods_are_held() -> None:
    async with a_world() as world:
        await world.deploy("v1", service="checkout")
        await world.put(virtual_service("checkout"))
        await world.rollout(revision="v2", stable={"service": "checkout"})
        await world.deploy("v2")
        await world.endpoints("checkout", ["v1-0", "v1-1", "v2-0", "v2-1"], ready=4)
        await world.pass_time(2 * MINUTE)
        world.tell("the unversioned Service selects v1 only")
        await world.endpoints("checkout", ["v1-0", "v1-1"], ready=2)

        await world.pass_time(MINUTE)

        same_story("overlap_of_backends", told_story(world))


async def test_a_revert_after_promotion_goes_back_at_once() -> None:
    async with a_release() as world:
        await running(world, minutes=20)
        world.tell("git names v1 again")
        await world.commit(revision="v1")

        await world.pass_time(2 * MINUTE)

        same_story("revert_after_promotion", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_a_restart_annotation_is_no_new_run() -> None:
    async with a_release() as world:
        await running(world)
        world.tell("kubectl rollout restart of v2")
        annotation = {"kubectl.kubernetes.io/restartedAt": "2026-11-21T09:02:00Z"}
        template = {"spec": {"template": {"metadata": {"annotations": annotation}}}}
        await world.person.patch(world.path("Deployment", "checkout-v2"), Patch.MERGE, template)
        await world.ready("v2", pods=2)

        await world.pass_time(4 * MINUTE)

        same_story("restart_is_no_new_run", told_story(world))
        assert world.status.runs == 1


async def test_stable_changed_in_mid_run_is_held_until_it_is_confirmed() -> None:
    async with a_release() as world:
        await running(world)
        world.tell("v1 gets another image")
        await world.deploy("v1", image="v1-patched")
        await world.pass_time(10 * MINUTE)
        await world.command("confirm")

        await world.pass_time(2 * MINUTE)

        same_story("stable_template_changed", told_story(world))


async def test_a_conflict_does_not_keep_a_weight_from_going_down() -> None:
    async with a_release() as world:
        await running(world)
        world.tell("v2 fails while somebody edits the route and the status cannot be saved")
        world.metrics.tell_requests("errors", bad=500, total=1000)
        world.cluster.faults.hold()
        await world.person.patch(
            world.path("VirtualService", "checkout"), Patch.MERGE, {"metadata": {"labels": {"touched": "yes"}}}
        )
        await world.person.patch(
            world.path("Rollout", "checkout"), Patch.MERGE, {"metadata": {"labels": {"touched": "yes"}}}
        )
        world.clock.advance(timedelta(seconds=15))
        await world.tick()
        lowered = await world.split()
        world.cluster.faults.release()

        await world.pass_time(2 * MINUTE)

        same_story("conflict_while_lowering", told_story(world))
        assert lowered == {"checkout-v1": 100, "checkout-v2": 0}


async def test_deleting_the_rollout_in_mid_run_leaves_stable_alone() -> None:
    async with a_release() as world:
        await running(world, minutes=7)
        await world.person.delete(world.path("Rollout", "checkout"))

        await world.pass_time(2 * MINUTE)

        same_story("deletion_mid_run", told_story(world))
        assert await world.split() == {"checkout-v1": 100}
        assert await world.is_gone("Rollout", "checkout")


async def test_one_refusing_route_does_not_keep_the_other_from_going_down() -> None:
    routes: list[dict[str, Any]] = [
        {"kind": "VirtualService", "name": "checkout"},
        {"kind": "VirtualService", "name": "outer"},
    ]
    async with a_world() as world:
        await world.deploy("v1")
        await world.deploy("v2")
        for name in ("checkout", "outer"):
            await world.put(virtual_service("checkout-v1", name=name))
        await world.rollout(revision="v1", routes=routes)
        await world.settle()
        world.story.clear()
        await running(world)
        world.tell("v2 fails, and writes to the route checkout are refused")
        world.metrics.tell_requests("errors", bad=500, total=1000)
        world.cluster.faults.fail_next("*/virtualservices/checkout", Rejected("a webhook says no"))
        world.clock.advance(timedelta(seconds=15))
        await world.cache.refresh()
        await world.tick()
        lowered = await world.split(name="outer")

        await world.pass_time(2 * MINUTE)

        same_story("one_of_two_routes_refuses", told_story(world))
        assert lowered == {"checkout-v1": 100, "checkout-v2": 0}
        assert await world.split() == {"checkout-v1": 100}
