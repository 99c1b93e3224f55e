"""What do `why` and `plan` tell of webhooks?"""

from datetime import timedelta
from typing import Any

from adapters.memory.hooks import MemoryHooks
from rollout.cli import plan
from rollout.cli.options import Access
from rollout.cli.why import account as told_account
from rollout.services import account, account_data, looking, plan_account, planning, queries
from rollout.services.paper import Paper
from rollout.wiring.tools import observing
from tests.support.cli import cluster_of, same_screen
from tests.support.spec_hooks import a_hooked_release, hooks_of
from tests.support.world import World

URL = "http://tester.test/"
HOOKS: list[dict[str, Any]] = [
    {"name": "start", "type": "confirm-rollout", "url": URL},
    {"name": "load", "url": URL, "failures": 3},
    {"name": "promote", "type": "confirm-promotion", "url": URL},
    {"name": "back", "type": "rollback", "url": URL},
]


async def a_run(world: World) -> None:
    """v2 has 5 % while its load generator fails."""
    hooks_of(world).tell("back", passed=False)
    world.metrics.tell_requests("errors", total=2000, bad=2)
    await world.commit(revision="v2")
    await world.pass_time(timedelta(minutes=2))
    hooks_of(world).tell("load", passed=False, message="503: busy")
    await world.pass_time(timedelta(seconds=30))


async def planned(world: World) -> planning.RolloutPlan:
    standing = await queries.rollout(cluster_of(world).objects, world.key)
    async with observing(cluster_of(world), "shop") as observer:
        view = await looking.look_at(observer, standing, world.clock.now())
        return await plan.planned(observer, view, None)


async def test_why_tells_what_each_hook_is_for_and_how_often_it_failed() -> None:
    async with a_hooked_release(MemoryHooks, webhooks=HOOKS) as world:
        await a_run(world)

        found = await told_account(cluster_of(world), Access(), "checkout", world.clock.now())

        same_screen("why_hooks", account.screen(found, Paper()))
        assert account_data.as_data(found)["hooks"][1] == {
            "name": "load",
            "type": "rollout",
            "failures": 3,
            "failed": 2,
        }


async def test_plan_tells_what_each_hook_will_do_and_calls_none() -> None:
    async with a_hooked_release(MemoryHooks, webhooks=HOOKS) as world:
        hooks_of(world).tell("start", passed=False)
        await world.commit(revision="v2", suspend=True)

        found = await planned(world)

        same_screen("plan_hooks", plan_account.screen(found, Paper()))
        assert [hook["name"] for hook in plan_account.as_data(found)["hooks"]] == ["start", "load", "promote", "back"]
        assert hooks_of(world).asked == []
