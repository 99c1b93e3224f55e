"""Has the API all that the CLI shows of what is live and does to it, and is said what it leaves to the CLI?

A new command fails here until it is told over HTTP, or is left to the CLI in docs/api.md.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.types import FuncParamType
from fastapi import FastAPI

from rollout.cli.main import COMMANDS, Entry, main
from rollout.cli.mesh import MESH
from rollout.cli.options import Named, rollout_named, rollout_or_migration, rollout_or_source
from rollout.model.commands import Verb
from rollout.web.guard import Guard
from tests.support.web import a_front

DOCS = Path(__file__).parents[2] / "docs" / "api.md"
ROLLOUT, MIGRATION, SOURCE = (
    "/api/v1/rollouts/{namespace}/{name}",
    "/api/v1/meshmigrations/{name}",
    "/api/v1/gitsources/{namespace}/{name}",
)
TOLD = {
    "list": "/api/v1/rollouts",
    "get": ROLLOUT,
    "tree": f"{ROLLOUT}/tree",
    "why": f"{ROLLOUT}/why",
    "history": f"{ROLLOUT}/history",
    "plan": f"{ROLLOUT}/plan",
    "watch": "/api/v1/changes",
    "wait": "/api/v1/changes",
    "mesh status": MIGRATION,
    "mesh plan": f"{MIGRATION}/plan",
    "mesh preflight": f"{MIGRATION}/preflight",
    "mesh why": f"{MIGRATION}/namespaces/{{namespace}}/why",
    "mesh evidence": f"{MIGRATION}/namespaces/{{namespace}}/evidence",
}
ORDERED = {
    "Rollout": f"{ROLLOUT}/commands",
    "MeshMigration": f"{MIGRATION}/commands",
    "GitSource": f"{SOURCE}/commands",
}
STAYS = (
    *("events", "diff", "lint", "simulate", "explain", "init", "check", "install", "uninstall", "serve", "demo"),
    *("crds", "diagrams", "completion", "version", "mesh escape"),
)
CALLED = {"skip-soak": "promote"}  # what the command line calls otherwise than the command that it writes


KINDS: dict[Callable[[str], Named], tuple[str, ...]] = {
    rollout_named: (),
    rollout_or_migration: ("MeshMigration",),
    rollout_or_source: ("GitSource",),
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    guard = a_front().app()
    assert isinstance(guard, Guard)
    assert isinstance(guard._app, FastAPI)
    return guard._app.openapi()


def commands() -> Iterator[tuple[str, Entry]]:
    """Each command as it is typed."""
    yield from ((name, entry) for name, entry in COMMANDS.items() if name != "mesh")
    yield from ((f"mesh {name}", entry) for name, entry in MESH.items())


def orders() -> Iterator[tuple[str, str]]:
    """(kind of what is steered, verb) of every command that writes a RolloutCommand."""
    for name, entry in commands():
        if entry.module == "mesh_orders":
            verb = name.removeprefix("mesh ")
            yield "MeshMigration", CALLED.get(verb, verb)
        elif entry.module == "orders":
            yield "Rollout", name
            yield from ((kind, name) for kind in KINDS[_named(name)])


def _named(name: str) -> Callable[[str], Named]:
    """What reads the name of what a command steers."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    (kind,) = (one.type for one in command.params if one.name == "name")
    assert isinstance(kind, FuncParamType)
    return kind.func


def verbs_of(document: dict[str, Any], path: str) -> set[str]:
    """The verbs that a route takes."""
    body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    shapes = [one["$ref"].rpartition("/")[2] for one in body.get("oneOf", [body])]
    verbs = [document["components"]["schemas"][shape]["properties"]["verb"] for shape in shapes]
    return {verb for one in verbs for verb in one.get("enum", [one.get("const")])}


def test_every_command_is_told_over_http_asked_for_there_or_left_to_the_cli() -> None:
    asked = {name for name, entry in commands() if entry.module in ("orders", "mesh_orders")}

    assert sorted([*TOLD, *STAYS, *asked]) == sorted(name for name, _ in commands())


def test_what_is_told_over_http_is_in_the_document(document: dict[str, Any]) -> None:
    assert {path for path in TOLD.values() if "get" not in document["paths"].get(path, {})} == set()


@pytest.mark.parametrize("kind", ORDERED)
def test_the_api_takes_every_verb_of_the_cli_and_no_other(document: dict[str, Any], kind: str) -> None:
    assert verbs_of(document, ORDERED[kind]) == {verb for steered, verb in orders() if steered == kind}


def test_every_verb_of_a_command_can_be_asked_for(document: dict[str, Any]) -> None:
    assert {verb for path in ORDERED.values() for verb in verbs_of(document, path)} == {one.value for one in Verb}


@pytest.mark.parametrize("command", STAYS)
def test_what_stays_with_the_cli_is_said(command: str) -> None:
    section = DOCS.read_text(encoding="utf-8").partition("## What stays with the CLI")[2].partition("\n## ")[0]

    assert f"`rollout {command}`" in section
