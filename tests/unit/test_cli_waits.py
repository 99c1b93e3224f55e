"""When do `wait` and `watch` end, and with which exit code?"""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.cli import GATED, Shown, Terminal, a_release_at, a_terminal
from tests.support.world import a_release

pytestmark = pytest.mark.slow  # whole commands against a cluster's HTTP face

LIMIT = "20s"


async def waiting(terminal: Terminal, *words: str) -> "asyncio.Task[Shown]":
    """A command that has begun to watch, beside the controller's own watches."""
    listeners = terminal.world.cluster.store.listeners
    others = len(listeners)
    task = asyncio.create_task(terminal.type(*words))
    for _ in range(2000):
        if len(listeners) > others:
            return task
        await asyncio.sleep(0.01)
    raise AssertionError(f"rollout {' '.join(words)} watches nothing")


async def test_a_promoted_run_is_exit_code_0(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        task = await waiting(terminal, "wait", "checkout", "--timeout", LIMIT)
        await terminal.world.pass_time(timedelta(minutes=11))

        shown = await task

    assert shown.code == 0
    assert shown.out.splitlines()[-1].startswith("shop/checkout: run 1: v2 Promoted")


async def test_what_served_before_a_push_does_not_end_a_wait_for_the_pushed_revision(tmp_path: Path) -> None:
    async with a_release(objectives=[]) as world, a_terminal(tmp_path, world) as terminal:
        words = ("wait", "checkout", "--for", "promoted", "--revision", "v2", "--timeout", LIMIT)
        task = await waiting(terminal, *words)
        await asyncio.sleep(0.2)
        is_waiting = not task.done()
        await world.commit(revision="v2")
        await world.settle()
        await world.pass_time(timedelta(minutes=11))

        shown = await task

    assert (is_waiting, shown.code) == (True, 0)
    assert shown.out.splitlines()[-1].startswith("shop/checkout: v2 is stable")


async def test_a_rollout_that_a_commit_has_yet_to_bring_is_waited_for(tmp_path: Path) -> None:
    async with a_release(objectives=[]) as world, a_terminal(tmp_path, world) as terminal:
        there = await world.read("Rollout", "checkout")
        task = await waiting(terminal, "wait", "later", "--for", "stable", "--timeout", LIMIT)
        world.cluster.seed({**there, "metadata": {"name": "later", "namespace": "shop"}})

        shown = await task

    assert (shown.code, shown.out.splitlines()[-1]) == (0, "shop/later: v1 serves all traffic (Idle)")


async def test_a_rollout_that_never_comes_is_said_not_to_be_there(tmp_path: Path) -> None:
    async with a_release(objectives=[]) as world, a_terminal(tmp_path, world) as terminal:
        shown = await terminal.type("wait", "nobody", "--timeout", "1s")

    assert (shown.code, "shop/nobody: not ended after 1 s; it is not there" in shown.err) == (3, True)


async def test_a_run_that_failed_is_exit_code_1(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        task = await waiting(terminal, "wait", "checkout", "--timeout", LIMIT, "--quiet")
        terminal.world.metrics.tell_requests("errors", total=2000, bad=400)
        await terminal.world.pass_time(timedelta(minutes=2))

        shown = await task

    assert (shown.code, shown.out, "400 of 2000 requests failed" in shown.err) == (1, "", True)


async def test_a_run_that_was_taken_back_in_git_is_exit_code_1(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        task = await waiting(terminal, "wait", "checkout", "--timeout", LIMIT)
        await terminal.world.commit(revision="v1")
        await terminal.world.settle()

        shown = await task

    assert (shown.code, "Returned" in shown.err) == (1, True)


async def test_a_superseded_run_is_followed_by_the_one_that_took_its_place(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        await terminal.world.deploy("v3")
        task = await waiting(terminal, "wait", "checkout", "--timeout", LIMIT)
        await terminal.world.commit(revision="v3")
        await terminal.world.pass_time(timedelta(minutes=12))

        shown = await task

    assert (shown.code, "run 2: v3 Promoted" in shown.out) == (0, True)


async def test_what_is_live_already_is_not_waited_for(tmp_path: Path) -> None:
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        shown = await terminal.type("wait", "checkout", "--timeout", LIMIT, "--quiet")

    assert (shown.code, shown.out) == (0, "shop/checkout: v1 is stable\n")


async def test_a_commit_that_the_controller_has_not_seen_is_waited_for(tmp_path: Path) -> None:
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        await world.commit(revision="v2")

        shown = await terminal.type("wait", "checkout", "--timeout", "1s")

    assert shown.code == 3


async def test_waiting_too_long_is_exit_code_3_and_says_what_is_missing(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        shown = await terminal.type("wait", "checkout", "--timeout", "1s")

    assert (shown.code, "not ended after 1 s" in shown.err, "soaking" in shown.err) == (3, True, True)


async def test_waiting_for_a_person_is_exit_code_5_where_asked_for(tmp_path: Path) -> None:
    async with a_release_at(tmp_path, steps=GATED[1:]) as terminal:
        shown = await terminal.type("wait", "checkout", "--fail-on-approval", "--timeout", LIMIT)

    assert (shown.code, "waiting for 1 approval" in shown.err) == (5, True)


async def test_a_phase_can_be_waited_for(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        shown = await terminal.type("wait", "checkout", "--for=phase=progressing", "--timeout", LIMIT, "--quiet")

    assert (shown.code, shown.out) == (0, "shop/checkout: phase Progressing\n")


async def test_a_condition_can_be_waited_for(tmp_path: Path) -> None:
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        shown = await terminal.type("wait", "checkout", "--for=condition=Ready", "--timeout", LIMIT, "--quiet")

    assert (shown.code, shown.out) == (0, "shop/checkout: condition Ready is True\n")


async def test_what_cannot_be_waited_for_is_a_usage_error(tmp_path: Path) -> None:
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        shown = await terminal.type("wait", "checkout", "--for=nonsense")

    assert (shown.code, "phase=PHASE" in shown.err) == (2, True)


async def test_a_deleted_rollout_ends_the_wait(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        task = await waiting(terminal, "wait", "checkout", "--timeout", LIMIT)
        await terminal.world.person.delete(terminal.world.path("Rollout", "checkout"))
        await terminal.world.settle()

        shown = await task

    assert (shown.code, "was deleted" in shown.err) == (6, True)


async def test_watch_writes_a_line_for_every_change_where_there_is_no_terminal(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        task = await waiting(terminal, "watch", "checkout", "--until", "phase=idle")
        await terminal.world.pass_time(timedelta(minutes=11))

        shown = await task

    told = [line.split(None, 1)[1] for line in shown.out.splitlines()[:-1]]
    assert told[0] == "Progressing  step 1/2  v2   5%   soaking at 5 % until 09:05:00 UTC"
    assert any(line.startswith("Promoting") for line in told)
    assert told[-1].startswith("Idle")
    assert len(told) == len(set(told))


async def test_watch_of_all_names_each(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        shown = await terminal.type("watch", "--timeout", "1s")

    assert (shown.code, shown.out.split()[1]) == (0, "checkout")
