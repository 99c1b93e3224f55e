"""Does whoever is on call understand a judged run from one screen, without statistics?"""

from datetime import timedelta

import pytest

from rollout.cli.options import Access
from rollout.cli.why import account as told_account
from rollout.services import account_data, plan_account
from rollout.services.account_objectives import objectives
from tests.support.builders import NOON, a_run, a_status, a_verdict
from tests.support.cli import cluster_of, same_screen
from tests.support.scenes import MINUTE, SECOND
from tests.support.series import Traffic
from tests.support.world import World, a_release
from tests.unit.test_cli_screens import PLAIN, planned, why_screen

ERRORS = {"name": "errors", "kind": "error-ratio", "max": "1%"}
SLOW = {"name": "slow", "kind": "slow-ratio", "threshold": "500ms", "max": "5%"}


async def after(world: World, duration: timedelta) -> None:
    await world.commit(revision="v2")
    await world.pass_time(duration)


async def test_why_tells_of_a_first_step_that_waits() -> None:
    async with a_release(objectives=[ERRORS, SLOW]) as world:
        Traffic(world)
        await after(world, 3 * MINUTE)

        same_screen("why_judged_waiting", await why_screen(world))


async def test_why_tells_of_a_canary_that_is_suspicious() -> None:
    async with a_release(objectives=[ERRORS]) as world:
        Traffic(world).change(canary=0.05)
        await after(world, 50 * SECOND)

        same_screen("why_judged_suspicious", await why_screen(world))


async def test_why_tells_of_a_canary_that_was_rolled_back() -> None:
    async with a_release(objectives=[ERRORS]) as world:
        Traffic(world).change(canary=0.05)
        await after(world, 3 * MINUTE)

        same_screen("why_judged_rolled_back", await why_screen(world))


async def test_why_tells_of_an_incident_that_both_arms_share() -> None:
    async with a_release(objectives=[ERRORS]) as world:
        traffic = Traffic(world)
        await after(world, 7 * MINUTE)
        traffic.change(stable=0.05, canary=0.05)
        await world.pass_time(2 * MINUTE)

        same_screen("why_judged_incident", await why_screen(world))


async def test_why_tells_of_little_traffic_that_has_not_proven_enough() -> None:
    async with a_release(objectives=[ERRORS]) as world:
        Traffic(world, rps=2, errors=0.0005)
        await after(world, 11 * MINUTE)

        same_screen("why_judged_low_traffic", await why_screen(world))


async def test_why_names_the_weights_that_the_judge_chose() -> None:
    async with a_release(objectives=[ERRORS], steps=None, auto={"max": 50, "minDuration": "5m"}) as world:
        Traffic(world)
        await after(world, 2 * MINUTE)

        shown = "\n".join(await why_screen(world))

    assert "the judge chose these weights when the run began: 2, 5, 12, 31, 50 %" in shown


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        ("0.24 of 125", "none so far (0.24, less than 1); a rollback needs 125"),
        ("15 of 125", "15, where 1 is none; a rollback needs 125"),
        ("over 1000000 of 125", "over 1000000; a rollback needs 125"),
    ],
)
def test_evidence_is_told_with_where_it_begins_and_what_it_leads_to(evidence: str, told: str) -> None:
    status = a_status(run=a_run(), verdicts=(a_verdict(evidence=evidence),))

    shown = objectives(status, PLAIN, NOON)

    assert any(line.strip() == f"evidence against the canary: {told}" for line in shown)


async def test_machines_are_told_the_outlook_and_what_was_learnt() -> None:
    async with a_release(objectives=[ERRORS]) as world:
        Traffic(world)
        await after(world, 3 * MINUTE)

        data = account_data.as_data(await told_account(cluster_of(world), Access(), "checkout", world.clock.now()))

    assert data["run"]["outlook"].startswith("can prove <= ")
    assert list(data["run"]["learnt"]) == ["errors"]
    assert data["objectives"][0]["evidence"].endswith(" of 125")


async def test_the_plan_before_a_run_says_what_has_to_be_known_for_a_proof() -> None:
    async with a_release(objectives=[ERRORS], suspend=True) as world:
        await world.commit(revision="v2")

        same_screen("plan_unmeasured", plan_account.screen(await planned(world), PLAIN))


async def test_the_plan_before_a_run_says_what_it_can_prove_where_stables_history_can_be_read() -> None:
    async with a_release(objectives=[ERRORS], steps=None, auto={"max": 50, "minDuration": "5m"}, suspend=True) as world:
        traffic = Traffic(world)
        await world.commit(revision="v2")

        same_screen("plan_measured", plan_account.screen(await planned(world, traffic.world.metrics), PLAIN))


async def test_the_plan_before_a_run_names_a_history_that_cannot_be_read() -> None:
    async with a_release(objectives=[ERRORS], suspend=True) as world:
        await world.commit(revision="v2")
        world.metrics.fail("connection refused")

        found = await planned(world, world.metrics)

    assert "HistoryUnread" in [hold.code for hold in found.holds]
    assert found.outlook.startswith("what it can prove is known once")


async def test_a_latency_alone_says_when_its_proof_is_known() -> None:
    async with a_release(objectives=[SLOW], suspend=True) as world:
        await world.commit(revision="v2")

        found = await planned(world)

    assert "clean requests" not in found.outlook
    assert found.outlook.startswith("what it can prove is known once")


async def test_an_auto_that_replaced_steps_in_mid_run_is_not_said_to_have_chosen_them() -> None:
    async with a_release(objectives=[ERRORS]) as world:
        Traffic(world)
        await after(world, 2 * MINUTE)
        await world.commit(steps=None, auto={"max": 50, "minDuration": "5m"})

        found = await planned(world)

    assert found.note.startswith("auto: counts from the next run on")


async def test_the_plan_of_a_judged_run_says_what_it_can_prove_and_which_weights_the_judge_chose() -> None:
    auto = {"max": 50, "minDuration": "5m"}
    async with a_release(objectives=[ERRORS], steps=None, auto=auto) as world:
        Traffic(world)
        await after(world, 2 * MINUTE)

        same_screen("plan_judged", plan_account.screen(await planned(world), PLAIN))
