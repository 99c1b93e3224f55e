"""How do the verbs that steer a Rollout end, and what do they say?"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.memory.access import Asked
from adapters.memory.cluster import DirectApi
from rollout.model.names import Key
from tests.support.cli import GATED, Shown, a_controller, a_release_at, a_terminal
from tests.support.sync_world import URL, SyncWorld, a_sync_world, policies
from tests.support.world import a_release, a_world

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


@asynccontextmanager
async def looks_at(sync: SyncWorld, key: Key) -> AsyncIterator[None]:
    """The controller looks after a source in the background."""

    async def look() -> None:
        while True:
            await sync.wake(key)
            await asyncio.sleep(0.02)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def confirming(directory: Path, *, commits: tuple[tuple[str, ...], ...]) -> tuple[Shown, SyncWorld]:
    """What `rollout confirm gitsource/apps` shows after these commits, each with SloPolicies of these names."""
    async with (
        a_world() as world,
        a_sync_world(DirectApi(world.cluster)) as sync,
        a_terminal(directory, world) as terminal,
    ):
        key = await sync.a_source()
        for hour, names in enumerate(commits):
            sync.git.commit(URL, policies(*names))
            await sync.look(key, hours=hour)
        async with looks_at(sync, key):
            shown = await terminal.type("confirm", "gitsource/apps")
        return shown, sync


async def test_confirm_lets_the_commit_go_on_that_waits(tmp_path: Path) -> None:
    shown, sync = await confirming(tmp_path, commits=(("a", "b"), ()))

    commit = sync.source(Key(namespace="shop", name="apps")).status.commit
    assert (shown.code, shown.err, await sync.policies()) == (0, "", {})
    assert shown.out.startswith(f"Accepted: GitSource shop/apps confirm ({commit}): commit {commit[:12]} may delete")


async def test_confirm_says_when_nothing_waits(tmp_path: Path) -> None:
    shown, sync = await confirming(tmp_path, commits=(("a", "b"),))

    assert (shown.code, set(await sync.policies())) == (1, {"a", "b"})
    assert "GitSource shop/apps: no commit waits to be confirmed" in shown.err


async def test_a_source_that_is_not_there_cannot_be_confirmed(tmp_path: Path) -> None:
    async with a_world() as world, a_terminal(tmp_path, world) as terminal:
        shown = await terminal.type("confirm", "gitsource/apps")

    assert shown.code == 6


@pytest.mark.parametrize(
    "words", [("abort", "gitsource/apps"), ("confirm", "slopolicy/apps"), ("confirm", "gitsource/")]
)
async def test_a_verb_that_a_kind_does_not_take_is_a_usage_error(tmp_path: Path, words: tuple[str, str]) -> None:
    async with a_world() as world, a_terminal(tmp_path, world) as terminal:
        shown = await terminal.type(*words)

    assert shown.code == 2
