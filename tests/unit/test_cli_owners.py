"""Do `plan` and `check` print exactly what makes the owner of a route leave its weights alone?"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cli import Terminal, a_release_at
from tests.support.second_writer import Argo, Flux, Tool, snippet_in
from tests.support.world import virtual_service

TOOLS = pytest.mark.parametrize(
    ("make", "where"), [(Flux, "Kustomization (Flux 2.9 or newer):"), (Argo, "Application:")]
)


async def applied(terminal: Terminal, tool: Tool) -> bool:
    """One look of the tool; whether it wrote."""
    world = terminal.world
    write = tool.write(await world.read("VirtualService", "checkout"))
    if write is None:
        return False
    await world.person.patch(world.path("VirtualService", "checkout"), write.kind, write.body, write.query)
    return True


@TOOLS
@pytest.mark.parametrize("words", [("plan", "checkout"), ("plan", "checkout", "-o", "markdown"), ("check",)])
async def test_what_is_printed_for_the_owner_ends_the_fight(
    tmp_path: Path, make: type[Flux] | type[Argo], where: str, words: tuple[str, ...]
) -> None:
    async with a_release_at(tmp_path) as terminal:
        tool = make(virtual_service("checkout-v1"))
        await terminal.world.pass_time(timedelta(seconds=5))
        assert await applied(terminal, tool)
        shown = await terminal.type(*words)
        await terminal.world.pass_time(timedelta(minutes=2))  # the weight is raised again
        live = await terminal.world.read("VirtualService", "checkout")
        would_write = tool.write(live)

        tool.told(snippet_in(shown.out))

        assert where in shown.out
        assert (would_write is None, tool.write(live)) == (False, None)


@TOOLS
async def test_machines_get_the_snippet_as_text(tmp_path: Path, make: type[Flux] | type[Argo], where: str) -> None:
    async with a_release_at(tmp_path) as terminal:
        await applied(terminal, make(virtual_service("checkout-v1")))

        shown = await terminal.type("plan", "checkout", "-o", "json")

        (owner,) = json.loads(shown.out)["owners"]
        assert (owner["route"], owner["tool"] in where or owner["tool"] == "Argo CD") == (
            "VirtualService/checkout",
            True,
        )
        assert yaml.safe_load(owner["snippet"])["spec"]


async def test_a_route_that_flux_only_creates_needs_no_snippet(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        git: dict[str, Any] = virtual_service("checkout-v1")
        git["metadata"]["annotations"] = {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}
        flux = Flux(git)
        await terminal.world.put(flux.manifest, manager=flux.manager)

        shown = await terminal.type("plan", "checkout")

        assert "may undo weights" not in shown.out
        assert not await applied(terminal, flux)
