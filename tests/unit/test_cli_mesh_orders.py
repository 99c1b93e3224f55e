"""What becomes of an order for a MeshMigration, and how does the command end that gave it?"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.memory.access import Asked
from rollout.model.commands import Verb
from rollout.model.migration import Stage
from tests.support.fleet_world import NAME, FleetWorld, a_fleet
from tests.support.mesh_terminal import a_mesh_terminal, a_ticking_controller

pytestmark = pytest.mark.slow  # whole commands against a cluster's HTTP face

HOUR = timedelta(hours=1)
GATED = [{"name": "pilot", "namespaces": ["tools", "shop"], "approval": "security"}]


def only_reads(asked: Asked) -> bool:
    return asked.user.name != "ana" or asked.verb in ("get", "list", "watch")


async def ordered(tmp_path: Path, world: FleetWorld, *words: str) -> tuple[int, str, dict[str, Any]]:
    """How an order ended, and the command that it left."""
    async with a_mesh_terminal(tmp_path, world) as terminal, a_ticking_controller(world):
        shown = await terminal.type(*words, "-o", "json")
    return shown.code, shown.err, json.loads(shown.out)["spec"] if shown.out else {}


async def test_a_wave_is_approved_by_its_name(tmp_path: Path) -> None:
    async with a_fleet(waves=GATED) as world:
        await world.policy("security")
        await world.tick()
        code, _, spec = await ordered(tmp_path, world, "approve", f"meshmigration/{NAME}", "--wave", "pilot")
        status = await world.status()

    assert (code, spec["verb"], spec["subject"]) == (0, "approve", "pilot")
    assert [(one.wave, one.by) for one in status.approved] == [("pilot", "ana")]


async def test_an_approval_without_a_wave_is_a_usage_error_that_names_them(tmp_path: Path) -> None:
    async with a_fleet(waves=GATED) as world:
        code, err, _ = await ordered(tmp_path, world, "approve", f"meshmigration/{NAME}")

    assert (code, "name it with --wave: pilot" in err) == (2, True)


@pytest.mark.parametrize("words", [("--wave", "pilot"), ("--step", "1")])
async def test_options_of_the_other_kind_are_a_usage_error(tmp_path: Path, words: tuple[str, str]) -> None:
    name = "checkout" if words[0] == "--wave" else f"meshmigration/{NAME}"
    async with a_fleet(waves=GATED) as world:
        code, _, _ = await ordered(tmp_path, world, "approve", name, *words)

    assert code == 2


async def test_a_migration_is_paused_and_resumed(tmp_path: Path) -> None:
    async with a_fleet() as world:
        await world.tick()
        paused, _, _ = await ordered(tmp_path, world, "pause", f"meshmigration/{NAME}", "--reason", "audit")
        why = (await world.status()).paused
        resumed, _, _ = await ordered(tmp_path, world, "resume", f"meshmigration/{NAME}")
        after = (await world.status()).paused

    assert (paused, why, resumed, after) == (0, "ana: audit", 0, "")


async def test_a_fallback_opens_the_namespace(tmp_path: Path) -> None:
    async with a_fleet() as world:
        await world.pass_time(HOUR, until="shop Strict")
        await world.pass_time(timedelta(seconds=10))
        code, _, spec = await ordered(tmp_path, world, "mesh", "fallback", "shop", "--reason", "callers fail")
        policy = await world.read("PeerAuthentication", "shop", "default")

    assert (code, spec["subject"], spec["reason"]) == (0, "shop", "callers fail")
    assert policy["spec"]["mtls"]["mode"] == "PERMISSIVE"


async def test_what_the_stage_does_not_allow_is_refused_with_what_it_does(tmp_path: Path) -> None:
    async with a_fleet() as world:
        await world.pass_time(HOUR, until="shop Enrolling")
        code, err, _ = await ordered(tmp_path, world, "mesh", "retry", "shop")

    assert code == 1
    assert "possible there: rollback, acknowledge" in err
    assert "rollout mesh why shop" in json.loads(err.splitlines()[-1])["hint"]


async def test_a_warning_is_acknowledged_with_a_reason(tmp_path: Path) -> None:
    async with a_fleet() as world:
        await world.tick()
        words = ("mesh", "acknowledge", "shop", "PORT-05 Service shop/web", "--reason", "port 9 is unused")
        code, _, spec = await ordered(tmp_path, world, *words)
        (known,) = (await world.of("shop")).acknowledged

    assert (code, spec["verb"], spec["finding"]) == (0, "acknowledge", "PORT-05 Service shop/web")
    assert (known.key, known.by, known.reason) == ("PORT-05 Service shop/web", "ana", "port 9 is unused")


@pytest.mark.parametrize("words", [("acknowledge", "shop", "PORT-05"), ("skip-soak", "shop")])
async def test_an_order_that_needs_a_reason_is_not_sent_without_one(tmp_path: Path, words: tuple[str, ...]) -> None:
    async with a_fleet() as world:
        code, err, spec = await ordered(tmp_path, world, "mesh", *words)

    assert (code, "--reason" in err, spec) == (2, True, {})


async def test_the_rest_of_a_soak_is_skipped(tmp_path: Path) -> None:
    async with a_fleet() as world:
        await world.pass_time(HOUR, until="shop Observing")
        await world.pass_time(timedelta(seconds=40))  # its own marked request is seen by then
        code, _, spec = await ordered(tmp_path, world, "mesh", "skip-soak", "shop", "--reason", "quiet for weeks")
        stage = (await world.of("shop")).stage

    assert (code, spec["verb"]) == (0, Verb.PROMOTE.value)
    assert stage in (Stage.REHEARSAL, Stage.STRICT_CANARY)


async def test_without_the_right_nothing_is_written(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        world.cluster.allows = only_reads
        shown = await terminal.mesh("rollback", "shop")

    assert (shown.code, 'cannot create resource "rolloutcommands"' in shown.err) == (4, True)


async def test_without_a_controller_the_order_stays_and_the_wait_ends(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        shown = await terminal.type("abort", f"meshmigration/{NAME}", "--timeout", "1s")

    assert (shown.code, "the controller has not answered" in shown.err) == (3, True)
