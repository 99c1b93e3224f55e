"""How does text look with and without a terminal, and what do the options understand?"""

import io
from datetime import timedelta

import click
import pytest

from rollout.cli.options import duration, rollout_name
from rollout.cli.terminal import paper
from rollout.services.ordering import Binding, is_stale
from rollout.services.paper import Branch, Paper, drawn, exactly, span, table
from tests.support.builders import a_run, a_status


class FakeTerminal(io.TextIOWrapper):
    """A terminal in memory."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> FakeTerminal:
    for name in ("NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return FakeTerminal(io.BytesIO(), encoding="utf-8")


def test_a_terminal_has_colour_and_symbols(terminal: FakeTerminal) -> None:
    found = paper(terminal)

    assert (found.colour, found.live, found.symbols) == (True, True, True)


def test_no_color_leaves_the_live_view(terminal: FakeTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    found = paper(terminal)

    assert (found.colour, found.live) == (False, True)


def test_a_dumb_terminal_is_plain(terminal: FakeTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")

    found = paper(terminal)

    assert (found.colour, found.live) == (False, False)


def test_columns_set_the_width(terminal: FakeTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")

    assert paper(terminal).width == 72


def test_colour_does_not_shift_columns() -> None:
    green = Paper(colour=True).styled("ok", "good")

    lines = [click.unstyle(line) for line in table(("A", "B"), [(green, "1"), ("long", "2")])]

    assert lines == ["A      B", "ok     1", "long   2"]


def test_a_tree_hangs_from_its_trunk() -> None:
    below = (Branch(text="b", below=(Branch(text="c"),)), Branch(text="d"))

    assert drawn(Paper(symbols=False), below) == ["|- b", "|  `- c", "`- d"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0s"), (119, "119s"), (150, "2m30s"), (660, "11m"), (9000, "150m"), (12600, "3h30m"), (200_000, "2d")],
)
def test_ages_are_as_kubectl_has_them(seconds: int, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize("text", ["90s", "5m", "2h", "1h30m", "0s"])
def test_durations_of_specs_are_told_as_they_are_written(text: str) -> None:
    written = {"90s": "1m30s"}.get(text, text)

    assert exactly(duration(text)) == written


@pytest.mark.parametrize("text", ["", "soon", "5x", "-3s", "m5", "٣s"])
def test_what_is_no_duration_is_a_usage_error(text: str) -> None:
    with pytest.raises(click.BadParameter):
        duration(text)


@pytest.mark.parametrize("text", ["checkout", "rollout/checkout", "rlt/checkout", "rollouts.rollout.dev/checkout"])
def test_a_rollout_has_a_name_with_or_without_its_kind(text: str) -> None:
    assert rollout_name(text) == "checkout"


@pytest.mark.parametrize(
    ("made_for", "stale"),
    [
        (Binding(), False),
        (Binding(run=1), False),
        (Binding(run=1, step=1, revision="v2"), False),
        (Binding(run=2), True),
        (Binding(run=1, step=2, revision="v2"), True),
        (Binding(run=1, step=1, revision="v3"), True),
    ],
)
def test_a_command_is_stale_when_what_it_was_made_for_is_gone(made_for: Binding, stale: bool) -> None:
    assert is_stale(made_for, a_status(run=a_run())) is stale


def test_a_command_for_a_run_is_stale_once_no_run_is_in_hand() -> None:
    assert is_stale(Binding(run=1), a_status(runs=1))
