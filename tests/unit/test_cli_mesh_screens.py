"""What do the mesh commands show? Whole screens, compared as text."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.memory.mesh_traffic import Caller
from rollout.cli import mesh_escape, mesh_status
from rollout.migration.preflight.catalogue import Verdict
from rollout.migration.unblock import Unblock
from rollout.model.migration import NamespaceStatus, Stage
from rollout.model.migration_marks import Acknowledged, PlaintextCaller, SoakMark
from rollout.model.status import Reason
from rollout.services import evidence_account, migration_account, migration_plan_account, preflight_account
from rollout.services.migration_plan import MigrationPlan, checked, plan_now
from rollout.services.migration_reads import explained, migration
from rollout.services.paper import Paper
from tests.support.cli import same_screen
from tests.support.fleet_world import NAME, START, FleetWorld, a_fleet
from tests.support.mesh_reads import a_moving, a_scene, an_evidence
from tests.support.mesh_terminal import a_look, cluster_of

PLAIN = Paper()
MINUTE = timedelta(minutes=1)


async def planned(world: FleetWorld, *, with_metrics: bool = True) -> MigrationPlan:
    async with a_look(world, with_metrics=with_metrics) as (moving, observer):
        return await plan_now(observer, moving.wanted, moving.status, world.clock.now())


async def verdicts(world: FleetWorld, *names: str, with_metrics: bool = True) -> dict[str, Verdict]:
    async with a_look(world, with_metrics=with_metrics) as (moving, observer):
        return await checked(observer, moving.wanted, moving.status, names, world.clock.now())


@asynccontextmanager
async def a_plaintext_fleet() -> AsyncIterator[FleetWorld]:
    """Something without a proxy calls shop once it is observed."""
    async with a_fleet() as world:
        await world.pass_time(60 * MINUTE, until="shop Observing")
        world.fleet.call(Caller(name="cron", source="", target="shop/web"))
        await world.pass_time(MINUTE)
        yield world


async def test_a_plan_shows_waves_writes_and_least_times() -> None:
    async with a_fleet(waves=[{"name": "all", "namespaces": ["tools", "shop"], "approval": "security"}]) as world:
        await world.policy("security", minimum=2)
        same_screen("mesh_plan", migration_plan_account.screen(await planned(world), PLAIN))


async def test_a_plan_without_metrics_says_that_callers_are_unknown() -> None:
    async with a_fleet() as world:
        lines = migration_plan_account.screen(await planned(world, with_metrics=False), PLAIN)

    assert any(line.startswith("  callers unknown:") for line in lines)
    assert not any("Enrol in this order" in line for line in lines)


async def test_a_plan_says_whom_to_enrol_first() -> None:
    unblock = (Unblock(namespace="jobs", unlocks=()), Unblock(namespace="shop", unlocks=("pay", "tools")))
    async with a_fleet() as world:
        found = await planned(world)

    lines = migration_plan_account.screen(replace(found, plan=replace(found.plan, unblock=unblock)), PLAIN)

    assert lines[-5:-2] == [
        "Enrol in this order, so that the most can become STRICT the soonest:",
        "  jobs  (in no wave): with those below it",
        "  shop: then pay, tools can",
    ]


async def test_preflight_shows_what_blocks_first_and_how_to_mend_it() -> None:
    async with a_fleet() as world:
        found = await verdicts(world, "shop", with_metrics=False)

    same_screen("mesh_preflight", preflight_account.screen(found, PLAIN))


async def test_the_status_of_a_fleet_is_a_table_by_waves() -> None:
    async with a_plaintext_fleet() as world:
        moving = await migration(cluster_of(world).objects, NAME)

    same_screen("mesh_status", mesh_status.screen(moving, PLAIN, world.clock.now()))


async def test_why_names_the_callers_that_still_speak_plaintext() -> None:
    async with a_plaintext_fleet() as world:
        moving = await migration(cluster_of(world).objects, NAME)

    same_screen("mesh_why_plaintext", migration_account.screen(explained(moving, "shop", world.clock.now()), PLAIN))


def test_why_tells_which_gate_waits_for_whom() -> None:
    gates = (
        Reason(code="Unacknowledged", message="acknowledge or mend PORT-05 Service shop/web"),
        Reason(code="WaveFull", message="pay of wave core changes now: waits its turn"),
    )
    one = NamespaceStatus(
        name="shop",
        stage=Stage.REHEARSAL,
        since=START,
        warned=1,
        reasons=gates,
        next="then StrictCanary",
        soak=SoakMark(clock=START - 30 * MINUTE, looked=START, window=20 * MINUTE),
        acknowledged=(Acknowledged(key="CALLER-01", by="ana", reason="it is the health check"),),
        callers=(
            PlaintextCaller(workload="web", source="batch/nightly", calls=3, last=START - 40 * MINUTE),
            PlaintextCaller(workload="web", source="", calls=1, last=START - 35 * MINUTE),
        ),
    )

    same_screen("mesh_why_gates", migration_account.screen(explained(a_moving(one), "shop", START + MINUTE), PLAIN))


@pytest.mark.parametrize(
    ("stage", "command"),
    [
        (Stage.FALLEN_BACK, "rollout mesh retry shop"),
        (Stage.STRICT, "rollout mesh fallback shop"),
        (Stage.ENROLLING, "rollout mesh rollback shop"),
    ],
)
def test_why_offers_what_the_stage_obeys(stage: Stage, command: str) -> None:
    found = explained(a_moving(NamespaceStatus(name="shop", stage=stage)), "shop", START)

    assert command in found.commands


def test_why_offers_the_approval_of_the_wave_that_waits() -> None:
    one = NamespaceStatus(name="shop", reasons=(Reason(code="AwaitingApproval", message="wave core waits"),))

    assert explained(a_moving(one), "shop", START).commands[0] == "rollout approve meshmigration/to-strict --wave core"


def test_the_runbook_of_a_strict_namespace_names_its_objects_and_commands() -> None:
    same_screen("mesh_escape", mesh_escape.screen(a_scene(migration="to-strict"), PLAIN))


def test_the_evidence_of_a_namespace_is_a_page_for_auditors() -> None:
    same_screen("mesh_evidence", evidence_account.markdown(an_evidence()))
