"""Does a button move a Rollout on with just what docs/slack.md shows: these scopes, this Receiver, this policy?"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.demo.slack import TEAM
from rollout.manifest.parse import parse_approval_policy, parse_receiver
from rollout.model.receiver import Sender
from rollout.services.slack_words import VERBS
from tests.repo.test_docs import blocks
from tests.support.slack import ANA, SlackStand, a_stand

PAGE = Path(__file__).parents[2] / "docs" / "slack.md"
YAML = [one for language, text in blocks(PAGE) if language == "yaml" for one in yaml.safe_load_all(text)]
APP = next(one for one in YAML if "oauth_config" in one)
KINDS = {one["kind"]: one for one in YAML if isinstance(one, dict) and "kind" in one}
GROUP = "S0604QSJC"


def as_shown(stand: SlackStand) -> None:
    """The stand's app, Receiver and policy are those of the page; ana is in the group that it names."""
    stand.workspace.scopes = set(APP["oauth_config"]["scopes"]["bot"])
    stand.workspace.groups = {GROUP: (ANA,)}
    stand.receivers.receiver = parse_receiver(KINDS["Receiver"])
    policy = parse_approval_policy(KINDS["ApprovalPolicy"])
    stand.policies.approvals = {policy.key.name: policy}


async def test_with_what_the_page_shows_a_button_moves_the_rollout_on() -> None:
    async with a_stand() as stand:
        as_shown(stand)
        await stand.world.put(KINDS["ApprovalPolicy"])
        message = await stand.show()

        await stand.press(message, "approve")
        await stand.world.pass_time(timedelta(minutes=1))

        (command,) = await stand.commands()
        assert command["status"]["result"] == "Accepted"
        assert command["spec"]["actor"]["groups"] == [f"{TEAM}/{GROUP}"]
        assert message.edits == 1


@pytest.mark.parametrize("scope", ["users:read", "usergroups:read"])
async def test_without_one_of_its_scopes_nothing_is_done(scope: str) -> None:
    async with a_stand() as stand:
        as_shown(stand)
        message = await stand.show()
        stand.workspace.scopes.discard(scope)

        await stand.press(message, "approve")

        assert f"the app lacks {scope}; add the scope" in stand.told()
        assert await stand.commands() == []


async def test_without_the_scope_for_addresses_nobody_has_one() -> None:
    async with a_stand() as stand:
        as_shown(stand)
        stand.workspace.scopes.discard("users:read.email")

        await stand.press(await stand.show(), "approve")

        assert "email" not in (await stand.commands())[0]["spec"]["actor"]


def test_the_app_sends_presses_and_commands_to_the_receivers_route() -> None:
    (command,) = APP["features"]["slash_commands"]
    urls = {command["url"], APP["settings"]["interactivity"]["request_url"]}

    assert urls == {"https://hooks.shop.example/hooks/slack/PATH"}
    assert command["command"] == "/rollout"
    assert all(verb.value in command["usage_hint"] for verb in VERBS)


def test_the_receiver_of_the_page_hears_slack() -> None:
    receiver: Any = parse_receiver(KINDS["Receiver"])

    assert (receiver.sender, receiver.workspace) == (Sender.SLACK, TEAM)
