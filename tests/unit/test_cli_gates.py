"""Do `why` and `plan` say who approved over which channel, who is missing, and which policy does not exist?"""

from datetime import timedelta
from pathlib import Path
from typing import Any

from policies.approval import Authors
from rollout.cli import plan
from rollout.cli.options import Access
from rollout.cli.why import account as told_account
from rollout.services import account, account_data, account_gates, looking, queries
from rollout.services.paper import Paper
from rollout.wiring.tools import observing
from tests.support.builders import an_approval_manifest
from tests.support.cli import GATED, a_terminal, cluster_of
from tests.support.world import World, a_release

MINUTE = timedelta(minutes=1)
TWO: dict[str, Any] = {"minimum": 2, "approvers": {"users": ["ana"], "slackUsers": ["T1/UBEN"]}}
BEN = {"actor": {"user": "T1/UBEN", "realm": "slack", "vouched": "shop"}, "channel": "slack"}


async def at_the_gate(world: World, **policy: Any) -> None:
    """v2 has soaked at 50 % and waits for approval of its second step, at 09:10."""
    await world.put(an_approval_manifest(**policy))
    world.metrics.tell_requests("errors", bad=0, total=1000)
    await world.commit(revision="v2")
    await world.pass_time(10 * MINUTE)


async def gate_lines(world: World) -> list[str]:
    """What `why` says of the gate."""
    found = await told_account(cluster_of(world), Access(), "checkout", world.clock.now())
    return [" ".join(line.split()[1:]) for line in account.screen(found, Paper(width=400)) if line.startswith("  gate")]


async def test_why_says_who_approved_over_which_channel_and_who_is_missing() -> None:
    async with a_release(steps=GATED) as world:
        await at_the_gate(world, **TWO)
        before = await gate_lines(world)
        await world.command("approve", **BEN)
        await world.pass_time(MINUTE)

        after = await gate_lines(world)

    who = "ask users ana; Slack users T1/UBEN"
    assert before == [f"release-managers: closed, 0 of 2; {who}"]
    assert after == [f"release-managers: closed, 1 of 2: slack:T1/UBEN (slack) at 09:10:00 UTC; {who}"]


async def test_why_says_until_when_an_approval_counts_and_the_gate_is_waited_for() -> None:
    async with a_release(steps=GATED) as world:
        await at_the_gate(world, **TWO, expiresAfter="2h", onTimeout="rollback")
        await world.pass_time(MINUTE)
        await world.command("approve")
        await world.pass_time(MINUTE)

        gate, end = await gate_lines(world)

    assert "1 of 2: ana (cli) at 09:11:00 UTC until 11:11:00 UTC" in gate
    assert end == "back to stable at 11:10:00 UTC unless it is opened"


async def test_why_says_that_a_gate_is_open_and_until_when() -> None:
    async with a_release(steps=GATED) as world:
        await at_the_gate(world, expiresAfter="2h")
        await world.ready("v1", pods=9, wanted=9)  # the last weight lacks capacity, so the step does not end
        await world.command("approve")
        await world.pass_time(MINUTE)

        (line,) = await gate_lines(world)

    assert line == "release-managers: open, until 11:10:00 UTC: ana (cli) at 09:10:00 UTC until 11:10:00 UTC"


async def test_why_names_what_four_eyes_lack() -> None:
    async with a_release(steps=GATED) as world:
        world.outside.authors.tell(world.key, "v2", Authors(unproven="GitSource shop/specs has no verify"))
        await at_the_gate(world, fourEyes=True)

        (line,) = await gate_lines(world)

    assert line == "release-managers: closed: four eyes, and GitSource shop/specs has no verify"


async def test_without_a_look_at_the_world_the_run_tells_who_approved() -> None:
    async with a_release(steps=GATED) as world:
        await at_the_gate(world, **TWO)
        nobody = account_gates.gate_rows(run_of(world), None)
        await world.command("approve")
        await world.pass_time(MINUTE)

        rows = account_gates.gate_rows(run_of(world), None)

    assert nobody == [("gate", "release-managers: nobody has approved")]
    assert rows == [("gate", "release-managers: approved by ana (cli) at 09:10:00 UTC")]


async def test_machines_are_told_the_same() -> None:
    async with a_release(steps=GATED) as world:
        await at_the_gate(world, **TWO, expiresAfter="2h")
        await world.command("approve")
        await world.pass_time(MINUTE)
        found = await told_account(cluster_of(world), Access(), "checkout", world.clock.now())

        run = account_data.as_data(found)["run"]

    (gate,) = run["gates"]
    assert (run["approved"], gate["policy"], gate["open"], gate["missing"]) == (False, "release-managers", False, 1)
    assert gate["approvals"] == [
        {
            "by": "ana",
            "channel": "cli",
            "at": "2026-11-21T09:10:00+00:00",
            "until": "2026-11-21T11:10:00+00:00",
        }
    ]


async def test_plan_says_how_many_people_a_step_needs_and_which_policy_is_missing() -> None:
    steps = [{"weight": 5, "approval": "missing"}, {"weight": 50, "approvals": ["release-managers", "security"]}]
    async with a_release(steps=steps) as world:
        await world.put(an_approval_manifest(**TWO))
        await world.person.delete(world.path("ApprovalPolicy", "missing"))
        await world.commit(revision="v2")
        standing = await queries.rollout(cluster_of(world).objects, world.key)

        async with observing(cluster_of(world), "shop") as observer:
            view = await looking.look_at(observer, standing, world.clock.now())
            found = await plan.planned(observer, view, None)

    assert [stage.approval for stage in found.stages[1:3]] == ["missing", "release-managers (2 people) and security"]
    (hold,) = found.holds
    assert hold.code == "PolicyMissing"
    assert hold.message.startswith("step 1 needs ApprovalPolicy missing, which does not exist or cannot be read")


async def test_why_and_plan_are_told_where_the_controller_is(tmp_path: Path) -> None:
    async with a_release(steps=GATED) as world:
        world.cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ops"}})
        await world.put(an_approval_manifest(namespace="ops", minimum=4))
        await at_the_gate(world)
        async with a_terminal(tmp_path, world) as terminal:
            why = await terminal.type("why", "checkout", "--controller-namespace", "ops")
            planned = await terminal.type("plan", "checkout", "--controller-namespace", "ops")

    assert "closed, 0 of 4" in why.out
    assert "release-managers (4 people)" in planned.out


async def test_a_look_counts_the_policies_of_the_controllers_namespace() -> None:
    async with a_release(steps=GATED) as world:
        world.cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rollout-system"}})
        await world.put(an_approval_manifest(namespace="rollout-system", minimum=3))
        await at_the_gate(world)

        lines = await gate_lines(world)

    assert lines == ["release-managers: closed, 0 of 3"]


def run_of(world: World) -> Any:
    """The run in hand."""
    assert world.status.run is not None
    return world.status.run
