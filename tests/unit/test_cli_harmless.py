"""Can somebody who may write a reason, or a spec, write to the terminal of whoever reads it?"""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from rollout.cli.terminal import harmless
from tests.support.cli import a_terminal
from tests.support.freezing import freeze
from tests.support.world import World, a_release

CLEARS = "\x1b[2J\x1b]0;owned\x07"
EVIL = f"lunch{CLEARS}\r\n2026-11-21 09:09:09  approve  root  Accepted\x9b31m\u202egnp.exe\x7f"
SEEN = {*range(0x20), *range(0x7F, 0xA0), 0x202E} - {0x0A}


def unseen(text: str) -> set[str]:
    """Characters that do something instead of being shown."""
    return {char for char in text if ord(char) in SEEN}


async def a_pause(world: World) -> None:
    """ana pauses v2 with a reason that is none."""
    world.metrics.tell_requests("errors", bad=0, total=1000)
    await world.commit(revision="v2")
    await world.pass_time(timedelta(minutes=1))
    await world.command("pause", reason=EVIL)
    await world.pass_time(timedelta(seconds=1))


@pytest.mark.parametrize("words", [("why", "checkout"), ("history", "checkout", "--audit"), ("history", "checkout")])
async def test_a_reason_is_one_line_that_does_nothing_to_a_terminal(tmp_path: Path, words: tuple[str, ...]) -> None:
    async with a_release() as world:
        await a_pause(world)
        async with a_terminal(tmp_path, world) as terminal:
            shown = await terminal.type(*words)

    assert unseen(shown.out) == set()
    assert not any(line.startswith("2026-11-21 09:09:09") for line in shown.out.splitlines())


async def test_as_json_it_stays_what_it_was(tmp_path: Path) -> None:
    async with a_release() as world:
        await a_pause(world)
        async with a_terminal(tmp_path, world) as terminal:
            shown = await terminal.type("get", "checkout", "-o", "json")

    assert unseen(shown.out) == set()
    assert json.loads(shown.out)["kind"] == "Rollout"


async def test_what_a_freeze_says_does_nothing_either(tmp_path: Path) -> None:
    async with a_release() as world:
        window = {"from": "2026-11-21T09:00:00Z", "to": "2026-11-21T10:00:00Z"}
        await freeze(world, "closing", windows=[window], reason=f"closing{CLEARS}\nverdict: all is well")
        await world.commit(revision="v2")
        await world.pass_time(timedelta(minutes=1))
        async with a_terminal(tmp_path, world) as terminal:
            shown = await terminal.type("why", "checkout")

    assert "closing" in shown.out
    assert not any(line.startswith("verdict:") for line in shown.out.splitlines())
    assert unseen(shown.out) == set()


def test_our_own_colours_stay_and_everything_else_is_spelled() -> None:
    assert harmless("\x1b[32mok\x1b[0m\ttab\nline é→✔") == "\x1b[32mok\x1b[0m\ttab\nline é→✔"
    assert harmless("\x1b[8mhidden\x1b[5;31m") == "\\u001b[8mhidden\\u001b[5;31m"
    assert json.loads(harmless(json.dumps("\x9b\u202e\x1b", ensure_ascii=False))) == "\x9b\u202e\x1b"
