"""How do the verbs that steer a Rollout end, and what do they say?"""

import json
from pathlib import Path

import pytest

from adapters.memory.access import Asked
from tests.support.cli import GATED, a_controller, a_release_at, a_terminal
from tests.support.world import a_release

pytestmark = pytest.mark.slow  # whole commands against a cluster's HTTP face


def only_reads(asked: Asked) -> bool:
    return asked.user.name != "ana" or asked.verb in ("get", "list", "watch")


async def test_an_accepted_command_says_what_it_did_and_for_which_run(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal, a_controller(terminal.world):
        shown = await terminal.type("pause", "checkout")

    assert shown.code == 0
    assert shown.out == "Accepted: shop/checkout pause (run 1): paused at 5 %; `resume` goes on\n"


async def test_a_command_carries_who_gave_it_and_why(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal, a_controller(terminal.world):
        shown = await terminal.type("abort", "rlt/checkout", "--reason", "customers call", "-o", "json")

    spec = json.loads(shown.out)["spec"]
    assert spec["actor"] == {"user": "ana", "groups": ["release-managers"]}
    assert (spec["reason"], spec["channel"], spec["run"]) == ("customers call", "cli", 1)


async def test_an_approval_is_bound_to_run_step_and_revision(tmp_path: Path) -> None:
    steps = [{"weight": 5, "soak": "5m", "approval": "sre"}]
    async with a_release_at(tmp_path, steps=steps) as terminal, a_controller(terminal.world):
        shown = await terminal.type("approve", "checkout", "-o", "json")

    spec = json.loads(shown.out)["spec"]
    assert (spec["run"], spec["step"], spec["revision"]) == (1, 1, "v2")


async def test_an_approval_of_another_step_is_stale(tmp_path: Path) -> None:
    steps = [{"weight": 5, "soak": "5m", "approval": "sre"}]
    async with a_release_at(tmp_path, steps=steps) as terminal, a_controller(terminal.world):
        shown = await terminal.type("approve", "checkout", "--step", "2")

    assert shown.code == 7
    assert "made for step 2, now it is step 1" in shown.err


async def test_a_command_for_a_run_that_is_over_is_stale(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal, a_controller(terminal.world):
        shown = await terminal.type("abort", "checkout", "--run", "7")

    assert (shown.code, "made for run 7" in shown.err) == (7, True)


async def test_what_the_phase_does_not_allow_is_refused_with_what_it_does(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal, a_controller(terminal.world):
        shown = await terminal.type("resume", "checkout")

    assert shown.code == 1
    assert "possible now: promote" in shown.err


async def test_a_gate_is_not_skipped(tmp_path: Path) -> None:
    async with a_release_at(tmp_path, steps=GATED) as terminal, a_controller(terminal.world):
        shown = await terminal.type("promote-full", "checkout")

    assert (shown.code, "never a gate" in shown.err) == (1, True)


async def test_without_a_controller_the_command_stays_and_the_wait_ends(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        shown = await terminal.type("pause", "checkout", "--timeout", "1s")

    assert shown.code == 3
    assert "the controller has not answered after 1 s" in shown.err


async def test_without_the_right_nothing_is_written(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        terminal.world.cluster.allows = only_reads

        shown = await terminal.type("abort", "checkout")

    assert (shown.code, 'cannot create resource "rolloutcommands"' in shown.err) == (4, True)


async def test_a_rollout_that_is_not_there_gets_no_command(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        shown = await terminal.type("abort", "nobody")

    assert (shown.code, "nobody" in shown.err) == (6, True)


async def test_stable_is_named_by_its_backend(tmp_path: Path) -> None:
    async with a_release() as world, a_terminal(tmp_path, world) as terminal, a_controller(world):
        shown = await terminal.type("name-stable", "checkout", "checkout-v1", "-o", "json")

    assert json.loads(shown.out)["spec"]["backend"] == "checkout-v1"


async def test_errors_for_machines_have_code_message_and_hint(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal, a_controller(terminal.world):
        shown = await terminal.type("resume", "checkout", "-o", "json")

    error = json.loads(shown.err)
    assert error["code"] == "Refused"
    assert error["hint"].startswith("`rollout why checkout")
