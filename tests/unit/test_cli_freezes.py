"""What does a terminal show of a freeze, and how do commands end in one?"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rollout.cli.options import Access
from rollout.cli.why import account as told_account
from rollout.services import account, account_data, looking, plan_account, planning, queries
from rollout.services.paper import Paper
from rollout.wiring.tools import observing
from tests.support.cli import Terminal, a_controller, a_release_at, cluster_of, same_screen
from tests.support.freezing import freeze
from tests.support.world import World, a_release

pytestmark = pytest.mark.slow  # whole commands against a cluster's HTTP face

NOW = {"from": "2026-11-21T08:00:00Z", "to": "2026-11-21T12:00:00Z"}
SOON = {"from": "2026-11-21T09:06:00Z", "to": "2026-11-21T12:00:00Z"}


async def frozen(world: World, window: dict[str, str], **spec: Any) -> None:
    await freeze(world, "closing", **{"windows": [window], "reason": "year-end closing", "overrun": "hold", **spec})
    await world.pass_time(timedelta(minutes=1))


async def why_screen(world: World) -> list[str]:
    found = await told_account(cluster_of(world), Access(), "checkout", world.clock.now())
    return account.screen(found, Paper())


async def planned(world: World) -> planning.RolloutPlan:
    standing = await queries.rollout(cluster_of(world).objects, world.key)
    async with observing(cluster_of(world), "shop") as observer:
        view = await looking.look_at(observer, standing, world.clock.now())
        return planning.planned(view)


async def overriding(terminal: Terminal, *words: str) -> tuple[int, str]:
    async with a_controller(terminal.world):
        shown = await terminal.type("override", "checkout", *words)
    return shown.code, shown.out + shown.err


async def test_why_tells_of_the_freeze_and_how_to_go_on(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        await frozen(terminal.world, NOW, override={"groups": ["sre"]})

        same_screen("why_frozen", await why_screen(terminal.world))


async def test_why_tells_who_overrode_a_freeze_and_why(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        await frozen(terminal.world, NOW, override={"groups": ["release-managers"]})
        await overriding(terminal, "--reason", "payments are down")

        screen = await why_screen(terminal.world)
        data = account_data.as_data(
            await told_account(cluster_of(terminal.world), Access(), "checkout", terminal.world.clock.now())
        )

    told = "overridden   rollout-system/closing by ana (cli) at 09:01:00 UTC: payments are down"
    assert any(told in line for line in screen)
    assert data["run"]["override"]["reason"] == "payments are down"


async def test_a_plan_shows_the_freezes_that_it_meets_on_its_way() -> None:
    async with a_release() as world:
        await freeze(world, "closing", windows=[SOON], overrun="hold")
        await freeze(world, "later", windows=[{"from": "2026-12-21T09:06:00Z", "to": "2026-12-22T00:00:00Z"}])
        await freeze(world, "finishing", windows=[SOON], overrun="finish")
        found = await planned_for(world, "v2")

    assert [str(one.window) for one in found.freezes] == ["rollout-system/closing"]
    assert plan_account.as_data(found)["freezes"] == [
        {
            "window": "rollout-system/closing",
            "from": "2026-11-21T09:06:00+00:00",
            "to": "2026-11-21T12:00:00+00:00",
        }
    ]
    assert any(
        "FreezeWindow rollout-system/closing keeps its weight from 2026-11-21 09:06 UTC until 2026-11-21 12:00 UTC"
        in line
        for line in plan_account.screen(found, Paper())
    )


async def planned_for(world: World, revision: str) -> planning.RolloutPlan:
    """The plan of a commit that the controller has not looked at yet."""
    await world.commit(revision=revision)
    return await planned(world)


async def test_a_plan_says_what_is_frozen_now() -> None:
    async with a_release() as world:
        await freeze(world, "closing", windows=[NOW])
        found = await planned_for(world, "v2")

    assert [hold.code for hold in found.holds] == ["Frozen"]
    assert found.freezes == ()


async def test_an_override_says_what_it_did_and_for_which_run(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        await frozen(terminal.world, NOW, override={"groups": ["release-managers"]})
        ended = await overriding(terminal, "--reason", "payments are down")

    said = "Accepted: shop/checkout override (run 1): run 1 goes on; a freeze that begins later holds it\n"
    assert ended == (0, said)


async def test_an_override_without_a_reason_is_a_wrong_command_line(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        code, said = await overriding(terminal)

    assert code == 2
    assert "an override needs --reason TEXT" in said


async def test_whom_the_window_does_not_name_is_told_who_may(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        await frozen(terminal.world, NOW, override={"groups": ["sre"]})
        code, said = await overriding(terminal, "--reason", "payments are down")

    assert code == 1
    assert "ana may not override FreezeWindow rollout-system/closing: groups sre may" in said


@pytest.mark.parametrize("verb", ["promote", "promote-full"])
async def test_a_promotion_in_a_freeze_is_exit_code_5(tmp_path: Path, verb: str) -> None:
    async with a_release_at(tmp_path) as terminal, a_controller(terminal.world):
        await frozen(terminal.world, NOW)

        shown = await terminal.type(verb, "checkout")

    assert shown.code == 5
    assert f"{verb} never skips a freeze" in shown.err


async def test_a_wait_for_nobody_ends_in_a_freeze(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        await frozen(terminal.world, NOW)

        shown = await terminal.type("wait", "checkout", "--fail-on-approval", "--quiet", "--timeout", "20s")

    assert shown.code == 5
    assert "frozen until 2026-11-21 12:00 UTC" in shown.err
