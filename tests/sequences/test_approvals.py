"""How does a run go that people must approve, told one line per change?"""

from datetime import timedelta
from typing import Any

from policies.approval import Authors
from tests.support.builders import an_approval_manifest
from tests.support.golden import same_story
from tests.support.world import World, a_release, told_story

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
GATED = [{"weight": 5, "soak": "5m", "approval": "release-managers"}, {"weight": 50, "soak": "5m"}]
ANA = {"name": "ana", "users": ["ana"], "emails": ["ana@shop.example"]}
BEN = {"name": "ben", "users": ["ben"], "emails": ["ben@shop.example"]}
BOTH = {"approvers": {"emails": ["ana@shop.example", "ben@shop.example"]}, "people": [ANA, BEN]}


def by_slack(user: str, email: str, vouched: str = "shop") -> dict[str, Any]:
    """What a command says that came by Slack."""
    return {"actor": {"user": user, "realm": "slack", "email": email, "vouched": vouched}, "channel": "slack"}


BY_ANA_IN_SLACK = by_slack("T1/UANA", "ana@shop.example")
BY_BEN_IN_SLACK = by_slack("T1/UBEN", "ben@shop.example")
BY_BEN = {"actor": {"user": "ben"}}


async def at_the_gate(world: World, **policy: Any) -> None:
    """v2 has soaked at 5 % and waits for approval."""
    await world.put(an_approval_manifest(**policy))
    world.metrics.tell_requests("errors", bad=0, total=1000)
    await world.commit(revision="v2")
    await world.pass_time(6 * MINUTE)


async def says(world: World, verb: str, **spec: Any) -> str:
    """A person's command, and what it was answered a second later."""
    name = await world.command(verb, **spec)
    await world.pass_time(SECOND)
    return await world.answer(name)


async def test_two_people_over_two_channels_open_a_gate() -> None:
    async with a_release(steps=GATED) as world:
        await at_the_gate(world, **BOTH, minimum=2)
        first = await says(world, "approve")
        double = await says(world, "approve", **BY_ANA_IN_SLACK)
        second = await says(world, "approve", **BY_BEN_IN_SLACK)

        await world.pass_time(15 * MINUTE)

        same_story("approval_by_two", told_story(world))
        assert first.startswith("Accepted: counted; waiting for 1 more approval")
        assert "one person counts once, whatever the channel" in double
        assert second == "Accepted: step 1 of v2 approved"
        (past, *_) = world.status.history
        assert [(deed.verb, deed.by, deed.channel, deed.proof) for deed in past.deeds] == [
            ("approve", "ana", "cli", "cluster"),
            ("approve", "slack:ben@shop.example", "slack", "slack of shop"),
        ]


async def test_under_four_eyes_the_author_approves_first_and_does_not_count() -> None:
    async with a_release(steps=GATED) as world:
        authors = Authors(commit="4f1c2ab90d77", emails=("ana@shop.example",))
        world.outside.authors.tell(world.key, "v2", authors)
        await at_the_gate(world, **BOTH, fourEyes=True)
        by_author = await says(world, "approve", **BY_ANA_IN_SLACK)
        by_another = await says(world, "approve", **BY_BEN)

        await world.pass_time(15 * MINUTE)

        same_story("approval_four_eyes", told_story(world))
        assert "ana@shop.example is author or committer of 4f1c2ab90d77" in by_author
        assert by_another.startswith("Accepted")
        assert len(world.outside.authors.asked) == 1


async def test_an_author_whom_nobody_can_prove_holds_and_is_asked_for_again_each_minute() -> None:
    async with a_release(steps=GATED) as world:
        await at_the_gate(world, **BOTH, fourEyes=True)
        unproven = await says(world, "approve", **BY_BEN)
        world.tell("the GitSource gets `verify`, and the commit is signed")
        world.outside.authors.tell(world.key, "v2", Authors(commit="4f1c2ab", emails=("ana@shop.example",)))
        await world.pass_time(MINUTE)
        proven = await says(world, "approve", **BY_BEN)

        await world.pass_time(MINUTE)

        same_story("approval_author_unproven", told_story(world))
        assert "cannot be proven" in unproven
        assert proven.startswith("Accepted")
        assert len(world.outside.authors.asked) == 8


async def test_an_approval_for_an_older_run_opens_nothing() -> None:
    async with a_release(steps=GATED) as world:
        await world.deploy("v3")
        await at_the_gate(world)
        seen = world.status
        await world.commit(revision="v3")
        await world.pass_time(6 * MINUTE)
        assert seen.run is not None
        older = await says(world, "approve", run=seen.runs, step=1, revision="v2", template=seen.run.canary.template)
        moved = await says(world, "approve", template=seen.run.canary.template)

        await world.pass_time(15 * MINUTE)

        same_story("approval_of_an_older_run", told_story(world))
        assert older == "Refused: made for run 1, now it is run 2 (v3)"
        assert moved.startswith("Refused: made for pod template ")


async def test_a_gate_that_nobody_opens_in_time_goes_back_where_the_policy_says_so() -> None:
    async with a_release(steps=GATED) as world:
        await at_the_gate(world, **BOTH, minimum=2, expiresAfter="1h", onTimeout="rollback")
        await says(world, "approve")

        await world.pass_time(70 * MINUTE)

        same_story("approval_expires_and_goes_back", told_story(world))
        assert await world.split() == {"checkout-v1": 100}


async def test_a_gate_that_holds_forgets_old_approvals_and_says_so() -> None:
    async with a_release(steps=GATED) as world:
        await at_the_gate(world, **BOTH, minimum=2, expiresAfter="1h")
        await says(world, "approve")
        await world.pass_time(2 * 60 * MINUTE)
        late = await says(world, "approve", **BY_BEN_IN_SLACK)
        world.tell(world.status.reasons[0].message)
        again = await says(world, "approve")

        await world.pass_time(MINUTE)

        same_story("approval_expires_and_holds", told_story(world))
        assert "1 expired" in late
        assert again == "Accepted: step 1 of v2 approved"


async def test_an_approver_rejects_and_nobody_else() -> None:
    async with a_release(steps=GATED) as world:
        await at_the_gate(world, approvers={"users": ["ben"]})
        stranger = await says(world, "reject")
        approver = await says(world, "reject", **BY_BEN, reason="the till is being rebuilt")

        await world.pass_time(MINUTE)

        same_story("approval_veto", told_story(world))
        assert "only an approver may reject (release-managers: users ben); `abort` ends the run" in stranger
        assert approver == "Accepted: run 1 is rejected and goes back"


async def test_a_veto_counts_until_the_step_has_ended() -> None:
    async with a_release(steps=GATED) as world:
        world.metrics.tell_requests("errors", bad=0, total=1000)
        await world.commit(revision="v2")
        await world.pass_time(MINUTE)
        await says(world, "approve")

        vetoed = await says(world, "reject", reason="ben was too fast")

        assert vetoed.startswith("Accepted")
        assert await world.split() == {"checkout-v1": 100, "checkout-v2": 0}


async def test_a_step_whose_policy_does_not_exist_waits_for_it() -> None:
    async with a_release(steps=GATED) as world:
        await world.person.delete(world.path("ApprovalPolicy", "release-managers"))
        world.metrics.tell_requests("errors", bad=0, total=1000)
        await world.commit(revision="v2")
        await world.pass_time(6 * MINUTE)
        refused = await says(world, "approve")
        world.tell("the policy is created")
        await world.put(an_approval_manifest())
        await says(world, "approve")

        await world.pass_time(MINUTE)

        same_story("approval_policy_missing", told_story(world))
        assert "create it in namespace shop, or in the controller's namespace for all" in refused


async def test_all_policies_of_a_step_must_say_yes() -> None:
    steps = [{"weight": 5, "soak": "5m", "approvals": ["release-managers", "security"]}, {"weight": 50}]
    async with a_release(steps=steps) as world:
        await world.put(an_approval_manifest("security", approvers={"users": ["ben"]}))
        await at_the_gate(world)
        one = await says(world, "approve")
        both = await says(world, "approve", **BY_BEN)

        await world.pass_time(MINUTE)

        same_story("approval_by_two_policies", told_story(world))
        assert one == "Accepted: counted; waiting for 1 approval of v2 by security (step 1)"
        assert both == "Accepted: step 1 of v2 approved"
