"""Is over HTTP told of a move into the mesh what the CLI tells, to whoever may hear it?"""

import json
from typing import Any

import pytest

from adapters.memory.cluster import DirectApi
from rollout.services import migration_account, migration_plan_account
from rollout.services.migration_plan import plan_now
from rollout.services.migration_reads import explained
from rollout.services.paper import Paper
from rollout.wiring.telling import moves
from tests.support.fleet_world import HOME, NAME, FleetWorld, a_fleet
from tests.support.mesh_terminal import a_look
from tests.support.web import a_front, may
from tests.unit.conftest import Front

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEES = may("ana", "list", kind="MeshMigration", namespace="") | may("bo", "list")
ONE = f"/api/v1/meshmigrations/{NAME}"


async def asked(front: Front, world: FleetWorld, path: str, user: str = "ana") -> tuple[int, Any]:
    """Code and JSON of a GET, by an API over this fleet."""
    told = moves(DirectApi(world.cluster), world.cache, world.clock, HOME)
    app = a_front(rights=SEES, moves=told).app()
    code, text = await front.ask(app, path, headers={"Authorization": f"Bearer {user}"})
    return code, json.loads(text)


async def test_a_namespace_is_told_of_as_by_the_cli(front: Front) -> None:
    async with a_fleet() as world:
        await world.tick()
        code, told = await asked(front, world, f"{ONE}/namespaces/shop/why")
        async with a_look(world) as (moving, _):
            cli = explained(moving, "shop", world.clock.now())

    assert (code, told["lines"]) == (200, migration_account.screen(cli, Paper()))
    assert told["account"]["gates"] == migration_account.as_data(cli)["gates"]
    assert told["account"]["possible"] == list(cli.commands)


async def test_a_plan_is_that_of_the_cli_without_a_prometheus(front: Front) -> None:
    async with a_fleet() as world:
        code, told = await asked(front, world, f"{ONE}/plan")
        async with a_look(world, with_metrics=False) as (moving, observer):
            cli = await plan_now(observer, moving.wanted, moving.status, world.clock.now())

    wanted = migration_plan_account.as_data(cli)
    assert (code, told["account"]["waves"]) == (200, wanted["waves"])
    assert told["account"]["estimateSeconds"] == wanted["estimateSeconds"]
    assert "cannot say who calls whom" in told["account"]["callersUnknown"]
    assert any("callers unknown" in line for line in told["lines"])


@pytest.mark.parametrize("path", ["plan", "namespaces/shop/why"])
async def test_whoever_may_not_list_migrations_is_told_nothing(front: Front, path: str) -> None:
    async with a_fleet() as world:
        refused, said = await asked(front, world, f"{ONE}/{path}", user="bo")
        nothing, _ = await asked(front, world, f"/api/v1/meshmigrations/nothing/{path}")

    assert (refused, nothing) == (403, 404)
    assert "bo may not list MeshMigrations" in said["detail"]


async def test_a_namespace_of_no_wave_and_a_migration_that_cannot_be_read_are_said(front: Front) -> None:
    async with a_fleet() as world:
        nothing, said = await asked(front, world, f"{ONE}/namespaces/bank/why")
    here = a_front(rights=SEES)  # whose only migration has no spec
    unread, why = await front.ask(here.app(), f"{ONE}/plan", headers={"Authorization": "Bearer ana"})

    assert (nothing, unread) == (404, 404)
    assert "has no namespace bank" in said["detail"]
    assert "there is no plan" in why
