"""Do the commands and drawings in the docs agree with the program?"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from rollout.cli.main import Commands
from rollout.diagrams import migration_diagram, rollout_diagram
from tests.repo.tree import pages, where

BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELLS = {"console", "sh", "shell", "bash"}
ENDS = {"|", "||", "&&", ";", "&", ">", ">>", "<", "2>", "("}
DRAWING = "stateDiagram-v2"


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, text) of each fenced block of a page."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def typed(language: str, text: str) -> Iterator[str]:
    """What a reader types: lines after a prompt in `console`, all lines elsewhere; continued lines in one."""
    for line in text.replace("\\\n", " ").splitlines():
        if language != "console":
            yield line
        elif line.startswith("$ "):
            yield line[2:]


def commands(line: str) -> Iterator[list[str]]:
    """The arguments of each call of our program in a line."""
    words = list(shlex.shlex(line, posix=True, punctuation_chars=True)) if "rollout" in line else []
    for index, word in enumerate(words):
        if not starts_a_command(words[:index]):
            continue
        if word == "rollout" or word.endswith("/rollout"):
            yield until_the_end(words[index + 1 :])
        elif word == "kubectl" and words[index + 1 : index + 2] == ["rollouts"]:
            yield until_the_end(words[index + 2 :])


def starts_a_command(before: list[str]) -> bool:
    """Whether the next word is a program: nothing but settings since the start or the last separator."""
    last = max((index for index, word in enumerate(before) if word in ENDS), default=-1)
    return all("=" in word for word in before[last + 1 :])


def until_the_end(words: list[str]) -> list[str]:
    end = next((index for index, word in enumerate(words) if word in ENDS), len(words))
    return words[:end]


def written() -> list[tuple[str, list[str]]]:
    """(page, arguments) of every command of ours in the docs."""
    return [
        (where(page), arguments)
        for page in pages()
        for language, text in blocks(page)
        if language in SHELLS
        for line in typed(language, text)
        for arguments in commands(line)
    ]


def wrong(arguments: list[str], group: click.Group | None = None) -> str:
    """Why the program, or one of its groups, would not take these arguments; "" when it would."""
    group = group or Commands("rollout")
    if not arguments or arguments[0].startswith("-"):
        return ""
    command = group.get_command(click.Context(group), arguments[0])
    if command is None:
        return f"there is no command {arguments[0]}"
    if isinstance(command, click.Group):
        return wrong(arguments[1:], command)
    try:
        command.make_parser(click.Context(command)).parse_args(arguments[1:])
    except click.UsageError as error:
        return error.format_message()
    return ""


def test_every_command_in_the_docs_is_one_that_the_program_takes() -> None:
    problems = [f"{page}: rollout {' '.join(words)}: {why}" for page, words in written() if (why := wrong(words))]

    assert problems == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rollout list -A", [["list", "-A"]]),
        ("NO_COLOR=1 .venv/bin/rollout why shop | less", [["why", "shop"]]),
        ("kubectl rollouts get shop && rollout wait shop", [["get", "shop"], ["wait", "shop"]]),
        ("cd rollout", []),
        ("git clone x  # then rollout", []),
    ],
)
def test_commands_are_found_where_a_shell_would_start_them(line: str, expected: list[list[str]]) -> None:
    assert list(commands(line)) == expected


@pytest.mark.parametrize("words", [["version", "--fast"], ["mesh", "status", "--fast"]])
def test_an_option_that_does_not_exist_is_noticed(words: list[str]) -> None:
    assert "No such option" in wrong(words)


@pytest.mark.parametrize("words", [["nothing"], ["mesh", "nothing"]])
def test_a_command_that_does_not_exist_is_noticed(words: list[str]) -> None:
    assert wrong(words) == "there is no command nothing"


def test_every_drawing_of_phases_and_stages_is_its_table_and_each_table_is_drawn() -> None:
    drawn = {
        (where(page), text.strip())
        for page in pages()
        for language, text in blocks(page)
        if language == "mermaid" and DRAWING in text
    }

    tables = {rollout_diagram().strip(), migration_diagram().strip()}
    stale = [page for page, text in drawn if text not in tables]

    assert stale == [], "paste what `rollout diagrams` prints"
    assert {text for _, text in drawn} == tables
