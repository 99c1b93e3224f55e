"""Does a button in Slack move a Rollout on, once, and only when whoever presses it may?"""

import asyncio
from datetime import timedelta

import pytest

from adapters.kube.api import Patch
from policies.approval import Approvers
from rollout.demo.slack import TEAM
from rollout.model.commands import Verb
from rollout.model.names import Key
from rollout.model.receiver import Grant
from rollout.model.status import Phase
from tests.support.commandlines import comes_true
from tests.support.slack import ANA, BEA, GUS, VERBS, a_policy, a_slack_receiver, a_stand, written

pytestmark = pytest.mark.slow  # whole answers, each by a desk of its own

GATE = {"soak": "0s", "approval": "release-managers"}
TWICE_GATED = [{"weight": 5, **GATE}, {"weight": 50, **GATE}]


async def test_a_button_moves_the_rollout_on_and_the_message_says_who_did_it() -> None:
    async with a_stand() as stand:
        message = await stand.show()

        assert await stand.press(message, "approve") == 200

        (command,) = await stand.commands()
        assert command["status"]["result"] == "Accepted"
        assert command["spec"]["actor"] == {
            "user": f"{TEAM}/{ANA}",
            "groups": [f"{TEAM}/S1"],
            "realm": "slack",
            "email": "ana@shop.example",
            "vouched": "shop",
        }
        assert command["spec"]["channel"] == "slack"
        assert message.edits == 1
        assert f"approve by <@{ANA}> at " in written(message)
        assert stand.told() == ""


async def test_an_approved_step_is_followed_by_the_next_one() -> None:
    async with a_stand(steps=TWICE_GATED) as stand:
        before = stand.status.run

        await stand.press(await stand.show(), "approve")
        await stand.world.pass_time(timedelta(minutes=1))

        after = stand.status.run
        assert before
        assert after
        assert (before.step, after.step) == (1, 2)


async def test_what_the_button_was_made_for_is_in_the_command() -> None:
    async with a_stand() as stand:
        run = stand.status.run

        await stand.press(await stand.show(), "approve")

        spec = (await stand.commands())[0]["spec"]
        assert run
        assert (spec["run"], spec["step"], spec["revision"]) == (1, run.step, "v2")
        assert spec["template"] == run.canary.template


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (BEA, "does not grant approve"),
        (GUS, "guests are not heard"),
        ("U4", "apps and workflows are not heard"),
        ("U5", "is deactivated"),
        ("U6", "people of other workspaces"),
        ("U404", "Slack does not know the user U404"),
    ],
)
async def test_whoever_may_not_is_told_why_and_nothing_is_recorded(user: str, words: str) -> None:
    async with a_stand() as stand:
        message = await stand.show()

        await stand.press(message, "approve", user)

        assert words in stand.told(user)
        assert await stand.commands() == []
        assert message.edits == 0


async def test_a_guest_whom_a_grant_for_everybody_would_let_in_is_not_heard() -> None:
    async with a_stand() as stand:
        stand.receivers.receiver = a_slack_receiver(grants=(Grant(verbs=VERBS),))

        await stand.press(await stand.show(), "abort", GUS)

        assert "guests are not heard" in stand.told(GUS)
        assert await stand.commands() == []


async def test_a_button_for_an_older_step_is_refused_with_what_it_is_now() -> None:
    async with a_stand(steps=TWICE_GATED) as stand:
        old = await stand.show()
        await stand.press(await stand.show(), "approve")
        await stand.world.pass_time(timedelta(minutes=6))

        await stand.press(old, "approve")

        assert "the button was made for run 1, step 1, v2; now it is run 1, step 2, v2" in stand.told()
        assert len(await stand.commands()) == 1


async def test_an_old_message_does_not_approve_what_came_after_it() -> None:
    async with a_stand() as stand:
        old = await stand.show()
        await stand.world.deploy("v3")
        await stand.world.commit(revision="v3")
        await stand.world.pass_time(timedelta(minutes=6))

        await stand.press(old, "approve")

        assert "the button was made for run 1, step 1, v2; now it is run 2" in stand.told()
        assert await stand.commands() == []


async def test_an_old_message_does_not_approve_a_changed_image_of_the_same_name() -> None:
    async with a_stand() as stand:
        old = await stand.show()
        for button in old.blocks[-1]["elements"]:
            button["value"] = button["value"].replace('"tpl":"', '"tpl":"x')

        await stand.press(old, "approve")

        assert "the pod template of v2 is not the one that the button was made for any more" in stand.told()
        assert await stand.commands() == []


async def test_a_button_of_a_run_that_is_over_is_refused() -> None:
    async with a_stand() as stand:
        message = await stand.show()
        await stand.press(message, "abort")
        await stand.world.pass_time(timedelta(minutes=5))
        stale = await stand.show()
        stale.blocks = [{"type": "actions", "elements": [_approve()]}]

        await stand.press(stale, "approve")

        assert "has no run in hand now" in stand.told()
        assert len(await stand.commands()) == 1


def _approve() -> dict[str, object]:
    value = '{"k":"Rollout","ns":"shop","n":"checkout","v":"approve","run":1,"step":1,"rev":"v2"}'
    text = {"type": "plain_text", "text": "Approve"}
    return {"type": "button", "action_id": "rollout.approve", "text": text, "value": value}


async def test_a_double_click_counts_once() -> None:
    async with a_stand() as stand:
        message = await stand.show()
        stand.workspace.answers.clear()
        both = asyncio.gather(stand.press(message, "approve"), stand.press(message, "approve"))
        await comes_true(lambda: "users.info" in stand.workspace.waiting, "nobody was looked up")
        stand.workspace.answers.set()

        assert list(await both) == [200, 200]

        assert len(await stand.commands()) == 1


async def test_the_same_person_is_not_counted_twice_for_two_clicks_one_after_the_other() -> None:
    async with a_stand() as stand:
        message = await stand.show()
        buttons = message.blocks[-1]

        await stand.press(message, "approve")
        message.blocks[-1] = buttons
        await stand.press(message, "approve")

        results = [one["status"]["result"] for one in await stand.commands()]
        assert results.count("Accepted") == 1
        assert stand.told().startswith("approve of shop/checkout")


async def test_reject_brings_all_traffic_back() -> None:
    async with a_stand() as stand:
        message = await stand.show()

        await stand.press(message, "reject")
        await stand.world.pass_time(timedelta(minutes=1))

        assert stand.status.phase is Phase.FAILED
        assert f"reject by <@{ANA}>" in written(message)


async def test_why_is_told_to_who_asks_alone_and_changes_nothing() -> None:
    async with a_stand() as stand:
        message = await stand.show()

        await stand.press(message, "why", BEA)

        told = stand.told(BEA)
        assert all(reason.message in told for reason in stand.status.reasons)
        assert f"*Next:* {stand.status.next}" in told
        assert await stand.commands() == []
        assert message.edits == 0


async def test_a_receiver_reaches_its_own_namespace_alone() -> None:
    async with a_stand() as stand:
        stand.receivers.receiver = a_slack_receiver(key=Key(namespace="pay", name="slack"))

        await stand.press(await stand.show(), "approve")

        assert "does not reach the namespace shop" in stand.told()
        assert await stand.commands() == []


async def test_a_workspace_that_the_receiver_does_not_hear_learns_nothing() -> None:
    async with a_stand() as stand:
        stand.receivers.receiver = a_slack_receiver(workspace="T0OTHER")

        await stand.press(await stand.show(), "why")

        assert "why of shop/checkout: this workspace is not heard here; use the app of your own" in stand.told()
        assert stand.workspace.calls[-1][0] == "chat.postMessage"  # nobody was looked up


async def test_a_slack_that_says_nothing_about_people_lets_nobody_act() -> None:
    async with a_stand() as stand:
        message = await stand.show()
        stand.workspace.broken["users.info"] = "internal_error"

        await stand.press(message, "approve")

        assert "who you are could not be looked up, so nothing was done" in stand.told()
        assert await stand.commands() == []


async def test_groups_that_cannot_be_looked_up_let_nobody_act() -> None:
    async with a_stand() as stand:
        message = await stand.show()
        stand.workspace.limited["usergroups.users.list"] = [60]

        await stand.press(message, "approve")

        assert "which user groups you are in could not be looked up" in stand.told()
        assert await stand.commands() == []


async def test_a_group_that_only_the_policy_names_is_looked_up_too() -> None:
    async with a_stand() as stand:
        stand.receivers.receiver = a_slack_receiver(grants=(Grant(verbs=(Verb.APPROVE,)),))
        stand.policies.approvals["release-managers"] = a_policy("release-managers", f"{TEAM}/S2", "T0OTHER/S2")

        await stand.press(await stand.show(), "approve", BEA)

        assert (await stand.commands())[0]["spec"]["actor"]["groups"] == [f"{TEAM}/S2"]


async def test_an_address_that_slack_has_not_confirmed_proves_nobody() -> None:
    async with a_stand() as stand:
        who = Approvers(emails=("bea@shop.example",))
        stand.receivers.receiver = a_slack_receiver(grants=(Grant(verbs=VERBS, who=who),))
        stand.workspace.scopes.discard("users:read.email")

        await stand.press(await stand.show(), "approve", BEA)

        assert "does not grant approve" in stand.told(BEA)


async def test_a_message_that_cannot_be_changed_any_more_does_not_undo_what_was_done() -> None:
    async with a_stand() as stand:
        message = await stand.show()
        stand.workspace.broken["chat.update"] = "message_not_found"

        await stand.press(message, "approve")

        assert (await stand.commands())[0]["status"]["result"] == "Accepted"
        assert "it is done, but the message could not be changed" in stand.told()


async def test_a_rollout_that_is_gone_is_said() -> None:
    async with a_stand() as stand:
        message = await stand.show()
        path = stand.world.path("Rollout", "checkout")
        await stand.world.person.delete(path)
        await stand.world.person.patch(path, Patch.MERGE, {"metadata": {"finalizers": None}})

        await stand.press(message, "approve")

        assert "there is no Rollout shop/checkout" in stand.told()
