"""What does `/rollout` answer, and to whom?"""

from datetime import timedelta

import pytest

from rollout.model.names import Key
from rollout.model.status import Phase
from rollout.services.slack_words import HELP
from tests.support.receivers import HOME
from tests.support.slack import ANA, BEA, GUS, SlackStand, a_slack_receiver, a_stand, written

pytestmark = pytest.mark.slow  # whole answers, each by a desk of its own


async def test_why_says_what_the_status_says() -> None:
    async with a_stand() as stand:
        assert await stand.type("why checkout", BEA) == 200

        assert all(reason.message in stand.told(BEA) for reason in stand.status.reasons)
        assert stand.status.next in stand.told(BEA)


async def test_a_list_has_what_can_be_reached_from_here() -> None:
    async with a_stand() as stand:
        await stand.type("")

        assert "*shop/checkout*  Progressing, step 1 of 2, 5 %" in stand.told()


async def test_a_receiver_of_the_controllers_namespace_lists_those_that_it_names() -> None:
    async with a_stand() as stand:
        stand.receivers.receiver = a_slack_receiver(
            key=Key(namespace=HOME, name="slack"), namespaces=("shop", "nowhere")
        )

        await stand.type("status")

        assert "*shop/checkout*" in stand.told()


async def test_a_receiver_elsewhere_does_not_list_what_it_only_names() -> None:
    async with a_stand() as stand:
        stand.receivers.receiver = a_slack_receiver(key=Key(namespace="pay", name="slack"), namespaces=("shop",))

        await stand.type("status")

        assert "there are no Rollouts that can be reached from here" in stand.told()


async def test_status_of_one_shows_it_with_its_buttons() -> None:
    async with a_stand() as stand:
        await stand.type("status checkout", BEA)

        assert stand.told(BEA).splitlines()[-4:] == ["[Approve]", "[Reject]", "[Abort]", "[Why]"]


@pytest.mark.parametrize("text", ["approve", "promote checkout now", "why checkout please"])
async def test_what_nobody_understands_is_answered_with_help(text: str) -> None:
    async with a_stand() as stand:
        await stand.type(text)

        assert stand.told() == HELP


@pytest.mark.parametrize("text", ["why cart", "abort cart", "cart"])
async def test_a_rollout_that_is_not_there_is_said(text: str) -> None:
    async with a_stand() as stand:
        await stand.type(text)

        assert "there is no Rollout shop/cart; `/rollout status` lists those that there are" in stand.told()


async def test_approve_asks_first_and_is_bound_to_what_was_shown() -> None:
    async with a_stand() as stand:
        await stand.type("approve checkout looks good")
        question = stand.workspace.messages[-1]
        assert "approve shop/checkout (looks good) means shop/checkout, run 1, step 1, v2." in written(question)
        assert await stand.commands() == []

        await stand.press(question, "approve")

        (command,) = await stand.commands()
        assert (command["spec"]["run"], command["spec"]["step"], command["spec"]["revision"]) == (1, 1, "v2")
        assert f"approve by <@{ANA}> at " in written(question)
        assert "[Approve]" not in written(question)


async def test_approve_where_nothing_waits_says_what_does() -> None:
    async with a_stand() as stand:
        await stand.type("pause checkout")

        await stand.type("abort checkout")
        await stand.world.pass_time(timedelta(minutes=2))
        await stand.type("approve checkout")

        assert "nothing waits for an approval now" in stand.told()


async def test_abort_acts_at_once_and_echoes_what_it_was_bound_to() -> None:
    async with a_stand() as stand:
        await stand.type("abort checkout errors at the till")
        await stand.world.pass_time(timedelta(minutes=2))

        assert stand.status.phase is Phase.FAILED
        assert "abort of shop/checkout (run 1): accepted" in stand.told()
        assert (await stand.commands())[0]["spec"]["reason"] == "errors at the till"


async def test_pause_and_resume() -> None:
    async with a_stand() as stand:
        await stand.type("pause checkout")
        await stand.world.settle()
        paused = stand.status.phase
        await stand.type("resume checkout")
        await stand.world.settle()

        assert paused is Phase.PAUSED
        assert stand.status.phase is Phase.PROGRESSING


async def test_what_the_controller_refuses_is_told_with_its_reason() -> None:
    async with a_stand() as stand:
        await stand.type("resume checkout")

        assert "resume of shop/checkout (run 1): refused: resume is not possible in phase Progressing" in stand.told()


@pytest.mark.parametrize("text", ["abort checkout", "why checkout", "", "help me now"])
async def test_a_guest_is_told_nothing_of_the_rollouts(text: str) -> None:
    async with a_stand() as stand:
        await stand.type(text, GUS)

        assert "guests are not heard" in stand.told(GUS)
        assert await stand.commands() == []


async def test_somebody_without_a_grant_changes_nothing() -> None:
    async with a_stand() as stand:
        await stand.type("abort checkout", BEA)

        assert "Receiver shop/slack does not grant abort to slack:bea@shop.example" in stand.told(BEA)
        assert await stand.commands() == []


async def test_a_receiver_without_a_token_hears_nobody() -> None:
    async with a_stand() as stand:
        stand.receivers.token = ""

        await stand.type("abort checkout")

        assert "Secret shop/slack has no `token`" in stand.told()
        assert await stand.commands() == []


async def test_a_rotated_token_counts_at_once() -> None:
    async with a_stand() as stand:
        await _rotated(stand)

        await stand.type("abort checkout")

        assert len(await stand.commands()) == 1


async def _rotated(stand: SlackStand) -> None:
    await stand.type("why checkout")
    stand.workspace.token = stand.receivers.token = "xoxb-new"
