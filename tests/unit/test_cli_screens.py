"""What do the commands show of a Rollout? Whole screens, compared as text."""

from datetime import timedelta
from typing import Any

import pytest

from rollout.cli import history, listing, plan
from rollout.cli.options import Access
from rollout.cli.why import account as told_account
from rollout.ports.metrics import Metrics
from rollout.services import account, account_data, looking, plan_account, planning, queries, tree_account
from rollout.services.paper import Paper
from rollout.wiring.tools import observing
from tests.support import builders
from tests.support.builders import a_rollout_manifest
from tests.support.cli import GATED, cluster_of, same_screen
from tests.support.world import World, a_release, a_world, virtual_service

PLAIN = Paper()


async def why_screen(world: World, on: Paper = PLAIN) -> list[str]:
    found = await told_account(cluster_of(world), Access(), "checkout", world.clock.now())
    return account.screen(found, on)


async def planned(world: World, metrics: Metrics | None = None) -> planning.RolloutPlan:
    standing = await queries.rollout(cluster_of(world).objects, world.key)
    async with observing(cluster_of(world), "shop", metrics) as observer:
        view = await looking.look_at(observer, standing, world.clock.now())
        return await plan.planned(observer, view, metrics)


async def a_run(world: World, *, bad: int = 2, minutes: int = 0) -> None:
    world.metrics.tell_requests("errors", total=2000, bad=bad)
    await world.commit(revision="v2")
    await world.pass_time(timedelta(minutes=minutes))


async def test_why_tells_of_a_rollout_at_rest() -> None:
    async with a_release() as world:
        same_screen("why_idle", await why_screen(world))


async def test_why_tells_every_number_of_a_run_that_waits_for_an_approval() -> None:
    async with a_release(steps=GATED) as world:
        await a_run(world, minutes=6)

        same_screen("why_approval", await why_screen(world))


async def test_why_tells_what_missing_data_leads_to() -> None:
    async with a_release() as world:
        await world.commit(revision="v2")
        await world.pass_time(timedelta(minutes=7))

        same_screen("why_no_data", await why_screen(world))


async def test_why_tells_what_a_failed_run_failed_of() -> None:
    async with a_release() as world:
        await a_run(world, bad=400, minutes=2)

        same_screen("why_failed", await why_screen(world))


async def test_why_tells_that_stable_cannot_be_told() -> None:
    async with a_world() as world:
        await world.deploy("v1")
        await world.deploy("v2")
        await world.put(virtual_service("checkout-v1", "checkout-v2"))
        await world.weights(checkout_v1=50, checkout_v2=50)
        await world.rollout(revision="v2")
        await world.settle()

        same_screen("why_stable_unknown", await why_screen(world))


async def test_why_tells_what_is_wrong_with_a_spec_that_cannot_be_read() -> None:
    async with a_release() as world:
        await world.commit(routes=[{"kind": "TrafficSplit", "name": "checkout", "only": ["api"]}])
        await world.settle()

        screen = await why_screen(world)

    assert any("cannot be read:" in line and "no named routes" in line for line in screen)


async def test_why_tells_which_policy_is_missing() -> None:
    async with a_release() as world:
        await world.commit(policies=["nobody"])
        await world.settle()

        screen = await why_screen(world)

    assert any("there is no SloPolicy nobody" in line for line in screen)


async def test_why_goes_on_where_the_world_may_not_be_looked_at() -> None:
    async with a_release() as world:
        await a_run(world)
        world.cluster.allows = lambda asked: asked.resource != "services"

        screen = await why_screen(world)

    assert any("routes and backends were not looked at" in line for line in screen)
    assert any(line.startswith("Possible  rollout promote") for line in screen)


async def test_without_symbols_a_screen_is_plain_ascii() -> None:
    async with a_release(steps=GATED) as world:
        await a_run(world, minutes=6)

        screen = await why_screen(world, Paper(symbols=False))

    assert "\n".join(screen).isascii()


async def test_a_screen_keeps_to_the_width_of_the_terminal() -> None:
    async with a_release(steps=GATED) as world:
        await a_run(world, minutes=6)

        screen = await why_screen(world, Paper(width=60))

    holds = screen[screen.index("Holds") :]
    assert max(len(line) for text in holds for line in text.splitlines()) <= 60


async def test_why_says_the_same_to_machines() -> None:
    async with a_release(steps=GATED) as world:
        await a_run(world, minutes=6)

        found = await told_account(cluster_of(world), Access(), "checkout", world.clock.now())
        data = account_data.as_data(found)

    assert data["run"]["step"] == 2
    assert [hold["code"] for hold in data["holds"]] == ["Soaking", "AwaitingApproval"]
    assert data["objectives"][0]["value"] == "0.1%"
    assert data["weights"][0]["seen"] == {"lowest": 50.0, "highest": 50.0}
    assert "approve" in data["possible"]


async def test_the_list_has_a_line_for_each_rollout() -> None:
    async with a_release(steps=GATED) as world:
        await a_run(world, minutes=6)
        found = await queries.rollouts(cluster_of(world).objects)

        shown = listing.lines(found, Access(all_namespaces=True), PLAIN, world.clock.now())

    same_screen("list", shown)


async def test_the_wide_list_says_what_holds() -> None:
    async with a_release(steps=GATED) as world:
        await a_run(world, minutes=6)
        found = await queries.rollouts(cluster_of(world).objects)

        shown = listing.lines(found, Access(output="wide"), PLAIN, world.clock.now())

    same_screen("list_wide", shown)


async def test_the_tree_shows_weights_as_they_are_and_as_they_should_be() -> None:
    async with a_release(steps=GATED) as world:
        await a_run(world)
        await world.weights(checkout_v1=70, checkout_v2=30)
        await world.ready("v2", pods=1)
        standing = await queries.rollout(cluster_of(world).objects, world.key)
        async with observing(cluster_of(world), "shop") as observer:
            view = await looking.look_at(observer, standing, world.clock.now())

        same_screen("tree", tree_account.screen(view, PLAIN))


async def test_the_history_begins_with_the_run_in_hand() -> None:
    async with a_release() as world:
        await a_run(world, bad=400, minutes=2)
        await world.command("retry")
        await world.settle()
        found = await queries.rollout(cluster_of(world).objects, world.key)

        same_screen("history", history.lines(found, PLAIN, world.clock.now()))


async def test_the_plan_shows_every_weight_of_a_run_that_has_not_begun() -> None:
    steps = [{"weight": 10, "soak": "5m"}, {"weight": 50, "soak": "10m", "approval": "sre"}]
    async with a_release(suspend=True, steps=steps) as world:
        await world.commit(revision="v2")

        same_screen("plan", plan_account.screen(await planned(world), PLAIN))


async def test_the_plan_of_auto_says_that_the_judge_chooses_the_weights() -> None:
    errors = {"name": "errors", "kind": "error-ratio", "max": "1%"}
    async with a_release(suspend=True) as world:
        await world.commit(revision="v2", steps=None, auto={"max": 30, "minDuration": "7m"}, objectives=[errors])

        same_screen("plan_auto", plan_account.screen(await planned(world), PLAIN))


@pytest.mark.parametrize(("straight", "words"), [(True, "straight to 100 %"), (False, "the judge chooses")])
def test_a_run_without_steps_is_straight_or_the_judges(straight: bool, words: str) -> None:
    assert words in account.step_words(builders.a_run(plan=(), step=0, straight=straight))


async def test_the_plan_shows_what_is_left_of_a_run() -> None:
    async with a_release(steps=GATED) as world:
        await a_run(world, minutes=6)

        same_screen("plan_running", plan_account.screen(await planned(world), PLAIN))


async def test_the_plan_as_markdown_is_a_table() -> None:
    async with a_release(suspend=True) as world:
        await world.commit(revision="v2")

        same_screen("plan_markdown", plan_account.markdown(await planned(world)))


async def test_the_plan_of_what_is_live_already_has_nothing_to_do() -> None:
    async with a_release() as world:
        found = await planned(world)

    assert (found.canary, found.rows) == ("", ())
    assert "nothing to do" in found.note


HINDRANCES: dict[str, tuple[dict[str, Any], str]] = {
    "a missing route": ({"routes": [{"kind": "VirtualService", "name": "nobody"}]}, "RouteUnusable"),
    "a service that is not there": ({"revision": "v9"}, "NotAvailable"),
    "a suspended spec": ({"suspend": True}, "Suspended"),
}


@pytest.mark.parametrize("name", HINDRANCES)
async def test_the_plan_names_what_stands_in_the_way(name: str) -> None:
    changes, code = HINDRANCES[name]
    async with a_release() as world:
        await world.commit(**{"revision": "v2", **changes})

        found = await planned(world)

    assert code in [hold.code for hold in found.holds]


async def test_the_plan_names_a_weight_that_no_pool_can_carry() -> None:
    async with a_release(steps=[{"weight": 5}]) as world:
        await world.weights(checkout_v1=7, other=3)
        await world.commit(revision="v2")

        found = await planned(world)

    assert "WeightImpossible" in [hold.code for hold in found.holds]


async def test_the_plan_names_backends_that_share_a_pod() -> None:
    async with a_release() as world:
        await world.endpoints("checkout-v1", ["v1-0", "v2-0"], ready=2)
        await world.commit(revision="v2")

        found = await planned(world)

    assert "BackendsOverlap" in [hold.code for hold in found.holds]


async def test_the_plan_names_two_rollouts_on_one_pool() -> None:

    async with a_release() as world:
        rival = a_rollout_manifest()
        rival["metadata"]["name"] = "rival"
        await world.put(rival)
        await world.commit(revision="v2")

        found = await planned(world)

    assert "RouteContested" in [hold.code for hold in found.holds]


async def test_the_plan_makes_subsets_before_a_route_names_them() -> None:
    subset = {"subset": {"host": "checkout", "name": "{revision}", "labels": {"version": "{revision}"}}}
    async with a_world() as world:
        await world.deploy("v1", service="checkout")
        await world.deploy("v2", service="checkout-v2")
        await world.endpoints("checkout", ["v1-0", "v1-1", "v2-0", "v2-1"], ready=4)
        route = virtual_service("checkout")
        route["spec"]["http"][0]["route"][0]["destination"]["subset"] = "v1"
        await world.put(route)
        await world.rollout(backend=subset)

        found = await planned(world)

    assert [subset.name for subset in found.subsets] == ["v1", "v2"]
    assert found.duration == timedelta(minutes=10, seconds=30)
