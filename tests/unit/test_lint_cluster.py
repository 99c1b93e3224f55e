"""Does `rollout lint --since` let go of what the live Rollout lets go of, and of nothing else?"""

import asyncio
from pathlib import Path

import pytest

from tests.support.checkouts import Checkout, released
from tests.support.cli import Shown, Terminal, a_terminal
from tests.support.scenes import MINUTE, healthy, running
from tests.support.world import a_release, a_world

pytestmark = pytest.mark.slow  # whole commands against a cluster's HTTP face


async def a_commit_without(directory: Path, *revisions: str) -> Checkout:
    """v1 and v2 were released; the newest commit deletes these revisions."""

    def made() -> Checkout:
        checkout = released(directory / "specs", "v1", "v2")
        for revision in revisions:
            checkout.remove(f"apps/{revision}.yaml")
        checkout.commit()
        return checkout

    return await asyncio.to_thread(made)


async def linted(terminal: Terminal, checkout: Checkout) -> Shown:
    place = ("--kubeconfig", str(terminal.kubeconfig))
    return await terminal.type("lint", str(checkout.path), "--since", "HEAD~1", *place)


async def test_what_status_removable_lists_may_go(tmp_path: Path) -> None:
    checkout = await a_commit_without(tmp_path, "v1")
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        await running(world, minutes=15)
        assert world.status.removable == ("Deployment/checkout-v1", "Service/checkout-v1")

        shown = await linted(terminal, checkout)

    assert (shown.code, shown.out) == (0, "")


async def test_what_stable_needs_may_not_go(tmp_path: Path) -> None:
    checkout = await a_commit_without(tmp_path, "v2")
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        await running(world, minutes=15)

        shown = await linted(terminal, checkout)

    assert shown.code == 1
    assert shown.out.count("stable v2 of shop/checkout still needs it") == 2


async def test_in_mid_run_neither_stable_nor_canary_may_go(tmp_path: Path) -> None:
    checkout = await a_commit_without(tmp_path, "v1", "v2")
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        await running(world)

        shown = await linted(terminal, checkout)

    assert shown.out.count("stable v1 of shop/checkout still needs it") == 2
    assert shown.out.count("canary v2 of shop/checkout still needs it") == 2


async def test_the_former_stable_may_not_go_before_it_is_listed(tmp_path: Path) -> None:
    checkout = await a_commit_without(tmp_path, "v1")
    async with a_release(settle="10m") as world, a_terminal(tmp_path, world) as terminal:
        await running(world, minutes=11)
        assert (world.status.phase, world.status.removable) == ("Idle", ())

        shown = await linted(terminal, checkout)

    assert shown.out.count("former stable v1 of shop/checkout still needs it") == 2


async def test_what_nobody_needs_any_more_may_go_though_it_is_not_listed(tmp_path: Path) -> None:
    checkout = await a_commit_without(tmp_path, "v1")
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        await running(world, minutes=15)
        await world.deploy("v3")
        await world.commit(revision="v3")
        healthy(world)
        await world.pass_time(15 * MINUTE)
        assert "Deployment/checkout-v1" not in world.status.removable

        shown = await linted(terminal, checkout)

    assert (shown.code, shown.out) == (0, "")


async def test_a_spec_that_the_controller_has_not_seen_lets_nothing_go(tmp_path: Path) -> None:
    checkout = await a_commit_without(tmp_path, "v2")
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        await world.commit(revision="v2")

        shown = await linted(terminal, checkout)

    assert (shown.code, "has not looked at the newest spec" in shown.out) == (1, True)


async def test_a_cluster_without_the_rollout_lets_nothing_go(tmp_path: Path) -> None:
    checkout = await a_commit_without(tmp_path, "v1")
    async with a_world() as world, a_terminal(tmp_path, world) as terminal:
        shown = await linted(terminal, checkout)

    assert (shown.code, "has no Rollout shop/checkout" in shown.out) == (1, True)


async def test_no_right_to_read_is_exit_code_4(tmp_path: Path) -> None:
    checkout = await a_commit_without(tmp_path, "v1")
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        world.cluster.allows = lambda _: False

        shown = await linted(terminal, checkout)

    assert shown.code == 4
