"""What does the controller write into its log, and in which form?"""

import io
import json
from contextlib import redirect_stderr

import pytest
import structlog
from structlog.testing import capture_logs

from rollout.controller.kept import KeptRollouts
from rollout.logs import LogFormat, set_up
from tests.support.world import World, a_release


class Terminal(io.StringIO):
    """A stderr that a person looks at."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def kept(world: World) -> KeptRollouts:
    return KeptRollouts(rollouts=world.reconciler.rollouts, reconciler=world.reconciler, clock=world.clock)


async def test_a_tick_that_changed_something_is_one_line_that_says_what() -> None:
    async with a_release() as world:
        await world.commit(revision="v2")
        await world.cache.refresh()

        with capture_logs() as lines:
            await kept(world).tick(world.key)

        (line,) = lines
        assert line["key"] == "shop/checkout"
        assert (line["phase"], line["revision"]) == ("Progressing", "v2")
        assert "v2" in line["why"]


async def test_a_tick_that_changed_nothing_is_no_line() -> None:
    async with a_release() as world:
        with capture_logs() as lines:
            await kept(world).tick(world.key)

        assert lines == []


async def test_what_became_of_a_command_is_a_line_for_whoever_audits() -> None:
    slack = {"user": "T1/UANA", "realm": "slack", "email": "ana@shop.example", "vouched": "shop"}
    async with a_release() as world:
        await world.commit(revision="v2")
        await world.settle()
        name = await world.command("pause", actor=slack, channel="slack", reason="lunch")

        with capture_logs() as lines:
            await world.settle()

        (line,) = [one for one in lines if one["event"] == "command_answered"]
        assert (line["command"], line["verb"], line["result"], line["reason"]) == (name, "pause", "Accepted", "lunch")
        assert (line["who"], line["channel"], line["proof"]) == ("slack:ana@shop.example", "slack", "slack of shop")
        assert (line["key"], line["run"], line["revision"]) == ("shop/checkout", 1, "v2")


async def test_a_refused_command_is_a_line_too() -> None:
    async with a_release() as world:
        name = await world.command("retry")

        with capture_logs() as lines:
            await world.settle()

        (line,) = [one for one in lines if one["event"] == "command_answered"]
        assert (line["command"], line["who"], line["proof"], line["result"]) == (name, "ana", "cluster", "Refused")
        assert line["message"] in (await world.answer(name))


@pytest.mark.parametrize(
    ("form", "stderr", "is_json"),
    [
        (LogFormat.AUTO, io.StringIO, True),
        (LogFormat.AUTO, Terminal, False),
        (LogFormat.JSON, Terminal, True),
        (LogFormat.TEXT, io.StringIO, False),
    ],
)
def test_lines_are_json_unless_a_person_looks(form: LogFormat, stderr: type[io.StringIO], is_json: bool) -> None:
    shown = stderr()

    with redirect_stderr(shown):
        set_up(form, "info")
        structlog.get_logger("rollout").info("ticked", key="shop/checkout")

    (line,) = shown.getvalue().splitlines()
    assert line.startswith("{") == is_json
    assert not is_json or json.loads(line)["key"] == "shop/checkout"


def test_less_than_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(LogFormat.JSON, "warning")

    structlog.get_logger("rollout").info("ticked")

    assert capsys.readouterr().err == ""
