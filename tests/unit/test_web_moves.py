"""Is over HTTP told of a move into the mesh what the CLI tells, to whoever may hear it?"""

import json
from datetime import timedelta
from typing import Any

import pytest

from adapters.kube.api import Patch
from adapters.memory.cluster import DirectApi
from adapters.memory.mesh_metrics import MemoryMeshMetrics
from rollout.manifest.records import PROOFS
from rollout.model.commands import Verb
from rollout.services import (
    evidence_account,
    migration_account,
    migration_evidence,
    migration_plan_account,
    preflight_account,
)
from rollout.services.migration_evidence import evidence
from rollout.services.migration_plan import checked, plan_now
from rollout.services.migration_reads import explained, migration
from rollout.services.paper import Paper
from rollout.wiring.telling import moves
from rollout.wiring.tools import mesh_records
from tests.support.fleet_world import HOME, NAME, FleetWorld, a_fleet
from tests.support.mesh_terminal import a_look, cluster_of
from tests.support.web import a_front, may
from tests.unit.conftest import Front

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

LISTS = may("ana", "list", kind="MeshMigration", namespace="") | may("dan", "list", kind="MeshMigration", namespace="")
SEES = LISTS | may("bo", "list") | may("ana", "list", kind="RolloutCommand", namespace=HOME)
HOUR = timedelta(hours=1)
RECORD = f"/api/v1/namespaces/{HOME}/configmaps/mesh-{NAME}.shop"
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


async def test_the_preflight_is_that_of_the_cli_without_a_prometheus(front: Front) -> None:
    async with a_fleet() as world:
        code, told = await asked(front, world, f"{ONE}/preflight")
        async with a_look(world, with_metrics=False) as (moving, observer):
            observer.metrics = MemoryMeshMetrics()
            observer.metrics.down("the API asks no metrics server")
            cli = await checked(observer, moving.wanted, moving.status, moving.wanted.namespaces, world.clock.now())

    wanted = preflight_account.as_data(moving, cli)
    assert (code, told["lines"]) == (200, preflight_account.screen(cli, Paper(), wide=True))
    assert told["account"] == wanted
    assert any(one["couldNotLook"] for one in wanted["namespaces"][0]["findings"])


async def test_the_preflight_of_one_namespace_is_asked_for_by_its_name(front: Front) -> None:
    async with a_fleet() as world:
        code, told = await asked(front, world, f"{ONE}/preflight?namespace=shop")
        nothing, said = await asked(front, world, f"{ONE}/preflight?namespace=bank")

    assert (code, [one["namespace"] for one in told["account"]["namespaces"]]) == (200, ["shop"])
    assert (nothing, "names bank" in said["detail"]) == (404, True)


async def test_the_evidence_is_that_of_the_cli(front: Front) -> None:
    async with a_fleet() as world:
        await world.pass_time(HOUR, until="shop Baseline")
        await world.say(Verb.PAUSE, reason="lunch")
        await world.cache.refresh()
        code, told = await asked(front, world, f"{ONE}/namespaces/shop/evidence")
        moving, cluster = await migration(cluster_of(world).objects, NAME), cluster_of(world)
        place = HOME, world.clock.now()
        cli = await evidence(cluster.objects, mesh_records(cluster, HOME), moving, "shop", place)

    assert (code, told["lines"]) == (200, evidence_account.markdown(cli))
    assert _plain(told["account"]) == _plain(migration_evidence.as_data(cli))
    assert [one["record"] for one in told["account"]["gates"]] == ["intact", "intact"]
    assert [one["verb"] for one in told["account"]["commands"]] == ["pause"]


async def test_evidence_has_the_commands_only_for_whoever_may_list_them(front: Front) -> None:
    async with a_fleet() as world:
        await world.say(Verb.PAUSE, reason="lunch")
        await world.cache.refresh()
        code, told = await asked(front, world, f"{ONE}/namespaces/shop/evidence", user="dan")

    assert (code, told["account"]["commands"]) == (200, [])
    assert told["account"]["commandsUnread"] == f"dan may not list RolloutCommands in {HOME}"


async def test_a_record_that_somebody_changed_is_called_altered(front: Front) -> None:
    async with a_fleet() as world:
        await world.pass_time(HOUR, until="shop Baseline")
        stored = await world.api.get(RECORD)
        proofs = json.loads(stored["data"][PROOFS])
        proofs[0]["by"] = "eve"
        await world.api.patch(RECORD, Patch.MERGE, {"data": {PROOFS: json.dumps(proofs)}})
        _, told = await asked(front, world, f"{ONE}/namespaces/shop/evidence")

    assert (told["account"]["intact"], told["account"]["gates"][0]["record"]) == (False, "altered")


@pytest.mark.parametrize("path", ["plan", "preflight", "namespaces/shop/why", "namespaces/shop/evidence"])
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


async def test_what_nobody_can_tell_of_is_not_there(front: Front) -> None:
    async with a_fleet() as world:
        here = a_front(rights=SEES)  # whose only migration has no spec
        unread, why = await front.ask(here.app(), f"{ONE}/preflight", headers={"Authorization": "Bearer ana"})
        nothing, _ = await asked(front, world, f"{ONE}/namespaces/bank/evidence")

    assert (unread, nothing) == (404, 404)
    assert "cannot be read" in why


def _plain(value: Any) -> Any:
    """With moments spelled alike by two writers of ISO 8601."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.replace("+00:00", "Z") if isinstance(value, str) else value
